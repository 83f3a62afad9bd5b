"""From affect to action units, and each person's own manner of showing them.

Action units are those of the Facial Action Coding System (Ekman, Friesen & Hager, "Facial Action
Coding System", 2002). Where emotions lie on the plane follows Russell, "A circumplex model of
affect", J. Pers. Soc. Psychol. 39 (1980); which units go with which emotion follows the prototypes
tabulated by Ekman & Friesen, and for compound and intermediate states Du, Tao & Martinez,
"Compound facial expressions of emotion", PNAS 111 (2014). The continuous map between them is ours:
it was drawn up to be smooth and readable over the whole plane, and was fitted to nobody's face.
"""

from typing import Final

import numpy as np
from attrs import field, frozen
from jaxtyping import Float32
from numpy import typing as npt

ACTIONS: Final = (
    "AU1",  # inner brow raiser
    "AU2",  # outer brow raiser
    "AU4",  # brow lowerer
    "AU5",  # upper lid raiser
    "AU6",  # cheek raiser
    "AU7",  # lid tightener
    "AU9",  # nose wrinkler
    "AU10",  # upper lip raiser
    "AU12",  # lip corner puller
    "AU15",  # lip corner depressor
    "AU17",  # chin raiser
    "AU20",  # lip stretcher
    "AU23",  # lip tightener
    "AU25",  # lips part
    "AU26",  # jaw drop
    "AU43",  # eye closure
    "AU54",  # head down
    "AU64",  # eyes down
)
"""The units that the drawing knows, in the order of every array of actions."""

COUNT: Final = len(ACTIONS)
LEAST: Final = -0.3
"""The least an action can be: below 0 a resting face leans the other way."""
MOST: Final = 1.2

Affects = Float32[npt.NDArray[np.float32], "n 2"]
"""Arousal and valence, each in [-1, 1]."""
Actions = Float32[npt.NDArray[np.float32], f"*n 2 {COUNT}"]
"""Action units on the picture's left and right half of the face: 0 at rest, 1 in full."""


def _rise(x: Float32[npt.NDArray[np.float32], " n"]) -> Float32[npt.NDArray[np.float32], " n"]:
    """Zero up to 0, 1 at 1, smooth in value and slope."""
    x = np.maximum(x, np.float32(0.0))
    return np.asarray(x * x * np.float32(1.1) / (x + np.float32(0.1)), dtype=np.float32)


def actions_of(affects: Affects) -> Float32[npt.NDArray[np.float32], "n actions"]:
    """The action units, each in [0, 1], that everyone alike would show at these affects.

    >>> shown = actions_of(np.array([[0.0, 0.0], [0.8, 0.9]], np.float32))
    >>> bool(shown[0].any()), bool(shown[1, ACTIONS.index("AU12")] > 0.7)
    (False, True)
    """
    arousal, valence = affects[:, 0], affects[:, 1]
    high, low = _rise(arousal), _rise(-arousal)
    good, bad = _rise(valence), _rise(-valence)
    columns = {
        "AU1": high * (0.72 - 0.12 * good) + bad * (0.12 + 0.95 * low),
        "AU2": high * (0.80 - 0.35 * bad - 0.10 * good),
        "AU4": bad * (0.80 + 0.20 * high - 0.50 * low),
        "AU5": high * (0.95 - 0.30 * good),
        "AU6": good * (0.50 + 0.45 * high - 0.15 * low),
        "AU7": bad * (0.50 - 0.40 * high) + 0.10 * good,
        "AU9": bad * (0.30 + 0.35 * high - 0.30 * low),
        "AU10": bad * (0.20 + 0.45 * high - 0.20 * low),
        "AU12": good * (0.80 + 0.20 * high - 0.10 * low),
        "AU15": bad * (0.75 + 0.25 * low - 0.20 * high),
        "AU17": bad * (0.45 + 0.40 * low - 0.40 * high),
        "AU20": bad * high * 0.95,
        "AU23": bad * (0.60 - 0.60 * high - 0.25 * low),
        "AU25": high * (0.80 + 0.10 * good) + 0.30 * good * (1.0 - low),
        "AU26": high * (0.90 - 0.40 * bad - 0.15 * good),
        "AU43": low * (0.80 - 0.04 * bad - 0.06 * good),
        "AU54": low * (0.75 + 0.15 * bad),
        "AU64": low * (0.45 + 0.35 * bad - 0.20 * good),
    }
    return np.stack([columns[name] for name in ACTIONS], axis=1).clip(0.0, 1.0).astype(np.float32)


