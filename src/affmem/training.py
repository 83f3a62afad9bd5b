"""A training: labelled faces gathered once, then handed to the trainer, in a folder of its own."""

import csv
import logging
import os
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

from attrs import evolve

from affmem.cache import gathered
from affmem.catalogue import catalogue
from affmem.directory import check_empty
from affmem.errors import InputError, UserError
from affmem.experiment import Training, dumps
from affmem.files import write
from affmem.gathering import Made, Source
from affmem.protocols import Runtime
from affmem.terms import Examples
from affmem.tracking import tracked

log = logging.getLogger("affmem")
DONE = "done.json"
"""Its presence says that a training is finished."""
ASIDE = ("trackers", "cache", "workers")
"""Keys that are of no account to what is learnt."""


def train(
    training: Training,
    out: Path,
    told: Callable[[str, int, int], None] = lambda *_: None,
    examples: Examples | None = None,
) -> Iterator[Mapping[str, float]]:
    """Train in the folder `out` and yield the trainer's figures; they are kept in `figures.csv`.

    A folder in which the very same training was cut off goes on from there. `told(stage, done,
    of)` hears of the gathering of faces, which `examples` save where they are there already.
    Of several processes under `torchrun` each calls this, and the first one writes.
    Raises InputError where `out` holds anything else, UserError where there is no example, or
    several processes and a trainer that is for one, and what the parts raise.
    """
    text = dumps(training)
    first = os.environ.get("RANK", "0") == "0"
    if first or (out / "training.toml").is_file():  # the first may have begun to write already
        check_resumable(out, text)
    runtime = Runtime(seed=training.seed, device=training.device)
    trainer = training.training.build(runtime)
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world > 1 and not getattr(trainer, "shared", False):
        raise UserError(
            f"trainer {training.training.use!r} learns in one process; expected no torchrun, "
            f"which has started {world}"
        )
    if setting := getattr(trainer, "by_emotion", ""):
        _check_emotions(training, setting)
    trackers = {part.use: part.build(runtime) for part in training.trackers if first}
    examples = examples or examples_of(training, told)
    terms = {part.use: part.config for part in training.terms}
    with closing(examples.fresh or ExitStack()):
        reports = trainer.train(examples, terms, out)  # what it refuses leaves no folder behind
        if first:
            out.mkdir(parents=True, exist_ok=True)
            write(out / "training.toml", text)
        with tracked(trackers, out, text) as tell:
            for figures in reports:
                if first:
                    _note(out / "figures.csv", figures)
                    tell(figures)
                yield figures
    if first:
        write(out / DONE, "{}\n")


def _check_emotions(training: Training, setting: str) -> None:
    """Raise UserError, before anything is gathered, where a dataset has no words for emotions."""
    known = catalogue().parts["dataset"]
    having = [name for name, config in known.items() if getattr(config, "has_emotions", False)]
    for part in training.dataset:
        if not getattr(part.config, "has_emotions", False):
            raise UserError(
                f"training: {setting} goes by words for emotions, and dataset {part.use!r} has "
                f"none; those that can have them: {', '.join(sorted(having))}"
            )


def check_resumable(out: Path, text: str) -> None:
    """Raise InputError unless `out` is new, empty, or holds this training, not finished."""
    kept = out / "training.toml"
    if not kept.is_file():
        check_empty(out)
    elif (out / DONE).exists():
        raise InputError(out, "holds a finished training; expected a new folder")
    elif _learnt(kept.read_text(encoding="utf-8")) != _learnt(text):
        raise InputError(
            out, "holds another training; give the same one to go on with, or a new folder"
        )


def _learnt(text: str) -> dict[str, Any]:
    """What a training of that text learns by."""
    try:
        return {key: value for key, value in tomllib.loads(text).items() if key not in ASIDE}
    except tomllib.TOMLDecodeError:
        return {}


def examples_of(training: Training, told: Callable[[str, int, int], None]) -> Examples:
    """Every labelled face that the training names; raises what `affmem.cache.gathered` raises."""
    runtime = Runtime(seed=training.seed, device=training.device)
    if training.cache is None and (world := int(os.environ.get("WORLD_SIZE", "1"))) > 1:
        log.info("note: each of %d processes gathers all faces; with a cache, one a node", world)
    source = Source(training.dataset, training.faces, runtime)
    fresh = Made(source, training.workers) if training.endless else None
    return evolve(gathered(source, training.cache, told, training.workers), fresh=fresh)


def _note(path: Path, figures: Mapping[str, float]) -> None:
    """Add a row; of a training that goes on, rows of the same step are not repeated."""
    rows: list[dict[str, str]] = []
    if path.exists():
        with path.open(encoding="utf-8", newline="") as file:
            rows = [row for row in csv.DictReader(file) if float(row["step"]) < figures["step"]]
    rows.append({name: f"{value:.6g}" for name, value in figures.items()})
    names = list(dict.fromkeys(name for row in rows for name in row))
    lines = [names, *([row.get(name, "") or "" for name in names] for row in rows)]
    write(path, "\n".join(",".join(line) for line in lines) + "\n")
