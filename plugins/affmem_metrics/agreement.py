"""Metrics of agreement: 1 is best."""

from math import isnan, nan, sqrt
from typing import Literal, final

import numpy as np

from affmem.values import Values
from affmem_metrics.pairs import moments, pairs


@final
class CCC:
    """Concordance, 2 cov / (var + var + (difference of means)^2), in [-1, 1]; population moments.

    Lin, "A concordance correlation coefficient to evaluate reproducibility" (1989). 0 where one
    side is constant; NaN below two pairs, where both sides are the same constant (0/0), and where
    a value is NaN.

    >>> CCC()(np.array([0.0, 1.0]), np.array([0.0, 1.0]))
    1.0
    >>> CCC()(np.array([0.0, 1.0]), np.array([0.5, 0.5]))
    0.0
    >>> CCC()(np.array([0.5, 0.5]), np.array([0.5, 0.5]))
    nan
    """

    better: Literal["higher", "lower"] = "higher"

    def __call__(self, truth: Values, predicted: Values) -> float:
        one, other = pairs(truth, predicted)
        if len(one) < 2:
            return nan
        m = moments(one, other)
        spread = m.truth + m.predicted + m.shift * m.shift
        return _bounded(2 * m.covariance / spread) if spread else nan


@final
class Pearson:
    """Correlation, cov / (sd sd), in [-1, 1].

    NaN below two pairs, where one side is constant, and where a value is NaN.

    >>> round(Pearson()(np.array([0.0, 1.0, 2.0]), np.array([0.0, 1.0, 0.5])), 3)
    0.5
    """

    better: Literal["higher", "lower"] = "higher"

    def __call__(self, truth: Values, predicted: Values) -> float:
        one, other = pairs(truth, predicted)
        if len(one) < 2:
            return nan
        m = moments(one, other)
        spread = sqrt(m.truth) * sqrt(m.predicted)
        return _bounded(m.covariance / spread) if spread else nan


@final
class SAGR:
    """Sign agreement: the share of pairs whose signs are the same, in [0, 1].

    Nicolaou, Gunes & Pantic (2011). 0 is a sign of its own: it agrees with 0 alone. NaN for no
    pairs, and where a value is NaN.

    >>> SAGR()(np.array([0.3, -0.2, 0.0, 0.0]), np.array([0.1, 0.2, 0.0, 0.1]))
    0.5
    """

    better: Literal["higher", "lower"] = "higher"

    def __call__(self, truth: Values, predicted: Values) -> float:
        one, other = pairs(truth, predicted)
        if not len(one) or np.isnan(one).any() or np.isnan(other).any():
            return nan
        return float(np.mean(np.sign(one) == np.sign(other)))


def _bounded(value: float) -> float:
    """`value` without what rounding may have put beyond [-1, 1]; NaN stays."""
    return value if isnan(value) else min(1.0, max(-1.0, value))
