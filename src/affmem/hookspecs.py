"""The hooks: one a kind of part, each naming parts by their config classes.

A plugin is a module (or object) with some of these functions under `@affmem.hookimpl`, named by an
entry point in the group "affmem". Hooks only name parts; none is ever called in a loop.
"""

from collections.abc import Mapping

import pluggy

from affmem import protocols as p
from affmem.terms import TermConfig, TrainerConfig

hookspec = pluggy.HookspecMarker("affmem")
hookimpl = pluggy.HookimplMarker("affmem")

RENAMED: Mapping[str, str] = {}
"""Hooks under their names of the version before, and what they are called now: still taken, with a
line of warning that names the plugin. docs/plugins.md says how long."""


class Hooks:
    """Every hook that a plugin may implement."""

    @hookspec
    def affmem_datasets(self) -> Mapping[str, type[p.DatasetConfig]]:
        """Datasets, by name."""
        raise AssertionError

    @hookspec
    def affmem_faces(self) -> Mapping[str, type[p.FaceFinderConfig]]:
        """Face finders, by name."""
        raise AssertionError

    @hookspec
    def affmem_encoders(self) -> Mapping[str, type[p.EncoderConfig]]:
        """Encoders, by name."""
        raise AssertionError

    @hookspec
    def affmem_readers(self) -> Mapping[str, type[p.ReaderConfig]]:
        """Readers, by name."""
        raise AssertionError

    @hookspec
    def affmem_editors(self) -> Mapping[str, type[p.EditorConfig]]:
        """Editors, by name."""
        raise AssertionError

    @hookspec
    def affmem_memories(self) -> Mapping[str, type[p.MemoryConfig]]:
        """Memories, by name."""
        raise AssertionError

    @hookspec
    def affmem_metrics(self) -> Mapping[str, type[p.MetricConfig]]:
        """Metrics, by name."""
        raise AssertionError

    @hookspec
    def affmem_trainers(self) -> Mapping[str, type[TrainerConfig]]:
        """Trainers of prior knowledge, by name."""
        raise AssertionError

    @hookspec
    def affmem_reporters(self) -> Mapping[str, type[p.ReporterConfig]]:
        """Reporters, by name."""
        raise AssertionError

    @hookspec
    def affmem_terms(self) -> Mapping[str, type[TermConfig]]:
        """Terms that prior knowledge is trained by, by name."""
        raise AssertionError

    @hookspec
    def affmem_trackers(self) -> Mapping[str, type[p.TrackerConfig]]:
        """Trackers of trainings, by name."""
        raise AssertionError

    @hookspec
    def affmem_makers(self) -> Mapping[str, type[p.MakerConfig]]:
        """Makers of datasets, by name."""
        raise AssertionError

    @hookspec
    def affmem_stores(self) -> Mapping[str, type[p.StoreConfig]]:
        """Memory stores, by name."""
        raise AssertionError

    @hookspec
    def affmem_backends(self) -> Mapping[str, type[p.BackendConfig]]:
        """Backends, by name."""
        raise AssertionError
