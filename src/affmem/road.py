"""One frame's way, from picture to prediction to learning: read it top to bottom.

    Dataset -> Clip -> frames -> FaceFinder -> face -> Encoder -> code
            -> Reader.read (prior knowledge alone), Memory.predict (this person's)  -> Step
            -> and only then Memory.partial_fit

Every frame is predicted before it is learnt, and nothing here ever shows a label to a memory: the
figures made of these steps look neither into the future nor at the answers.
"""

from collections.abc import Iterator, MutableMapping, Sequence

import numpy as np
from attrs import define, evolve, frozen

from affmem.keeping import kept_of, restore
from affmem.protocols import (
    Dataset,
    Editor,
    Encoder,
    FaceFinder,
    Memory,
    MemoryConfig,
    Reader,
    Runtime,
)
from affmem.start import Start, latent, plane
from affmem.timing import Clock
from affmem.values import Affect, Affects, Clip, Code, Codes, Face, Frame, Kept, Likeness, Step

BLOCK = 25
"""Frames encoded at a time: a second of video."""


@frozen
class Parts:
    """What a picture passes through, built."""

    faces: FaceFinder
    encoder: Encoder
    reader: Reader
    editor: Editor
    memory: MemoryConfig
    start: Start
    runtime: Runtime


@frozen
class Stations(Parts):
    """All that the road calls, built."""

    dataset: Dataset


@define
class Person:
    """Someone who was met: their memory, and how many of their faces it has seen."""

    memory: Memory
    rng: np.random.Generator
    lessons: int
    """How many of their first faces it is started by"""
    seen: int = 0
    mean: Face | None = None
    """Of their first faces so far, where it is their mean that is redrawn"""
    likeness: Likeness | None = None
    """By what they are recognised, if they agreed to that (`affmem.recognition`)"""

    def kept(self) -> Kept:
        """All that is kept of them.

        A mean of faces is a picture, which is not kept: its faces are waited for anew.
        """
        return kept_of(self.memory, self.seen if self.mean is None else 0, self.likeness)


def walk(
    stations: Stations,
    people: MutableMapping[str, Person],
    clock: Clock | None = None,
    clips: Sequence[Clip] | None = None,
) -> Iterator[Step]:
    """Walk all clips in the dataset's order; one step a frame. `people` is filled as they are met.

    Of `clips`, if they are given, those alone. Raises InputError where a clip cannot be read.
    """
    clock = clock or Clock()
    for clip in stations.dataset.clips() if clips is None else clips:
        person = people.get(clip.person) or meet(clip.person, stations)
        people[clip.person] = person
        person.memory.begin()
        step = Step(clip, 0.0, False, None, None, 0.0, len(person.memory), None)  # noqa: FBT003
        for frames, faces in _blocks(clip, stations, clock):
            found = [face for face in faces if face is not None]
            with clock("encode"):
                codes = stations.encoder.encode(np.stack(found)) if found else _NONE
            with clock("read"):
                priors = stations.reader.read(codes) if found else _NONE
            row = 0
            for frame, face in zip(frames, faces, strict=True):
                truth = frame.affect or clip.affect
                if face is None:  # bridged: the last readings of this clip stand
                    step = Step(
                        clip, frame.time, False, step.pk, step.memory,  # noqa: FBT003
                        step.activation, len(person.memory), truth,
                    )  # fmt: skip
                    yield step
                    continue
                code, prior = codes[row : row + 1], affect(priors[row])
                row += 1
                with clock("predict"):
                    reading = person.memory.predict(code)
                step = Step(
                    clip=clip,
                    time=frame.time,
                    face=True,
                    pk=prior,
                    memory=affect(reading.affects[0]) or prior,  # it knows nothing yet: PK stands
                    activation=float(reading.activations[0]),
                    units=len(person.memory),
                    truth=truth,
                )
                yield step
                learn(face, code, person, stations, clock)


