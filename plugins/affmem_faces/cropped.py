"""Pictures that are aligned faces already."""

from collections.abc import Iterable, Iterator

import cv2
import numpy as np

from affmem.values import Face, Image
from affmem_faces.crop import SIDE, normalised


class Cropped:
    """Takes each picture for a face, whole; resizes it, whatever its shape was."""

    def find(self, images: Iterable[Image]) -> Iterator[Face | None]:
        for image in images:
            if image.size == 0:
                yield None
                continue
            shrinks = min(image.shape[:2]) >= SIDE
            how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
            resized = cv2.resize(image, (SIDE, SIDE), interpolation=how)
            yield normalised(np.asarray(resized, np.uint8))
