"""Dataset "rendered": aligned faces of 3-D persons, rendered when they are asked for."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import final

import numpy as np

from affmem.errors import InputError
from affmem.expression import spread_affects
from affmem.protocols import Runtime
from affmem.values import Affect, Clip, Frame, Unit
from affmem_rendered.config import RenderedConfig
from affmem_rendered.model import load_model
from affmem_rendered.portrait import Person, render_face, sample_person
from affmem_rendered.scene import sample_scene


@final
class Rendered:
    """Faces of 3-D persons; the same settings, meshes and seed give the same bytes."""

    unit: Unit = "frame"

    def __init__(self, config: RenderedConfig, runtime: Runtime) -> None:
        self._config = config
        self._model = load_model(config.root)
        self._root = int(runtime.rng("dataset").integers(1 << 62))
        self._clips: dict[str, tuple[Clip, Affect, int, int]] = {}
        self._person = lru_cache(maxsize=128)(self._sample_person)

    def notes(self) -> Sequence[str]:
        """That these are renderings."""
        return ("the faces are rendered, their affect is what they were made to show",)

    def _sample_person(self, person: int) -> Person:
        rng = np.random.default_rng([self._root, person])
        return sample_person(self._model, rng, self._config.strength)

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
            raise InputError(clip.name, "is no clip of dataset 'rendered'") from None
        rng = np.random.default_rng([self._root, person, 2, face])
        scene, size = sample_scene(rng), self._config.size
        image = render_face(self._model, self._person(person), affect, scene, size, rng)
        yield Frame(0.0, image, affect)
