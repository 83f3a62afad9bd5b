"""An ablation: one training, repeated with other terms left out, on persons never seen (P§4.1).

Everything is kept in a folder of its own, row by row and seed by seed; what is there already is not
done again, so that a study cut off anywhere goes on where it was.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from attrs import evolve, field, fields, frozen
from attrs.validators import deep_iterable, ge, instance_of, le, min_len

from affmem.catalogue import catalogue
from affmem.errors import ExperimentError, InputError, unknown
from affmem.experiment import Part, Training, choose, dumps, load, merge, tables_of
from affmem.interval import Interval, bootstrap
from affmem.protocols import Metric, Runtime
from affmem.run import check_empty, write
from affmem.settings import plain, setting, settings
from affmem.start import Start, plane
from affmem.training import DONE, examples_of, train
from affmem.values import DIMENSIONS, Affects, Faces

Figures = dict[str, Any]
Told = Callable[[str, int, int], None]
EDITED = 40
"""Of how many test faces edits are judged, spread over all of them; each with so many affects:"""
ASKED = 25


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
    seeds: tuple[int, ...] = field(default=(1,), validator=min_len(1))
    """Each row is trained once with each."""
    judge: str = ""
    """The row whose first seed's network reads the edits of all others: it never saw one."""
    resamples: int = field(default=1000, validator=[ge(1), le(1_000_000)])
    """Of the persons, for the intervals."""


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
    rows = tuple(
        settings(row, Row, f"rows[{place}].")
        for place, row in enumerate(_tables("rows", tables.get("rows")))
    )
    given = {
        name: setting(tables[name], known[name], f"{name}: ")
        for name in ("seeds", "judge", "resamples")
        if name in tables
    }
    _check(rows, [part.use for part in training.terms], given.get("judge", ""))
    for place, row in enumerate(rows):
        _variant(training, row, f"rows[{place}].training")
    return Ablation(training, test, rows, **given)


def _variant(training: Training, row: Row, where: str = "training") -> Training:
    """The training of a row. Raises ExperimentError where its settings are mistaken."""
    base = {"use": training.training.use, **plain(training.training.config)}
    table = merge({"training": base}, {"training": row.training})["training"]
    return evolve(
        training,
        training=choose(where, table, "trainer", catalogue()),
        terms=tuple(part for part in training.terms if part.use in row.terms),
    )


def ablate(ablation: Ablation, out: Path, told: Told = lambda *_: None) -> Figures:
    """Train every row with every seed, score all on the test persons, write `out`/table.json.

    Each row has the CCC on the test persons, mean over seeds, with a 95 % bootstrap interval over
    persons; and the CCC of the affect asked of edits against the affect that the judge reads in
    them. Raises InputError where `out` holds another ablation.
    """
    text = "\n".join([dumps(ablation.training), *map(repr, (ablation.test, ablation.rows))])
    kept = out / "ablation.txt"
    if not kept.is_file():
        check_empty(out)
    elif kept.read_text(encoding="utf-8") != text:
        raise InputError(out, "holds another ablation; expected the very same, or a new folder")
    out.mkdir(parents=True, exist_ok=True)
    write(kept, text)
    jobs = [
        (place, row, seed) for place, row in enumerate(ablation.rows) for seed in ablation.seeds
    ]
    examples = None
    for done, (place, row, seed) in enumerate(jobs):
        told(f"row {place + 1}, seed {seed}: {row.name}", done, len(jobs))
        folder = _folder(out, place, seed)
        if (folder / DONE).exists():
            continue
        if examples is None:
            examples = examples_of(ablation.training, told)
        variant = evolve(_variant(ablation.training, row), seed=seed)
        for _figures in train(variant, folder, examples=examples):
            pass
    told("scoring", len(jobs), len(jobs))
    table = {"seeds": list(ablation.seeds), "rows": _score(ablation, out)}
    write(out / "table.json", json.dumps(table, indent=2) + "\n")
    write(out / "table.md", markdown(table))
    return table


