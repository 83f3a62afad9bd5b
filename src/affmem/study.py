"""A study: variants of an experiment, and controls, on the same persons (P§4.2, Table 3).

    experiment = "omg.toml"
    chosen = "personal"
    [development]              # persons to choose by
    seed = 101
    dataset = { use = "acted" }
    [final]                    # persons to conclude by: opened by `--final` alone
    seed = 202
    dataset = { use = "acted", valence = 0.1 }
    [[conditions]]             # each laid over the dataset
    name = "strong"
    dataset = { strength = 0.6 }
    [[rows]]                   # each laid over the experiment
    name = "personal"
    memory = { use = "personal" }

What a row says of each frame is kept in the folder as it is finished: a study that was cut off, or
whose rows were changed, walks only what is missing.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from attrs import evolve, field, fields, frozen
from attrs.validators import ge, in_, instance_of, le, min_len

from affmem.assembly import build, files
from affmem.controls import CONTROLS, DERIVED, shown
from affmem.directory import check_empty, held
from affmem.errors import ExperimentError, InputError, UserError, unknown
from affmem.experiment import Experiment, Part, backend, dumps, merge, structure, tables_of
from affmem.files import ARRAYS, check_tensors, write
from affmem.parallel import cores, parallel, pinned
from affmem.protocols import Backend, Runtime
from affmem.road import walk
from affmem.settings import setting, settings
from affmem.tape import Tape
from affmem.values import Step

Told = Callable[[str, int, int], None]
Record = Mapping[str, npt.NDArray[Any]]
"""What a row said, a place a frame; see `record`."""

MEMORYLESS = ("told", "shuffled")
"""Controls that redraw no faces: which frames are first, or what a frame shows, is not theirs."""


@frozen
class Condition:
    """A kind of persons or of videos."""

    name: str = field(validator=min_len(1))
    dataset: dict[str, Any] = field(factory=dict)
    """Laid over the dataset's settings."""
    later: bool = False
    """Whether only a person's second and later clips are scored."""
    rows: tuple[str, ...] = ()
    """Which rows are walked; all, unless given."""


@frozen
class Row:
    """A variant of the experiment, or a control."""

    name: str = field(validator=min_len(1))
    control: str = field(default="", validator=in_(("", *CONTROLS)))
    """See `affmem.controls`."""
    encoder: dict[str, Any] = field(factory=dict)
    reader: dict[str, Any] = field(factory=dict)
    editor: dict[str, Any] = field(factory=dict)
    memory: dict[str, Any] = field(factory=dict)
    start: dict[str, Any] = field(factory=dict)


TABLES = ("encoder", "reader", "editor", "memory", "start")
"""What a row may lay over the experiment."""


@frozen
class Group:
    """Persons."""

    seed: int = field(validator=[instance_of(int), ge(0)])
    """The experiment's, so that other persons are drawn."""
    dataset: dict[str, Any]
    faces: dict[str, Any] = field(factory=dict)
    """Laid over the experiment's."""


@frozen
class Study:
    """What `affmem study` needs."""

    experiment: Mapping[str, Any] = field(repr=False)
    """As it was written, with nothing filled in; in the file, a path."""
    chosen: str
    """The row that is concluded about."""
    development: Group
    final: Group
    conditions: tuple[Condition, ...]
    rows: tuple[Row, ...]
    """The first is what the others' gains are over; the readings are its prior knowledge's."""
    runtime: Part
    """The backend that walks the conditions; of no account to what comes of them."""
    resamples: int = field(default=1000, validator=[instance_of(int), ge(1), le(1_000_000)])
    """Of the persons, for the intervals."""

    def variant(self, group: str, condition: Condition, row: Row) -> Experiment:
        """The experiment of a cell of the table. Raises ExperimentError."""
        persons: Group = getattr(self, group)
        over = {name: getattr(row, name) for name in TABLES if getattr(row, name)}
        if persons.faces:
            over["faces"] = persons.faces
        tables = merge(self.experiment, {**over, "seed": persons.seed})
        tables["dataset"] = {**persons.dataset, **condition.dataset}
        return structure(tables, Experiment)

    def walked(self, condition: Condition) -> tuple[Row, ...]:
        """The rows of a condition that need a walk."""
        rows = [row for row in self.rows if not condition.rows or row.name in condition.rows]
        return tuple(row for row in rows if row.control not in DERIVED)


