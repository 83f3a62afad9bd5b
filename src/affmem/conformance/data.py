"""What datasets and face finders keep."""

from collections import Counter
from collections.abc import Iterator
from itertools import islice, pairwise
from typing import Any

import numpy as np
from attrs import astuple

from affmem.conformance.draws import disturb, pictures
from affmem.conformance.subject import Check, Subject, demand, equal
from affmem.protocols import Contest, Dataset, Endless, Follower
from affmem.values import UNITS, Affect, Clip, Corners, Found, Frame, Image

CLIPS, FRAMES = 3, 6
"""How many clips are opened, and how many frames of each are read."""
ONCE = 0.05


def clips_are_listed(subject: Subject) -> None:
    """It lists clips of different names, the same each time; its labels belong to a `Unit`."""

    def check(config: Any) -> None:
        dataset: Dataset = subject.build(config)
        demand(dataset.unit in UNITS, f"unit is {dataset.unit!r}")
        clips = list(dataset.clips())
        demand(all(isinstance(one, Clip) for one in clips), "clips() gave what is no Clip")
        names = [one.name for one in clips]
        twice = [name for name, count in Counter(names).items() if count > 1]
        demand(not twice, f"several clips have the name {', '.join(twice[:3])}")
        for again in (dataset.clips(), subject.build(config).clips()):
            demand(list(again) == clips, "asked again, clips() gave others")

    subject.given(check, ONCE, config=subject.configs)


def frames_come_in_time_order(subject: Subject) -> None:
    """A clip's frames are pictures, uint8 RGB, at times from 0 on that never fall."""

    def check(config: Any) -> None:
        for clip, frames in _read(subject.build(config)):
            times = [frame.time for frame in frames]
            rises = all(a <= b for a, b in pairwise(times))
            demand(rises and min(times, default=0) >= 0, f"{clip.name}: times {times}")
            for frame in frames:
                image = frame.image
                demand(
                    image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3,
                    f"{clip.name}: expected uint8[h, w, 3], got {image.dtype}{list(image.shape)}",
                )

    subject.given(check, ONCE, config=subject.configs)


def frames_are_the_same_again(subject: Subject) -> None:
    """Read again, in another order, or from one built anew with the same seed, a clip has the same
    frames, bit for bit."""

    def check(config: Any) -> None:
        dataset = subject.build(config)
        first = dict(_read(dataset))
        disturb(2)
        for source in (dataset, subject.build(config)):
            for clip, frames in _read(source, backwards=True):
                equal(_arrays(first[clip]), _arrays(frames), f"clip {clip.name} read again")

    subject.given(check, ONCE, config=subject.configs)


def fresh_faces_are_the_same_again(subject: Subject) -> None:
    """Where it makes faces without end, face `number` is labelled, and the same whenever asked."""

    def check(config: Any) -> None:
        dataset = subject.build(config)
        if not isinstance(dataset, Endless):
            return
        first = {number: dataset.fresh(number) for number in (0, 7)}
        disturb(2)
        for source in (dataset, subject.build(config)):
            for number in (7, 0):
                again = source.fresh(number)
                demand(again.affect is not None, f"face {number} has no label")
                equal(_arrays([first[number]]), _arrays([again]), f"face {number} made again")

    subject.given(check, ONCE, config=subject.configs)


def predictions_fit_its_form(subject: Subject) -> None:
    """Where it has a form for predictions, that takes those of all clips, of some, or of none, and
    is the same text again."""

    def check(config: Any) -> None:
        dataset = subject.build(config)
        if not isinstance(dataset, Contest):
            return
        read = {one.name: Affect(0.5, -0.5) for one in dataset.clips()}
        for some in (read, dict(islice(read.items(), 1)), {}):
            text = dataset.predictions(some)
            demand(isinstance(text, str), f"predictions() gave {type(text).__name__}, no text")
            again = subject.build(config).predictions(some)
            demand(again == text, f"asked again, predictions of {len(some)} clips were others")

    subject.given(check, ONCE, config=subject.configs)


def each_picture_has_an_answer(subject: Subject) -> None:
    """Each picture has one answer: a face, float32 [3, 96, 96] in [-1, 1], or None; it stays as it
    was."""

    def check(config: Any, images: list[Image]) -> None:
        given = [image.copy() for image in images]
        answers = list(subject.build(config).find(given))
        demand(len(answers) == len(images), f"{len(answers)} answers to {len(images)} pictures")
        for face in answers:
            if face is not None:
                demand(
                    face.dtype == np.float32 and face.shape == (3, 96, 96),
                    f"expected float32[3, 96, 96], got {face.dtype}{list(face.shape)}",
                )
                demand((np.abs(face) <= 1).all(), f"a face reaches {np.abs(face).max():g}")
        same = all(np.array_equal(a, b) for a, b in zip(images, given, strict=True))
        demand(same, "it changed a picture that it was given")

    subject.given(check, config=subject.configs, images=pictures())