@frozen(eq=False)
class Manner:
    """How one person shows affect: of each action unit the strength, rest, sides and company."""

    gain: Float32[npt.NDArray[np.float32], " actions"] = field()
    """How strongly each unit is used; 1 is everyone's mean."""
    offset: Float32[npt.NDArray[np.float32], " actions"] = field()
    """What the face shows at rest."""
    asymmetry: Float32[npt.NDArray[np.float32], " actions"] = field()
    """The picture's right side is stronger by this share, its left side weaker."""
    mixture: Float32[npt.NDArray[np.float32], "actions actions"] = field()
    """How much of each unit (column) comes along with another (row); 0 on the diagonal."""

    def show(self, affects: Affects) -> Actions:
        """The action units of both sides of this person's face, in [LEAST, MOST]."""
        units = actions_of(affects) * self.gain
        units = units + units @ self.mixture.T + self.offset
        sides = np.stack([1.0 - self.asymmetry, 1.0 + self.asymmetry])
        shown = units[:, None, :] * sides[None]
        return shown.clip(LEAST, MOST).astype(np.float32)

    def mirrored(self) -> "Manner":
        """The same person in a mirror."""
        return Manner(self.gain, self.offset, -self.asymmetry, self.mixture)


_REST: Final = np.array(
    [
        0.35,
        0.35,
        0.4,
        0.3,
        0.15,
        0.3,
        0.1,
        0.2,
        0.35,
        0.35,
        0.3,
        0.1,
        0.3,
        0.2,
        0.05,
        0.3,
        0.5,
        0.2,
    ],
    dtype=np.float32,
)
"""Which units a resting face differs in, in standard deviations at strength 1."""


def sample_manner(rng: np.random.Generator, strength: float) -> Manner:
    """A person's manner; `strength` is the standard deviation of the gains (0: everyone alike).

    >>> bool((sample_manner(np.random.default_rng(1), 0.0).gain == 1).all())
    True
    """
    noise = rng.standard_normal((4, COUNT))
    company = rng.standard_normal((COUNT, COUNT)) * (rng.random((COUNT, COUNT)) < 0.12)
    np.fill_diagonal(company, 0.0)
    whole = 1.0 + 0.5 * strength * noise[3, 0]  # some people show more of everything
    gain = np.clip(whole + 0.87 * strength * noise[0], 0.15, 2.2)
    return Manner(
        gain=gain.astype(np.float32),
        offset=(strength * _REST * noise[1].clip(-2.2, 2.2)).astype(np.float32),
        asymmetry=(0.35 * strength * noise[2].clip(-2.0, 2.0)).astype(np.float32),
        mixture=(0.4 * strength * company.clip(-1.5, 1.5)).astype(np.float32),
    )


def speaking(actions: Actions, opening: float, rounding: float) -> Actions:
    """The same face in the middle of a word: lips part and jaw drops by `opening`, 0..1.

    `rounding` in [-1, 1] draws the mouth's corners in (positive) or apart. What is open already
    opens less, so that speech over a laugh stays a laugh.
    """
    spoken = actions.copy()
    part, jaw = ACTIONS.index("AU25"), ACTIONS.index("AU26")
    spoken[..., part] += np.float32(0.75 * opening) * (1.0 - spoken[..., part].clip(0.0, 1.0))
    spoken[..., jaw] += np.float32(0.55 * opening) * (1.0 - spoken[..., jaw].clip(0.0, 1.0))
    spoken[..., ACTIONS.index("AU23")] += np.float32(0.25 * max(rounding, 0.0) * opening)
    spoken[..., ACTIONS.index("AU20")] += np.float32(0.20 * max(-rounding, 0.0) * opening)
    return np.asarray(spoken.clip(LEAST, MOST), np.float32)


def spread_affects(count: int, shift: tuple[float, float]) -> Affects:
    """Points that cover the square [-1, 1]^2 evenly: the R2 sequence of Roberts (2018), shifted.

    >>> points = spread_affects(1000, (0.0, 0.0))
    >>> points.shape, bool(abs(points.mean(axis=0)).max() < 0.01)
    ((1000, 2), True)
    """
    golden = 1.32471795724474602596  # the real root of x^3 = x + 1
    steps = np.array([1 / golden, 1 / golden**2])
    points = (np.asarray(shift) + 0.5 + np.arange(1, count + 1)[:, None] * steps) % 1.0
    return np.asarray(2.0 * points - 1.0, dtype=np.float32)
