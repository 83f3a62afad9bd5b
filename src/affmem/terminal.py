"""What a run or a training shows in a terminal: progress while it lasts, a table at its end."""

import sys
import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import click

from affmem.errors import shown
from affmem.run import Result
from affmem.values import DIMENSIONS, Step

RECENT = 5
"""How many of a training's reports stand in the terminal."""


class Bar:
    """Progress: a live line in a terminal, below a training's last reports; else plain lines, one
    a stage (and a tenth of it), and each report."""

    def __init__(self, *, silent: bool) -> None:
        self._live: Any = None
        self._reports: deque[Mapping[str, float]] = deque(maxlen=RECENT)
        self._first: tuple[float, float] | None = None
        self._task: Any = None
        self._stage = ""
        self._tenth = -1
        self._silent = silent

    def __enter__(self) -> "Bar":
        if not self._silent and sys.stderr.isatty():
            from affmem.bars import Live

            self._live = Live(self._reports)
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def told(self, stage: str, done: int, of: int, detail: str = "") -> None:
        """Show that `done` of `of` are done at this stage."""
        if self._silent:
            return
        detail = shown(detail)
        if self._live is not None:
            if stage != self._stage:
                if self._task is not None:
                    self._live.remove_task(self._task)
                self._task = self._live.add_task(stage, total=of)
            label = f"{stage} {detail}".strip()
            self._live.update(self._task, completed=done, total=of, description=label)
        elif stage != self._stage or done * 10 // max(of, 1) > self._tenth:
            click.echo(f"{stage}: {done}/{of} {detail}".rstrip(), err=True)
            self._tenth = done * 10 // max(of, 1)
        self._stage = stage

    def figures(self, figures: Mapping[str, float]) -> None:
        """Show a trainer's figures."""
        if self._live is not None:
            self._reports.append(figures)
            self.told("training", int(figures["step"]), int(figures["of"]))
        elif not self._silent:
            from affmem.figures import plain

            click.echo(plain(figures, self._left(figures["step"], figures["of"])), err=True)

    def _left(self, step: float, of: float) -> float | None:
        """Seconds that a training lasts yet, if it goes on as it has since its first report."""
        now = time.monotonic()
        if self._first is None:
            self._first = now, step
            return None
        then, begun = self._first
        return (of - step) * (now - then) / (step - begun) if step > begun else None


class Watch(Bar):
    """Progress of a run, frame by frame."""

    def __call__(self, stage: str, done: int, of: int, step: Step | None) -> None:
        """Show where a run is."""
        if stage != "watching":
            self.told(stage, done, of)
        elif step is not None and (self._live is not None or step.clip.name != self._clip):
            self._clip = step.clip.name
            self.told(stage, done, of, step.clip.person if self._live else "")

    _clip = ""

    def __enter__(self) -> "Watch":
        super().__enter__()
        return self


def show(result: Result) -> None:
    """Print a finished run: the figures with their intervals, notes, time, and where it all is."""
    from rich.console import Console
    from rich.table import Table

    figures, timing = result.metrics, result.timing
    name = figures["headline"]
    table = Table(
        title=f"{name.upper()} over {figures['scored']} {figures['unit']}s of "
        f"{figures['persons']} persons, with 95 % intervals",
        title_justify="left",
    )
    table.add_column("system")
    for dimension in DIMENSIONS:
        table.add_column(dimension, justify="right")
    rows = {"PK alone": "pk", "P-AffMem": "p-affmem"}
    for label, system in rows.items():
        table.add_row(label, *(_cell(figures["systems"][system][d], name) for d in DIMENSIONS))
    table.add_section()
    higher = figures["better"][name] == "higher"
    table.add_row(
        "gain" if higher else "change (lower is better)",
        *(_cell(figures["gain"][d], name, sign=True) for d in DIMENSIONS),
    )
    console = Console(highlight=False, soft_wrap=False)
    console.print(table)
    for note in result.notes:
        console.print(f"note: {shown(note)}", markup=False)
    console.print(
        f"{timing['frames']} frames in {timing['total_seconds']:.0f} s "
        f"({timing['frames_per_second']:.1f} frames/s); each predicted before it was learnt"
    )
    console.print(f"run:    {result.out}", markup=False, soft_wrap=True)
    if result.report is not None:
        console.print(f"report: {result.report}", markup=False, soft_wrap=True)


def show_tuning(figures: Mapping[str, Any], out: Path) -> None:
    """Print a study: its best trials beside the experiment as it stands, and where it all is."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"{figures['goal']} on {figures['dataset']}", title_justify="left")
    table.add_column("trial", justify="right")
    table.add_column("value", justify="right")
    table.add_column("settings")
    table.add_row("", f"{figures['as it stands']:.3f}", "the experiment as it stands")
    for trial in figures["best"]:
        settings = (f"{name}={_short(value)}" for name, value in trial["settings"].items())
        table.add_row(str(trial["trial"]), f"{trial['value']:.3f}", " ".join(settings))
    console = Console(highlight=False, soft_wrap=False)
    console.print(table)
    console.print(f"{figures['complete']} trials complete, {figures['pruned']} pruned")
    console.print("the best was chosen for these persons: judge it on others", markup=False)
    for name in ("best.toml", "trials.csv", "study.html"):
        console.print(str(out / name), markup=False, soft_wrap=True)


def _short(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _cell(figure: Mapping[str, float | None], name: str, *, sign: bool = False) -> str:
    value, low, high = figure[name], figure["low"], figure["high"]
    if value is None:
        return "undefined"
    form = "{:+.2f}" if sign else "{:.2f}"
    if low is None or high is None:
        return form.format(value) + " (no interval)"
    return f"{form} \\[{form}, {form}]".format(value, low, high)
