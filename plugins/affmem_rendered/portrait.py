"""A rendered person, and one aligned face of theirs."""

from typing import Final

import numpy as np
from attrs import frozen
from jaxtyping import Float32, Float64
from numpy import typing as npt

from affmem.alignment import TEMPLATE, similarity
from affmem.expression import ACTIONS, Manner, sample_manner, speaking
from affmem.values import Affect, Image
from affmem_rendered.actions import NOD, shape_weights
from affmem_rendered.model import CORNERS, Model, angle_of, long_hair
from affmem_rendered.raster import (
    FAR,
    Points,
    Texture,
    develop,
    light_up,
    normals_of,
    occlusion_of,
    rasterise,
)
from affmem_rendered.scene import Scene, backdrop_of, take
from affmem_rendered.skin import hair_cover, paint, sample_look

DETECTOR_ERROR: Final = 0.012
"""Standard deviation of a detector's landmarks, in sides of the crop."""
FRONT: Final = 10.0
"""How far before the head's axis the camera's distance is measured from, in centimetres."""
NECK: Final = (0.0, -7.0, -1.0)
"""The point about which the head turns."""

Landmarks = Float64[npt.NDArray[np.float64], "5 2"]
"""Image-left eye, image-right eye, nose tip, image-left and image-right corner of the mouth."""
Placement = Float64[npt.NDArray[np.float64], "2 3"]


@frozen(eq=False)
class Person:
    """A person: the head at rest, what it is painted with, and a manner of showing affect."""

    rest: Points
    texture: Texture
    manner: Manner


def sample_person(model: Model, rng: np.random.Generator, strength: float) -> Person:
    """A person by lot; `strength` says how much persons differ in showing affect."""
    weights = rng.standard_normal(len(model.identity)).clip(-2.2, 2.2).astype(np.float32)
    look = sample_look(rng)
    rest = model.mean + (weights @ model.identity).reshape(-1, 3)
    over = hair_cover(angle_of(model.mean), model.mean[:, 1], look)
    stand = look.volume * (over / 2.2).clip(0.0, 1.0) ** 0.6 * model.scalp
    rest = rest + stand[:, None] * model.normals
    curtain = np.zeros((len(model.roots), 3), np.float32)  # all in one point: not seen
    if look.length > 0.0:
        curtain = long_hair(look.volume, look.length, look.front)
        curtain = curtain + 0.8 * (rest - model.mean)[model.roots]
    return Person(
        np.concatenate([rest, curtain], dtype=np.float32),
        paint(model, look),
        sample_manner(rng, strength),
    )


def posed(model: Model, person: Person, affect: Affect, scene: Scene) -> Points:
    """The person's mesh before the camera: centimetres, y up, after expression, pose, lens."""
    actions = person.manner.show(np.array([[affect.arousal, affect.valence]], np.float32))[0]
    if scene.speech > 0.0:
        actions = speaking(actions[None], scene.speech, scene.rounding)[0]
    gaze = (scene.pose.gaze_x, scene.pose.gaze_y)
    weights = shape_weights(model.table, model.names, actions, gaze, scene.pose.blink)
    points = person.rest.copy()
    points[: len(model.mean)] += (model.shapes @ weights).reshape(-1, 3)
    nod = scene.pose.pitch + 0.20 * float(actions[:, ACTIONS.index(NOD)].mean())
    cy, sy, cp, sp = (f(a) for a in (scene.pose.yaw, nod) for f in (np.cos, np.sin))
    cr, sr = np.cos(scene.pose.roll), np.sin(scene.pose.roll)
    yaw = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    pitch = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    roll = np.array([[cr, sr, 0], [-sr, cr, 0], [0, 0, 1]])
    turn = (roll @ pitch @ yaw - np.eye(3)).astype(np.float32)
    points = points + model.neck[:, None] * ((points - np.array(NECK, np.float32)) @ turn.T)
    lens = np.float32(scene.distance) / (np.float32(scene.distance + FRONT) - points[:, 2])
    points[:, :2] *= lens[:, None]
    return np.ascontiguousarray(points, np.float32)


def landmarks_of(model: Model, points: Points) -> Landmarks:
    """The five points that face detectors name: x to the right, y down."""
    each = [points[model.marks[list(corners)], :2].mean(axis=0) for corners in CORNERS]
    return np.asarray(each, np.float64) * (1.0, -1.0)


def render(
    model: Model,
    person: Person,
    points: Points,
    placement: Placement,
    scene: Scene,
    picture: Float32[npt.NDArray[np.float32], "height width 3"],
    fine: int = 2,
) -> None:
    """Lay the mesh over `picture` (linear light), which comes back ready to be shown, 0..1.

    `placement` takes centimetres, y down, to pixels; each pixel is the mean of fine^2 samples.
    """
    height, width = picture.shape[0] * fine, picture.shape[1] * fine
    placed = points.copy()
    flat = points[:, :2] * np.array((1.0, -1.0), np.float32)
    placed[:, :2] = (flat @ placement[:, :2].T + placement[:, 2]) * fine
    normals = np.empty_like(points)
    normals_of(points, model.triangles[: model.solid], normals)
    depth = np.full((height, width), FAR, np.float32)
    owner = np.full((height, width), -1, np.int32)
    rasterise(placed, model.triangles, depth, owner)
    unit = float(np.hypot(placement[0, 0], placement[1, 0])) * fine
    occlusion = np.empty_like(depth)
    occlusion_of(depth, max(1, round(1.1 * unit)), 1.6, occlusion)
    lit = np.empty((height, width, 3), np.float32)
    light_up(
        (depth, owner, occlusion),
        (placed, model.triangles, normals, model.places),
        person.texture,
        scene.light.rows(),
        unit,
        lit,
    )
    develop(lit, owner, fine, picture)


def render_face(
    model: Model,
    person: Person,
    affect: Affect,
    scene: Scene,
    size: int,
    rng: np.random.Generator | None = None,
) -> Image:
    """The face uint8[size, size, 3], aligned to `affmem.alignment.TEMPLATE`.

    With `rng`, the landmarks have a detector's error, and the picture its own backdrop and its
    camera's noise.
    """
    points = posed(model, person, affect, scene)
    marks = landmarks_of(model, points)
    if rng is not None:
        apart = marks[1, 0] - marks[0, 0]
        side = apart / (TEMPLATE[1, 0] - TEMPLATE[0, 0])
        marks = marks + rng.standard_normal((5, 2)) * (DETECTOR_ERROR * side)
    chance = rng if rng is not None else np.random.default_rng(0)
    picture = backdrop_of(scene, size, chance)
    render(model, person, points, similarity(marks, TEMPLATE * size), scene, picture)
    return take(picture, scene, chance)
