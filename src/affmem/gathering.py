"""Labelled faces gathered from datasets: decoded or drawn, found, cropped."""

from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from functools import cached_property
from operator import itemgetter
from typing import final

import numpy as np
from attrs import evolve, frozen

from affmem.errors import InputError, UserError
from affmem.experiment import Part
from affmem.gallery import picture
from affmem.protocols import Dataset, Endless, FaceFinder, Runtime
from affmem.values import Affect, Affects, Clip, Image, Pictures
from affmem.workers import spread

Told = Callable[[str, int, int], None]

WITHOUT_END = 1 << 62
FIRST_FEW = 3
"""How many clips that cannot be read a note names."""


@frozen
class Source:
    """All that faces are gathered from."""

    datasets: tuple[Part, ...]
    finder: Part
    runtime: Runtime


@frozen(eq=False)
class Labels:
    """What belongs to gathered faces."""

    affects: Affects
    emotions: Sequence[str]
    """Of each face, "" where there is no word for it."""
    counts: Sequence[int]
    """How many faces there are of each clip; `whose` says which clips these are."""
    notes: Sequence[str]
    """What a user should know of them."""


def gather(source: Source, keep: Callable[[Pictures], object], told: Told, workers: int) -> Labels:
    """Every frame with a face and a label (its own or its clip's).

    `keep` is given the faces of each clip that has any, in an order that does not depend on how
    many processes (`workers`) there are. Clips that cannot be read are left out and noted. Raises
    UserError where no face is left.
    """
    eye = _Eye(source)
    jobs = eye.jobs()
    affects: list[tuple[float, float]] = []
    emotions: list[str] = []
    counts: list[int] = []
    notes = dict.fromkeys(note for one in eye.datasets for note in one.notes())
    unreadable: list[str] = []
    for done, seen in enumerate(spread(eye, jobs, workers)):
        told("gathering faces", done, len(jobs))
        notes |= dict.fromkeys(seen.notes)
        if seen.problem:
            unreadable.append(seen.problem)
        affects += seen.affects
        emotions += seen.emotions
        counts.append(len(seen.faces))
        if seen.faces:
            keep(np.stack(seen.faces))
    told("gathering faces", len(jobs), len(jobs))
    if not affects:
        names = ", ".join(repr(part.use) for part in source.datasets)
        why = f"; {unreadable[0]}" if unreadable else ""
        raise UserError(f"dataset {names}: no frame has both a face and a label{why}")
    if unreadable:
        few = "; ".join(unreadable[:FIRST_FEW]) + ("; ..." if len(unreadable) > FIRST_FEW else "")
        notes[f"{len(unreadable)} of {len(jobs)} clips cannot be read, left out: {few}"] = None
    return Labels(np.array(affects, np.float32), emotions, counts, tuple(notes))


def whose(source: Source, counts: Sequence[int]) -> list[Clip]:
    """The clip of each gathered face; of several datasets, with their places in its names.

    Raises ValueError where `counts` are not of these clips.
    """
    clips = []
    for (place, clip), count in zip(_Eye(source).jobs(), counts, strict=True):
        if len(source.datasets) > 1:  # each has a person_0000
            named = evolve(clip, name=f"{place}/{clip.name}", person=f"{place}/{clip.person}")
        else:
            named = clip
        clips += [named] * count
    return clips


def mixed(clips: Sequence[Sequence[Clip]]) -> list[tuple[int, Clip]]:
    """The clips of all datasets, each with its dataset's place.

    Each dataset's stay in their own order and are spread over the whole evenly.
    """
    placed = [
        ((order + 0.5) / len(several), place, clip)
        for place, several in enumerate(clips)
        for order, clip in enumerate(several)
    ]
    return [(place, clip) for _, place, clip in sorted(placed, key=itemgetter(0))]


