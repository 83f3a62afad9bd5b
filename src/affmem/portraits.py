"""A dataset of made persons: aligned faces, each showing the affect that it is asked to."""

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, lru_cache
from typing import Generic, Protocol, TypeVar, final, runtime_checkable

import numpy as np

from affmem.errors import InputError
from affmem.expression import spread_affects
from affmem.protocols import Runtime
from affmem.values import Affect, Clip, Frame, Image, Unit

Person = TypeVar("Person")

AT_HAND = 128
"""How many persons are kept; clips come person by person."""


@runtime_checkable
class Count(Protocol):
    """How many portraits there are."""

    @property
    def persons(self) -> int:
        """How many persons, ..."""
        ...

    @property
    def faces_per_person(self) -> int:
        """... and how many faces of each; their affects cover the whole plane evenly."""
        ...


@final
class Portraits(Generic[Person]):
    """A clip a face, made when it is asked for; the same settings and seed give the same bytes.

    `person(rng)` is a person by lot; `face(person, affect, rng)` an aligned face of theirs, in a
    scene by lot. Each person and each face has a random stream of its own, so that it is the same
    whichever others were made. `name` is the dataset's, `note` what `notes` says of it.
    """

    unit: Unit = "frame"

    def __init__(
        self,
        name: str,
        note: str,
        count: Count,
        runtime: Runtime,
        person: Callable[[np.random.Generator], Person],
        face: Callable[[Person, Affect, np.random.Generator], Image],
    ) -> None:
        self._name, self._note, self._count, self._face = name, note, count, face
        self._make = person
        self._root = int(runtime.rng("dataset").integers(1 << 62))
        self._person = lru_cache(AT_HAND)(lambda number: person(self._rng(number)))

    def _rng(self, *stream: int) -> np.random.Generator:
        return np.random.default_rng([self._root, *stream])

    @cached_property
    def _clips(self) -> dict[str, tuple[Clip, Affect, int, int]]:
        """Each clip by its name, with what it shows, and the numbers of its person and face."""
        clips = {}
        for person in range(self._count.persons):
            name = f"person_{person:04d}"
            first, second = self._rng(person, 1).random(2).tolist()
            affects = spread_affects(self._count.faces_per_person, (first, second)).tolist()
            for face, (arousal, valence) in enumerate(affects):
                affect = Affect(arousal, valence)
                clip = Clip(f"{name}/face_{face:04d}", name, affect)
                clips[clip.name] = clip, affect, person, face
        return clips

    def notes(self) -> Sequence[str]:
        """That these are no photographs."""
        return (self._note,)

    def clips(self) -> Sequence[Clip]:
        """A clip a face, person by person."""
        return [clip for clip, *_ in self._clips.values()]

    def frames(self, clip: Clip) -> Iterator[Frame]:
        """The one frame of a clip."""
        try:
            _, affect, person, face = self._clips[clip.name]
        except KeyError:
            raise InputError(clip.name, f"is no clip of dataset {self._name!r}") from None
        image = self._face(self._person(person), affect, self._rng(person, 2, face))
        yield Frame(0.0, image, affect)

    def fresh(self, number: int) -> Frame:
        """Face `number` of endlessly many, each of a person of its own who is in no clip."""
        rng = self._rng(number, 3)
        arousal, valence = rng.uniform(-1.0, 1.0, 2).tolist()
        affect = Affect(arousal, valence)
        return Frame(0.0, self._face(self._make(rng), affect, rng), affect)
