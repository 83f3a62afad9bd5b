# ruff: noqa: RUF009  (the calls in class bodies make attrs fields)
"""An experiment: a TOML file that names the parts and their settings, as a frozen value.

    seed = 1
    [dataset]
    use = "omg"            # the part's name; the other keys are its settings
    [memory]
    use = "gwr"
    activity_threshold = 0.85

`extends = "other.toml"` takes over another file's tables; `--set memory.use=none` overrides. A
table whose `use` changes begins anew: the other part's settings make no sense to it. Loading opens,
builds and writes nothing.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import tomli_w
from attrs import NOTHING, Attribute, Factory, field, fields, frozen
from attrs.validators import ge, instance_of, le, optional

from affmem.catalogue import Catalogue, catalogue
from affmem.consent import Consent
from affmem.errors import MISTAKES, ExperimentError, InputError, PluginError, UserError, unknown
from affmem.files import MIB, content
from affmem.protocols import Runtime
from affmem.settings import located, plain, setting, settings
from affmem.start import Start

if TYPE_CHECKING:
    from affmem.run import Result

METRICS = ("ccc", "rmse", "pearson", "sagr")
TERMS = ("reconstruction", "emotion", "prior", "real", "edit")
"""What an experiment has that does not name its own."""
DEPTH = 16
"""How many files may extend one another."""
LONG_KEY = re.compile(r"""(?<![\w-])(?:(?>[\w-]+|"[^"\n]*"|'[^'\n]*')[ \t]*+\.[ \t]*+){30}""")
"""A key of so many parts; tomllib takes seconds over one of 20,000."""


@frozen
class Part:
    """A part as an experiment names it: its kind, its name, and its settings as a value."""

    kind: str
    use: str
    config: Any

    def build(self, runtime: Runtime) -> Any:
        """Make the part. Parts with equal settings are one part, but for memories."""
        return _built(self.config, runtime)


@cache
def _built(config: Any, runtime: Runtime) -> Any:
    return config.build(runtime)


def _part(kind: str) -> Any:
    return field(validator=instance_of(Part), metadata={"kind": kind})


def _default(kind: str, use: str) -> Any:
    """A part that an experiment need not name."""
    factory = Factory(lambda: Part(kind, use, catalogue().config(kind, use)()))
    return field(default=factory, validator=instance_of(Part), metadata={"kind": kind})


def _several(kind: str, names: Sequence[str]) -> tuple[Part, ...]:
    return tuple(Part(kind, name, catalogue().config(kind, name)()) for name in names)


@frozen
class Experiment:
    """What `affmem run` needs. The first metric is the headline; the gain is taken in it."""

    dataset: Part = _part("dataset")
    faces: Part = _default("faces", "mtcnn")
    encoder: Part = _default("encoder", "pk")
    reader: Part = _default("reader", "pk")
    """Unless given, the encoder's table where that names a reader too; so the editor."""
    editor: Part = _default("editor", "pk")
    memory: Part = _default("memory", "gwr")
    """Some of its settings may follow the encoder's of the same name."""
    store: Part | None = field(
        default=None, validator=optional(instance_of(Part)), metadata={"kind": "store"}
    )
    """Where memories are kept from one run to the next; without it, everyone is met anew."""
    metrics: tuple[Part, ...] = field(
        default=Factory(lambda: _several("metric", METRICS)), metadata={"kind": "metric"}
    )
    report: Part = _default("reporter", "html")
    runtime: Part = _default("backend", "joblib")
    """Where the persons are walked, several at a time; of no account to what comes of it."""
    start: Start = Factory(Start)
    consent: Consent = Factory(Consent)
    seed: int = field(default=1, validator=[instance_of(int), ge(0)])
    """Of every random stream; the same experiment and seed give the same numbers."""
    resamples: int = field(default=1000, validator=[instance_of(int), ge(1), le(1_000_000)])
    """Bootstrap resamples of the persons, for the intervals."""
    gallery: int = field(default=6, validator=[instance_of(int), ge(0)])
    """Of how many persons a sheet of edits is kept, where `report.faces` is true."""
    device: str = field(default="cpu", validator=instance_of(str))
    """Where networks run: "cpu", "cuda", …"""

    @property
    def faces_kept(self) -> bool:
        """Whether pictures of faces may be written: the setting `faces` of the report, if any."""
        return getattr(self.report.config, "faces", False) is True

    def run(self, out: Path | str | None = None) -> "Result":
        """Walk it, as `affmem run` does; the figures are `metrics` of what this returns.

        Into `out`, which must be new or empty: else into a new folder in `runs`. Raises what
        `affmem.run.run` raises.
        """
        from affmem.run import run

        return run(self, _folder(out))


