"""The whole picture of a person, back to front."""

import numpy as np
from jaxtyping import Float32
from numpy import typing as npt

from affmem.expression import COUNT
from affmem_drawn.anatomy import Anatomy, Landmarks, pose_face
from affmem_drawn.body import draw_body, draw_ears
from affmem_drawn.canvas import Canvas, Matrix, Picture
from affmem_drawn.eyes import draw_brows, draw_eyes, draw_glasses
from affmem_drawn.hair import draw_back_hair, draw_beard, draw_hair
from affmem_drawn.look import Look
from affmem_drawn.mouth import draw_mouth
from affmem_drawn.scene import Light, Pose
from affmem_drawn.skin import draw_head, draw_lines

NECK = 1.55
"""The point about which the head tilts, below the eyes."""


def tilted(placement: Matrix, roll: float) -> Matrix:
    """The head's placement, from the body's, when the head tilts by `roll` about the neck."""
    c, s = np.cos(roll), np.sin(roll)
    turn = np.array([[c, -s, s * NECK], [s, c, NECK - c * NECK]])
    moved: Matrix = placement[:, :2] @ turn
    moved[:, 2] += placement[:, 2]
    return moved


def placed(points: Landmarks, placement: Matrix) -> Landmarks:
    """Points of the face, in the picture's pixels."""
    return np.asarray(points @ placement[:, :2].T + placement[:, 2])


def draw_person(
    picture: Picture,
    look: Look,
    actions: Float32[npt.NDArray[np.float32], f"2 {COUNT}"],
    pose: Pose,
    light: Light,
    placement: Matrix,
) -> Landmarks:
    """Draw a person over `picture`, in place; the five landmarks in its pixels come back.

    `placement` takes the body's face units to pixels (a similarity without reflection); the head
    tilts against it by the pose's roll. A pixel's centre lies at its index plus one half.
    """
    anatomy: Anatomy = pose_face(look, actions, pose)
    upright = tilted(placement, pose.roll)
    body, head = Canvas(picture, placement), Canvas(picture, upright)
    draw_back_hair(head, look, anatomy, light)
    draw_body(body, look, anatomy, light)
    draw_ears(head, look, anatomy, light)
    draw_head(head, look, anatomy, light)
    draw_beard(head, look, anatomy)
    draw_mouth(head, look, anatomy, light)
    draw_eyes(head, look, anatomy, pose, light)
    draw_lines(head, look, anatomy)
    draw_brows(head, look, anatomy)
    draw_hair(head, look, anatomy, light)
    draw_glasses(head, look, anatomy)
    return placed(anatomy.landmarks(), upright)
