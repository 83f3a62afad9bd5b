"""Training prior knowledge: labelled faces gathered once, then handed to the trainer."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np

from affmem.errors import UserError
from affmem.experiment import Training
from affmem.gallery import picture
from affmem.protocols import Runtime


def train(
    training: Training, out: Path, told: Callable[[str, int, int], None] = lambda *_: None
) -> Iterator[Mapping[str, float]]:
    """Train and yield the trainer's figures; write the checkpoint `out`.

    Every frame with a label (its own or its clip's) and a face is an example. `told(stage, done,
    of)` hears of the gathering. Raises UserError where there is none, and what the parts raise.
    """
    runtime = Runtime(seed=training.seed, device=training.device)
    dataset = training.dataset.build(runtime)
    finder = training.faces.build(runtime)
    trainer = training.trainer.build(runtime)
    clips = dataset.clips()
    faces, affects = [], []
    for done, clip in enumerate(clips):
        told("gathering faces", done, len(clips))
        frames = list(dataset.frames(clip))
        found = finder.find(frame.image for frame in frames)
        for frame, face in zip(frames, found, strict=True):
            label = frame.affect or clip.affect
            if face is not None and label is not None:
                faces.append(picture(face))
                affects.append((label.arousal, label.valence))
    if not faces:
        raise UserError(f"dataset {training.dataset.use!r}: no frame has both a face and a label")
    told("gathering faces", len(clips), len(clips))
    yield from trainer.train(np.stack(faces), np.array(affects, np.float32), out)