@frozen
class Watching:
    """What `affmem watch` and `serve` need: of an experiment, all that pictures pass through."""

    faces: Part = _default("faces", "mtcnn")
    encoder: Part = _default("encoder", "pk")
    reader: Part = _default("reader", "pk")
    editor: Part = _default("editor", "pk")
    memory: Part = _default("memory", "personal")
    store: Part | None = field(
        default=None, validator=optional(instance_of(Part)), metadata={"kind": "store"}
    )
    report: Part = _default("reporter", "html")
    start: Start = Factory(Start)
    seed: int = field(default=1, validator=[instance_of(int), ge(0)])
    device: str = field(default="cpu", validator=instance_of(str))


def watching(path: Path | None, overrides: Sequence[str] = ()) -> Watching:
    """What is watched with: an experiment's parts, without a file the defaults. Raises as `load`.

    An experiment is checked as a whole; its data and metrics are not used.
    """
    if path is not None:
        experiment = load(path, overrides)
        if not isinstance(experiment, Experiment):
            raise InputError(path, "is for `affmem train`; expected one as for `affmem run`")
        names = {one.name for one in fields(Watching)}
        return Watching(**{name: getattr(experiment, name) for name in names})
    parts = {"faces": "mtcnn", "encoder": "pk", "memory": "personal"}
    tables: dict[str, Any] = {name: {"use": use} for name, use in parts.items()}
    for override in overrides:
        keys, value = assignment(override)
        tables = _overridden(tables, keys, value, override)
    return structure(tables, Watching)


@frozen
class Training:
    """What `affmem train` needs."""

    dataset: tuple[Part, ...] = field(metadata={"kind": "dataset"})
    """One `[dataset]`, or several `[[dataset]]` whose faces are mixed."""
    training: Part = _part("trainer")
    faces: Part = _default("faces", "mtcnn")
    terms: tuple[Part, ...] = field(
        default=Factory(lambda: _several("term", TERMS)), metadata={"kind": "term"}
    )
    trackers: tuple[Part, ...] = field(default=(), metadata={"kind": "tracker"})
    """Who hears the figures; of no account to what is learnt."""
    endless: bool = field(default=False, validator=instance_of(bool))
    """Whether to learn from faces made on the way, no face twice; the dataset's are held out."""
    workers: int = field(default=1, validator=[instance_of(int), ge(1), le(256)])
    """Processes that decode or draw, find and crop faces; of no account to what is learnt."""
    cache: Path | None = None
    """Folder in which faces are kept from one training to the next; none are kept unless given."""
    seed: int = field(default=1, validator=[instance_of(int), ge(0)])
    device: str = field(default="cpu", validator=instance_of(str))

    def run(self, out: Path | str | None = None) -> Mapping[str, float]:
        """Learn, as `affmem train` does; the last report's figures.

        Into `out`, a new folder or one that was cut off: else into a new one in `runs`. Raises
        what `affmem.training.train` raises.
        """
        from affmem.training import train

        figures: Mapping[str, float] = {}
        for figures in train(self, _folder(out)):  # noqa: B007
            pass
        return figures


def _folder(out: Path | str | None) -> Path:
    return Path(out) if out else Path("runs") / f"{datetime.now():%Y%m%d-%H%M%S-%f}"  # noqa: DTZ005


def load(
    path: Path | str, overrides: Sequence[str] = (), parts: Catalogue | None = None
) -> Experiment | Training:
    """The experiment in a file; a file with a `[training]` describes a training.

    `overrides` are `table.key=value`, as after `--set`. Raises InputError where the file cannot be
    read or is no TOML, and ExperimentError, with a line for each mistake, where it says something
    that no part understands.
    """
    path = Path(path)
    tables = tables_of(path, overrides)
    for table, command in (("conditions", "study"), ("rows", "ablate"), ("settings", "tune")):
        if table in tables:
            raise InputError(path, f"is for `affmem {command}`")
    try:
        if "training" in tables:
            return structure(tables, Training, parts)
        return structure(tables, Experiment, parts)
    except ExperimentError as error:
        raise ExperimentError([f"{path}: {line}" for line in error.lines]) from None


def tables_of(path: Path, overrides: Sequence[str] = ()) -> dict[str, Any]:
    """The tables of a file, with what it extends and what overrides it. Raises InputError."""
    tables = _read(path)
    for override in overrides:
        keys, value = assignment(override)
        tables = _overridden(tables, keys, value, override)
    return tables


