"""Where an encoder looks: its maps laid over faces (Figure 2 of the paper)."""

import numpy as np
import numpy.typing as npt
from attrs import frozen
from jaxtyping import Float32

from affmem.errors import PluginError
from affmem.protocols import Explainable
from affmem.values import MAPS, Faces, Maps

Tiles = Float32[npt.NDArray[np.float32], "tiles 3 96 96"]
"""Faces to be laid out as one picture, line by line."""
FIGURE = ((-1.0, -1.0), (0.0, 0.0), (1.0, 1.0))
"""The affects (arousal, valence) of the edits that the paper shows."""
OPACITY = 0.75
"""Of the colour of a place that counts most; a place that counts for nothing is the face's own."""


@frozen(eq=False)
class Look:
    """Faces, and where an encoder looks in each."""

    heads: tuple[str, ...]
    """What each face is followed by: "activation", and what affect was read from."""
    tiles: Tiles
    """A face, then the same one under each of its maps, then the next face."""
    missing: str
    """Why there are no others, or ""."""


def look(encoder: Explainable, faces: Faces) -> Look:
    """Every kind of map that can be had."""
    heads, columns, missing = [], [faces], ""
    for of in MAPS:
        try:
            columns.append(laid(encoder.explain(faces, of), faces))
            heads.append(of)
        except PluginError as error:
            missing = str(error)
    return Look(tuple(heads), np.stack(columns, 1).reshape(-1, *faces.shape[1:]), missing)


def laid(maps: Maps, faces: Faces) -> Faces:
    """The faces in grey under their maps in colour: from dark, nothing, to bright, the most."""
    import matplotlib as mpl

    heat = mpl.colormaps["inferno"](maps)[..., :3].transpose(0, 3, 1, 2) * 2 - 1
    opacity = OPACITY * maps[:, None]
    over: Faces = ((1 - opacity) * faces.mean(1, keepdims=True) + opacity * heat).astype(np.float32)
    return over
