"""What is seen, in a terminal: the plane with a trail, in a moving picture; or plain lines."""

import sys
from typing import Any, Final, final

import click

from affmem.session import Sighting
from affmem.source import Source
from affmem.values import Affect
from affmem.watch import Look, Pace, Trails

COLUMNS, ROWS = 37, 17
"""Characters of the plane; odd, so that 0 is in its middle."""
EVERY: Final = 1.0
"""Seconds of the source between two plain lines."""


@final
class View:
    """Shows each look on standard error; `silent` shows nothing."""

    def __init__(self, source: Source, *, silent: bool) -> None:
        self._source = source
        self._pace, self._trails = Pace(), Trails()
        self._silent, self._next = silent, 0.0
        self._live: Any = None
        if not silent and sys.stderr.isatty():
            from rich.console import Console
            from rich.live import Live

            self._live = Live(console=Console(stderr=True), refresh_per_second=10)
            self._live.start()

    def see(self, look: Look) -> None:
        """Show a look."""
        self._pace.see(look)
        self._trails.see(look)
        if self._live is not None:
            self._live.update(self._shown(look))
        elif not self._silent and look.time >= self._next:
            self._next = look.time + EVERY
            click.echo(self._line(look), err=True)

    def close(self) -> None:
        """Leave the last picture standing."""
        if self._live is not None:
            self._live.stop()

    def _line(self, look: Look) -> str:
        """A look, plainly."""
        faces = "; ".join(_said(one) for one in look.sightings) or "no face"
        return f"{look.time:.1f} s  {faces}  {self._footer()}".rstrip()

    def _footer(self) -> str:
        dropped = f", {self._source.dropped} dropped" if self._source.live else ""
        return f"{self._pace}{dropped}"

    def _shown(self, look: Look) -> Any:  # noqa: ANN401  (whatever rich can draw)
        from rich.columns import Columns
        from rich.console import Group
        from rich.panel import Panel
        from rich.text import Text

        panels = []
        for one in look.sightings:
            lines = (
                plane(one, self._trails.of(one.track)),
                f"PK {_pair(one.pk)}  memory {_pair(one.memory)}",
                _memory(one),
            )
            panels.append(Panel(Text("\n".join(lines)), title=Text(_name(one)), expand=False))
        seen = Columns(panels) if panels else Text("no face in view")
        return Group(seen, Text(f"{self._source}  {look.time:.1f} s  {self._footer()}"))


def plane(one: Sighting, trail: list[Affect]) -> str:
    """Arousal upwards, valence to the right: a trail of dots, the PK's reading o, the memory's @.

    >>> import numpy as np
    >>> there = Affect(arousal=1, valence=1)
    >>> one = Sighting(0, None, 0.0, np.zeros((4, 2)), there, None, 0.0, 0, learnt=False)
    >>> plane(one, []).splitlines()[0][-1]
    'o'
    """
    cells = [[" "] * COLUMNS for _ in range(ROWS)]
    for row in cells:
        row[COLUMNS // 2] = "|"
    cells[ROWS // 2] = [*"-" * (COLUMNS // 2), "+", *"-" * (COLUMNS // 2)]
    marks = [*((affect, "·") for affect in trail), (one.pk, "o"), (one.memory, "@")]
    for affect, mark in marks:
        if affect is not None:
            across = round((affect.valence + 1) / 2 * (COLUMNS - 1))
            down = round((1 - affect.arousal) / 2 * (ROWS - 1))
            cells[down][across] = mark
    return "\n".join("".join(row) for row in cells)


def _name(one: Sighting) -> str:
    return one.person or f"face {one.track}: nobody's"


def _said(one: Sighting) -> str:
    """A sighting, in a few words."""
    if one.person is None:
        return f"{_name(one)}, PK {_pair(one.pk)}"
    return f"{one.person}: {_pair(one.memory)} (PK {_pair(one.pk)}), {_memory(one)}"


def _memory(one: Sighting) -> str:
    if one.person is None:
        return "nothing is kept"
    units = "1 unit" if one.units == 1 else f"{one.units} units"
    return f"activation {one.activation:.2f}, {units}{'' if one.learnt else ', paused'}"


def _pair(affect: Affect | None) -> str:
    return "-" if affect is None else f"arousal {affect.arousal:+.2f} valence {affect.valence:+.2f}"
