"""The meshes of ICT-FaceKit, as they are read: from one file of arrays, or its own OBJ files.

Li et al., "Learning formation of physically-based face attributes" (CVPR 2020).
"""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
from attrs import frozen
from jaxtyping import Float32, Int32
from numpy import typing as npt

from affmem.errors import InputError
from affmem.files import MIB, content, from_json, opened, reason

ARRAYS: Final = "ict_facekit.npz"
NEUTRAL: Final = "generic_neutral_mesh.obj"
INDICES: Final = "vertex_indices.json"
MODES: Final = 100
"""How many meshes of identity there are."""
MESH: Final = 16 * MIB
UNPACKED: Final = 512 * MIB
"""Bytes at most of one OBJ file, and of all arrays; the kit's own arrays take 24 MiB."""


@frozen(eq=False)
class Meshes:
    """A neutral mesh, and the offsets of all others from it. Centimetres."""

    vertices: Float32[npt.NDArray[np.float32], "n 3"]
    triangles: Int32[npt.NDArray[np.int32], "m 3"]
    material: npt.NDArray[np.integer]
    """Of each triangle, an index into `materials`."""
    materials: list[str]
    identity: npt.NDArray[np.floating]
    """`[modes, n, 3]`."""
    expression: npt.NDArray[np.floating]
    """`[expressions, n, 3]`."""
    expressions: list[str]
    landmarks: npt.NDArray[np.int64]
    """The vertices of the 68 landmarks, in the order of iBUG 300-W."""

    def kinds(self, *names: str) -> npt.NDArray[np.bool_]:
        """Which triangles are of one of these materials."""
        return np.isin(self.material, [self.materials.index(name) for name in names])


def read_meshes(root: Path) -> Meshes:
    """The meshes of a folder. Raises InputError where they are not, or are others."""
    folders = [root, root / "FaceXModel"]
    for folder in folders:
        for name, read in ((ARRAYS, _read_arrays), (NEUTRAL, _read_objects)):
            if not (folder / name).is_file():
                continue
            if not (folder / INDICES).is_file():
                raise InputError(folder / INDICES, "is not there (docs/datasets.md)")
            try:
                with np.errstate(all="ignore"):  # `_check` refuses what is not finite
                    meshes = read(folder)
                _check(meshes)
            except InputError:
                raise
            except Exception as error:
                raise InputError(
                    folder, f"holds no meshes of ICT-FaceKit as we know them: {reason(error)}"
                ) from error
            return meshes
    raise InputError(
        root,
        f"holds neither {ARRAYS} nor {NEUTRAL} of ICT-FaceKit's FaceXModel (docs/datasets.md)",
    )


def _check(meshes: Meshes) -> None:
    count = len(meshes.vertices)
    for one in (meshes.vertices, meshes.identity, meshes.expression):
        if not np.isfinite(one).all():
            raise ValueError("not all vertices are finite")
    if meshes.identity.shape[1:] != (count, 3) or meshes.expression.shape[1:] != (count, 3):
        raise ValueError(f"not all meshes have {count} vertices")
    if len(meshes.expression) != len(meshes.expressions):
        raise ValueError("not each expression has a name")
    if len(meshes.material) != len(meshes.triangles):
        raise ValueError("not each triangle has a material")
    if not 0 <= meshes.triangles.min() <= meshes.triangles.max() < count:
        raise ValueError("a triangle has a corner that is no vertex")
    if len(meshes.landmarks) != 68 or not meshes.landmarks.max() < count:
        raise ValueError(f"{INDICES} names no 68 landmarks")


def _read_landmarks(folder: Path) -> npt.NDArray[np.int64]:
    indices = from_json(folder / INDICES, MIB)
    return np.asarray(indices["idx_to_landmark_verts"], np.int64)


def _read_arrays(folder: Path) -> Meshes:
    with opened(folder / ARRAYS) as raw, np.load(raw, allow_pickle=False) as file:
        if sum(one.file_size for one in file.zip.infolist()) > UNPACKED:
            raise ValueError(f"{ARRAYS} unpacks to more than {UNPACKED // MIB} MiB")
        return Meshes(
            vertices=file["vertices"].astype(np.float32),
            triangles=file["triangles"].astype(np.int32),
            material=file["material"],
            materials=[str(name) for name in file["materials"]],
            identity=file["identity"],
            expression=file["expression"],
            expressions=[str(name) for name in file["expressions"]],
            landmarks=_read_landmarks(folder),
        )


def _text(path: Path) -> str:
    return content(path, MESH).decode()


def _vertices(lines: list[str]) -> npt.NDArray[np.float32]:
    numbers = " ".join(line[2:] for line in lines if line.startswith("v "))
    return np.array(numbers.split(), np.float32).reshape(-1, 3)


def _faces(lines: list[str]) -> Iterator[tuple[str, int, int, int]]:
    """Triangles with their materials; a polygon is cut into a fan."""
    material = ""
    for line in lines:
        word, _, rest = line.partition(" ")
        if word == "usemtl":
            material = rest.strip()
        elif word == "f":
            first, *others = (int(corner.partition("/")[0]) - 1 for corner in rest.split())
            for second, third in pairwise(others):
                yield material, first, second, third


def _read_objects(folder: Path) -> Meshes:
    lines = _text(folder / NEUTRAL).splitlines()
    neutral = _vertices(lines)
    faces = list(_faces(lines))
    materials = sorted({name for name, *_ in faces})

    def offsets(path: Path) -> npt.NDArray[Any]:
        lines = _text(path).splitlines()
        vertices = _vertices(lines)
        if vertices.shape != neutral.shape:
            raise ValueError(f"{path.name} has {len(vertices)} vertices, not {len(neutral)}")
        return (vertices - neutral).astype(np.float16)

    of_identity = [folder / f"identity{mode:03d}.obj" for mode in range(MODES)]
    others = {path for path in folder.glob("*.obj") if path.name != NEUTRAL}
    of_expression = sorted(others - set(of_identity))
    return Meshes(
        vertices=neutral,
        triangles=np.array([corners for _, *corners in faces], np.int32),
        material=np.array([materials.index(name) for name, *_ in faces], np.int32),
        materials=materials,
        identity=np.stack([offsets(path) for path in of_identity]),
        expression=np.stack([offsets(path) for path in of_expression]),
        expressions=[path.stem for path in of_expression],
        landmarks=_read_landmarks(folder),
    )
