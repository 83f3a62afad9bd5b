"""Continual affective learning: personal memories of how each person shows arousal and valence.

    result = affmem.load("examples/omg.toml", ["memory.use=gwr"]).run()
    result.metrics["systems"]["p-affmem"]["valence"]["ccc"]

is `affmem run examples/omg.toml --set memory.use=gwr`.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from affmem.errors import AffmemError, ExperimentError, InputError, PluginError, UserError
from affmem.hookspecs import hookimpl
from affmem.protocols import Runtime
from affmem.values import Affect, Card, Clip, Frame, Kept, Reading, Step

if TYPE_CHECKING:
    from affmem.experiment import Experiment, Training

__all__ = [
    "Affect",
    "AffmemError",
    "Card",
    "Clip",
    "ExperimentError",
    "Frame",
    "InputError",
    "Kept",
    "PluginError",
    "Reading",
    "Runtime",
    "Step",
    "UserError",
    "hookimpl",
    "load",
]


def load(path: Path | str, overrides: Sequence[str] = ()) -> "Experiment | Training":
    """The experiment in a file, or the training; `run` of it runs it.

    `overrides` are `table.key=value`, as after `--set`. Raises InputError where the file cannot be
    read, and ExperimentError where it says something that no part understands.
    """
    from affmem.experiment import load

    return load(path, overrides)
