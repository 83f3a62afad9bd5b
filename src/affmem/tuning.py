"""A tuning: which settings of an experiment are tried, from what values, and on which persons.

    experiment = "omg.toml"
    [dataset]                        # laid over the experiment's: whom it is tuned on
    split = "validation"
    [settings]
    "memory.activity_threshold" = { low = 0.5, high = 0.99 }
    "memory.use" = ["gwr", "gng"]

Reading it tries every end of a range and every choice on the part that it is for, so that a study
does not end in the night over a value that no part takes.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from attrs import Attribute, evolve, field, fields_dict, frozen
from attrs.validators import ge, gt, in_, instance_of, max_len, min_len, optional

from affmem.catalogue import catalogue
from affmem.errors import ExperimentError, unknown
from affmem.experiment import Experiment, Part, merge, structure, tables_of
from affmem.postgresql import is_url
from affmem.settings import setting, settings
from affmem.start import Start

TABLES = ("faces", "encoder", "reader", "editor", "start", "memory")
"""What can be tuned: the stations of the road, and how a memory starts; never data or figures."""

Goal = Literal["p-affmem", "gain"]


@frozen
class Range:
    """Numbers from `low` to `high`, both of them included."""

    low: float
    high: float = field()
    log: bool = field(default=False)
    """Whether as many are tried from 1 to 10 as from 10 to 100."""
    step: float | None = field(default=None, validator=optional(gt(0)))
    """Only `low` and what lies so many steps above it; any number between if not given."""

    @high.validator
    def _above(self, _field: "Attribute[float]", high: float) -> None:
        if not high > self.low:
            raise ValueError(f"'high' must be > 'low' ({self.low:g}): {high:g}")

    @log.validator
    def _positive(self, _field: "Attribute[bool]", log: bool) -> None:  # noqa: FBT001
        if log and self.low <= 0:
            raise ValueError(f"'low' must be > 0 where 'log' is true: {self.low:g}")

    @step.validator
    def _divides(self, _field: "Attribute[float]", step: float | None) -> None:
        if step is None:
            return
        if self.log:
            raise ValueError("'step' makes no sense where 'log' is true")
        steps = (self.high - self.low) / step
        if abs(steps - round(steps)) > 1e-9:
            raise ValueError(f"'high' must be 'low' and a whole number of steps of {step:g}")


@frozen
class Setting:
    """One key of one table, and what is tried for it."""

    table: str
    key: str
    values: Range | tuple[Any, ...]
    whole: bool
    """Whether only whole numbers will do."""

    @property
    def name(self) -> str:
        """As it stands in the file: table.key."""
        return f"{self.table}.{self.key}"


@frozen
class Tuning:
    """What `affmem tune` needs."""

    experiment: Experiment
    """What is tuned; in the file, a path."""
    dataset: Part
    """Whom it is tuned on: the experiment's, with the file's own [dataset] laid over it."""
    settings: tuple[Setting, ...]
    """Those that choose a part (`use`) come first."""
    tables: Mapping[str, Any] = field(repr=False)
    """The experiment as it was written, with nothing filled in."""
    trials: int = field(default=50, validator=[instance_of(int), ge(1)])
    """How many variants of the experiment are tried."""
    seed: int = field(default=1, validator=[instance_of(int), ge(0)])
    """Of what is tried; the experiment keeps its own."""
    goal: Goal = field(default="p-affmem", validator=in_(get_args(Goal)))
    """What is made as good as can be, in the first metric, as the mean over arousal and valence:
    "p-affmem" itself, or its "gain" over prior knowledge alone."""
    prune: bool = True
    """Whether a trial that lags behind half of the others after some persons is given up."""
    storage: str | None = field(default=None, validator=optional(is_url))
    """A PostgreSQL that holds the study, for several processes: "postgresql://USER@HOST/DATABASE".
    Without it, a journal in the folder, for one."""
    name: str = field(default="affmem", validator=[min_len(1), max_len(255)])
    """The study's in that database; in the file, that of the file unless given."""


