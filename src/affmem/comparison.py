"""Carrying an ablation out: every row trained with every seed, and all of them compared.

Everything is kept in a folder of its own, row by row and seed by seed; what is there already is not
done again, so that a study cut off anywhere goes on where it was.
"""

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from platform import node

import numpy as np
from attrs import evolve, field, frozen

from affmem.ablation import Ablation, Row, variant
from affmem.directory import check_empty, held
from affmem.errors import InputError, UserError
from affmem.experiment import Training, dumps
from affmem.files import write
from affmem.parallel import parallel, pinned
from affmem.protocols import Backend, Runtime
from affmem.scores import Figures, judges, score
from affmem.table import draw, markdown
from affmem.terms import Examples
from affmem.training import DONE, examples_of, train
from affmem.values import Pictures

Told = Callable[[str, int, int], None]
KEPT = "ablation.txt"
"""Holds the whole ablation; who goes on with a folder must want the very same."""
FACES = ".faces"
"""A folder of the gathered faces, for as long as several processes read them."""


@frozen
class Job:
    """A row with a seed: what is trained, and where."""

    says: str
    training: Training = field(repr=False)
    folder: Path

    def __str__(self) -> str:
        return self.says


def ablate(ablation: Ablation, out: Path, told: Told = lambda *_: None) -> Figures:
    """Train every row with every seed, score all on the test persons, write `out`/table.json.

    Each row has the CCC on the test persons, mean over seeds, with a 95 % bootstrap interval over
    persons, and what its edits are like (`affmem.scores`). table.md and table.svg show them;
    where it asks for faces, edits.png some of the edits, maps.png where each row's encoder looks.
    The ablation's backend trains the rows; its workers write in `out` themselves. Raises
    InputError where that holds another ablation, UserError where a row cannot be trained.
    """
    text = "\n".join([dumps(ablation.training), *map(repr, (ablation.test, ablation.rows))])
    kept = out / KEPT
    if not kept.is_file():
        check_empty(out)
    elif kept.read_text(encoding="utf-8") != text:
        raise InputError(out, "holds another ablation; expected the very same, or a new folder")
    found = judges(ablation)  # what is not there is said before anything is trained
    out.mkdir(parents=True, exist_ok=True)
    with held(out):
        write(kept, text)
        shutil.rmtree(out / FACES, ignore_errors=True)  # of an ablation that was killed
        folders = [
            [
                out.absolute() / "rows" / f"{place + 1:02}" / f"seed-{seed}"
                for seed in ablation.seeds
            ]
            for place in range(len(ablation.rows))
        ]
        every = [
            _job(ablation, row, seed, folder)
            for row, of_row in zip(ablation.rows, folders, strict=True)
            for seed, folder in zip(ablation.seeds, of_row, strict=True)
        ]
        todo = [job for job in every if not (job.folder / DONE).exists()]
        if todo:
            _train(ablation, todo, out, told)
        told("scoring", len(every), len(every))
        table, sheets = score(ablation, folders, found)
        write(out / "table.json", json.dumps(table, indent=2) + "\n")
        write(out / "table.md", markdown(table))
        draw(table, sheets if ablation.faces else {}, out)
        return table


def _job(ablation: Ablation, row: Row, seed: int, folder: Path) -> Job:
    training = evolve(variant(ablation.training, row), seed=seed)
    return Job(f"{row.name}, seed {seed}", training, folder)


def _train(ablation: Ablation, todo: Sequence[Job], out: Path, told: Told) -> None:
    backend: Backend = ablation.runtime.build(Runtime())
    examples = examples_of(ablation.training, told)
    with ExitStack() as stack:
        work = partial(_learn, backend.threads, examples)
        if backend.workers(len(todo)) > 1:
            faces = stack.enter_context(_shared(examples.faces, out.absolute()))
            without = evolve(examples, faces=examples.faces[:0])
            work = partial(_learn_elsewhere, backend.threads, without, faces)
        rows = stack.enter_context(closing(parallel(work, todo, len(todo), backend)))
        told("training rows", 0, len(todo))
        for done, _row in enumerate(rows, 1):
            told("training rows", done, len(todo))


@contextmanager
def _shared(faces: Pictures, out: Path) -> Iterator[Path]:
    """The file of the gathered faces, for as long as others read them."""
    folder = out / FACES
    folder.mkdir()
    try:
        np.save(folder / "faces.npy", faces)
        yield folder / "faces.npy"
    finally:
        shutil.rmtree(folder)


def _learn(threads: int, examples: Examples, job: Job) -> None:
    if (job.folder / DONE).exists():  # by a process that was lost before it could say so
        return
    training = job.training
    try:
        # What it computes with is loaded then, and so pinned.
        training.training.build(Runtime(seed=training.seed, device=training.device))
        with pinned(threads):
            for _figures in train(training, job.folder, examples=examples):
                pass
    except UserError as error:
        raise UserError(f"{job.says}: {error}") from None


def _learn_elsewhere(threads: int, examples: Examples, faces: Path, job: Job) -> None:
    if not faces.is_file():
        raise UserError(
            f"{faces.parents[1]}: a worker on {node()} does not see what is there; expected an "
            "--out that all machines share"
        )
    there = np.load(faces, mmap_mode="c", allow_pickle=False)
    _learn(threads, evolve(examples, faces=there), job)
