"""What a memory is given, checked before any of it is learnt."""

from typing import Any

import numpy as np
import numpy.typing as npt

from affmem.errors import WidthError
from affmem.values import Affects, Codes

LARGEST = 1e15
"""Codes beyond this have no squared distance in float32."""


def checked_codes(codes: Codes, width: int | None) -> Codes:
    """`codes` as contiguous float32 [n, d]; `width` is the d seen before, None for the first.

    Raises TypeError where they are no real numbers, WidthError where the width is another, and
    ValueError where a code is not finite (or beyond 1e15), or they are no [n, d].
    """
    given = _numbers(codes, "codes")
    if given.ndim != 2 or given.shape[1] < 1:
        raise ValueError(f"codes must be [n, d]: {list(given.shape)}")
    if width is not None and given.shape[1] != width:
        raise WidthError(f"memory: codes must be {width} wide: the encoder's are {given.shape[1]}")
    if not (np.abs(given) <= LARGEST).all():
        raise ValueError(f"codes must be finite, and at most {LARGEST:g} in size")
    return np.ascontiguousarray(given, dtype=np.float32)


def checked_affects(affects: Affects | None, rows: int) -> Affects:
    """`affects` as float32 [rows, 2], all NaN for None.

    Raises TypeError where they are no real numbers, ValueError where the length differs, a value
    is outside [-1, 1], or a row is half NaN.
    """
    if affects is None:
        return np.full((rows, 2), np.nan, np.float32)
    given = _numbers(affects, "affects")
    if given.shape != (rows, 2):
        raise ValueError(f"affects must be [{rows}, 2], one row a code: {list(given.shape)}")
    unknown = np.isnan(given)
    if (unknown[:, 0] != unknown[:, 1]).any():
        raise ValueError("an affect must be a pair, or NaN in both")
    if not (unknown | (np.abs(given) <= 1)).all():
        raise ValueError("affects must lie in [-1, 1]")
    return np.ascontiguousarray(given, dtype=np.float32)


def _numbers(given: object, what: str) -> npt.NDArray[Any]:
    array = np.asarray(given)
    if array.dtype.kind not in "fiu":
        raise TypeError(f"{what} must be real numbers: {array.dtype}")
    return array
