"""Dataset "drawn": aligned faces of drawn persons, drawn when they are asked for."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import final

import numpy as np

from affmem.errors import InputError
from affmem.expression import spread_affects
from affmem.protocols import Runtime
from affmem.values import Affect, Clip, Frame, Unit
from affmem_drawn.config import DrawnConfig
from affmem_drawn.portrait import Person, draw_face, sample_person, sample_scene


@final
class Drawn:
    """Faces of drawn persons; the same settings and seed give the same bytes."""

    unit: Unit = "frame"

    def __init__(self, config: DrawnConfig, runtime: Runtime) -> None:
        self._config = config
        self._root = int(runtime.rng("dataset").integers(1 << 62))
        self._clips: dict[str, tuple[Clip, Affect, int, int]] = {}
        self._person = lru_cache(maxsize=4096)(self._sample_person)

    def notes(self) -> Sequence[str]:
        """That these are drawings."""
        return ("the faces are drawn, their affect is what they were drawn to show",)

    def _sample_person(self, person: int) -> Person:
        rng = np.random.default_rng([self._root, person])
        return sample_person(rng, self._config.strength)

    def _list(self) -> None:
        for person in range(self._config.persons):
            name = f"person_{person:04d}"
            first, second = np.random.default_rng([self._root, person, 1]).random(2).tolist()
            affects = spread_affects(self._config.faces_per_person, (first, second)).tolist()
            for face, (arousal, valence) in enumerate(affects):
                affect = Affect(arousal, valence)
                clip = Clip(f"{name}/face_{face:04d}", name, affect)
                self._clips[clip.name] = clip, affect, person, face

    def clips(self) -> Sequence[Clip]:
        """A clip a face, person by person."""
        if not self._clips:
            self._list()
        return [clip for clip, *_ in self._clips.values()]

    def frames(self, clip: Clip) -> Iterator[Frame]:
        """The one frame of a clip."""
        if not self._clips:
            self._list()
        try:
            _, affect, person, face = self._clips[clip.name]
        except KeyError:
            raise InputError(clip.name, "is no clip of dataset 'drawn'") from None
        rng = np.random.default_rng([self._root, person, 2, face])
        scene, size = sample_scene(rng), self._config.size
        yield Frame(0.0, draw_face(self._person(person), affect, scene, size, rng), affect)
