"""An ablation as a value: one training, repeated with other terms left out (P§4.1)."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import evolve, field, fields, frozen
from attrs.validators import deep_iterable, ge, instance_of, le, min_len

from affmem.catalogue import catalogue
from affmem.errors import ExperimentError, unknown
from affmem.experiment import Part, Training, backend, choose, load, merge, tables_of
from affmem.parallel import cores
from affmem.protocols import Runtime
from affmem.settings import plain, setting, settings


@frozen
class Row:
    """One variant: which of the training's terms it keeps, and what else it does otherwise."""

    name: str = field(validator=min_len(1))
    terms: tuple[str, ...] = field(validator=min_len(1))
    training: Mapping[str, Any] = field(factory=dict)
    """Laid over the training's own table `[training]`: settings of its trainer, or another one."""
    paper: tuple[float, ...] = field(default=(), validator=deep_iterable(instance_of(float)))
    """Arousal and valence that the paper reports of it (other data: not to be compared)."""


@frozen
class Ablation:
    """What `affmem ablate` needs."""

    training: Training
    test: Part
    """A dataset of persons who are in no training."""
    rows: tuple[Row, ...]
    runtime: Part
    """The backend that trains them; of no account to what is learnt, but for its threads."""
    seeds: tuple[int, ...] = field(default=(1,), validator=min_len(1))
    """Each row is trained once with each."""
    judge: str = ""
    """The row whose first seed's network reads the edits of all others: it never saw one."""
    identity: Part | None = None
    """An encoder that tells persons apart, to say whether edits keep who it is; unless given, the
    one called "identity", where it has its weights."""
    resamples: int = field(default=1000, validator=[ge(1), le(1_000_000)])
    """Of the persons, for the intervals."""
    faces: bool = False
    """Whether edits.png and maps.png are drawn: pictures of some test persons' faces."""


def read(path: Path, overrides: Sequence[str] = ()) -> Ablation:
    """The ablation in a file. `training` is a path; `--set training.steps=50` is for that file.

    Raises InputError and ExperimentError, with a line for each mistake.
    """
    own = [one.name for one in fields(Ablation) if one.name != "training"]
    mine = [one for one in overrides if one.partition("=")[0].split(".")[0].strip() in own]
    tables = tables_of(path, mine)
    try:
        return _structure(tables, path, [one for one in overrides if one not in mine])
    except ExperimentError as error:
        raise ExperimentError([f"{path}: {line}" for line in error.lines]) from None


def _structure(tables: dict[str, Any], path: Path, overrides: Sequence[str]) -> Ablation:
    base = tables.pop("training", None)
    if not isinstance(base, str):
        raise ExperimentError(["training: expected the path of a training, as a string"])
    training = load(path.parent / base, overrides)
    if not isinstance(training, Training):
        raise ExperimentError([f"training: {base} is no training: it has no [training]"])
    known = {one.name: one for one in fields(Ablation)}
    if wrong := [key for key in tables if key not in known]:
        raise ExperimentError([unknown("table or key", wrong[0], known)])
    test = choose("test", tables.get("test", {}), "dataset", catalogue())
    identity = None
    if "identity" in tables:
        identity = choose("identity", tables["identity"], "encoder", catalogue())
    rows = tuple(
        settings(row, Row, f"rows[{place}].")
        for place, row in enumerate(_tables("rows", tables.get("rows")))
    )
    given = {
        name: setting(tables[name], known[name], f"{name}: ")
        for name in ("seeds", "judge", "resamples", "faces")
        if name in tables
    }
    _check(rows, [part.use for part in training.terms], given.get("judge", ""))
    for place, row in enumerate(rows):
        variant(training, row, f"rows[{place}].training")
    runtime = _runtime(tables, len(rows) * len(given.get("seeds", (1,))))
    return Ablation(training, test, rows, runtime, identity=identity, **given)


def _runtime(tables: Mapping[str, Any], trainings: int) -> Part:
    """The backend; with joblib each training has its share of the cores, unless it is said."""
    found = backend(tables, workers=1)
    at_a_time = found.build(Runtime()).workers(trainings)
    return backend(tables, workers=1, threads=max(1, cores() // at_a_time))


def variant(training: Training, row: Row, where: str = "training") -> Training:
    """The training of a row. Raises ExperimentError where its settings are mistaken."""
    base = {"use": training.training.use, **plain(training.training.config)}
    table = merge({"training": base}, {"training": row.training})["training"]
    return evolve(
        training,
        training=choose(where, table, "trainer", catalogue()),
        terms=tuple(part for part in training.terms if part.use in row.terms),
    )


def _tables(name: str, given: Any) -> list[dict[str, Any]]:  # noqa: ANN401
    if not isinstance(given, list) or not given or not all(isinstance(one, dict) for one in given):
        raise ExperimentError([f"{name}: expected [[{name}]] tables, got {given!r}"])
    return given


def _check(rows: Sequence[Row], known: Sequence[str], judge: str) -> None:
    names = [row.name for row in rows]
    for row in rows:
        for term in row.terms:
            if term not in known:
                raise ExperimentError([f"rows: {row.name!r}: {unknown('term', term, known)}"])
        if len(row.paper) not in (0, 2):
            raise ExperimentError([f"rows: {row.name!r}: 'paper' must be arousal and valence"])
        if names.count(row.name) > 1:
            raise ExperimentError(
                [f"rows: {row.name!r} stands there {names.count(row.name)} times"]
            )
    if judge and judge not in names:
        raise ExperimentError([f"judge: {unknown('row', judge, names)}"])
