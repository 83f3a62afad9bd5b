"""How sure a figure is: the percentile bootstrap over persons.

Frames and utterances of one person are alike, so they are no independent evidence: what is drawn
again is whole persons (Efron & Tibshirani 1993, ch. 13; the cluster bootstrap).
"""

from collections.abc import Callable, Sequence
from math import nan

import numpy as np
import numpy.typing as npt
from attrs import frozen
from jaxtyping import Int64

IndexArray = Int64[npt.NDArray[np.int64], " n"]
"""Which units, in order; a unit may stand in it more than once."""

LEVEL = 0.95


@frozen
class Interval:
    """A figure, and the bounds within which 95 % of its bootstrap values lie; NaN where undefined.

    `value` is the figure over all units as they are.
    """

    value: float
    low: float
    high: float


def bootstrap(
    statistic: Callable[[IndexArray], float],
    persons: Sequence[str],
    resamples: int,
    rng: np.random.Generator,
) -> Interval:
    """The interval of `statistic`, a function of unit indices; `persons` names each unit's person.

    Persons are drawn with replacement, as many as there are, each with all its units. Resamples
    whose figure is NaN are left out; the bounds are NaN where that is more than half of them, and
    where there is but one person. For a paired comparison, `statistic` is the difference of two
    figures over the same units. Raises ValueError for no units or no resamples.

    >>> scores = np.array([1.0, 2.0, 6.0, 7.0])
    >>> bootstrap(
    ...     lambda units: float(scores[units].mean()),
    ...     ["anna", "anna", "ben", "ben"],
    ...     resamples=1000,
    ...     rng=np.random.default_rng(0),
    ... )
    Interval(value=4.0, low=1.5, high=6.5)
    """
    if not persons:
        raise ValueError("a bootstrap needs at least one unit")
    if resamples < 1:
        raise ValueError(f"a bootstrap needs at least one resample: {resamples}")
    units_of: dict[str, list[int]] = {}
    for unit, person in enumerate(persons):
        units_of.setdefault(person, []).append(unit)
    groups = [np.array(units, np.int64) for units in units_of.values()]
    value = float(statistic(np.arange(len(persons), dtype=np.int64)))
    if len(groups) == 1:
        return Interval(value, nan, nan)
    figures = np.empty(resamples)
    for row in range(resamples):
        drawn = rng.integers(len(groups), size=len(groups))
        figures[row] = statistic(np.concatenate([groups[person] for person in drawn]))
    defined = figures[~np.isnan(figures)]
    if 2 * len(defined) < resamples:
        return Interval(value, nan, nan)
    low, high = np.quantile(defined, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(value, float(low), float(high))
