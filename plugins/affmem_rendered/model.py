"""The mean head of ICT-FaceKit, made ready: what is shown, where it is painted, how it varies."""

from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from attrs import frozen
from jaxtyping import Float32
from numpy import typing as npt
from scipy import sparse
from scipy.spatial import KDTree

from affmem.errors import InputError
from affmem_rendered.actions import action_table, missing_names, used_names
from affmem_rendered.meshes import Meshes, read_meshes
from affmem_rendered.raster import FAR, Plane, Points, Triangles, normals_of, rasterise

ROWS: Final = 256
COLUMNS: Final = 384
"""The skin's part of the texture: heights by angles about the head's axis."""
PATCH: Final = 64
"""Side of the eye's part, below the skin's."""
REACH: Final = 2.4
"""The angle, in radians to each side, up to which the skin is spread out; 0 is the front."""
TOP: Final = 15.5
BOTTOM: Final = -19.5
"""The heights, in centimetres, that the skin's rows span."""
IRIS: Final = 1.5
"""Half the side of the eye's part in centimetres."""
SWATCHES: Final = {"M_Teeth": 72, "M_GumsTongue": 88, "M_EyeLashes": 104}
"""Columns, beside the eye's part, that are of one colour."""
STRANDS: Final = 128
"""The first column, beside these, of the part for long hair."""
AROUND: Final = 49
ALONG: Final = 15
"""Vertices of the mesh of long hair, about the head and downward."""
SKIN: Final = ("M_Face", "M_BackHead")
EYES: Final = ("M_ScleraLeft", "M_ScleraRight")
SHOWN: Final = (*SKIN, *EYES, *SWATCHES)
"""What is rendered. The sclera's mesh is the whole eyeball: the iris is painted upon it."""
CORNERS: Final = ((36, 37, 38, 39), (42, 43, 44, 45), (30,), (48,), (54,))
"""Of the 68 landmarks, those whose means are the five that a detector names: MTCNN sees eyes
a little above the line between their corners."""


@frozen(eq=False)
class Model:
    """Mean head and how it varies. Centimetres; x to the picture's right, y up, z to the camera."""

    mean: Points
    identity: Float32[npt.NDArray[np.float32], "modes coordinates"]
    shapes: Any
    """Sparse float32 `[coordinates, shapes]`."""
    names: list[str]
    table: Float32[npt.NDArray[np.float32], "sides units shapes"]
    """What each action unit brings along of each shape."""
    triangles: Triangles
    solid: int
    """So many triangles come first; the others are the backs of some of them."""
    places: Points
    """Of each vertex its column and row in the texture, and how much it lies in a hollow."""
    scalp: Float32[npt.NDArray[np.float32], " n"]
    """How far hair may stand off: 1 on the head, 0 at the ears."""
    roots: npt.NDArray[np.int64]
    """The vertices on the head that the vertices of long hair, the last ones, move with."""
    normals: Points
    neck: Float32[npt.NDArray[np.float32], " n"]
    """How much of the head's turn a vertex follows: 0 at the shoulders, 1 above the neck."""
    landmarks: Points
    """The 68 landmarks of the mean head, ..."""
    marks: npt.NDArray[np.int64]
    """... and their vertices."""
    surface: Float32[npt.NDArray[np.float32], f"{ROWS} {COLUMNS} 3"]
    """Where each cell of the skin's texture lies on the mean head."""


