"""Faces detected once and then followed, each by the landmarks it had a picture ago."""

from typing import Final, final

import numpy as np
from attrs import define

from affmem.alignment import TEMPLATE, Points
from affmem.values import Found, Image
from affmem_faces.cascade import Cascade
from affmem_faces.config import MTCNNConfig
from affmem_faces.crop import SIDE, back, normalised, upright

SAME: Final = 0.5
"""Two finds are one face where their middles are apart by less than this share of the larger."""
CORNERS: Final = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]) * SIDE - 0.5
"""Of an aligned face, in its pixels."""


@define
class Track:
    """A face that is followed."""

    number: int
    landmarks: Points
    """In pixels of the last picture, ordered as `alignment.TEMPLATE`."""


@final
class Following:
    """The faces of one stream, `most` of them at most.

    The finest network alone looks where each face was; the whole picture is searched where it is no
    longer sure of one, and every so often. For one thread, as its networks are.
    """

    def __init__(self, config: MTCNNConfig, most: int) -> None:
        self.config, self.most = config, most
        self._cascade = Cascade()
        self._tracks: list[Track] = []
        self._age = 0
        self._numbers = 0

    def see(self, image: Image) -> list[Found]:
        """The faces of the next picture, aligned, the largest first."""
        return [aligned(image, track) for track in self.track(image)]

    def track(self, image: Image) -> list[Track]:
        """The faces of the next picture, the largest first."""
        before = self._tracks
        self._tracks = self._followed(image)
        self._age += 1
        if not before or len(self._tracks) < len(before) or self._age >= self.config.every:
            self._tracks = self._chosen(self._detected(image))
            self._age = 0
        self._tracks.sort(key=lambda track: -_spread(track.landmarks))
        return self._tracks

    def _followed(self, image: Image) -> list[Track]:
        """Those that are still there, each where it is now; of two that have become one, the one
        that has been followed for longer."""
        there: list[Track] = []
        for track in sorted(self._tracks, key=lambda track: track.number):
            sure, landmarks = self._cascade.follow(image, track.landmarks)
            sound = sure >= self.config.keep and _sound(landmarks, image)
            if sound and not any(_same(landmarks, other.landmarks) for other in there):
                there.append(Track(track.number, landmarks))
        return there

    def _detected(self, image: Image) -> list[Points]:
        """The faces in the whole picture, the largest first."""
        if min(image.shape[:2]) < self.config.smallest_pixels:
            return []
        smallest = max(self.config.smallest * max(image.shape[:2]), self.config.smallest_pixels)
        found = self._cascade.detect(image, smallest, self.config.threshold)
        sound = [landmarks for landmarks in found if _sound(landmarks, image)]
        return sorted(sound, key=lambda landmarks: -_spread(landmarks))

    def _chosen(self, detected: list[Points]) -> list[Track]:
        """Whom to follow: those followed and detected anew, unless others dwarf them; then the
        largest; then those that only the finest network still sees."""
        ranked: list[tuple[float, Track]] = []
        for track in self._tracks:
            confirmed = any(_same(landmarks, track.landmarks) for landmarks in detected)
            area = _spread(track.landmarks) ** 2
            ranked.append((self.config.larger * area if confirmed else 0.0, track))
        for landmarks in detected:
            if not any(_same(landmarks, track.landmarks) for track in self._tracks):
                ranked.append((_spread(landmarks) ** 2, Track(self._numbers, landmarks)))
                self._numbers += 1
        ranked.sort(key=lambda one: -one[0])
        return [track for _area, track in ranked[: self.most]]


def aligned(image: Image, track: Track) -> Found:
    """A face of a picture, as the encoder sees it."""
    crop, placement = upright(image, track.landmarks, TEMPLATE * SIDE - 0.5, SIDE)
    return Found(track.number, back(CORNERS, placement), normalised(crop))


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
