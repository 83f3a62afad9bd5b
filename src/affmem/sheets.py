"""Sheets of what networks make of faces, and of where they look in them."""

from collections.abc import Mapping, Sequence

import numpy as np

from affmem.gallery import SHOWN, Sheet, named, sheet
from affmem.maps import FIGURE, Look, Tiles, look
from affmem.protocols import Editor, Explainable
from affmem.values import Affects, Face, Faces


def edits(editor: Editor, faces: Faces) -> Tiles:
    """Each face, followed by its edits at the affects that sheets show."""
    return np.concatenate([_edited(editor, face, SHOWN) for face in faces])


def looks(encoder: Explainable, editor: Editor | None, faces: Faces) -> list[Look]:
    """Of each face: where the encoder looks in it, and in its edits by the editor, if any."""
    return [
        look(encoder, face[None] if editor is None else _edited(editor, face, FIGURE))
        for face in faces
    ]


def sheet_of_edits(rows: Mapping[str, Tiles]) -> Sheet:
    """A line a row: all faces side by side."""
    columns = ("face", *map(named, SHOWN)) * (len(next(iter(rows.values()))) // (1 + len(SHOWN)))
    return Sheet(tuple(rows), columns, sheet(np.concatenate([*rows.values()]), len(columns)))


def sheet_of_looks(rows: Mapping[str, Sequence[Look]]) -> Sheet:
    """A line a face and row: one face in all rows, then the next; white where there is no edit."""
    heads = next(iter(rows.values()))[0].heads
    columns = [(one, *heads) for one in ("face", *map(named, FIGURE))]
    width = sum(map(len, columns))
    lines = [one.tiles for of_face in zip(*rows.values(), strict=True) for one in of_face]
    white = np.ones((width, 3, 96, 96), np.float32)
    tiles = np.concatenate([np.concatenate([line, white])[:width] for line in lines])
    names = tuple(rows) * (len(lines) // len(rows))
    return Sheet(names, tuple(one for some in columns for one in some), sheet(tiles, width))


def sheet_of_look(found: Look, affects: Affects) -> Sheet:
    """A line for a face, and for each of its edits, which show the affects."""
    columns = ("", *found.heads)
    lines = ("face", *map(named, affects.tolist()))
    return Sheet(lines, columns, sheet(found.tiles, len(columns)))


def _edited(editor: Editor, face: Face, affects: Sequence[tuple[float, float]]) -> Faces:
    return np.concatenate([face[None], editor.edit(face, np.array(affects, np.float32))])
