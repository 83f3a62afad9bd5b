"""A training's figures as a terminal shows them, reports as rows however narrow it is, and as a
pipe does."""

import math
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta

from rich.console import Console, ConsoleOptions, RenderableType
from rich.table import Table

WIDTH = 80
"""Characters of a line in a pipe."""
GAP = 2
"""Blanks before each column."""


def heading(name: str) -> str:
    """A figure's name over its column, one word a line.

    >>> heading("ccc_arousal"), heading("faces_per_second")
    ('ccc\\narousal', 'faces/s')
    """
    return name.replace("_per_second", "/s").replace("_", "\n")


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
        f"{name.replace('_per_second', '/s')}\N{NO-BREAK SPACE}{cell(value)}"
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

    def __rich_console__(
        self, _console: Console, options: ConsoleOptions
    ) -> Iterator[RenderableType]:
        for place, table in enumerate(tables(self._reports, options.max_width)):
            if place:
                yield ""
            yield table


def tables(reports: Sequence[Mapping[str, float]], width: int) -> list[Table]:
    """Reports as rows; columns that do not fit beside the others go on in a table below.

    Each table begins with the step; the others are in the last report's order, "of" left out.
    """
    last_first = [name for one in reversed(reports) for name in one if name not in ("step", "of")]
    names = dict.fromkeys(last_first)
    step = _column("step", [f"{one['step']:.0f}" for one in reports])
    blocks: list[list[list[str]]] = []
    for name in names:
        column = _column(name, [cell(one[name]) if name in one else "" for one in reports])
        if not blocks or sum(map(_wide, blocks[-1])) + _wide(column) > width:
            blocks.append([step])
        blocks[-1].append(column)
    return [_table(block) for block in blocks]


def _column(name: str, cells: list[str]) -> list[str]:
    return [heading(name), *cells]


def _wide(column: Sequence[str]) -> int:
    return GAP + max(len(line) for text in column for line in text.splitlines() or [""])


def _table(columns: Sequence[Sequence[str]]) -> Table:
    table = Table(box=None, padding=(0, 0, 0, GAP), pad_edge=True, header_style="dim")
    for head, *_ in columns:
        table.add_column(head, justify="right", no_wrap=True, vertical="bottom")
    for row in zip(*(cells for _, *cells in columns), strict=True):
        table.add_row(*row)
    return table