@final
class Made:
    """Faces without end (`affmem.terms.Fresh`), of several datasets one after the other in turn.

    `workers` processes make them ahead of time; what is sent to another process makes them itself,
    where joblib and Dask let it start none. Raises UserError where a dataset has an end.
    """

    def __init__(self, source: Source, workers: int) -> None:
        self._source, self._eye, self._workers = source, _Eye(source), workers
        for part, dataset in zip(source.datasets, self._eye.datasets, strict=True):
            if not isinstance(dataset, Endless):
                raise UserError(f"endless: dataset {part.use!r} cannot make faces without end")
        self._open: list[Generator[tuple[Image, Affect], None, None]] = []

    def __call__(self, start: int, stride: int = 1) -> Iterator[tuple[Image, Affect]]:
        self.close()
        numbers = range(start, WITHOUT_END, stride)
        self._open.append(spread(self._eye.fresh, numbers, self._workers))
        return self._open[-1]

    def __reduce__(self) -> tuple[type["Made"], tuple[Source, int]]:
        return Made, (self._source, 1)

    def close(self) -> None:
        while self._open:
            self._open.pop().close()


def _own(runtime: Runtime, place: int) -> Runtime:
    """What the dataset at a place draws from, so that no two draw the same persons.

    >>> _own(Runtime(seed=1), 0).seed, _own(Runtime(seed=1), 1) == _own(Runtime(seed=1), 2)
    (1, False)
    """
    if place == 0:
        return runtime
    return evolve(runtime, seed=int(runtime.rng(f"dataset {place}").integers(1 << 31)))


@frozen(eq=False)
class _Seen:
    """What one clip gave."""

    faces: Sequence[Image] = ()
    affects: Sequence[tuple[float, float]] = ()
    emotions: Sequence[str] = ()
    notes: tuple[str, ...] = ()
    problem: str = ""


class _Eye:
    """Sees the faces of one clip after another. Another process makes the parts for itself."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def __reduce__(self) -> tuple[type["_Eye"], tuple[Source]]:
        return _Eye, (self._source,)

    @cached_property
    def datasets(self) -> list[Dataset]:
        """Made anew for each gathering, so that files are as they are now."""
        datasets = enumerate(self._source.datasets)
        return [one.config.build(_own(self._source.runtime, place)) for place, one in datasets]

    def jobs(self) -> list[tuple[int, Clip]]:
        """All clips."""
        return mixed([one.clips() for one in self.datasets])

    @cached_property
    def _finder(self) -> FaceFinder:
        finder: FaceFinder = self._source.finder.build(self._source.runtime)
        return finder

    def fresh(self, number: int) -> tuple[Image, Affect]:
        turn, place = divmod(number, len(self.datasets))
        dataset = self.datasets[place]
        assert isinstance(dataset, Endless)  # noqa: S101  (`Made` has looked)
        frame = dataset.fresh(turn)
        (face,) = self._finder.find([frame.image])
        if face is None or frame.affect is None:
            raise UserError(
                "endless: [faces] finds no face in one that was made; these are aligned already, "
                'expected faces.use = "none"'
            )
        return picture(face), frame.affect

    def __call__(self, job: tuple[int, Clip]) -> _Seen:
        place, clip = job
        dataset = self.datasets[place]
        before = set(dataset.notes())
        labels: deque[tuple[Affect | None, str]] = deque()

        def images() -> Iterator[Image]:
            for frame in dataset.frames(clip):
                labels.append((frame.affect or clip.affect, frame.emotion or clip.emotion or ""))
                yield frame.image

        faces, affects, emotions = [], [], []
        try:
            for face in self._finder.find(images()):
                label, emotion = labels.popleft()
                if face is not None and label is not None:
                    faces.append(picture(face))
                    affects.append((label.arousal, label.valence))
                    emotions.append(emotion)
        except InputError as error:
            return _Seen(problem=str(error))
        notes = tuple(one for one in dataset.notes() if one not in before)
        return _Seen(faces, affects, emotions, notes)
