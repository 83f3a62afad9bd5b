"""A training's figures as a terminal shows them, however narrow it is, and as a pipe does."""

import math
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta

from rich.console import Console, ConsoleOptions
from rich.table import Table

WIDTH = 80
"""Characters of a line in a pipe."""
GAP = 2
"""Blanks before each column."""


def title(name: str) -> str:
    """A figure's name as a reader sees it.

    >>> title("ccc_arousal"), title("faces_per_second")
    ('ccc arousal', 'faces/s')
    """
    return name.replace("_per_second", "/s").replace("_", " ")


def cell(value: float) -> str:
    """A figure in few characters: about three digits of it.

    >>> cell(0.12345), cell(-47.0), cell(1234.5), cell(0.00004), cell(math.nan)
    ('0.123', '-47.0', '1234', '4e-05', '-')
    """
    size = abs(value)
    if math.isnan(value):
        return "-"
    if size == 0 or 0.001 <= size < 100:
        return f"{value:.3f}" if size < 10 else f"{value:.1f}"
    return f"{value:.0f}" if 100 <= size < 1e5 else f"{value:.0e}"


def plain(report: Mapping[str, float], seconds: float | None = None) -> str:
    """A report in lines of at most `WIDTH` characters, and how many seconds are left if known.

    >>> print(plain({"step": 20, "of": 60, "emotion": 0.98, "faces_per_second": 123.4}, 75))
    step 20 of 60, 0:01:15 left
      emotion 0.980  faces/s 123
    """
    left = "" if seconds is None else f", {timedelta(seconds=round(seconds))} left"
    pairs = [
        f"{title(name)} {cell(value)}".replace(" ", "\N{NO-BREAK SPACE}")
        for name, value in report.items()
        if name not in ("step", "of")
    ]
    body = textwrap.wrap(
        "  ".join(pairs), WIDTH, initial_indent="  ", subsequent_indent="  ",
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
    head = f"step {report['step']:.0f} of {report['of']:.0f}{left}"
    return "\n".join([head, *body]).replace("\N{NO-BREAK SPACE}", " ")


class Reports:
    """What rich draws of reports, in the width that there is."""

    def __init__(self, reports: Sequence[Mapping[str, float]]) -> None:
        self._reports = reports

    def __rich_console__(self, _console: Console, options: ConsoleOptions) -> Iterator[Table]:
        if self._reports:
            yield table(self._reports, options.max_width)


def table(reports: Sequence[Mapping[str, float]], width: int) -> Table:
    """Figures as rows, in the last report's order, and reports as columns; where not all of these
    fit in `width` characters, the last that do."""
    names = dict.fromkeys(
        name for one in reversed(reports) for name in one if name not in ("step", "of")
    )
    columns = [["step", *map(title, names)]]
    columns += [
        [f"{one['step']:.0f}", *(cell(one[name]) if name in one else "" for name in names)]
        for one in reports
    ]
    while len(columns) > 2 and sum(GAP + max(map(len, column)) for column in columns) > width:
        del columns[1]
    drawn = Table(box=None, padding=(0, 0, 0, GAP), header_style="dim")
    for place, (head, *_) in enumerate(columns):
        drawn.add_column(head, justify="right" if place else "left", no_wrap=True)
    for row in zip(*(cells for _, *cells in columns), strict=True):
        drawn.add_row(*row)
    return drawn