def angle_of(points: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Angle about the head's axis, 0 in front, positive to the picture's right."""
    return np.asarray(np.arctan2(points[..., 0], points[..., 2]), np.float32)


def skin_places(points: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Column and row of the texture's skin at these places of the mean head."""
    turn = angle_of(points).clip(-REACH, REACH)
    columns = (turn / (2 * REACH) + 0.5) * (COLUMNS - 1)
    rows = ((TOP - points[..., 1]) / (TOP - BOTTOM)).clip(0, 1) * (ROWS - 1)
    return np.asarray(np.stack([columns, rows], axis=-1), np.float32)


def _smooth(low: float, high: float, x: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    t = ((x - low) / (high - low)).clip(0.0, 1.0)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def _outermost(
    points: Points, places: npt.NDArray[np.float32], triangles: Triangles
) -> tuple[npt.NDArray[np.float32], Plane]:
    """The outermost surface at each cell of the skin's texture, and its distance from the axis."""
    radius = np.hypot(points[:, 0], points[:, 2]).astype(np.float32)
    flat = np.concatenate([places + 0.5, radius[:, None]], axis=1, dtype=np.float32)
    spread = flat[triangles]
    ahead = np.ptp(spread[..., 0], axis=1) < 0.25 * COLUMNS  # not over the seam behind
    depth = np.full((ROWS, COLUMNS), FAR, np.float32)
    owner = np.full((ROWS, COLUMNS), -1, np.int32)
    kept = np.ascontiguousarray(triangles[ahead])
    rasterise(flat, kept, depth, owner)
    y, x = np.mgrid[0:ROWS, 0:COLUMNS]
    turn = (x / (COLUMNS - 1) - 0.5) * 2 * REACH
    height = TOP - y / (ROWS - 1) * (TOP - BOTTOM)
    reach = np.where(owner >= 0, depth, 7.0)
    surface = np.stack([reach * np.sin(turn), height, reach * np.cos(turn)], axis=-1)
    return surface.astype(np.float32), reach.astype(np.float32)


def long_hair(volume: float, length: float, front: float) -> Points:
    """A curtain about the mean head: `length` below the ears' middle, in centimetres.

    `front` is the angle, from the face's middle, at which it begins on either side.
    """
    turn = np.linspace(front, 2 * np.pi - front, AROUND)[:, None]
    down = np.linspace(0.0, 1.0, ALONG)[None, :]
    height = 9.0 - down * (9.0 + length) + 0.8 * np.cos(turn) * down
    arch = np.sqrt((1.0 - ((height - 2.5) / 10.5).clip(0.0, 1.0) ** 2).clip(0.0, 1.0))
    full = 1.0 - 0.10 * ((2.0 - height) / 12.0).clip(0.0, 1.0) ** 2
    wave = 1.0 + 0.015 * np.sin(23.0 * turn + 3.0 * down)
    stand = volume * np.minimum(1.0, 3.0 * down)
    across = (8.9 + stand) * arch * full * wave * np.sin(turn)
    ahead = (8.9 + stand) * arch * full * wave * np.cos(turn) - 0.3
    points = np.stack(np.broadcast_arrays(across, height, ahead), axis=-1)
    return np.ascontiguousarray(points.reshape(-1, 3), np.float32)


def _shown(meshes: Meshes) -> tuple[Triangles, npt.NDArray[np.integer]]:
    """The triangles that are rendered, and their materials.

    Lashes are sheets of many hairs each: only the upper ones' roots stay, as a dark line.
    """
    points, triangles = meshes.vertices, meshes.triangles
    skin = np.unique(triangles[meshes.kinds("M_Face")])
    away, _ = KDTree(points[skin]).query(points)
    roots = (away[triangles].max(axis=1) < 0.34) & (points[triangles, 1].min(axis=1) > 3.35)
    kept = meshes.kinds(*SHOWN) & (~meshes.kinds("M_EyeLashes") | roots)
    return triangles[kept], meshes.material[kept]


def _places(
    mean: Points, parts: dict[str, npt.NDArray[np.int32]], reach: Plane
) -> Float32[npt.NDArray[np.float32], "n 3"]:
    """Columns and rows in the texture, and hollows, of the mean head's vertices."""
    places = np.zeros((len(mean), 3), np.float32)
    places[:, :2] = skin_places(mean)
    skin = np.union1d(parts["M_Face"], parts["M_BackHead"])
    points, cells = mean[skin], np.rint(places[skin, :2]).astype(np.int64)
    below = reach[cells[:, 1], cells[:, 0]] - np.hypot(points[:, 0], points[:, 2])
    ahead = (np.abs(points[:, 0]) < 6.0) & (points[:, 2] > 0) & (points[:, 1] > -7)
    places[skin, 2] = _smooth(0.25, 1.2, below) * ahead
    for name in EYES:
        ball = parts[name]
        middle = (mean[ball].min(axis=0) + mean[ball].max(axis=0)) / 2
        at = ((mean[ball, :2] - middle[:2]) / (2 * IRIS)).clip(-0.5, 0.5)
        places[ball, 0] = (at[:, 0] + 0.5) * (PATCH - 1)
        places[ball, 1] = ROWS + (0.5 - at[:, 1]) * (PATCH - 1)
        places[ball, 2] = 0.0
    for name, column in SWATCHES.items():
        places[parts[name]] = (column, ROWS + PATCH // 2, 0.0)
    for name, near, far in (("M_Teeth", 9.6, 7.6), ("M_GumsTongue", 10.0, 8.0)):
        inner = parts[name]  # it's dark at the back of a mouth
        places[inner, 2] = 0.9 * (1.0 - _smooth(far, near, mean[inner, 2]))
    return places


def _curtain(count: int) -> tuple[Triangles, Points]:
    """Triangles of long hair, whose vertices follow on `count` others, and their places."""
    grid = (count + np.arange(AROUND * ALONG).reshape(AROUND, ALONG)).astype(np.int32)
    a, b, c, d = (grid[i : AROUND - 1 + i, j : ALONG - 1 + j] for i in (0, 1) for j in (0, 1))
    triangles = np.stack([a, b, c, c, b, d], axis=-1).reshape(-1, 3)
    u, v = np.mgrid[0:AROUND, 0:ALONG].reshape(2, -1).astype(np.float32)
    columns = STRANDS + 1 + u / (AROUND - 1) * (COLUMNS - STRANDS - 3)
    rows = ROWS + 1 + v / (ALONG - 1) * (PATCH - 3)
    return triangles, np.stack([columns, rows, 0 * u], axis=1).astype(np.float32)


@lru_cache(maxsize=2)
def load_model(root: Path) -> Model:
    """The head of a folder. Raises InputError where its meshes are not, or are others."""
    meshes = read_meshes(root)
    if lacking := [name for name in SHOWN if name not in meshes.materials]:
        raise InputError(root, f"its meshes lack the material {lacking[0]}")
    if lacking := missing_names(meshes.expressions):
        raise InputError(root, f"its meshes lack the expression {lacking[0]}")
    whole, material = _shown(meshes)
    used = np.unique(whole)
    back = np.full(len(meshes.vertices), -1, np.int64)
    back[used] = np.arange(len(used))
    triangles = back[whole].astype(np.int32)
    mean = np.ascontiguousarray(meshes.vertices[used])
    kinds = {name: material == meshes.materials.index(name) for name in SHOWN}
    parts = {name: np.unique(triangles[kind]) for name, kind in kinds.items()}
    skin = triangles[kinds["M_Face"] | kinds["M_BackHead"]]
    surface, reach = _outermost(mean, skin_places(mean), skin)
    places = _places(mean, parts, reach)

    of_skin = np.unique(skin)
    ears = parts["M_Face"][np.abs(mean[parts["M_Face"], 0]) > 7.6]
    ears = ears[(mean[ears, 1] < 5.6) & (mean[ears, 2] < 2.6)]
    away, _ = KDTree(mean[ears]).query(mean[of_skin])
    scalp = np.zeros(len(mean), np.float32)
    scalp[of_skin] = _smooth(0.1, 1.6, np.asarray(away, np.float32)) * (places[of_skin, 2] < 0.2)
    normals = np.empty_like(mean)
    normals_of(mean, triangles, normals)

    names = used_names(meshes.expressions)
    chosen = [meshes.expressions.index(name) for name in names]
    offsets = np.stack([meshes.expression[i][used].ravel() for i in chosen], axis=-1)
    offsets = offsets.astype(np.float32)
    offsets[np.abs(offsets) < 2e-3] = 0.0

    hair, strands = _curtain(len(mean))
    head = np.flatnonzero(scalp > 0.9)
    _, roots = KDTree(mean[head]).query(long_hair(0.5, 2.0, 1.0).clip((-99, 0, -99), 99))
    backs = [triangles[kinds["M_EyeLashes"]][:, ::-1], hair[:, ::-1]]
    marks = back[meshes.landmarks]
    return Model(
        mean=mean,
        identity=meshes.identity[:, used].reshape(len(meshes.identity), -1).astype(np.float32),
        shapes=sparse.csr_array(offsets),
        names=names,
        table=action_table(names),
        triangles=np.concatenate([triangles, hair, *backs], dtype=np.int32),
        solid=len(triangles) + len(hair),
        places=np.concatenate([places, strands], dtype=np.float32),
        scalp=scalp,
        roots=head[roots],
        normals=normals,
        neck=np.append(_smooth(-15.0, -8.0, mean[:, 1]), np.ones(len(strands), np.float32)),
        landmarks=mean[marks],
        marks=marks,
        surface=surface,
    )