def learn(face: Face, code: Code, person: Person, parts: Parts, clock: Clock) -> None:
    """Learn a face [3, 96, 96] that was read, and its code [1, d]: a first one with its edits."""
    if person.seen < person.lessons:
        _start(face, code, person, parts, clock)
    else:
        with clock("learn"):
            person.memory.partial_fit(code)
    person.seen += 1


_NONE = np.empty((0, 2), np.float32)


def meet(name: str, parts: Parts, kept: Kept | None = None) -> Person:
    """A person never seen: an empty memory, and a random stream that is theirs alone.

    One of whom something is kept goes on as if they had never left. Raises StoreError where that
    does not fit the memory.
    """
    runtime, memory = parts.runtime, parts.memory.build(parts.runtime)
    lessons = parts.start.frames if getattr(memory, "takes_edits", True) else 0
    person = Person(memory, runtime.rng(f"edits of {name}"), lessons)
    person.seen, person.likeness = restore(name, kept, memory)
    for _lesson in range(min(person.seen, lessons)):
        plane(parts.start, person.rng)  # drawn already
    return person


def rehearse(parts: Parts) -> None:
    """Meet someone made up, of whom nothing stays: what is loaded, or compiled, when it is first
    used is then there, and the first person does not wait for it."""
    start = evolve(parts.start, frames=min(1, parts.start.frames), edits=4, epochs=1)
    brief = evolve(parts, start=start)
    face = np.zeros((3, 96, 96), np.float32)
    code = parts.encoder.encode(face[None])
    parts.reader.read(code)
    someone = meet("someone made up", brief)
    someone.memory.begin()
    for _face in range(2):  # one with edits, and one without
        learn(face, code, someone, brief, Clock())
        someone.memory.predict(code)
    someone.kept()


def _blocks(
    clip: Clip, stations: Stations, clock: Clock
) -> Iterator[tuple[list[Frame], list[Face | None]]]:
    """The clip's frames (without their pictures) and faces, a second of them at a time."""
    frames: list[Frame] = []
    waiting: list[Frame] = []

    def images() -> Iterator[np.ndarray]:
        for frame in clock.over("decode", stations.dataset.frames(clip)):
            waiting.append(Frame(frame.time, _NO_IMAGE, frame.affect))
            yield frame.image

    faces: list[Face | None] = []
    for face in clock.over("find", stations.faces.find(images())):
        frames.append(waiting.pop(0))
        faces.append(face)
        if len(frames) == BLOCK:
            yield frames, faces
            frames, faces = [], []
    if frames:
        yield frames, faces


_NO_IMAGE = np.empty((0, 0, 3), np.uint8)


def _start(face: Face, code: Code, person: Person, parts: Parts, clock: Clock) -> None:
    """One of a person's first faces, or the last one and the mean of all, is learnt with edits."""
    start, memory = parts.start, person.memory
    if start.of == "mean":
        before = face if person.mean is None else person.mean
        person.mean = before + (face - before) / np.float32(person.seen + 1)
        if person.seen + 1 < person.lessons:
            return
        face, person.mean = person.mean, None
        with clock("encode"):
            code = parts.encoder.encode(face[None])
    asked = plane(start, person.rng)
    edits = _edits(face, code, asked, parts, clock)
    with clock("learn"):
        for _epoch in range(start.epochs):
            memory.partial_fit(edits, asked)
            memory.partial_fit(code)


def _edits(face: Face, code: Code, asked: Affects, parts: Parts, clock: Clock) -> Codes:
    """The codes of a face's edits: drawn and encoded (P§2.2), or said by the editor itself."""
    if parts.start.by == "codes":
        with clock("edit"):
            return latent(parts.editor).edit_codes(code, asked)
    with clock("edit"):
        redrawn = parts.editor.edit(face, asked)
    with clock("encode edits"):
        return parts.encoder.encode(redrawn)


def affect(row: np.ndarray) -> Affect | None:
    """A row of affects as a value; None where it is NaN."""
    arousal, valence = (float(x) for x in np.clip(row, -1, 1))
    return None if np.isnan(arousal) or np.isnan(valence) else Affect(arousal, valence)
