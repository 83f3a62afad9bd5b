"""How well a person is known: the running centre and spread of their codes.

A predictor that is given the distribution which an example comes from, beside the example itself,
can be taught on many distributions and used on one never seen (marginal transfer learning:
Blanchard, Lee & Scott 2011). Here a distribution is a person, of whom two moments are kept.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
from attrs import define, field

Doubles = npt.NDArray[np.float64]

MOST_ALIKE: Final = 0.99
"""Correlation of successive codes at most: even a still face, watched long enough, counts."""


@define(eq=False)
class Acquaintance:
    """Sums over the codes of one person, standardised, in the order in which they were seen.

    Frames of a video are no independent looks at a person. How many looks they amount to follows
    from how much successive codes differ, against the `within` [d] variance of a person's codes
    about their own mean: with correlation r = 1 - mean (z_t - z_t-1)^2 / 2 within, n frames are
    worth 1 + (n - 1) (1 - r) / (1 + r) (the effective sample size of a first-order process).

    >>> known = Acquaintance.none(2)
    >>> for _ in range(5):
    ...     known.see(np.ones(2), np.ones(2))
    >>> known.count, round(known.looks, 2)  # a face that never moves was hardly seen at all
    (5, 1.02)
    """

    total: Doubles
    """[d] sum of the codes"""
    squares: Doubles
    """[d] sum of their squares"""
    count: int = 0
    """n"""
    changes: float = 0.0
    """Sum over successive codes of mean (z_t - z_t-1)^2 / 2 within"""
    pairs: int = 0
    """How many successive codes that were"""
    last: Doubles | None = field(default=None)
    """The code before, if the clip goes on"""

    @classmethod
    def none(cls, width: int) -> "Acquaintance":
        """Nobody known yet; codes are `width` wide."""
        return cls(np.zeros(width), np.zeros(width))

    def see(self, code: Doubles, within: Doubles) -> None:
        """One more code [d]."""
        if self.last is not None:
            self.changes += float(np.mean((code - self.last) ** 2 / (2.0 * within)))
            self.pairs += 1
        self.total = self.total + code
        self.squares = self.squares + code * code
        self.count += 1
        self.last = code

    @property
    def looks(self) -> float:
        """How many independent looks at the person the codes amount to, at most `count`."""
        sums = np.array([[self.count], [self.changes], [self.pairs]], np.float64)
        return float(effective(*sums)[0])

    @property
    def centre(self) -> Doubles:
        """[d] mean of the codes; 0 before the first."""
        return self.total / max(1, self.count)

    @property
    def spread(self) -> Doubles:
        """[d] standard deviation of the codes about their centre."""
        variance: Doubles = self.squares / max(1, self.count) - self.centre**2
        deviation: Doubles = np.sqrt(variance.clip(0.0))
        return deviation


def effective(count: Doubles, changes: Doubles, pairs: Doubles) -> Doubles:
    """The effective sample size of `count` codes with that sum of changes over those pairs."""
    alike = (1.0 - changes / np.maximum(1.0, pairs)).clip(0.0, MOST_ALIKE)
    more: Doubles = np.maximum(0.0, count - 1.0) * (1.0 - alike) / (1.0 + alike)
    return np.minimum(count, 1.0) + more


def context(
    looks: Doubles, centre: Doubles, spread: Doubles, usual: Doubles, half: float
) -> Doubles:
    """What a network is told of a person, [..., 2 d + 1]: nothing known is (almost) all zeros.

    Centre and spread (less the `usual` one) are weighted by w = looks / (looks + `half`); the last
    column is w - 1/2.

    >>> met = np.array([5.0]), np.array([[0.2]]), np.array([[0.9]])
    >>> context(*met, usual=np.array([0.7]), half=5.0).round(2)
    array([[0.1, 0.1, 0. ]])
    """
    w = (looks / (looks + half))[..., None]
    return np.concatenate([w * centre, w * (spread - usual), w - 0.5], axis=-1)
