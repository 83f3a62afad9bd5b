"""The largest face of a stream, searched for once and then followed."""

from collections.abc import Iterable, Iterator

import cv2
import numpy as np
from attrs import frozen

from affmem.values import Face, Image
from affmem_faces.config import MTCNNConfig
from affmem_faces.crop import align
from affmem_faces.networks import Boxes, Landmarks, Networks, area, overlap, squares

LARGER = 2.0
"""Another face takes the track over where its area is this many times as large."""
SMALLEST_PICTURE = 24


@frozen(eq=False)
class Found:
    """A face in a picture: its box [4] and five landmarks [5, 2], in pixels."""

    box: Boxes
    landmarks: Landmarks


class MTCNN:
    """Face finder "mtcnn".

    The whole picture is searched on the first frame, every `every` frames, and when the face is
    lost; in between, the last network alone looks where the face was (a tenth of the cost).
    """

    def __init__(self, config: MTCNNConfig) -> None:
        self._config = config

    def find(self, images: Iterable[Image]) -> Iterator[Face | None]:
        """The largest face of each image, aligned; the track lives as long as the iterator."""
        for image, found in self.follow(images):
            yield None if found is None else align(image, found.landmarks)

    def follow(self, images: Iterable[Image]) -> Iterator[tuple[Image, Found | None]]:
        """Each image, and where its largest face is."""
        networks = Networks()
        last: Found | None = None
        since = 0
        for image in images:
            found = self._again(networks, image, last) if last is not None else None
            since += 1
            if found is None or since >= self._config.every:
                found, since = self._search(networks, image, found or last), 0
            yield image, found
            last = found

    def _again(self, networks: Networks, image: Image, last: Found) -> Found | None:
        """Look where the face was; None where it is there no more."""
        boxes, scores, landmarks = networks.decide(image, squares(last.box[None]))
        if scores[0] < self._config.keep or not _plausible(landmarks[0], image):
            return None
        return Found(boxes[0], landmarks[0])

    def _search(self, networks: Networks, image: Image, last: Found | None) -> Found | None:
        """Look everywhere; the followed face is kept unless another is much larger."""
        shorter = min(image.shape[:2])
        if shorter < SMALLEST_PICTURE:
            return None
        scale = min(1.0, self._config.working_side / shorter)
        small = image
        if scale < 1:
            small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        least = max(self._config.smallest * min(small.shape[:2]), SMALLEST_PICTURE / 2)
        boxes = networks.refine(small, networks.propose(small, least)) / scale
        boxes, scores, landmarks = networks.decide(image, boxes)
        sure = [
            i
            for i in np.flatnonzero(scores >= self._config.threshold)
            if _plausible(landmarks[i], image)
        ]
        if not sure:
            return None
        size = area(boxes[sure])
        if last is not None:
            size = size * np.where(overlap(last.box, boxes[sure]) > 0.3, LARGER, 1.0)
        # Once more from its own box: the landmarks then hang less on where the search found it.
        best = boxes[sure[int(np.argmax(size))]]
        return self._again(networks, image, Found(best, landmarks[sure[0]])) or Found(
            best, landmarks[sure[int(np.argmax(size))]]
        )


def _plausible(landmarks: Landmarks, image: Image) -> bool:
    """Whether five landmarks span anything, and lie about inside the picture."""
    height, width = image.shape[:2]
    low, high = landmarks.min(axis=0), landmarks.max(axis=0)
    inside = (low > [-width / 2, -height / 2]).all() and (high < [1.5 * width, 1.5 * height]).all()
    return bool(inside and (high - low).max() >= 2 and np.isfinite(landmarks).all())
