"""Carrying an ablation out: every row trained with every seed, and all of them compared.

Everything is kept in a folder of its own, row by row and seed by seed; what is there already is not
done again, so that a study cut off anywhere goes on where it was.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import numpy as np
from attrs import evolve, frozen

from affmem.ablation import Ablation, Row, variant
from affmem.errors import InputError, UserError
from affmem.experiment import Training, dumps
from affmem.files import write
from affmem.run import check_empty
from affmem.scores import Figures, judges, score
from affmem.table import draw, markdown
from affmem.terms import Examples
from affmem.training import DONE, examples_of, train
from affmem.workers import spread

Told = Callable[[str, int, int], None]
KEPT = "ablation.txt"
"""Holds the whole ablation; who goes on with a folder must want the very same."""
FACES = ".faces"
"""A folder of the gathered faces, for as long as several processes read them."""


@frozen
class Job:
    """A row with a seed: what is trained, and where."""

    says: str
    training: Training
    folder: Path


def ablate(ablation: Ablation, out: Path, told: Told = lambda *_: None, jobs: int = 1) -> Figures:
    """Train every row with every seed, score all on the test persons, write `out`/table.json.

    Each row has the CCC on the test persons, mean over seeds, with a 95 % bootstrap interval over
    persons, and what its edits are like (`affmem.scores`). table.md and table.svg show them;
    where it asks for faces, edits.png some of the edits, maps.png where each row's encoder looks.
    `jobs` rows are trained at a time, each in a process of its own and with its share of the
    cores, unless OMP_NUM_THREADS says how many. Raises InputError where `out` holds another
    ablation, UserError where a row cannot be trained.
    """
    text = "\n".join([dumps(ablation.training), *map(repr, (ablation.test, ablation.rows))])
    kept = out / KEPT
    if not kept.is_file():
        check_empty(out)
    elif kept.read_text(encoding="utf-8") != text:
        raise InputError(out, "holds another ablation; expected the very same, or a new folder")
    found = judges(ablation)  # what is not there is said before anything is trained
    out.mkdir(parents=True, exist_ok=True)
    write(kept, text)
    folders = [
        [out / "rows" / f"{place + 1:02}" / f"seed-{seed}" for seed in ablation.seeds]
        for place in range(len(ablation.rows))
    ]
    every = [
        _job(ablation, row, seed, folder)
        for row, of_row in zip(ablation.rows, folders, strict=True)
        for seed, folder in zip(ablation.seeds, of_row, strict=True)
    ]
    todo = [job for job in every if not (job.folder / DONE).exists()]
    if todo:
        _train(ablation.training, todo, out, told, min(jobs, len(todo)))
    told("scoring", len(every), len(every))
    table, sheets = score(ablation, folders, found)
    write(out / "table.json", json.dumps(table, indent=2) + "\n")
    write(out / "table.md", markdown(table))
    draw(table, sheets if ablation.faces else {}, out)
    return table


def _job(ablation: Ablation, row: Row, seed: int, folder: Path) -> Job:
    training = evolve(variant(ablation.training, row), seed=seed)
    return Job(f"{row.name}, seed {seed}", training, folder)


def _train(training: Training, todo: Sequence[Job], out: Path, told: Told, jobs: int) -> None:
    examples = examples_of(training, told)
    with _trained(examples, todo, out, jobs) as rows:
        for done, job in enumerate(todo):
            told(job.says, done, len(todo))
            next(rows)


@contextmanager
def _trained(
    examples: Examples, todo: Sequence[Job], out: Path, jobs: int
) -> Iterator[Iterator[None]]:
    """Trainings, each at its `next`, or ahead of it where several processes read one file."""
    if jobs == 1:
        yield map(partial(_learn, examples), todo)
        return
    shared = out / FACES
    shutil.rmtree(shared, ignore_errors=True)  # of a study that was killed
    shared.mkdir()
    try:
        np.save(shared / "faces.npy", examples.faces)
        threads = max(1, (os.cpu_count() or 1) // jobs)
        beside = partial(_learn_beside, evolve(examples, faces=examples.faces[:0]), shared, threads)
        with closing(spread(beside, todo, jobs)) as rows:
            yield rows
    finally:
        shutil.rmtree(shared)


def _learn(examples: Examples, job: Job) -> None:
    try:
        for _figures in train(job.training, job.folder, examples=examples):
            pass
    except UserError as error:
        raise UserError(f"{job.says}: {error}") from None


def _learn_beside(examples: Examples, shared: Path, threads: int, job: Job) -> None:
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))
    faces = np.load(shared / "faces.npy", mmap_mode="c", allow_pickle=False)
    _learn(evolve(examples, faces=faces), job)
