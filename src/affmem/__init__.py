"""Continual affective learning: personal memories of how each person shows arousal and valence."""

from affmem.errors import AffmemError, ExperimentError, InputError, PluginError, UserError
from affmem.hookspecs import hookimpl
from affmem.protocols import Runtime
from affmem.values import Affect, Clip, Frame, Reading, Step

__all__ = [
    "Affect",
    "AffmemError",
    "Clip",
    "ExperimentError",
    "Frame",
    "InputError",
    "PluginError",
    "Reading",
    "Runtime",
    "Step",
    "UserError",
    "hookimpl",
]
