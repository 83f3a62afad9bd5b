"""One aligned face, as a detector would have cut it out."""

import numpy as np
from attrs import evolve, field, frozen

from affmem.alignment import TEMPLATE, similarity
from affmem.expression import Actions, Manner, sample_manner, speaking
from affmem.values import Affect, Image
from affmem_drawn.anatomy import pose_face
from affmem_drawn.canvas import Picture
from affmem_drawn.drawing import draw_person, placed, tilted
from affmem_drawn.look import Look, sample_look
from affmem_drawn.scene import (
    Backdrop,
    Camera,
    Light,
    Pose,
    draw_backdrop,
    sample_backdrop,
    sample_camera,
    sample_light,
    sample_pose,
    take,
)

DETECTOR_ERROR = 0.012
"""Standard deviation of a detector's landmarks, in sides of the crop."""


@frozen(eq=False)
class Person:
    """A drawn person: a look, and a manner of showing affect."""

    look: Look
    manner: Manner


@frozen
class Scene:
    """All that surrounds an expression in one picture."""

    pose: Pose = field(factory=Pose)
    light: Light = field(factory=Light)
    backdrop: Backdrop = field(factory=Backdrop)
    camera: Camera = field(factory=Camera)
    speech: float = 0.0
    """How far the mouth is open in speaking, 0..1."""
    rounding: float = 0.0


def sample_person(rng: np.random.Generator, strength: float) -> Person:
    """A person by lot; `strength` says how much persons differ in showing affect."""
    return Person(sample_look(rng), sample_manner(rng, strength))


def sample_scene(rng: np.random.Generator) -> Scene:
    """A moment by lot: mostly silent, eyes mostly open."""
    speech, rounding, blink, closed = rng.random(4).tolist()
    pose = sample_pose(rng)
    if blink < 0.05:
        pose = evolve(pose, blink=closed)
    return Scene(
        pose=pose,
        light=sample_light(rng),
        backdrop=sample_backdrop(rng),
        camera=sample_camera(rng),
        speech=max(0.0, 2.2 * speech - 1.2) if speech > 0.6 else 0.0,
        rounding=2.0 * rounding - 1.0,
    )


def as_image(picture: Picture) -> Image:
    """Planes of 0..1 as RGB bytes."""
    scaled = picture * np.float32(255.0)
    scaled += np.float32(0.5)
    np.clip(scaled, 0.0, 255.0, out=scaled)
    return np.ascontiguousarray(scaled.astype(np.uint8).transpose(1, 2, 0))


def draw_face(
    person: Person,
    affect: Affect,
    scene: Scene,
    size: int,
    rng: np.random.Generator | None = None,
) -> Image:
    """The face uint8[size, size, 3], aligned to `affmem.alignment.TEMPLATE`.

    With `rng`, the landmarks have a detector's error and the picture its camera's noise; without,
    neither.
    """
    actions = person.manner.show(np.array([[affect.arousal, affect.valence]], np.float32))
    if scene.speech > 0.0:
        actions = speaking(actions, scene.speech, scene.rounding)
    return draw_actions(person.look, actions, scene, size, rng)


def draw_actions(
    look: Look,
    actions: Actions,
    scene: Scene,
    size: int,
    rng: np.random.Generator | None = None,
) -> Image:
    """The same for a face that does `actions` [1, 2, actions], speech included."""
    upright = tilted(np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]), scene.pose.roll)
    points = placed(pose_face(look, actions[0], scene.pose).landmarks(), upright)
    if rng is not None:
        side = 1.0 / (TEMPLATE[1, 0] - TEMPLATE[0, 0])
        points = points + rng.standard_normal((5, 2)) * (DETECTOR_ERROR * side)
    placement = similarity(points, TEMPLATE * size)
    picture = draw_backdrop(scene.backdrop, size, size)
    draw_person(picture, look, actions[0], scene.pose, scene.light, placement)
    if rng is not None:
        picture = take(picture, scene.camera, rng)
    return as_image(picture)
