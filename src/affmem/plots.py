"""The pictures of a study: what each row gains, and from when on (Figure 3 of the paper)."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from affmem.table import COLOURS, save
from affmem.values import DIMENSIONS

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(figures: Mapping[str, Any], folder: Path) -> None:
    """Write gains.svg and time.svg of the last group that was watched; each whole or not at all."""
    import matplotlib as mpl

    group = "final" if "final" in figures else "development"
    with mpl.rc_context({"svg.hashsalt": "affmem", "svg.fonttype": "none", "font.size": 9}):
        save(gains(figures, group), folder / "gains.svg")
        save(over_time(figures, group), folder / "time.svg")


def gains(figures: Mapping[str, Any], group: str) -> "Figure":
    """Dots and intervals of every row's gain over the first: a panel a condition and dimension."""
    from matplotlib.figure import Figure

    conditions = figures[group]
    names = list(dict.fromkeys(row["name"] for one in conditions.values() for row in one["rows"]))
    names.remove(figures["reference"])
    figure = Figure(figsize=(3 + 2 * len(conditions), 1.4 + 0.5 * len(names)), layout="constrained")
    panels = figure.subplots(2, len(conditions), sharey=True, sharex=True, squeeze=False)
    for across, (condition, found) in enumerate(conditions.items()):
        rows = {row["name"]: row["gain"] for row in found["rows"]}
        for down, dimension in enumerate(DIMENSIONS):
            panel = panels[down, across]
            for place, name in enumerate(names):
                gain = rows.get(name, {}).get(dimension)
                if gain is None or gain["ccc"] is None:
                    continue
                colour = COLOURS[dimension] if name == figures["chosen"] else "0.45"
                if gain["low"] is not None:
                    panel.plot([gain["low"], gain["high"]], [place] * 2, color=colour, linewidth=2)
                panel.plot(gain["ccc"], place, "o", color=colour, markersize=4)
            panel.axvline(0, color="0.2", linewidth=0.8)
            _tidy(panel)
            panel.set_title(f"{condition}: {dimension}", color=COLOURS[dimension], fontsize=9)
    panels[0, 0].set_yticks(range(len(names)), names)
    panels[0, 0].set_ylim(len(names) - 0.5, -0.5)
    lowest = [
        row["gain"][dimension]["ccc"]
        for found in conditions.values()
        for row in found["rows"]
        for dimension in DIMENSIONS
        if row["name"] == figures["chosen"]
    ]
    reach = max([0.3, *(abs(one) for one in lowest if one is not None)])
    panels[0, 0].set_xlim(-reach, reach)
    figure.supxlabel(
        f"CCC less that of {figures['reference']}, with 95 % intervals over persons; "
        "what lies further out is cut off",
        fontsize=8, color="0.35",
    )  # fmt: skip
    return figure


def over_time(figures: Mapping[str, Any], group: str) -> "Figure":
    """Mean absolute error by time since a person's first face, and how much less the chosen's is.

    As Figure 3 of the paper, over all persons.
    """
    from matplotlib.figure import Figure

    conditions = {name: one for name, one in figures[group].items() if one.get("over time")}
    systems = ((figures["reference"], "0.45"), (figures["chosen"], COLOURS["valence"]))
    figure = Figure(figsize=(2 + 2.6 * len(conditions), 4.2), layout="constrained")
    if not conditions:
        return figure
    panels = figure.subplots(2, len(conditions), sharex="col", sharey="row", squeeze=False)
    for across, (condition, found) in enumerate(conditions.items()):
        bins: Sequence[Mapping[str, Any]] = found["over time"]
        times = [one["from"] + 0.5 * found["seconds"] for one in bins]
        above, below = panels[:, across]
        for name, colour in systems:
            above.plot(times, [one[name] for one in bins], color=colour, label=name)
        change = [one["change"] for one in bins]
        known = [(t, one) for t, one in zip(times, change, strict=True) if one["low"] is not None]
        below.fill_between(
            [t for t, _ in known], [one["low"] for _, one in known],
            [one["high"] for _, one in known], color=COLOURS["valence"], alpha=0.2, linewidth=0,
        )  # fmt: skip
        below.plot(times, [one["error"] for one in change], color=COLOURS["valence"])
        below.axhline(0, color="0.2", linewidth=0.8)
        above.set_title(condition, fontsize=9)
        for panel in (above, below):
            _tidy(panel)
    panels[0, 0].set_ylabel("mean absolute error")
    panels[1, 0].set_ylabel(f"change by {figures['chosen']}")
    panels[0, 0].legend(frameon=False, fontsize=8)
    figure.supxlabel("seconds since the person came", fontsize=9)
    return figure


def _tidy(panel: Any) -> None:  # noqa: ANN401  (matplotlib's axes)
    panel.grid(color="0.92")
    panel.spines[["top", "right"]].set_visible(False)
    panel.tick_params(axis="y", length=0)
