"""How well a person is known: running means over their codes.

A predictor that is given the distribution which an example comes from, beside the example itself,
can be taught on many distributions and used on one never seen (marginal transfer learning:
Blanchard, Lee & Scott 2011). Here a distribution is a person, of whom the first two moments are
kept, and the means of some features of a code that are learnt with the predictor (Deep Sets: Zaheer
et al. 2017).
"""

from typing import Final

import numpy as np
import numpy.typing as npt
from attrs import define, field

Doubles = npt.NDArray[np.float64]

MOST_ALIKE: Final = 0.99
"""Correlation of successive codes at most: even a still face, watched long enough, counts."""
LEAST_ALIKE: Final = 0.05
"""Less than this is taken for none."""
LAGS: Final = (1, 2)


@define(eq=False)
class Acquaintance:
    """Sums over the codes of one person, standardised, in the order in which they were seen.

    Frames of a video are no independent looks at a person; what they amount to is `effective`,
    which sets how much codes change over one frame and over two against the `within` [d] variance
    of a person's codes about their own mean.

    >>> known = Acquaintance.none(2, features=1)
    >>> for _ in range(5):
    ...     known.see(np.ones(2), np.ones(1), within=np.ones(2))
    >>> known.count, round(known.looks, 2)  # a face that never moves was hardly seen at all
    (5, 1.02)
    """

    total: Doubles
    """[d] sum of the codes"""
    squares: Doubles
    """[d] sum of their squares"""
    features: Doubles
    """[k] sum of their features"""
    changes: Doubles = field(factory=lambda: np.zeros(len(LAGS)))
    """By lag, sum of mean (z_t - z_t-lag)^2 / 2 within"""
    pairs: Doubles = field(factory=lambda: np.zeros(len(LAGS)))
    """By lag, how many such pairs there were"""
    count: int = 0
    """n"""
    last: tuple[Doubles, ...] = ()
    """The codes before, the latest first, as far as the clip and the lags go"""

    @classmethod
    def none(cls, width: int, features: int) -> "Acquaintance":
        """Nobody known yet; codes are `width` wide, and have so many features."""
        return cls(np.zeros(width), np.zeros(width), np.zeros(features))

    def see(self, code: Doubles, features: Doubles, within: Doubles) -> None:
        """One more code [d], and its features [k]."""
        for place, before in enumerate(self.last):
            self.changes[place] += np.mean((code - before) ** 2 / (2.0 * within))
            self.pairs[place] += 1
        self.total = self.total + code
        self.squares = self.squares + code * code
        self.features = self.features + features
        self.count += 1
        self.last = (code, *self.last)[: len(LAGS)]

    @property
    def looks(self) -> float:
        """How many independent looks at the person the codes amount to, at most `count`."""
        count = np.array([self.count], np.float64)
        return float(effective(count, self.changes[:, None], self.pairs[:, None])[0])

    @property
    def centre(self) -> Doubles:
        """[d] mean of the codes; 0 before the first."""
        return self.total / max(1, self.count)

    @property
    def means(self) -> Doubles:
        """[k] mean of the features; 0 before the first."""
        return self.features / max(1, self.count)

    @property
    def spread(self) -> Doubles:
        """[d] standard deviation of the codes about their centre."""
        variance: Doubles = self.squares / max(1, self.count) - self.centre**2
        deviation: Doubles = np.sqrt(variance.clip(0.0))
        return deviation


def effective(count: Doubles, changes: Doubles, pairs: Doubles) -> Doubles:
    """The effective sample size of `count` [k] codes with such changes over such pairs [2, k].

    A code is what the face shows, a first-order process of correlation r from frame to frame, and
    noise, which is new in each frame and says nothing of how long the face stays as it is. The
    correlation over two frames by that over one is r whatever the noise. With it n codes are worth
    1 + (n - 1) (1 - r) / (1 + r): twice the frame rate, about as many looks.
    """
    one, two = 1.0 - changes / np.maximum(1.0, pairs)
    alike = np.where(pairs[1] > 0, two / np.maximum(one, LEAST_ALIKE), one)
    alike = np.where(one < LEAST_ALIKE, 0.0, alike).clip(0.0, MOST_ALIKE)
    more: Doubles = np.maximum(0.0, count - 1.0) * (1.0 - alike) / (1.0 + alike)
    return np.minimum(count, 1.0) + more


def context(
    looks: Doubles,
    centre: Doubles,
    spread: Doubles,
    features: Doubles,
    usual: Doubles,
    half: float,
) -> Doubles:
    """What a network is told of a person, [..., 2 d + k + 1]: nothing known is (almost) all zeros.

    Centre, spread (less the `usual` one) and mean features are weighted by w = looks / (looks +
    `half`); the last column is w - 1/2.

    >>> met = np.array([5.0]), np.array([[0.2]]), np.array([[0.9]]), np.array([[4.0]])
    >>> context(*met, usual=np.array([0.7]), half=5.0).round(2)
    array([[0.1, 0.1, 2. , 0. ]])
    """
    w = (looks / (looks + half))[..., None]
    return np.concatenate([w * centre, w * (spread - usual), w * features, w - 0.5], axis=-1)
