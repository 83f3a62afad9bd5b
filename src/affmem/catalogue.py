"""The parts at hand: plugins found by entry point, and what each of them names.

Bundled plugins and a stranger's come the same way. A plugin that cannot be used is kept with the
reason, in a line, and the rest goes on; of two that give one name, the second is refused.
"""

import logging
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.metadata import entry_points, version
from typing import Any, Literal, Protocol, runtime_checkable

import pluggy
from attrs import evolve, field, frozen, has

from affmem import hookspecs
from affmem.errors import PluginError, place, unknown

log = logging.getLogger(__name__)

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
    "store": "affmem_stores",
    "backend": "affmem_backends",
}
"""Each kind of part, as an experiment's table names it, and its hook."""


@runtime_checkable
class Point(Protocol):
    """An entry point: the standard library's, or that of `importlib_metadata`, which takes its
    place in a process that some library has imported it in."""

    @property
    def name(self) -> str: ...
    @property
    def value(self) -> str: ...
    @property
    def dist(self) -> Any: ...  # noqa: ANN401
    def load(self) -> Any: ...  # noqa: ANN401


@frozen
class Plugin:
    """One plugin as it was found: where it comes from, and why it cannot be used, if so."""

    name: str
    module: str
    distribution: str
    version: str
    state: Literal["ok", "blocked", "broken"] = "ok"
    reason: str = ""
    """Why it is not used, in a line; empty for one that is."""

    def __str__(self) -> str:
        return f"plugin {self.name!r} of {self.distribution} {self.version}"


@frozen
class Catalogue:
    """What is installed."""

    plugins: Sequence[Plugin]
    parts: Mapping[str, Mapping[str, type[Any]]] = field(repr=False)
    """By kind, then by name: the part's config class."""
    sources: Mapping[tuple[str, str], Plugin] = field(repr=False)
    """By (kind, name): the plugin that gives it."""

    def config(self, kind: str, name: str) -> type[Any]:
        """The config class of a part. Raises PluginError, with the nearest name, if there is none.

        Where a plugin that is not used might have given it, the error shows that plugin's reason.
        """
        try:
            return self.parts[kind][name]
        except KeyError:
            unused = "".join(f" ({p} is {p.state}: {p.reason})" for p in self.plugins if p.reason)
            raise PluginError(unknown(kind, name, self.parts[kind]) + unused) from None


@cache
def catalogue() -> Catalogue:
    """All plugins installed in this environment, loaded once."""
    names = [one.strip() for one in os.environ.get(BLOCK, "").split(",")]
    return collect(tuple(entry_points(group=GROUP)), [one for one in names if one])


def collect(points: Sequence[Point], blocked: Sequence[str] = ()) -> Catalogue:
    """Load the plugins that `points` name, but for the blocked ones.

    Whatever is wrong with one of them is its own `reason`, and takes none of its parts in. A name
    to block that no plugin has is logged.
    """
    plugins: list[Plugin] = []
    parts: dict[str, dict[str, type[Any]]] = {kind: {} for kind in KINDS}
    sources: dict[tuple[str, str], Plugin] = {}
    found = [(_plugin(point), point) for point in points]
    for plugin, point in sorted(found, key=lambda one: _order(one[0])):
        if plugin.name in blocked:
            plugins.append(evolve(plugin, state="blocked", reason=f"{BLOCK} names it"))
            continue
        try:
            given = _given(point, plugin)
            _check_free(plugin, given, plugins, sources)
        except PluginError as error:
            reason = " ".join(str(error).split())
            plugins.append(evolve(plugin, state="broken", reason=reason))
            continue
        plugins.append(plugin)
        for (kind, name), config in given.items():
            parts[kind][name] = config
            sources[kind, name] = plugin
    names = [one.name for one in plugins]
    for name in blocked:
        if name not in names:
            log.warning("%s: %s", BLOCK, unknown("plugin", name, names))
    return Catalogue(plugins=tuple(plugins), parts=parts, sources=sources)


def _order(plugin: Plugin) -> tuple[bool, str, str]:
    """Bundled ones first: of two that clash, the stranger is refused."""
    return plugin.distribution != GROUP, plugin.name, plugin.module