KEYS = ("trials", "seed", "goal", "prune", "storage", "name")
"""The tuning's own keys, which `--set` reaches; every other override is for the experiment."""


def read(path: Path, overrides: Sequence[str] = ()) -> Tuning:
    """The tuning in a file. `--set dataset.root=…` is for both its [dataset] and the experiment's.

    Raises InputError and ExperimentError, with a line for each mistake.
    """
    keys = {one: one.partition("=")[0].partition(".")[0].strip() for one in overrides}
    tables = tables_of(path, [one for one in overrides if keys[one] in (*KEYS, "dataset")])
    try:
        insists = any(one.partition("=")[0].strip() == "dataset.split" for one in overrides)
        rest = [one for one in overrides if keys[one] not in KEYS]
        tuning = _structure(tables, path.parent, rest, insists=insists)
        return evolve(tuning, name=path.stem) if tuning.storage and "name" not in tables else tuning
    except ExperimentError as error:
        raise ExperimentError([f"{path}: {line}" for line in error.lines]) from None


def variant(tuning: Tuning, chosen: Mapping[str, Any]) -> Experiment:
    """The experiment with other settings, by name. Raises ExperimentError where they clash."""
    over: dict[str, dict[str, Any]] = {}
    for name, value in chosen.items():
        table, _, key = name.partition(".")
        over.setdefault(table, {})[key] = value
    for table, changed in over.items():
        if table != "start":
            changed.setdefault("use", getattr(tuning.experiment, table).use)
    return structure(merge(tuning.tables, over), Experiment)


def has(tuning: Tuning, one: Setting, chosen: Mapping[str, Any]) -> bool:
    """Whether the part that was chosen, if one was, has such a setting at all."""
    use = chosen.get(f"{one.table}.use", getattr(getattr(tuning.experiment, one.table), "use", ""))
    return one.key == "use" or one.key in _keys(one.table, use)


def _structure(
    tables: Mapping[str, Any], folder: Path, overrides: Sequence[str], *, insists: bool
) -> Tuning:
    known = ("experiment", "dataset", "settings", *KEYS)
    lines = [unknown("table or key", key, known) for key in tables if key not in known]
    for key, kind, wanted in (
        ("experiment", str, "a path, as a string"),
        ("settings", dict, "a table [settings] of what is tried"),
    ):
        if not isinstance(tables.get(key), kind) or not tables[key]:
            misspelt = [line for line in lines if f"did you mean {key!r}" in line]
            raise ExperimentError(misspelt or [f"{key}: expected {wanted}"])
    path = Path(tables["experiment"]).expanduser()
    written = tables_of(folder / path, overrides)
    if not written.keys().isdisjoint(("training", "rows", "settings")):
        raise ExperimentError([*lines, f"experiment: {path} is not for `affmem run`"])
    try:
        experiment = structure(written, Experiment)
        dataset = _development(tables.get("dataset"), written, insists=insists)
    except ExperimentError as error:
        raise ExperimentError([*lines, *error.lines]) from None
    tuning = Tuning(experiment, dataset, (), written)
    changes: dict[str, Any] = {}
    for key in [key for key in KEYS if key in tables]:
        try:
            changes[key] = setting(tables[key], fields_dict(Tuning)[key], f"{key}: ")
        except ExperimentError as error:
            lines += error.lines
    if "name" in tables and "storage" not in tables:
        lines.append("name: is of a study in a database; expected 'storage' too")
    found: list[Setting] = []
    uses: dict[str, Sequence[str]] = {}
    flat = dict(_flat(tables["settings"]))
    for name in sorted(flat, key=lambda name: not name.endswith(".use")):
        table, _, key = name.partition(".")
        names = uses.get(table, [getattr(getattr(experiment, table, None), "use", "")])
        if key == "use":
            uses[table] = flat[name]
        try:
            found += [_setting(table, key, flat[name], names, tuning)] if names else []
        except ExperimentError as error:
            if key == "use":
                uses[table] = ()  # which parts there might be is unknown: no more is said of them
            lines += [f"settings: {line}" for line in dict.fromkeys(error.lines)]
    if lines:
        raise ExperimentError(lines)
    return evolve(tuning, settings=tuple(found), **changes)


