"""Pictures that are aligned faces already."""

from collections.abc import Iterable, Iterator

import cv2
import numpy as np

from affmem.values import Face, Found, Image
from affmem_faces.crop import SIDE, normalised


class Cropped:
    """Takes each picture for a face, whole; resizes it, whatever its shape was."""

    def find(self, images: Iterable[Image]) -> Iterator[Face | None]:
        for image in images:
            yield _resized(image) if image.size else None

    def follow(self) -> "Cropped":
        return self

    def see(self, image: Image) -> list[Found]:
        """The picture, as the one face that is ever followed."""
        if not image.size:
            return []
        height, width = image.shape[:2]
        corners = np.array([[0, 0], [width, 0], [width, height], [0, height]]) - 0.5
        return [Found(0, corners, _resized(image))]


def _resized(image: Image) -> Face:
    shrinks = min(image.shape[:2]) >= SIDE
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    resized = cv2.resize(image, (SIDE, SIDE), interpolation=how)
    return normalised(np.asarray(resized, np.uint8))
