"""Who is in view, of those who agreed to be recognised.

Faces are compared by the distance of their codes, which an encoder makes that tells persons apart
(King 2017; encoder "identity").
"""

from collections.abc import Mapping
from typing import Final, final

import numpy as np
import numpy.typing as npt
from jaxtyping import Float

from affmem.keeping import alike, fingerprint
from affmem.protocols import Encoder
from affmem.values import Face, Likeness

NEAR: Final = 0.5
"""Two faces are taken for one person's where their codes are less than this apart. dlib's own
threshold is 0.6, by which strangers are taken for someone several times as often."""
CLEARLY: Final = 0.1
"""By how much the nearest person must be nearer than the next one: else it is nobody."""
FACES: Final = 10
"""A likeness is the mean of so many faces of a person, the first that are seen; it is whole, and
faces are compared with it, once there are as many."""
APART: Final = 5
"""So many pictures lie between two of those: faces of the same moment say the same."""
FIRST: Final = 3
"""A face is compared when it has been in view for so many pictures."""


@final
class Recognition:
    """Compares faces with likenesses, and makes these."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._fingerprint = fingerprint(encoder)
        self._made_by: dict[str, bool] = {}
        """Whether a likeness of this encoder is one of ours."""

    def fits(self, likeness: Likeness | None) -> bool:
        """Whether faces can be compared with it: it is whole, and of the same encoder."""
        return likeness is not None and likeness.faces >= FACES and self._made(likeness)

    def who(self, face: Face, likenesses: Mapping[str, Likeness]) -> str | None:
        """Whose face it is, by name; None where it is nobody's, or might be that of two."""
        code = self._encoder.encode(face[None])
        fitting = {
            name: one.code
            for name, one in likenesses.items()
            if self.fits(one) and one.code.shape == code.shape
        }
        if not fitting:
            return None
        row = nearest(np.linalg.norm(np.concatenate([*fitting.values()]) - code, axis=1))
        return None if row is None else [*fitting][row]

    def more(self, likeness: Likeness | None, face: Face) -> Likeness:
        """The likeness with one face more, or of the first one; as it was where it is whole."""
        if likeness is None or not self._made(likeness):
            return Likeness(self._encoder.encode(face[None]), 1, self._fingerprint)
        if likeness.faces >= FACES:
            return likeness
        faces = likeness.faces + 1
        step = (self._encoder.encode(face[None]) - likeness.code) / np.float32(faces)
        return Likeness(likeness.code + step, faces, likeness.encoder)

    def _made(self, likeness: Likeness) -> bool:
        if likeness.encoder not in self._made_by:
            self._made_by[likeness.encoder] = alike(likeness.encoder, self._fingerprint)
        return self._made_by[likeness.encoder]


def nearest(
    apart: Float[npt.NDArray[np.floating], " n"], near: float = NEAR, clearly: float = CLEARLY
) -> int | None:
    """The row of the person who is near, and clearly nearer than any other; None without one.

    >>> nearest(np.array([0.9, 0.4])), nearest(np.array([0.45, 0.4])), nearest(np.array([0.7]))
    (1, None, None)
    """
    first, *others = np.argsort(apart, kind="stable")
    if apart[first] >= near or (others and apart[others[0]] - apart[first] < clearly):
        return None
    return int(first)


def due(pictures: int) -> bool:
    """Whether to compare a face that has been in view for so many pictures, and is nobody's yet.

    Comparing costs more than all else of a picture, so it is done ever more seldom.

    >>> [n for n in range(100) if due(n)]
    [3, 6, 12, 24, 48, 96]
    """
    times, rest = divmod(pictures, FIRST)
    return rest == 0 and times.bit_count() == 1