def _flat(asked: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Each setting by its whole name; `memory.use` unquoted is a table in TOML, and means the same.

    >>> dict(_flat({"memory": {"use": ["gwr"]}, "start.edits": [20]}))
    {'memory.use': ['gwr'], 'start.edits': [20]}
    """
    for name, given in asked.items():
        if "." not in name and isinstance(given, dict):
            yield from ((f"{name}.{key}", one) for key, one in given.items())
        else:
            yield name, given


def _setting(table: str, key: str, given: Any, uses: Sequence[str], tuning: Tuning) -> Setting:
    """One setting; the ends of its range, or its choices, are tried on each part that has it."""
    name = f"{table}.{key}"
    if table not in TABLES:
        raise ExperimentError([unknown("table that can be tuned", table, TABLES)])
    if table in ("reader", "editor") and table not in tuning.tables:
        raise ExperimentError([f"{name}: the experiment has no [{table}] of its own"])
    by_name = key == "use" and table != "start"
    keys = {use: _keys(table, use) for use in uses}
    able = [use for use in uses if by_name or key in keys[use]]
    if not able:
        known = {one for use in uses for one in keys[use]}
        raise ExperimentError([f"{name}: {unknown('setting', key, known)}"])
    kinds = {str} if by_name else {one for use in able for one in _kinds(keys[use][key].type)}
    whole = int in kinds and float not in kinds
    tried, values = _values(name, given, whole=whole, numbers=whole or float in kinds)
    lines = []
    for place, value in tried:
        for use in able:
            chosen = {name: value} if by_name or not use else {f"{table}.use": use, name: value}
            try:
                variant(tuning, chosen)
            except ExperimentError as error:
                lines += [f"{name}: {place}{line}" for line in error.lines]
    if lines:
        raise ExperimentError(lines)
    return Setting(table, key, values, whole)


def _values(
    name: str, given: Any, *, whole: bool, numbers: bool
) -> tuple[list[tuple[str, Any]], Range | tuple[Any, ...]]:
    """What of a setting is checked, each with its place, and all that may be tried."""
    match given:
        case dict() if numbers:
            if whole and not isinstance(given.get("step", 1), int):
                raise ExperimentError(
                    [f"{name}: step: expected a whole number, got {given['step']!r}"]
                )
            values = settings(given, Range, f"{name}: ")
            return [(f"{end}: ", given[end]) for end in ("low", "high")], values
        case [_, *_]:
            for place, one in enumerate(given):
                if one in given[:place]:
                    raise ExperimentError([f"{name}: {one!r} stands there twice"])
            return [("", one) for one in given], tuple(given)
        case _:
            wanted = "{ low = …, high = … } or a list" if numbers else "a list of choices"
            raise ExperimentError([f"{name}: expected {wanted}, got {given!r}"])


def _keys(table: str, use: str) -> Mapping[str, "Attribute[Any]"]:
    """The settings of a part, or of the start; none where there is no such part."""
    config = Start if table == "start" else catalogue().parts[table].get(use)
    return fields_dict(config) if config else {}


def _kinds(kind: Any) -> Sequence[Any]:
    """The types that a setting's may be: of a union, its members."""
    return get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)


def _development(given: Any, written: Mapping[str, Any], *, insists: bool) -> Part:
    """The dataset to tune on; never a test split, unless one insists."""
    if not isinstance(given, dict):
        raise ExperimentError(
            ['dataset: expected a table that says whom to tune on, as split = "validation"']
        )
    dataset = structure(merge(written, {"dataset": given}), Experiment).dataset
    if getattr(dataset.config, "split", None) == "test" and not insists:
        raise ExperimentError(
            ['dataset.split: "test" is for figures; tune on another (or insist, with --set)']
        )
    return dataset
