"""The largest face of each picture, detected once and then followed."""

from collections.abc import Iterable, Iterator

import numpy as np

from affmem.alignment import TEMPLATE, Points
from affmem.values import Face, Image
from affmem_faces.cascade import Cascade
from affmem_faces.config import MTCNNConfig
from affmem_faces.crop import SIDE, normalised, upright

SAME = 0.5
"""Two finds are one face where their middles are apart by less than this share of the larger."""


class MTCNN:
    """Detects on the first picture; then only the last, finest network looks where the face was.

    The whole picture is searched again where that network is no longer sure, and every so often.
    Each `find` has networks and a track of its own, so several may run at once, each in a thread.
    OpenCV's own number of threads is left as it is.
    """

    def __init__(self, config: MTCNNConfig) -> None:
        self.config = config

    def find(self, images: Iterable[Image]) -> Iterator[Face | None]:
        for image, landmarks in self.track(images):
            if landmarks is None:
                yield None
            else:
                crop, _placement = upright(image, landmarks, TEMPLATE * SIDE - 0.5, SIDE)
                yield normalised(crop)

    def track(self, images: Iterable[Image]) -> Iterator[tuple[Image, Points | None]]:
        """Each image with its face's five landmarks in pixels, ordered as `alignment.TEMPLATE`."""
        cascade = Cascade()
        followed: Points | None = None
        age = 0
        for image in images:
            if followed is not None:
                sure, followed = cascade.follow(image, followed)
                if sure < self.config.keep or not _sound(followed, image):
                    followed = None
            age += 1
            if followed is None or age >= self.config.every:
                followed = self._chosen(self._detected(cascade, image), followed)
                age = 0
            yield image, followed

    def _detected(self, cascade: Cascade, image: Image) -> list[Points]:
        if min(image.shape[:2]) < self.config.smallest_pixels:
            return []
        smallest = max(self.config.smallest * max(image.shape[:2]), self.config.smallest_pixels)
        found = cascade.detect(image, smallest, self.config.threshold)
        return [landmarks for landmarks in found if _sound(landmarks, image)]

    def _chosen(self, detected: list[Points], followed: Points | None) -> Points | None:
        """The largest face; but the followed one as long as it is there and none dwarfs it."""
        if not detected:
            return followed
        largest = max(detected, key=_spread)
        if followed is None:
            return largest
        there = any(_same(one, followed) for one in detected)
        dwarfed = _spread(largest) ** 2 > self.config.larger * _spread(followed) ** 2
        return followed if there and not dwarfed else largest


def _spread(landmarks: Points) -> float:
    """How far the landmarks lie from their middle (root mean square), in pixels."""
    return float(np.sqrt(((landmarks - landmarks.mean(axis=0)) ** 2).sum(axis=1).mean()))


def _same(one: Points, other: Points) -> bool:
    apart = float(np.linalg.norm(one.mean(axis=0) - other.mean(axis=0)))
    return apart < SAME * 3 * max(_spread(one), _spread(other))


def _sound(landmarks: Points, image: Image) -> bool:
    """Whether the landmarks' middle is in the picture and their spread can be a face's."""
    height, width = image.shape[:2]
    x, y = landmarks.mean(axis=0)
    return bool(
        np.isfinite(landmarks).all()
        and 0 <= x < width
        and 0 <= y < height
        and 1 < _spread(landmarks) < max(height, width)
    )
