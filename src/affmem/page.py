"""The page of a dataset's check: one file that takes no network and runs no script."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from attrs import frozen

from affmem.check import CELLS, SUSPICIOUS

SIDE = 40
"""Of a cell of the heat map, in the drawing's own units."""
SHOWN = 12
"""How many names a list shows."""


@frozen
class Cell:
    """A cell of the heat map: where it is drawn, how dark (0 to 1), and what it says."""

    x: int
    y: int
    dark: float
    count: int
    says: str


def render(found: Sequence[Mapping[str, Any]]) -> str:
    """The page of the facts of several datasets, as `affmem.check.inspect` gives them."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    templates = Environment(
        loader=PackageLoader("affmem"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return templates.get_template("check.html.j2").render(
        found=found, cells=cells, side=SIDE, across=CELLS, shown=SHOWN, words=SUSPICIOUS
    )


def cells(counts: Sequence[Sequence[int]]) -> list[Cell]:
    """The heat map's cells that hold labels; arousal rises upwards, valence to the right.

    >>> cells([[0, 0], [5, 0]])
    [Cell(x=0, y=0, dark=1.0, count=5, says='arousal 0 to 1, valence -1 to 0: 5')]
    """
    edges = [f"{edge:g}" for edge in np.linspace(-1, 1, len(counts) + 1)]
    most = max(map(max, counts))
    return [
        Cell(
            x=column * SIDE,
            y=(len(counts) - 1 - row) * SIDE,
            dark=round(float(np.sqrt(count / most)), 3),  # few are seen beside many
            count=count,
            says=f"arousal {edges[row]} to {edges[row + 1]}, "
            f"valence {edges[column]} to {edges[column + 1]}: {count:,}",
        )
        for row, along in enumerate(counts)
        for column, count in enumerate(along)
        if count
    ]
