"""Dataset "drawn": aligned faces of drawn persons, drawn when they are asked for."""

import numpy as np

from affmem.portraits import Portraits
from affmem.protocols import Runtime
from affmem.values import Affect, Image
from affmem_drawn.config import DrawnConfig
from affmem_drawn.portrait import Person, draw_face, sample_person, sample_scene

NOTE = "the faces are drawn, their affect is what they were drawn to show"


def drawn(config: DrawnConfig, runtime: Runtime) -> Portraits[Person]:
    """Faces of drawn persons."""

    def person(rng: np.random.Generator) -> Person:
        return sample_person(rng, config.strength)

    def face(person: Person, affect: Affect, rng: np.random.Generator) -> Image:
        return draw_face(person, affect, sample_scene(rng), config.size, rng)

    return Portraits("drawn", NOTE, config, runtime, person, face)
