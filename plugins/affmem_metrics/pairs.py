"""What every metric is given: truth and prediction, side by side."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from jaxtyping import Float64

from affmem.values import Values

Numbers = Float64[npt.NDArray[np.float64], " n"]


class Moments(NamedTuple):
    """Population moments of two series."""

    truth: float
    """Variance of the truth, exactly 0 where it is constant."""
    predicted: float
    """Variance of the prediction, likewise."""
    covariance: float
    shift: float
    """Mean of prediction - truth."""


def pairs(truth: Values, predicted: Values) -> tuple[Numbers, Numbers]:
    """Both as float64 [n]. Raises ValueError where they are not of one length and dimension."""
    one, other = np.asarray(truth, np.float64), np.asarray(predicted, np.float64)
    if one.ndim != 1 or one.shape != other.shape:
        raise ValueError(
            f"truth and prediction must be [n]: {list(one.shape)} and {list(other.shape)}"
        )
    return one, other


def moments(truth: Numbers, predicted: Numbers) -> Moments:
    """Of at least one pair; centred on the first value, so that a constant has no rounding."""
    one, other = truth - truth[0], predicted - predicted[0]
    one -= one.mean()
    other -= other.mean()
    return Moments(
        truth=float(np.mean(one * one)),
        predicted=float(np.mean(other * other)),
        covariance=float(np.mean(one * other)),
        shift=float(np.mean(predicted - truth)),
    )
