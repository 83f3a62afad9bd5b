"""A contact sheet: persons by rows, affects by columns."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from affmem.values import Affect, Image
from affmem_drawn.portrait import Person, Scene, draw_face

NAMED: Final = {
    "neutral": Affect(0.0, 0.0),
    "excited": Affect(0.8, 0.9),
    "surprised": Affect(0.95, 0.1),
    "afraid": Affect(0.9, -0.8),
    "angry": Affect(0.2, -0.9),
    "sad": Affect(-0.7, -0.8),
    "sleepy": Affect(-0.95, 0.0),
    "serene": Affect(-0.6, 0.8),
    "content": Affect(0.0, 0.8),
}
"""Nine affects with a word for each, in the order of a sheet's columns."""


def draw_sheet(
    persons: Sequence[Person],
    affects: Sequence[Affect] = tuple(NAMED.values()),
    scenes: Sequence[Scene] = (Scene(),),
    size: int = 96,
) -> Image:
    """uint8[persons * size, affects * size, 3]; scenes are used in turn, one a person."""
    rows = [
        np.concatenate(
            [draw_face(person, affect, scenes[i % len(scenes)], size) for affect in affects], axis=1
        )
        for i, person in enumerate(persons)
    ]
    return np.concatenate(rows, axis=0)