GROUPS = ("development", "final")
KEYS = ("chosen", "resamples")
MARK = "study.txt"
"""What tells a study's folder from others."""


def read(path: Path, overrides: Sequence[str] = ()) -> Study:
    """The study in a file.

    Overrides of `dataset` and `faces` are for both groups of persons, those of keys that are not
    the study's for its experiment. Raises InputError, UserError and ExperimentError, with a line
    for each mistake.
    """
    mine, others = [], []
    for one in overrides:
        match one.partition("=")[0].split(".")[0].strip():
            case "seed":
                raise UserError(f"--set {one}: expected development.seed=… or final.seed=…")
            case "dataset" | "faces":
                mine += [f"{group}.{one}" for group in GROUPS]
            case table if table in (*GROUPS, *KEYS, "runtime"):
                mine.append(one)
            case _:
                others.append(one)
    tables = tables_of(path, mine)
    try:
        return _structure(tables, path, others)
    except ExperimentError as error:
        raise ExperimentError([f"{path}: {line}" for line in error.lines]) from None


def _structure(tables: Mapping[str, Any], path: Path, overrides: Sequence[str]) -> Study:
    known = {one.name: one for one in fields(Study)}
    wrong = [key for key in tables if key not in known]
    base = tables.get("experiment")
    if not isinstance(base, str):
        raise ExperimentError(["experiment: expected a path, as a string"])
    if wrong:
        raise ExperimentError([unknown("table or key", wrong[0], known)])
    groups = {}
    for name in GROUPS:
        if not isinstance(tables.get(name), dict):
            raise ExperimentError([f"{name}: expected a table [{name}] with seed and dataset"])
        groups[name] = settings(tables[name], Group, f"{name}.")
    study = Study(
        experiment=tables_of(path.parent / Path(base).expanduser(), overrides),
        chosen=str(tables.get("chosen", "")),
        conditions=tuple(_several("conditions", tables, Condition)),
        rows=tuple(_several("rows", tables, Row)),
        runtime=backend(tables, workers=cores()),
        **groups,
        **{
            key: setting(tables[key], known[key], f"{key}: ")
            for key in KEYS
            if key in tables and key != "chosen"
        },
    )
    _check(study)
    return study


def _several(name: str, tables: Mapping[str, Any], kind: type[Any]) -> Iterator[Any]:
    given = tables.get(name)
    if not isinstance(given, list) or not given or not all(isinstance(one, dict) for one in given):
        raise ExperimentError([f"{name}: expected [[{name}]] tables, got {given!r}"])
    names: dict[str, str] = {}
    for place, table in enumerate(given):
        one = settings(table, kind, f"{name}[{place}].")
        file = _file(one.name)
        if file in names:
            like = f"{one.name!r} and {names[file]!r}"
            raise ExperimentError([f"{name}: {like} would be kept in one file; name one otherwise"])
        names[file] = one.name
        yield one


