"""Cutting a face out of a picture, by its landmarks."""

import cv2
import numpy as np

from affmem.alignment import TEMPLATE, Points, similarity
from affmem.values import Face, Image

SIDE = 96


def align(image: Image, landmarks: Points) -> Face:
    """The face with its five landmarks where `affmem.alignment` wants them; edges are repeated.

    Raises ValueError where the landmarks coincide.
    """
    placed = similarity(landmarks, TEMPLATE * SIDE - 0.5)
    zoom = float(np.hypot(placed[0, 0], placed[1, 0]))
    if zoom < 0.5:  # shrunk by more than two: average first, so that nothing aliases
        small = max(2 * zoom, 1 / min(image.shape[:2]))
        image = cv2.resize(image, None, fx=small, fy=small, interpolation=cv2.INTER_AREA)
        placed = similarity((landmarks + 0.5) * small - 0.5, TEMPLATE * SIDE - 0.5)
    crop = cv2.warpAffine(
        image, placed, (SIDE, SIDE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return planes(crop)


def planes(crop: Image) -> Face:
    """A picture of 96x96 as a face, float32 [3, 96, 96] in [-1, 1]."""
    face: Face = np.ascontiguousarray(crop.transpose(2, 0, 1), np.float32) / 127.5 - 1
    return face
