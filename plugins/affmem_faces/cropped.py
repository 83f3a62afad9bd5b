"""Pictures that are faces already."""

from collections.abc import Iterable, Iterator

import cv2

from affmem.values import Face, Image
from affmem_faces.crop import SIDE, planes


class Cropped:
    """Takes each picture as an aligned face, scaled to 96x96 where it is not."""

    def find(self, images: Iterable[Image]) -> Iterator[Face | None]:
        """Every picture as a face."""
        for image in images:
            if image.shape[:2] == (SIDE, SIDE):
                yield planes(image)
            elif 0 in image.shape:
                yield None
            else:
                larger = min(image.shape[:2]) > SIDE
                way = cv2.INTER_AREA if larger else cv2.INTER_LINEAR
                yield planes(cv2.resize(image, (SIDE, SIDE), interpolation=way))