def dumps(experiment: Experiment | Training | Watching, *, where: bool = True) -> str:
    """The whole experiment as TOML, every default filled in; `load` gives the same value back.

    Without `where`, less the table that says where it is computed.
    """
    tables: dict[str, Any] = {}
    for one in fields(type(experiment)):
        if one.name == "runtime" and not where:
            continue
        value = getattr(experiment, one.name)
        match value:
            case Part():
                tables[one.name] = {word(value.kind): value.use, **plain(value.config)}
            case tuple():
                tables[one.name] = [{"use": part.use, **plain(part.config)} for part in value]
            case Start() | Consent():
                tables[one.name] = plain(value)
            case Path():
                tables[one.name] = str(value)
            case None:
                continue
            case _:
                tables[one.name] = value
    numbers = {key: value for key, value in tables.items() if not isinstance(value, dict | list)}
    return tomli_w.dumps({**numbers, **tables})


def _read(path: Path, depth: int = 0) -> dict[str, Any]:
    """The tables of a file, with what it extends."""
    try:
        text = content(path, MIB // 4).decode("utf-8-sig")
        if LONG_KEY.search(text):
            raise InputError(path, "not TOML that anyone wrote: a key of more than 30 parts")
        tables: dict[str, Any] = located(tomllib.loads(text), path.parent)
    except UnicodeDecodeError as error:
        raise InputError(path, f"not TOML: not UTF-8 text (byte {error.start})") from None
    except ValueError as error:  # TOMLDecodeError, or a number that Python does not read
        raise InputError(path, f"not TOML: {error}") from None
    except RecursionError:
        raise InputError(path, "not TOML that anyone wrote: nested too deeply") from None
    except FileNotFoundError:
        raise InputError(path, "no such file") from None
    except IsADirectoryError:
        raise InputError(path, "is a folder; expected a TOML file") from None
    except OSError as error:
        raise InputError(path, f"cannot be read: {error.strerror}") from None
    base = tables.pop("extends", None)
    if base is None:
        return tables
    if not isinstance(base, str):
        raise ExperimentError([f"{path}: extends: expected a path, as a string, got {base!r}"])
    if depth >= DEPTH:
        raise InputError(path, f"extends more than {DEPTH} files: do they extend one another?")
    return merge(_read(path.parent / Path(base).expanduser(), depth + 1), tables)


def merge(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`over` upon `under`, table by table; a table with another `use` replaces the whole table."""
    merged = dict(under)
    for key, value in over.items():
        below, name = merged.get(key), word(key)
        if (
            not isinstance(value, dict)
            or not isinstance(below, dict)
            or (name in value and value[name] != below.get(name))
        ):
            merged[key] = value
        else:
            merged[key] = {**below, **value}
    return merged


def assignment(text: str) -> tuple[list[str], Any]:
    """The keys and the value of `table.key=value`; a value that is no TOML is a string.

    >>> assignment("memory.activity_threshold=0.6")
    (['memory', 'activity_threshold'], 0.6)
    >>> assignment("memory.use=none")
    (['memory', 'use'], 'none')
    """
    name, equals, value = text.partition("=")
    keys = [key.strip() for key in name.split(".")]
    if not equals or not all(keys) or len(keys) > 3:
        raise UserError(
            f"--set {text}: expected KEY=VALUE, TABLE.KEY=VALUE, or LIST.NAME.KEY=VALUE"
        )
    try:
        parsed = tomllib.loads(f"value = {value}")
        found = parsed["value"] if len(parsed) == 1 else value
        return keys, located(found, Path.cwd())
    except tomllib.TOMLDecodeError:
        return keys, located(value, Path.cwd())
    except (ValueError, RecursionError) as error:
        raise UserError(f"--set {text}: {error}") from None


def _overridden(
    tables: Mapping[str, Any], keys: Sequence[str], value: Any, text: str
) -> dict[str, Any]:
    """`tables` with the value at `keys`; of a list of tables, in the one that uses that name."""
    match keys:
        case [key]:
            return merge(tables, {key: value})
        case [table, key]:
            if isinstance(tables.get(table), list):
                raise UserError(f"--set {text}: {table!r} is a list; expected {table}.NAME.{key}=…")
            return merge(tables, {table: {key: value}})
        case _:
            several, use, key = keys
            listed = tables.get(several)
            if isinstance(listed, dict):
                return {**tables, several: merge(listed, {use: {key: value}})}
            if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
                raise UserError(f"--set {text}: {several!r} is no list of tables here")
            names = [str(one.get("use")) for one in listed]
            if use not in names:
                raise UserError(f"--set {text}: {unknown(several, use, names)}")
            changed = [
                {**one, key: value} if name == use else one
                for name, one in zip(names, listed, strict=True)
            ]
            return {**tables, several: changed}


def backend(tables: Mapping[str, Any], **usual: int) -> Part:
    """The backend of a file's [runtime]; joblib's settings are the `usual` unless it says others.

    Raises ExperimentError.
    """
    given = {"backend": "joblib", **_table("runtime", tables.get("runtime", {}))}
    if given["backend"] == "joblib":
        given = {**usual, **given}
    return choose("runtime", given, "backend", catalogue())


def word(kind: str) -> str:
    """The key by which a table names its part."""
    return "backend" if kind in ("backend", "runtime") else "use"


Kind = TypeVar("Kind", Experiment, Training, Watching)


def structure(tables: Mapping[str, Any], kind: type[Kind], parts: Catalogue | None = None) -> Kind:
    """The experiment, or the like, that tables describe. Raises ExperimentError."""
    parts = parts or catalogue()
    known = {one.name: one for one in fields(kind)}
    values: dict[str, Any] = {}
    if isinstance(report := tables.get("report"), dict):
        tables = {**tables, "report": {"use": "html", **report}}
    if isinstance(runtime := tables.get("runtime"), dict):
        tables = {**tables, "runtime": {"backend": "joblib", **runtime}}
    encoder = tables.get("encoder")
    if kind is not Training and isinstance(encoder, dict):
        same = [one for one in ("reader", "editor") if encoder.get("use") in parts.parts[one]]
        tables = {**dict.fromkeys(same, encoder), **tables}
        tables["memory"] = _following(tables.get("memory"), encoder, parts)
    wrong = [key for key in tables if key not in known][:MISTAKES]
    lines: list[str] = [unknown("table or key", key, known) for key in wrong]
    for name, one in known.items():
        try:
            if name in tables:
                values[name] = _value(name, tables[name], one, parts)
            elif one.default is NOTHING and not any(f"mean {name!r}" in line for line in lines):
                lines.append(f"{name}: is missing; expected a table [{name}] with use = …")
        except ExperimentError as error:
            lines += error.lines
    if lines:
        raise ExperimentError(lines)
    return kind(**values)


def _following(memory: Any, encoder: Mapping[str, Any], parts: Catalogue) -> Any:
    """A memory's table, with what its settings take over from the encoder's unless it has them."""
    memory = {"use": "gwr"} if memory is None else memory
    if not isinstance(memory, dict) or memory.get("use") not in parts.parts["memory"]:
        return memory
    config = parts.config("memory", memory["use"])
    names = [one.name for one in fields(config) if one.metadata.get("follows") == "encoder"]
    return {**{name: encoder[name] for name in names if name in encoder}, **memory}


def _value(name: str, given: Any, one: "Attribute[Any]", parts: Catalogue) -> Any:
    """One table or key of the experiment as a value; raises ExperimentError."""
    kind = one.metadata.get("kind")
    if kind is None:
        if one.type in (Start, Consent):
            return settings(_table(name, given), one.type, f"{name}.")
        return setting(given, one, f"{name}: ")
    if one.type in (Part, Part | None):
        return choose(name, given, kind, parts)
    if name == "dataset" and isinstance(given, dict):
        return (choose(name, given, kind, parts),)
    if not isinstance(given, list) or not (given or one.default == ()):
        raise ExperimentError([f"{name}: expected [[{name}]] tables with use = …, got {given!r}"])
    chosen = tuple(choose(f"{name}[{i}]", table, kind, parts) for i, table in enumerate(given))
    names = [part.use for part in chosen]
    for use in dict.fromkeys(names):
        if names.count(use) > 1 and name != "dataset":
            raise ExperimentError([f"{name}: {use!r} stands there {names.count(use)} times"])
    return chosen


def _table(name: str, given: Any) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise ExperimentError([f"{name}: expected a table [{name}], got {given!r}"])
    return given


def choose(name: str, given: Any, kind: str, parts: Catalogue) -> Part:
    """The part that a table names, with its settings. Raises ExperimentError."""
    table, key = dict(_table(name, given)), word(kind)
    use = table.pop(key, None)
    if not isinstance(use, str):
        known = ", ".join(sorted(parts.parts[kind]))
        said = "is missing" if use is None else f"expected a string, got {use!r}"
        raise ExperimentError([f"{name}.{key}: {said}; known: {known}"])
    try:
        config = parts.config(kind, use)
    except PluginError as error:
        raise ExperimentError([f"{name}.{key}: {error}"]) from None
    return Part(kind, str(use), settings(table, config, f"{name}.", f"{kind} {use!r}"))
