"""Dataset "rendered": aligned faces of 3-D persons, rendered when they are asked for."""

import numpy as np

from affmem.portraits import Portraits
from affmem.protocols import Runtime
from affmem.values import Affect, Image
from affmem_rendered.config import RenderedConfig
from affmem_rendered.model import load_model
from affmem_rendered.portrait import Person, render_face, sample_person
from affmem_rendered.scene import sample_scene

NOTE = "the faces are rendered, their affect is what they were made to show"


def rendered(config: RenderedConfig, runtime: Runtime) -> Portraits[Person]:
    """Faces of 3-D persons; raises InputError where the meshes are not there."""
    model = load_model(config.root)

    def person(rng: np.random.Generator) -> Person:
        return sample_person(model, rng, config.strength)

    def face(person: Person, affect: Affect, rng: np.random.Generator) -> Image:
        return render_face(model, person, affect, sample_scene(rng), config.size, rng)

    return Portraits("rendered", NOTE, config, runtime, person, face)
