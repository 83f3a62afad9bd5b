"""The parts at hand: plugins found by entry point, and what each of them names.

Bundled plugins and a stranger's come the same way. A plugin that cannot be used is kept with its
error and the rest goes on; a name that two plugins give is an error that names both.
"""

import os
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import pluggy
from attrs import field, frozen, has

from affmem.errors import PluginError, unknown
from affmem.hookspecs import Hooks

GROUP = "affmem"
BLOCK = "AFFMEM_BLOCK"

KINDS: Mapping[str, str] = {
    "dataset": "affmem_datasets",
    "faces": "affmem_faces",
    "encoder": "affmem_encoders",
    "reader": "affmem_readers",
    "editor": "affmem_editors",
    "memory": "affmem_memories",
    "metric": "affmem_metrics",
    "trainer": "affmem_trainers",
    "term": "affmem_terms",
    "tracker": "affmem_trackers",
    "reporter": "affmem_reporters",
    "maker": "affmem_makers",
}
"""Each kind of part, as an experiment's table names it, and its hook."""


@frozen
class Plugin:
    """One plugin as it was found: where it comes from, and why it cannot be used, if so."""

    name: str
    module: str
    distribution: str
    version: str
    error: str | None = None


@frozen
class Catalogue:
    """What is installed."""

    plugins: Sequence[Plugin]
    parts: Mapping[str, Mapping[str, type[Any]]] = field(repr=False)
    """By kind, then by name: the part's config class."""
    sources: Mapping[tuple[str, str], str] = field(repr=False)
    """By (kind, name): the plugin that gives it."""

    def config(self, kind: str, name: str) -> type[Any]:
        """The config class of a part. Raises PluginError, with the nearest name, if there is none.

        Where a broken plugin might have given it, the error shows that plugin's own message.
        """
        try:
            return self.parts[kind][name]
        except KeyError:
            broken = "".join(
                f" (plugin {p.name!r} could not be used: {p.error})"
                for p in self.plugins
                if p.error
            )
            raise PluginError(unknown(kind, name, self.parts[kind]) + broken) from None


@cache
def catalogue() -> Catalogue:
    """All plugins installed in this environment, loaded once."""
    return collect(tuple(entry_points(group=GROUP)), os.environ.get(BLOCK, "").split(","))


def collect(points: Sequence[EntryPoint], blocked: Sequence[str] = ()) -> Catalogue:
    """Load the plugins that `points` name, but for the blocked ones."""
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(Hooks)
    plugins: list[Plugin] = []
    parts: dict[str, dict[str, type[Any]]] = {kind: {} for kind in KINDS}
    sources: dict[tuple[str, str], str] = {}
    for point in sorted(points, key=lambda one: (not _bundled(one), one.name, one.value)):
        error = "blocked" if point.name in blocked else _register(manager, point)
        if error is None:
            error = _take(manager, point.name, parts, sources)
        dist = point.dist
        plugins.append(
            Plugin(
                name=point.name,
                module=point.value,
                distribution=dist.name if dist else "?",
                version=dist.version if dist else "?",
                error=error,
            )
        )
    return Catalogue(plugins=tuple(plugins), parts=parts, sources=sources)


def _bundled(point: EntryPoint) -> bool:
    return point.dist is not None and point.dist.name == GROUP


def _register(manager: pluggy.PluginManager, point: EntryPoint) -> str | None:
    """Register one plugin; the reason why not, or None."""
    if manager.has_plugin(point.name):
        return "another plugin has this entry point's name"
    try:
        manager.register(point.load(), name=point.name)
        manager.check_pending()
    except Exception as error:  # noqa: BLE001  (whatever a stranger's code raises, the rest goes on)
        if manager.has_plugin(point.name):
            manager.unregister(name=point.name)
        first = str(error).strip().splitlines() or [type(error).__name__]
        return first[0]
    return None


def _take(
    manager: pluggy.PluginManager,
    plugin: str,
    parts: dict[str, dict[str, type[Any]]],
    sources: dict[tuple[str, str], str],
) -> str | None:
    """Add what `plugin` names to `parts`, all or nothing; the reason why not, or None."""
    module = manager.get_plugin(plugin)
    given: list[tuple[str, str, type[Any]]] = []
    for kind, hook in KINDS.items():
        if not any(impl.plugin is module for impl in getattr(manager.hook, hook).get_hookimpls()):
            continue
        try:
            given += [(kind, name, config) for name, config in getattr(module, hook)().items()]
        except Exception as error:  # noqa: BLE001  (as above)
            return f"{hook}: {error}"
    for kind, name, config in given:
        if not (isinstance(config, type) and has(config) and hasattr(config, "build")):
            return (
                f"{kind} {name!r}: expected a class by attrs.frozen with a build(), got {config!r}"
            )
        if name in parts[kind]:
            return f"{kind} {name!r} is already given by plugin {sources[kind, name]!r}"
    for kind, name, config in given:
        parts[kind][name] = config
        sources[kind, name] = plugin
    return None
