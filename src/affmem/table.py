"""The table of an ablation to read and to look at."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from affmem.values import DIMENSIONS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from affmem.gallery import Sheet

COLOURS = {"arousal": "#b3432b", "valence": "#2b6cb3"}


def markdown(table: Mapping[str, Any]) -> str:
    """The table as Markdown: CCC with intervals, the paper's, and what edits are like."""
    lines = [
        "| row | arousal | valence | paper | edits read as asked | same person | sharpness |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in table["rows"]:
        edits = row.get("edits", {})
        asked = [_cell(edits.get(one), "ccc") for one in DIMENSIONS]
        paper = row.get("paper")
        cells = [
            *(_cell(row[one], "ccc") for one in DIMENSIONS),
            "/".join(f"{paper[one]:.2f}" for one in DIMENSIONS) if paper else "",
            " / ".join(asked) if all(asked) else "",
            _cell(edits.get("identity"), "distance"),
            _cell(edits.get("sharpness"), "ratio"),
        ]
        lines.append(f"| {row['name']} | {' | '.join(cells)} |")
    legend = (
        'CCC with 95 % intervals over persons. "Same person": how far the code of an edit is from '
        f"that of its face{_reference(table)}. Sharpness: the variance of the Laplacian, of edits "
        "over that of their faces."
    )
    return "\n".join([*lines, "", legend]) + "\n"


def _cell(figure: Mapping[str, float | None] | None, name: str) -> str:
    if not figure:
        return ""
    value, low, high = (figure[one] for one in (name, "low", "high"))
    if value is None:
        return "undefined"
    if low is None or high is None:
        return f"{value:.2f}"
    return f"{value:.2f} [{low:.2f}, {high:.2f}]"


def _reference(table: Mapping[str, Any]) -> str:
    if missing := table.get("missing"):
        return f" (not measured: {missing['identity']})"
    apart = [
        f"{value:.2f} between faces of {name}"
        for name, value in table.get("identity", {}).items()
        if value is not None
    ]
    return f" ({', '.join(apart)})" if apart else ""


def draw(table: Mapping[str, Any], sheets: Mapping[str, "Sheet"], folder: Path) -> None:
    """Write table.svg, and each sheet as NAME.png; each whole or not at all."""
    import matplotlib as mpl

    with mpl.rc_context({"svg.hashsalt": "affmem", "svg.fonttype": "none", "font.size": 9}):
        save(chart(table), folder / "table.svg")
        for name, sheet in sheets.items():
            save(labelled(sheet), folder / f"{name}.png")


def chart(table: Mapping[str, Any]) -> "Figure":
    """Dots and intervals of every row, a panel for each dimension; the paper's figures beside."""
    from matplotlib.figure import Figure

    rows = table["rows"]
    figure = Figure(figsize=(8, 1.2 + 0.32 * len(rows)), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True, sharex=True)
    for panel, dimension in zip(panels, DIMENSIONS, strict=True):
        colour = COLOURS[dimension]
        for place, row in enumerate(rows):
            found = row[dimension]
            if found["ccc"] is None:
                continue
            if found["low"] is not None and found["high"] is not None:
                panel.plot([found["low"], found["high"]], [place] * 2, color=colour, linewidth=2)
            panel.plot(found["ccc"], place, "o", color=colour, markersize=5)
        cited = [(row["paper"][dimension], i) for i, row in enumerate(rows) if "paper" in row]
        panel.plot(
            [x for x, _ in cited], [y for _, y in cited], "D", markersize=5, markeredgecolor="0.35",
            markerfacecolor="none", linestyle="none",
        )  # fmt: skip
        panel.set_title(dimension, color=colour)
        panel.set_xlabel("CCC")
        panel.grid(axis="x", color="0.9")
        panel.axvline(0, color="0.6", linewidth=0.8)
        panel.spines[["top", "right", "left"]].set_visible(False)
        panel.tick_params(axis="y", length=0)
    panels[0].set_yticks(range(len(rows)), [row["name"] for row in rows])
    panels[0].set_ylim(len(rows) - 0.5, -0.5)
    figure.supxlabel(
        "dot and bar: here, with the 95 % interval over persons; "
        "diamond: the paper's, of other data, not to be compared",
        fontsize=8, color="0.35",
    )  # fmt: skip
    return figure


def labelled(sheet: "Sheet") -> "Figure":
    """A sheet with its lines and columns named."""
    from matplotlib.figure import Figure

    height, width, _ = sheet.picture.shape
    beside = 0.8 + 0.09 * max(map(len, sheet.lines))  # inches that the names of the lines take
    figure = Figure(figsize=(width / 96 + beside, height / 96 + 0.4), dpi=96, layout="constrained")
    panel = figure.subplots()
    panel.imshow(sheet.picture, interpolation="none")
    panel.set_anchor("E")  # else room is left on the right that the names need
    panel.set_yticks(_middles(height, len(sheet.lines)), sheet.lines)
    panel.set_xticks(_middles(width, len(sheet.columns)), sheet.columns)
    panel.xaxis.tick_top()
    panel.tick_params(length=0)
    panel.spines[:].set_visible(False)
    return figure


def _middles(length: int, count: int) -> list[float]:
    return [length / count * (i + 0.5) for i in range(count)]


def save(figure: "Figure", path: Path) -> None:
    """Write the picture, whole or not at all; the same figure gives the same bytes."""
    part = path.with_name(f".{path.stem}.part{path.suffix}")
    when_or_by_what = {".svg": {"Date": None}, ".png": {"Software": None}}
    figure.savefig(part, metadata=when_or_by_what.get(path.suffix.lower()))
    part.replace(path)