def _plugin(point: Point) -> Plugin:
    """Who it is; "?" where its distribution does not say, as one that is half uninstalled."""
    try:
        distribution, number = (point.dist.name, point.dist.version) if point.dist else ("?", "?")
    except Exception:  # noqa: BLE001  (metadata that is absent or in pieces)
        distribution, number = "?", "?"
    return Plugin(point.name, point.value, distribution, number)


def _given(point: Point, plugin: Plugin) -> dict[tuple[str, str], type[Any]]:
    """The config classes that a plugin gives, by kind and name.

    Each is loaded by a manager of its own: none can disturb another. Raises PluginError, whatever
    the plugin's own code raises.
    """
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(hookspecs.Hooks)
    try:
        if plugin.distribution != GROUP:
            _check_version(point)
        module = point.load()
        manager.register(module)
    except (Exception, SystemExit) as error:
        raise PluginError(_line(error, plugin.module)) from error
    given: dict[tuple[str, str], type[Any]] = {}
    callers = manager.get_hookcallers(module)
    if not callers:
        raise PluginError("gives no part: it has no function under @affmem.hookimpl")
    for caller in callers:
        kind = _kind(caller, plugin)
        for one in caller.get_hookimpls():
            if kind is not None:
                given |= {(kind, name): config for name, config in _named(one, caller.name)}
    return given


def _kind(caller: pluggy.HookCaller, plugin: Plugin) -> str | None:
    """The kind of part that a hook names; None for one that this version need not know."""
    hook = hookspecs.RENAMED.get(caller.name, caller.name)
    if hook != caller.name:
        log.warning("%s: hook %s has been renamed; write %s", plugin, caller.name, hook)
    kinds = {one: kind for kind, one in KINDS.items()}
    if hook not in kinds and not all(one.optionalhook for one in caller.get_hookimpls()):
        raise PluginError(unknown("hook", hook, kinds))
    return kinds.get(hook)


def _named(implementation: pluggy.HookImpl, hook: str) -> Iterator[tuple[str, type[Any]]]:
    """What an implementation of a hook names. Raises PluginError where that is nonsense."""
    try:
        named = implementation.function()
    except (Exception, SystemExit) as error:
        module = implementation.function.__module__
        raise PluginError(f"{hook}: {_line(error, module)}") from error
    if not isinstance(named, Mapping):
        got = " ".join(repr(named).split())
        raise PluginError(f"{hook}: expected {{name: class}}, got {got}")
    for name, config in named.items():
        sound = isinstance(config, type) and has(config) and config.__hash__
        if not (isinstance(name, str) and name and sound and hasattr(config, "build")):
            raise PluginError(
                f"{hook}: expected a name and a class by attrs.frozen with a build(), "
                f"got {name!r} and {config!r}"
            )
        yield name, config


def _check_version(point: Point) -> None:
    """Raise PluginError where a plugin's distribution requires another version of affmem."""
    from packaging.requirements import Requirement

    here = version(GROUP)
    for text in (point.dist and point.dist.requires) or ():
        one = Requirement(text)
        applies = one.marker is None or one.marker.evaluate({"extra": ""})
        if one.name == GROUP and applies and not one.specifier.contains(here, prereleases=True):
            raise PluginError(f"requires {text}, but this is {GROUP} {here}")


def _check_free(
    plugin: Plugin,
    given: Mapping[tuple[str, str], type[Any]],
    plugins: Sequence[Plugin],
    sources: Mapping[tuple[str, str], Plugin],
) -> None:
    """Raise PluginError where another plugin has the entry point's name, or that of a part."""
    for one in plugins:
        if one.name == plugin.name and one.state == "ok":
            raise PluginError(f"its entry point has the name of {one}")
    for kind, name in given:
        if (kind, name) in sources:
            raise PluginError(f"{kind} {name!r} is already given by {sources[kind, name]}")


def _line(error: BaseException, module: str) -> str:
    """What was raised, in a line: the first, or of pluggy's own the last, which says what.

    And where, if in that module's own package.
    """
    lines = str(error).strip().splitlines() or [""]
    if isinstance(error, PluginError | pluggy.PluginValidationError):
        return lines[-1]
    where = place(error, re.split("[.:]", module)[0])
    told = f"{type(error).__name__}: {lines[0]}".removesuffix(": ")
    return f"{told} (at {where})" if where else told