def _check(study: Study) -> None:
    """Raise ExperimentError, with a line for each mistake, unless every cell can be walked."""
    names = [row.name for row in study.rows]
    lines = [] if study.chosen in names else [f"chosen: {unknown('row', study.chosen, names)}"]
    if study.rows[0].control:
        lines.append(f"rows: the first, {names[0]!r}, is what others are held against: no control")
    for condition in study.conditions:
        lines += [
            f"conditions: {condition.name!r}: {unknown('row', name, names)}"
            for name in condition.rows
            if name not in names
        ]
        if condition.rows and names[0] not in condition.rows:
            lines.append(
                f"conditions: {condition.name!r}: rows lack {names[0]!r}, which gains are over"
            )
    if study.development.seed == study.final.seed:
        lines.append(f"final.seed: {study.final.seed} draws the persons of [development] again")
    told = len(lines)
    for group in GROUPS:
        for condition in study.conditions:
            try:
                study.variant(group, condition, study.rows[0])
            except ExperimentError as error:
                lines += [f"{group}, {condition.name!r}: {line}" for line in error.lines]
    for row in study.rows if len(lines) == told else ():  # what persons lack, each row would lack
        try:
            experiment = study.variant("development", study.conditions[0], row)
        except ExperimentError as error:
            lines += [f"rows: {row.name!r}: {line}" for line in error.lines]
            continue
        if row.control in MEMORYLESS and experiment.start.frames:
            lines.append(f"rows: {row.name!r}: control {row.control!r} needs start.frames = 0")
    if lines:
        raise ExperimentError(list(dict.fromkeys(lines)))


# --- walking it ---------------------------------------------------------------------------------


Cell = tuple[str, Condition, Row]
"""Of the table: a group of persons, a condition, a row."""


@frozen
class Job:
    """A condition, walked by a group of persons with every row that is missing."""

    group: str
    condition: Condition
    rows: tuple[tuple[Row, Experiment], ...] = field(repr=False)
    edited: int = field(repr=False)
    """The most frames that any row of the condition has edited."""

    def __str__(self) -> str:
        return f"{self.group}, {self.condition.name!r} ({len(self.rows)} rows)"


def conduct(study: Study, out: Path, *, final: bool, told: Told = lambda *_: None) -> None:
    """Walk what is not walked yet, into `out`; the final persons only if `final`.

    The study's backend walks the conditions; this process writes what comes of them. Raises
    InputError where `out` holds anything else than a study, and what the backend raises.
    """
    runtime: Backend = study.runtime.build(Runtime())
    if not (out / MARK).is_file():
        check_empty(out)
    out.mkdir(parents=True, exist_ok=True)
    with held(out):
        write(out / MARK, _text(study))
        groups = GROUPS if final else GROUPS[:1]
        every = [_job(study, out, group, one) for group in groups for one in study.conditions]
        jobs = [job for job in every if job.rows]
        of = sum(len(study.walked(job.condition)) for job in every)
        done = of - sum(len(job.rows) for job in jobs)
        told("watching", done, of)
        # Here each row is kept as it is walked; elsewhere all of a condition, when it is.
        work = _walked if runtime.workers(len(jobs)) == 1 else _all_walked
        walks = parallel(partial(work, runtime.threads), jobs, len(jobs), runtime)
        with closing(walks):
            for cell, arrays in chain.from_iterable(walks):
                _keep(study, out, cell, arrays)
                done += 1
                told("watching", done, of)


def _job(study: Study, out: Path, group: str, condition: Condition) -> Job:
    """What is missing of a condition; records that do not fit are gone then."""
    rows = [(row, study.variant(group, condition, row)) for row in study.walked(condition)]
    missing = tuple(one for one in rows if not _fits(study, out, group, condition, one[0]))
    for row, _ in missing:
        place(out, group, condition, row).unlink(missing_ok=True)
    return Job(group, condition, missing, max(one.start.frames for _, one in rows))


def place(out: Path, group: str, condition: Condition, row: Row) -> Path:
    """Where the record of a cell is."""
    return out / group / f"{_file(condition.name)}_{_file(row.name)}.safetensors"


def _file(name: str) -> str:
    """A name, as part of a file's; some file systems take A for a."""
    return "".join(one if one.isalnum() else "-" for one in name.casefold())


