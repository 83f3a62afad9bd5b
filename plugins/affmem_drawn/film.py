"""A drawn person before a camera: frames of a video."""

from collections.abc import Iterator

import numpy as np
from attrs import frozen
from jaxtyping import Float64
from numpy import typing as npt

from affmem.values import Image
from affmem_drawn.canvas import Matrix
from affmem_drawn.drawing import draw_person
from affmem_drawn.look import Look
from affmem_drawn.performance import RATE, Performance
from affmem_drawn.portrait import as_image
from affmem_drawn.scene import Backdrop, Light, draw_backdrop

FACE_WIDTH = 2.3
"""Width of a face, ears left out, in face units."""
REACH = 2.5
"""How far a person reaches to each side at the shoulders, ..."""
ABOVE = 3.4
"""... and upward with the fullest hair, in face units."""


@frozen
class Shot:
    """Where a person stands in the picture, what light there is and what is behind."""

    width: int
    height: int
    face: float
    """Width of the face in pixels."""
    x: float
    """Middle of the face, as a share of the picture's width, ..."""
    y: float
    """... and of the eyes, of its height."""
    light: Light
    backdrop: Backdrop
    sway: float
    """How far camera and body drift, in face units."""


Landmarks = Float64[npt.NDArray[np.float64], "5 2"]


def sample_shot(
    rng: np.random.Generator, width: int, height: int, light: Light, backdrop: Backdrop
) -> Shot:
    """A camera position: a face 90 to 200 pixels wide in 640 by 360, in proportion in others."""
    scale = min(width / 640, height / 360)
    face = rng.uniform(90.0, 200.0) * scale
    unit = face / FACE_WIDTH
    room = max(0.0, 0.5 - 1.7 * unit / width)
    top, bottom = 1.55 * unit / height, 1.0 - 2.1 * unit / height
    return Shot(
        width=width,
        height=height,
        face=face,
        x=0.5 + rng.uniform(-0.8, 0.8) * room,
        y=rng.uniform(min(top, bottom), max(top, bottom)) if bottom > top else 0.45,
        light=light,
        backdrop=backdrop,
        sway=rng.uniform(0.03, 0.10),
    )


def film(
    rng: np.random.Generator, look: Look, performance: Performance, shot: Shot
) -> Iterator[tuple[Image, Landmarks]]:
    """Each frame uint8[height, width, 3] with the face's five landmarks in its pixels."""
    scene = draw_backdrop(shot.backdrop, shot.height, shot.width, blur=2.5)
    still = as_image(scene)
    phases, periods = rng.random(3).tolist(), rng.uniform(3.0, 8.0, 3).tolist()
    for i, (actions, pose) in enumerate(zip(performance.actions, performance.poses, strict=True)):
        swing = [
            np.sin(2 * np.pi * (i / RATE / p + f)) for p, f in zip(periods, phases, strict=True)
        ]
        unit = shot.face / FACE_WIDTH * (1.0 + 0.4 * shot.sway * swing[0])
        x = shot.x * shot.width + unit * shot.sway * swing[1]
        y = shot.y * shot.height + unit * 0.6 * shot.sway * swing[2]
        # only the person's own rectangle is drawn anew
        left, right = max(int(x - REACH * unit), 0), min(int(x + REACH * unit) + 1, shot.width)
        top = max(int(y - ABOVE * unit), 0)
        part = scene[:, top:, left:right].copy()
        placement: Matrix = np.array([[unit, 0.0, x - left], [0.0, unit, y - top]])
        landmarks = draw_person(part, look, actions, pose, shot.light, placement)
        image = still.copy()
        image[top:, left:right] = as_image(part)
        yield image, landmarks + np.array([left, top])
