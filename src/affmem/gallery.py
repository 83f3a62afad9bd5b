"""Sheets of edits: a person's first face, and what the editor makes of it over the plane."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from attrs import frozen

from affmem.road import Stations
from affmem.values import Affects, Clip, Face, Faces, Image

SIDE = 5
SHOWN = ((0.0, 0.0), (0.8, 0.8), (0.8, -0.8), (-0.8, -0.8), (-0.8, 0.8))
"""The affects (arousal, valence) that sheets of several faces show, in columns."""


@frozen(eq=False)
class Sheet:
    """Pictures of faces in lines and columns, and what they are."""

    lines: tuple[str, ...]
    columns: tuple[str, ...]
    picture: Image


def named(affect: Sequence[float]) -> str:
    """An affect as the heading of a column or line.

    >>> named((0.8, -0.8))
    '+0.8 -0.8'
    """
    arousal, valence = affect
    return f"{arousal:+.1f} {valence:+.1f}"


def lattice(side: int = SIDE) -> Affects:
    """Affects in rows of falling arousal and columns of rising valence, float32 [side**2, 2].

    >>> lattice(2).tolist()
    [[1.0, -1.0], [1.0, 1.0], [-1.0, -1.0], [-1.0, 1.0]]
    """
    line = np.linspace(-1, 1, side)
    arousal, valence = np.meshgrid(line[::-1], line, indexing="ij")
    return np.stack([arousal, valence], axis=-1).reshape(-1, 2).astype(np.float32)


def picture(face: Face) -> Image:
    """A face in [-1, 1] as a picture, uint8 [96, 96, 3]."""
    image: Image = np.clip((face.transpose(1, 2, 0) + 1) * 127.5 + 0.5, 0, 255).astype(np.uint8)
    return image


def sheet(faces: Faces, columns: int) -> Image:
    """Faces as one picture, row by row; the last row is filled with black."""
    tiles = [picture(face) for face in faces]
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % columns)
    rows = [np.hstack(tiles[i : i + columns]) for i in range(0, len(tiles), columns)]
    return np.vstack(rows)


def save(image: Image, path: Path) -> None:
    """Write a picture whole or not at all, in the format that the name's ending says."""
    from PIL import Image as Pillow

    part = path.with_name(f".{path.stem}.part{path.suffix}")
    Pillow.fromarray(image).save(part)
    part.replace(path)


def write_gallery(stations: Stations, persons: int, folder: Path) -> None:
    """Keep a sheet of edits of each of the first `persons` persons in `folder`."""
    folder.mkdir(exist_ok=True)
    first: dict[str, Clip] = {}
    for clip in stations.dataset.clips():
        first.setdefault(clip.person, clip)
    affects = lattice()
    index = []
    for i, (person, clip) in enumerate(list(first.items())[:persons]):
        images = (frame.image for frame in stations.dataset.frames(clip))
        face = next((face for face in stations.faces.find(images) if face is not None), None)
        if face is None:
            continue
        save(sheet(stations.editor.edit(face, affects), SIDE), folder / f"{i}.png")
        save(picture(face), folder / f"{i}-face.png")
        index.append(
            {
                "person": person,
                "file": f"edits/{i}.png",
                "face": f"edits/{i}-face.png",
                "affects": affects.tolist(),
                "columns": SIDE,
            }
        )
    (folder / "edits.json").write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")
