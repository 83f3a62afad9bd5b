"""What a metric keeps."""

from math import isnan
from typing import Any

import numpy as np
from hypothesis import strategies as st

from affmem.conformance.draws import level
from affmem.conformance.subject import Check, Subject, demand, refused

pairs = st.lists(st.tuples(level, level), min_size=1, max_size=20).map(
    lambda few: np.array(few, np.float64).T
)


def truth_is_best(subject: Subject) -> None:
    """It says which way is better, and the truth itself is no worse a prediction than any other."""

    def check(config: Any, pair: Any) -> None:
        metric, (truth, predicted) = subject.build(config), pair
        demand(metric.better in ("higher", "lower"), f"better is {metric.better!r}")
        best, other = metric(truth, truth), metric(truth, predicted)
        demand(isinstance(other, float), f"expected a float, got {type(other).__name__}")
        sign = 1 if metric.better == "higher" else -1
        demand(
            not sign * other > sign * best + 1e-9,
            f"{metric.better} is better, but the truth has {best:g}, another {other:g}",
        )

    subject.given(check, config=subject.configs, pair=pairs)


def the_same_figure_again(subject: Subject) -> None:
    """The same values have the same figure, also as float32 to within rounding, and stay as they
    were."""

    def check(config: Any, pair: Any) -> None:
        given = pair.copy()
        first = subject.build(config)(*given)
        demand(given.tobytes() == pair.tobytes(), "it changed what it was given")
        again = subject.build(config)(*pair.astype(np.float32).copy())
        demand(np.isclose(first, again, atol=1e-4, equal_nan=True), f"{first:g}, then {again:g}")

    subject.given(check, config=subject.configs, pair=pairs)


def what_is_undefined_is_nan(subject: Subject) -> None:
    """Of no values, and where one is NaN, the figure is NaN."""

    def check(config: Any, pair: Any, side: int) -> None:
        metric, spoilt = subject.build(config), pair.copy()
        spoilt[side, -1] = np.nan
        for values, what in ((pair[:, :0], "no values"), (spoilt, "a NaN among the values")):
            found = metric(*values)
            demand(isnan(found), f"{what}: {found!r}")

    subject.given(check, config=subject.configs, pair=pairs, side=st.integers(0, 1))


def other_lengths_are_refused(subject: Subject) -> None:
    """Truth and prediction of two lengths, or not [n]: ValueError."""

    def check(config: Any, pair: Any) -> None:
        metric, (truth, predicted) = subject.build(config), pair
        longer = np.append(predicted, [0.0, 0.5])
        refused(lambda: metric(truth, longer), "a prediction of another length")
        refused(lambda: metric(pair, pair), "values that are no [n]")

    subject.given(check, config=subject.configs, pair=pairs)


CHECKS: tuple[Check, ...] = (
    truth_is_best,
    the_same_figure_again,
    what_is_undefined_is_nan,
    other_lengths_are_refused,
)