def _score(ablation: Ablation, out: Path) -> list[Figures]:
    """A row of the table for each row of the ablation."""
    faces, truth, persons = _test(ablation)
    ccc: Metric = catalogue().config("metric", "ccc")().build(Runtime())
    names = [row.name for row in ablation.rows]
    judge = None
    if ablation.judge:
        judge = _pk(_folder(out, names.index(ablation.judge), ablation.seeds[0]), "encoder")
    some = np.linspace(0, len(faces) - 1, min(EDITED, len(faces))).astype(int)
    asked = plane(Start(edits=ASKED), np.random.default_rng(0))
    table = []
    for place, row in enumerate(ablation.rows):
        read, back = [], []
        for seed in ablation.seeds:
            pk = _pk(_folder(out, place, seed), "encoder")
            read.append(pk.read(pk.encode(faces)))
            if judge is not None and "reconstruction" in row.terms:
                edits = [pk.edit(face, asked) for face in faces[some]]
                back.append(np.stack([judge.read(judge.encode(one)) for one in edits]))
        figures: Figures = {"name": row.name, "terms": list(row.terms)}
        for column, dimension in enumerate(DIMENSIONS):
            figures[dimension] = _figure(ccc, truth[:, column], read, column, persons, ablation)
            if back:
                said = np.stack([one[..., column].ravel() for one in back])
                wanted = np.tile(asked[:, column], len(some))
                shown = float(np.mean([ccc(wanted, one) for one in said]))
                figures.setdefault("edits", {})[dimension] = round(shown, 4)
        if row.paper:
            figures["paper"] = dict(zip(DIMENSIONS, row.paper, strict=True))
        table.append(figures)
    return table


def _figure(
    ccc: Metric,
    truth: npt.NDArray[np.float32],
    read: Sequence[Affects],
    column: int,
    persons: Sequence[str],
    ablation: Ablation,
) -> dict[str, float | None]:
    """The mean CCC over seeds, and its interval over persons."""

    def mean(rows: npt.NDArray[np.int64]) -> float:
        return float(np.mean([ccc(truth[rows], one[rows, column]) for one in read]))

    found: Interval = bootstrap(mean, persons, ablation.resamples, Runtime(seed=1).rng("bootstrap"))
    values = {"ccc": found.value, "low": found.low, "high": found.high}
    return {key: round(one, 4) if np.isfinite(one) else None for key, one in values.items()}


def _test(ablation: Ablation) -> tuple[Faces, Affects, list[str]]:
    """The test faces, what they show, and whose they are."""
    runtime = Runtime(seed=ablation.training.seed + 1_000_003)
    dataset = ablation.test.build(runtime)
    finder = ablation.training.faces.build(runtime)
    faces, truth, persons = [], [], []
    for clip in dataset.clips():
        frames = list(dataset.frames(clip))
        found = finder.find(frame.image for frame in frames)
        for frame, face in zip(frames, found, strict=True):
            label = frame.affect or clip.affect
            if face is not None and label is not None:
                faces.append(face)
                truth.append((label.arousal, label.valence))
                persons.append(clip.person)
    if not faces:
        raise ExperimentError([f"test: dataset {ablation.test.use!r} has no labelled face"])
    return np.stack(faces), np.array(truth, np.float32), persons


def _pk(folder: Path, kind: str) -> Any:  # noqa: ANN401  (encoder, reader and editor in one)
    config = catalogue().config(kind, "pk")(checkpoint=folder / "best.safetensors")
    return config.build(Runtime())


def _folder(out: Path, place: int, seed: int) -> Path:
    return out / "rows" / f"{place + 1:02}" / f"seed-{seed}"


def markdown(table: Mapping[str, Any]) -> str:
    """The table as Markdown: CCC with intervals, what the judge reads in edits, the paper's."""
    lines = [
        "| row | arousal | valence | edits read as asked | paper |",
        "|---|---|---|---|---|",
    ]
    for row in table["rows"]:
        cells = [
            "{ccc:.2f} [{low:.2f}, {high:.2f}]".format(**row[one])
            if row[one]["low"] is not None
            else "undefined"
            for one in DIMENSIONS
        ]
        edits = row.get("edits")
        cells.append("/".join(f"{edits[one]:.2f}" for one in DIMENSIONS) if edits else "")
        paper = row.get("paper")
        cells.append("/".join(f"{paper[one]:.2f}" for one in DIMENSIONS) if paper else "")
        lines.append(f"| {row['name']} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


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
