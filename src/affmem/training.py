"""A training: labelled faces gathered once, then handed to the trainer, in a folder of its own."""

import csv
import os
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np

from affmem.errors import InputError, UserError
from affmem.experiment import Training, dumps
from affmem.gallery import picture
from affmem.protocols import Dataset, Runtime
from affmem.run import check_empty, write
from affmem.terms import Examples
from affmem.tracking import tracked
from affmem.values import Clip

DONE = "done.json"
"""Its presence says that a training is finished."""


def train(
    training: Training,
    out: Path,
    told: Callable[[str, int, int], None] = lambda *_: None,
    examples: Examples | None = None,
) -> Iterator[Mapping[str, float]]:
    """Train in the folder `out` and yield the trainer's figures; they are kept in `figures.csv`.

    A folder in which the very same training was cut off goes on from there. `told(stage, done,
    of)` hears of the gathering of faces, which `examples` save where they are there already.
    Raises InputError where `out` holds anything else, UserError where there is no example, and
    what the parts raise.
    """
    text = dumps(training)
    check_resumable(out, text)
    runtime = Runtime(seed=training.seed, device=training.device)
    trainer = training.training.build(runtime)
    first = os.environ.get("RANK", "0") == "0"  # of several processes under torchrun, one writes
    trackers = {part.use: part.build(runtime) for part in training.trackers if first}
    examples = examples or gather(training, runtime, told)
    out.mkdir(parents=True, exist_ok=True)
    if first:
        write(out / "training.toml", text)
    terms = {part.use: part.config for part in training.terms}
    with tracked(trackers, out, text) as tell:
        for figures in trainer.train(examples, terms, out):
            if first:
                _note(out / "figures.csv", figures)
                tell(figures)
            yield figures
    if first:
        write(out / DONE, "{}\n")


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
    """What a training of that text learns by; who watches it plays no part."""
    try:
        return {key: value for key, value in tomllib.loads(text).items() if key != "trackers"}
    except tomllib.TOMLDecodeError:
        return {}


def gather(training: Training, runtime: Runtime, told: Callable[[str, int, int], None]) -> Examples:
    """Every frame with a face and a label (its own or its clip's), aligned.

    Raises UserError where there is none.
    """
    clips = mixed([part.build(runtime) for part in training.dataset])
    finder = training.faces.build(runtime)
    faces, affects, whose = [], [], []
    for done, (dataset, clip) in enumerate(clips):
        told("gathering faces", done, len(clips))
        frames = list(dataset.frames(clip))
        found = finder.find(frame.image for frame in frames)
        for frame, face in zip(frames, found, strict=True):
            label = frame.affect or clip.affect
            if face is not None and label is not None:
                faces.append(picture(face))
                affects.append((label.arousal, label.valence))
                whose.append(clip)
    if not faces:
        names = ", ".join(repr(part.use) for part in training.dataset)
        raise UserError(f"dataset {names}: no frame has both a face and a label")
    told("gathering faces", len(clips), len(clips))
    return Examples(np.stack(faces), np.array(affects, np.float32), whose)


def mixed(datasets: Sequence[Dataset]) -> list[tuple[Dataset, Clip]]:
    """The clips of all, each dataset's in its own order and spread over the whole evenly."""
    placed = [
        ((place + 0.5) / len(clips), dataset, clip)
        for dataset, clips in ((one, one.clips()) for one in datasets)
        for place, clip in enumerate(clips)
    ]
    return [(dataset, clip) for _, dataset, clip in sorted(placed, key=itemgetter(0))]


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