def _fits(study: Study, out: Path, group: str, condition: Condition, row: Row) -> bool:
    """Whether the record of a cell is there, and of this very cell."""
    from safetensors import SafetensorError, safe_open

    try:
        check_tensors(place(out, group, condition, row))
        with safe_open(place(out, group, condition, row), "np") as file:
            return bool(file.metadata() == _about(study, group, condition, row))
    except (OSError, SafetensorError, InputError):
        return False


def _about(study: Study, group: str, condition: Condition, row: Row) -> dict[str, str]:
    """What a record says of itself, and of the files that its experiment names."""
    experiment = study.variant(group, condition, row)
    return {
        "experiment": dumps(experiment, where=False),
        "control": row.control,
        "files": files(experiment),
    }


def load(out: Path, group: str, condition: Condition, row: Row) -> Record:
    """The record of a cell. Raises InputError where it is damaged."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    path = place(out, group, condition, row)
    try:
        check_tensors(path, ARRAYS)
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise InputError(path, f"is no whole record ({error}); delete it to walk it anew") from None


def record(steps: Sequence[Step]) -> Record:
    """Steps as arrays, a place a frame that was read: `person`, `clip` (numbers, in order met),
    `time` [s], `face`, `truth`, `pk`, `memory` [n, 2] (NaN truth: unlabelled), `activation`.
    """
    whole = [step for step in steps if step.pk is not None and step.memory is not None]
    persons = {one: i for i, one in enumerate(dict.fromkeys(step.clip.person for step in whole))}
    clips = {one: i for i, one in enumerate(dict.fromkeys(step.clip.name for step in whole))}

    def pairs(name: str) -> npt.NDArray[np.float32]:
        found = [getattr(step, name) for step in whole]
        values = [(np.nan, np.nan) if one is None else (one.arousal, one.valence) for one in found]
        return np.array(values, np.float32).reshape(-1, 2)

    return {
        "person": np.array([persons[step.clip.person] for step in whole], np.int64),
        "clip": np.array([clips[step.clip.name] for step in whole], np.int64),
        "time": np.array([step.time for step in whole], np.float64),
        "face": np.array([step.face for step in whole], np.bool_),
        "activation": np.array([step.activation for step in whole], np.float32),
        **{name: pairs(name) for name in ("truth", "pk", "memory")},
    }


def _walked(threads: int, job: Job) -> Iterator[tuple[Cell, Record]]:
    """Walk a condition, row by row; what is seen alike is seen once."""
    tapes: dict[tuple[Part, ...], Tape] = {}
    for row, experiment in job.rows:
        stations, _ = build(experiment, Runtime(seed=experiment.seed, device=experiment.device))
        seen = experiment.dataset, experiment.faces, experiment.encoder, experiment.editor
        tape = tapes.setdefault(
            seen,
            Tape(stations.dataset, stations.faces, stations.encoder, stations.editor, job.edited),
        )
        taped = evolve(stations, dataset=tape, faces=tape, encoder=tape, editor=tape)
        if experiment.start.frames and (row.control == "fresh" or experiment.start.of == "mean"):
            taped = stations  # first faces of each clip, or means of faces: a tape has neither
        with pinned(threads):
            steps = list(shown(row.control, taped) if row.control else walk(taped, {}))
        yield (job.group, job.condition, row), record(steps)


def _all_walked(threads: int, job: Job) -> list[tuple[Cell, Record]]:
    return list(_walked(threads, job))


def _keep(study: Study, out: Path, cell: Cell, arrays: Record) -> None:
    from safetensors.numpy import save

    path = place(out, *cell)
    path.parent.mkdir(exist_ok=True)
    # safetensors writes the bytes as they lie: only contiguous arrays come back as they were.
    whole = {name: np.ascontiguousarray(one) for name, one in arrays.items()}
    write(path, save(whole, _about(study, *cell)))


def _text(study: Study) -> str:
    """All that was asked, to read."""
    names = [one.name for one in fields(Study)]
    return "\n".join(f"{name} = {getattr(study, name)!r}" for name in names) + "\n"
