"""Controls of a study: what a memory's figures are to be held against.

Some change what a memory is shown (`shown`): a wrong person, a wrong order, the true labels. Others
need no memory at all (`derived`): they are functions of the prior knowledge's readings. Two of all
these see true labels, and say so: "told" and "ceiling".
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, final

import numpy as np
import numpy.typing as npt
from attrs import evolve, frozen

from affmem.protocols import Dataset, Memory, MemoryConfig, Runtime
from affmem.road import Person, Stations, walk
from affmem.values import Affects, Clip, Codes, Frame, Reading, State, Step, Unit

SHOWN: Final = ("nobody", "stranger", "shuffled", "fresh", "told")
DERIVED: Final = ("mean", "average", "ceiling")
CONTROLS: Final = (*SHOWN, *DERIVED)
SHRUNK: Final = 20
"""In "mean": the population counts as so many frames."""
AVERAGED: Final = 3
"""In "average": over so many frames."""


def shown(control: str, stations: Stations) -> Iterator[Step]:
    """Walk with a memory that is shown something else.

    "nobody": it never learns. "stranger": of each person it has what it learnt of the one before,
    in a walk of its own, and learns no more. "shuffled": each clip's frames come in another order.
    "fresh": it forgets at each clip. "told": each frame comes with its true label.
    """
    match control:
        case "nobody":
            yield from walk(evolve(stations, memory=_Still(stations.memory)), {})
        case "stranger":
            people: dict[str, Person] = {}
            for _step in walk(stations, people):
                pass
            learnt = [person.memory for person in people.values()]
            yield from walk(evolve(stations, memory=_Lent([learnt[-1], *learnt[:-1]])), {})
        case "shuffled":
            yield from walk(evolve(stations, dataset=_Shuffled(stations)), {})
        case "fresh":
            dataset = _Apart(stations.dataset)
            for step in walk(evolve(stations, dataset=dataset), {}):
                yield evolve(step, clip=dataset.known[step.clip])
        case "told":
            told = _Told(stations)
            yield from walk(evolve(stations, memory=told, dataset=told), {})
        case _:
            raise ValueError(f"no control that is shown something: {control!r}")


def derived(
    control: str, read: Affects, truth: Affects, persons: npt.NDArray[np.int64]
) -> npt.NDArray[np.float32]:
    """What a control makes of the prior knowledge's readings, [n, 2], in order of time.

    "mean": each is moved against the running mean of the person's readings before it, shrunk
    toward the mean over all persons. "average": the mean of the last readings. "ceiling": the line
    through the person's readings that fits their true labels (NaN: unknown) best by least squares,
    dimension by dimension.

    >>> read = np.float32([[0, 0], [0.5, 0.5], [1, 1]])
    >>> derived("ceiling", read, read / 2, np.zeros(3, np.int64)).tolist()
    [[0.0, 0.0], [0.25, 0.25], [0.5, 0.5]]
    >>> derived("average", read, read, np.zeros(3, np.int64)).tolist()
    [[0.0, 0.0], [0.25, 0.25], [0.5, 0.5]]
    """
    found = np.empty(read.shape, np.float32)
    everyone = read.mean(axis=0)
    for person in np.unique(persons):
        rows = np.flatnonzero(persons == person)
        own, true = read[rows].astype(np.float64), truth[rows].astype(np.float64)
        count = np.arange(len(rows))[:, None]
        sums = np.cumsum(own, axis=0)
        match control:
            case "mean":
                away = (sums - own - count * everyone) / (count + SHRUNK)
                said = own - away
            case "average":
                before = np.concatenate([np.zeros((AVERAGED, 2)), sums])[: len(rows)]
                said = (sums - before) / np.minimum(count + 1, AVERAGED)
            case "ceiling":
                known = ~np.isnan(true).any(axis=1)
                if known.any():
                    middle, goal = own[known].mean(axis=0), true[known].mean(axis=0)
                    off, aim = own[known] - middle, true[known] - goal
                    gain = (off * aim).sum(axis=0) / np.maximum((off * off).sum(axis=0), 1e-12)
                    said = goal + gain * (own - middle)
                else:
                    said = own
            case _:
                raise ValueError(f"no control that is derived: {control!r}")
        found[rows] = said.clip(-1.0, 1.0)
    return found


# --- memories -----------------------------------------------------------------------------------


class _Kept:
    """A memory that predicts, and learns nothing."""

    takes_edits: Final = False

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def begin(self) -> None:
        self._memory.begin()

    def partial_fit(self, codes: Codes, affects: Affects | None = None) -> None:
        pass

    def predict(self, codes: Codes) -> Reading:
        return self._memory.predict(codes)

    def __len__(self) -> int:
        return len(self._memory)

    def state(self) -> State:
        return self._memory.state()

    def restore(self, state: State) -> None:
        self._memory.restore(state)


@final
class _Taught(_Kept):
    """A memory that learns each face with its true label."""

    def __init__(self, memory: Memory, labels: Callable[[], Affects]) -> None:
        super().__init__(memory)
        self._labels = labels

    def partial_fit(self, codes: Codes, affects: Affects | None = None) -> None:
        self._memory.partial_fit(codes, self._labels() if affects is None else affects)


@frozen
class _Still:
    """Memories that never learn."""

    memory: MemoryConfig

    def build(self, runtime: Runtime) -> Memory:
        return _Kept(self.memory.build(runtime))


@final
class _Lent:
    """One ready memory after the other, for each person met."""

    def __init__(self, memories: Sequence[Memory]) -> None:
        self._memories: Iterator[Memory] = iter(memories)

    def build(self, _runtime: Runtime) -> Memory:
        return _Kept(next(self._memories))


# --- datasets -----------------------------------------------------------------------------------


class _Same:
    """The clips of another dataset."""

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset

    @property
    def unit(self) -> Unit:
        return self.dataset.unit

    def notes(self) -> Sequence[str]:
        return self.dataset.notes()

    def clips(self) -> Sequence[Clip]:
        return self.dataset.clips()

    def frames(self, clip: Clip) -> Iterator[Frame]:
        return self.dataset.frames(clip)


@final
class _Told(_Same):
    """Memories that are told the label of each face, and the frames that it is taken from.

    The road reads a block of frames ahead; the labels of those with a face wait in order.
    """

    def __init__(self, stations: Stations) -> None:
        super().__init__(stations.dataset)
        self._memory, self._finder = stations.memory, stations.faces
        self._waiting: list[tuple[float, float]] = []

    def build(self, runtime: Runtime) -> Memory:
        return _Taught(self._memory.build(runtime), self._next)

    def frames(self, clip: Clip) -> Iterator[Frame]:
        for frame in self.dataset.frames(clip):
            label = frame.affect or clip.affect
            if next(iter(self._finder.find([frame.image]))) is not None:
                pair = (np.nan, np.nan) if label is None else (label.arousal, label.valence)
                self._waiting.append(pair)
            yield frame

    def _next(self) -> Affects:
        return np.array([self._waiting.pop(0)], np.float32)


@final
class _Shuffled(_Same):
    """The frames of each clip in an order drawn by lot."""

    def __init__(self, stations: Stations) -> None:
        super().__init__(stations.dataset)
        self._runtime = stations.runtime

    def frames(self, clip: Clip) -> Iterator[Frame]:
        frames = list(self.dataset.frames(clip))
        for place in self._runtime.rng(f"order of {clip.name}").permutation(len(frames)):
            yield frames[place]


@final
class _Apart(_Same):
    """Each clip as if it were of someone never met."""

    def __init__(self, dataset: Dataset) -> None:
        super().__init__(dataset)
        self.known: Mapping[Clip, Clip] = {
            evolve(clip, person=clip.name): clip for clip in dataset.clips()
        }

    def clips(self) -> Sequence[Clip]:
        return list(self.known)

    def frames(self, clip: Clip) -> Iterator[Frame]:
        return self.dataset.frames(self.known[clip])
