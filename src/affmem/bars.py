"""What moves in a terminal: a bar, and above it a training's last reports, which stay."""

from collections.abc import Iterable, Mapping, Sequence

from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from affmem.figures import Reports

MEMORY = 600.0
"""Seconds of the past from which the time left is estimated; a training is slow to report."""


class Live(Progress):
    """Shows `reports`, which others add to, and what is under way; the reports stay at the end."""

    def __init__(self, reports: Sequence[Mapping[str, float]]) -> None:
        self._reports = Reports(reports)
        super().__init__(
            TextColumn("{task.description}", markup=False),  # names of persons are no markup
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            speed_estimate_period=MEMORY,
            transient=True,
        )

    def get_renderables(self) -> Iterable[RenderableType]:
        """What rich draws, from top to bottom."""
        yield self._reports
        yield from super().get_renderables()

    def stop(self) -> None:
        """Clear the bar away and leave the reports."""
        super().stop()
        self.console.print(self._reports, end="")
