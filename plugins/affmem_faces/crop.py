"""Square crops from pictures: upright by five landmarks, or straight by a box."""

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt
from jaxtyping import Float64, UInt8

from affmem.alignment import Placement, Points, similarity
from affmem.values import Face, Image

SIDE: Final = 96
"""Width and height of an aligned face."""

Crop = UInt8[npt.NDArray[np.uint8], "side side 3"]
Box = Float64[npt.NDArray[np.float64], "4"]
"""Left, top, right, bottom, in pixels."""


def normalised(crop: Crop) -> Face:
    """A crop's values from 0..255 to [-1, 1], channels first."""
    scaled = crop.astype(np.float32) / np.float32(127.5) - np.float32(1)
    return np.ascontiguousarray(scaled.transpose(2, 0, 1))


def upright(image: Image, landmarks: Points, target: Points, side: int) -> tuple[Crop, Placement]:
    """The crop in which `landmarks` (pixels) lie nearest to `target` (pixels), and the way there.

    Beyond the picture its edge goes on. A face much larger than the crop is first shrunk by
    whole pixels, so that none is passed over. Raises ValueError where all landmarks coincide.
    """
    placement = similarity(landmarks, target)
    scale = float(np.hypot(placement[0, 0], placement[1, 0]))
    shrink = int(1 / scale + 1e-6) if scale > 1e-6 else 1
    seen, way = image, placement
    if shrink >= 2:
        seen, way = _shrunk(image, placement, shrink, side)
    crop = cv2.warpAffine(
        seen, way, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(crop, np.uint8), placement


def _shrunk(image: Image, placement: Placement, shrink: int, side: int) -> tuple[Image, Placement]:
    """The part of `image` that the crop shows, `shrink` times smaller, and the way from there."""
    corners = np.array([[0, 0], [side, 0], [0, side], [side, side]], np.float64)
    there = back(corners, placement)
    height, width = image.shape[:2]
    margin = 2 * shrink
    left, top = np.clip(there.min(axis=0) - margin, 0, [width - 1, height - 1]).astype(int)
    right, bottom = np.clip(there.max(axis=0) + margin, [left + 1, top + 1], [width, height])
    columns = max(1, int(right - left) // shrink)
    rows = max(1, int(bottom - top) // shrink)
    part = image[top : top + rows * shrink, left : left + columns * shrink]
    small = cv2.resize(part, (columns, rows), interpolation=cv2.INTER_AREA)
    # Pixel i of `small` has its middle at (i + 1/2) * step - 1/2 of `part`.
    step = np.array([part.shape[1] / columns, part.shape[0] / rows])
    way = placement.copy()
    way[:, 2] += placement[:, :2] @ (np.array([left, top]) + (step - 1) / 2)
    way[:, :2] *= step
    return np.asarray(small, np.uint8), way


def back(points: Points, placement: Placement) -> Points:
    """Where `points` of a crop lie in the picture.

    >>> back(np.array([[3.0, 5.0]]), np.array([[2.0, 0.0, 1.0], [0.0, 2.0, 1.0]]))
    array([[1., 2.]])
    """
    return np.asarray(np.linalg.solve(placement[:, :2], (points - placement[:, 2]).T).T)


def straight(image: Image, box: Box, side: int) -> Crop:
    """What a box of whole pixels holds, resized; black where it leaves the picture."""
    left, top, right, bottom = (int(edge) for edge in box)
    height, width = image.shape[:2]
    patch = image[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
    if left < 0 or top < 0 or right > width or bottom > height:
        whole = np.zeros((bottom - top, right - left, 3), np.uint8)
        y, x = max(-top, 0), max(-left, 0)
        whole[y : y + patch.shape[0], x : x + patch.shape[1]] = patch
        patch = whole
    return np.asarray(cv2.resize(patch, (side, side), interpolation=cv2.INTER_AREA), np.uint8)
