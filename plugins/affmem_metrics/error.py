"""Metrics of error: 0 is best."""

from math import nan
from typing import Literal, final

import numpy as np

from affmem.values import Values
from affmem_metrics.pairs import pairs


@final
class RMSE:
    """Root of the mean squared error. NaN for no pairs, and where a value is NaN.

    >>> RMSE()(np.array([0.0, 0.0]), np.array([1.0, -1.0]))
    1.0
    """

    better: Literal["higher", "lower"] = "lower"

    def __call__(self, truth: Values, predicted: Values) -> float:
        one, other = pairs(truth, predicted)
        return float(np.sqrt(np.mean((other - one) ** 2))) if len(one) else nan


@final
class MAE:
    """Mean absolute error. NaN for no pairs, and where a value is NaN.

    >>> MAE()(np.array([0.0, 0.0]), np.array([1.0, -0.5]))
    0.75
    """

    better: Literal["higher", "lower"] = "lower"

    def __call__(self, truth: Values, predicted: Values) -> float:
        one, other = pairs(truth, predicted)
        return float(np.mean(np.abs(other - one))) if len(one) else nan
