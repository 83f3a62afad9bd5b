"""How far codes usually lie from one another, learnt row by row."""

from math import sqrt
from typing import final

import numpy as np
import numpy.typing as npt
from jaxtyping import Float32, Float64


@final
class Spread:
    """Root-mean-square distance of the codes seen to their mean (Welford's recurrence, float64).

    >>> spread = Spread(width=1)
    >>> for value in [1.0, 3.0]:
    ...     spread.see(np.float32([value]))
    >>> spread.value
    1.0
    """

    def __init__(self, width: int) -> None:
        self.rows = 0
        self.mean: Float64[npt.NDArray[np.float64], " d"] = np.zeros(width)
        self.squares = 0.0

    def see(self, code: Float32[npt.NDArray[np.float32], " d"]) -> None:
        """Take one more code into account."""
        self.rows += 1
        before = code - self.mean
        self.mean += before / self.rows
        self.squares += float(before @ (code - self.mean))

    @property
    def value(self) -> float:
        """The distance; 1 as long as all codes seen are the same."""
        return sqrt(self.squares / self.rows) if self.squares > 0 else 1.0
