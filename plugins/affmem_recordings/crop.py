"""Faces cut out of larger pictures, whose place the corpus itself gives."""

from collections.abc import Sequence

from affmem.values import Image

MARGIN = 0.5
"""How far around its box a face is cut out, in widths and heights: `[faces]` then finds this one
and no other."""


def around(image: Image, box: Sequence[float]) -> Image:
    """What a picture shows of a box (x, y, width, height in pixels) and its margin; maybe nothing.

    >>> import numpy as np
    >>> around(np.zeros((80, 100, 3), np.uint8), (20, 10, 40, 30)).shape
    (55, 80, 3)
    """
    x, y, width, height = box
    left, right = x - MARGIN * width, x + (1 + MARGIN) * width
    top, bottom = y - MARGIN * height, y + (1 + MARGIN) * height
    face: Image = image[
        max(0, int(top)) : max(0, int(bottom)), max(0, int(left)) : max(0, int(right))
    ]
    return face
