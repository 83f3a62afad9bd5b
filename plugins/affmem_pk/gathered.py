"""Faces that were gathered for a training: whose they are, and their codes."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from affmem.terms import Examples
from affmem.values import Clip, Codes
from affmem_pk.pk import PK

ENCODED = 500
"""Faces encoded at a time."""

Places = npt.NDArray[np.int64]


def by_person(clips: Sequence[Clip]) -> tuple[Places, Places]:
    """The order in which the frames are person by person, and where each person's begin."""
    numbers: dict[str, int] = {}
    whose = np.array([numbers.setdefault(clip.person, len(numbers)) for clip in clips], np.int64)
    counts = np.bincount(whose, minlength=len(numbers))
    return np.argsort(whose, kind="stable"), np.concatenate([[0], np.cumsum(counts)])


def coded(pk: PK, examples: Examples, kept: Path) -> Codes:
    """The code of each face; those in `kept`, if they are all there."""
    shape = (len(examples.faces), pk.network.code)
    try:
        codes: Codes = np.load(kept, allow_pickle=False)
        if codes.shape == shape and codes.dtype == np.float32:
            return codes
    except (OSError, ValueError):
        pass
    codes = np.empty(shape, np.float32)
    for start in range(0, len(codes), ENCODED):
        part = slice(start, start + ENCODED)
        faces = examples.faces[part].transpose(0, 3, 1, 2).astype(np.float32) / 127.5 - 1.0
        codes[part] = pk.encode(faces)
    part_file = kept.with_suffix(".part.npy")
    np.save(part_file, codes, allow_pickle=False)
    part_file.replace(kept)
    return codes