def no_picture_is_read_too_early(subject: Subject) -> None:
    """It reads no picture before the answer to the one before was taken."""

    def check(config: Any) -> None:
        read = 0

        def stream() -> Iterator[Image]:
            nonlocal read
            for _ in range(3):
                read += 1
                yield np.zeros((60, 60, 3), np.uint8)

        found = subject.build(config).find(stream())
        for taken in range(3):
            demand(read <= taken, f"{read} pictures were read when {taken} answers were taken")
            next(found)

    subject.given(check, ONCE, config=subject.configs)


def streams_do_not_mix(subject: Subject) -> None:
    """Two streams at once, or one after the other, or of one built anew: the same answers."""

    def check(config: Any, one: list[Image], other: list[Image]) -> None:
        finder = subject.build(config)
        first, second = list(finder.find(one)), list(subject.build(config).find(other))
        disturb(2)
        a, b = finder.find(one), finder.find(other)
        mixed: tuple[list[Any], list[Any]] = [], []
        for place in range(max(len(one), len(other))):
            for stream, images, answers in ((a, one, mixed[0]), (b, other, mixed[1])):
                if place < len(images):
                    answers.append(next(stream))
        for alone, together in zip((first, second), mixed, strict=True):
            equal(_faces(alone), _faces(together), "alone and beside another stream")

    subject.given(check, 0.5, config=subject.configs, one=pictures(), other=pictures())


def followed_faces_have_numbers(subject: Subject) -> None:
    """One that can follow gives the faces of each picture, with finite corners, the largest first,
    each with a number of its own, which is used no more once it was given up."""

    def check(config: Any, images: list[Image]) -> None:
        finder = subject.build(config)
        if not isinstance(finder, Follower):
            return
        following = finder.follow()
        given, before, gone = [image.copy() for image in images], set[int](), set[int]()
        for image in images:
            found = list(following.see(image))
            for one in found:
                form = f"{one.face.dtype}{list(one.face.shape)}"
                demand(form == "float32[3, 96, 96]", f"expected float32[3, 96, 96], got {form}")
                demand((np.abs(one.face) <= 1).all(), f"a face reaches {np.abs(one.face).max():g}")
                demand(np.isfinite(one.corners).all(), f"corners {one.corners.tolist()}")
            areas = [_area(one.corners) for one in found]
            demand(all(a >= b * 0.999 for a, b in pairwise(areas)), f"areas {areas}")
            tracks = {one.track for one in found}
            demand(len(tracks) == len(found), f"numbers {[one.track for one in found]}")
            demand(not tracks & gone, f"{tracks & gone} was given up and used again")
            gone |= before - tracks
            before = tracks
        same = all(np.array_equal(a, b) for a, b in zip(images, given, strict=True))
        demand(same, "it changed a picture that it was given")

    subject.given(check, config=subject.configs, images=pictures())


def followed_streams_do_not_mix(subject: Subject) -> None:
    """One that can follow two streams at once sees in each what it sees in it alone."""

    def check(config: Any, one: list[Image], other: list[Image]) -> None:
        finder, apart = subject.build(config), subject.build(config)
        if not isinstance(finder, Follower):
            return
        alone, first, second = apart.follow(), finder.follow(), finder.follow()
        for place, image in enumerate(one):
            expected = alone.see(image)
            if place < len(other):
                second.see(other[place])
            seen = first.see(image)
            numbers = [[found.track for found in side] for side in (expected, seen)]
            demand(numbers[0] == numbers[1], f"alone {numbers[0]}, beside another {numbers[1]}")
            for a, b in zip(expected, seen, strict=True):
                equal(_arrays_of(a), _arrays_of(b), "alone and beside another stream")

    subject.given(check, 0.5, config=subject.configs, one=pictures(), other=pictures())


def _arrays_of(found: Found) -> dict[str, Any]:
    return {f"face {found.track}": found.face, f"corners of {found.track}": found.corners}


def _area(corners: Corners) -> float:
    """Of a quadrangle, in pixels."""
    x, y = corners.T
    return float(abs(x @ np.roll(y, 1) - y @ np.roll(x, 1)) / 2)


def _read(dataset: Dataset, *, backwards: bool = False) -> Iterator[tuple[Clip, list[Frame]]]:
    """The first frames of the first clips."""
    clips = list(dataset.clips())[:CLIPS]
    for clip in reversed(clips) if backwards else clips:
        yield clip, list(islice(dataset.frames(clip), FRAMES))


def _arrays(frames: list[Frame]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for number, frame in enumerate(frames):
        label = (np.nan, np.nan) if frame.affect is None else astuple(frame.affect)
        found[f"frame {number}"] = frame.image
        found[f"time and label of frame {number}"] = np.array([frame.time, *label])
    return found


def _faces(answers: list[Any]) -> dict[str, Any]:
    none = np.empty(0, np.float32)
    return {f"answer {n}": none if one is None else one for n, one in enumerate(answers)}


DATASET: tuple[Check, ...] = (
    clips_are_listed,
    frames_come_in_time_order,
    frames_are_the_same_again,
    fresh_faces_are_the_same_again,
    predictions_fit_its_form,
)
FACES: tuple[Check, ...] = (
    each_picture_has_an_answer,
    no_picture_is_read_too_early,
    streams_do_not_mix,
    followed_faces_have_numbers,
    followed_streams_do_not_mix,
)
