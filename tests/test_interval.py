"""The bootstrap over persons."""

from math import isnan, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from affmem.interval import Interval, bootstrap

PERSONS = st.lists(st.sampled_from("abcde"), min_size=1, max_size=30)
SEEDS = st.integers(0, 2**32 - 1)


def resampled(persons, resamples, seed):
    """The unit indices of each call, the first (all units) left out."""
    calls = []

    def statistic(units):
        calls.append(units.copy())
        return float(len(calls))

    bootstrap(statistic, persons, resamples, np.random.default_rng(seed))
    return calls[0], calls[1:]


@given(persons=PERSONS, seed=SEEDS)
def test_all_units_of_a_person_travel_together(persons, seed):
    everything, draws = resampled(persons, 20, seed)
    assert everything.tolist() == list(range(len(persons)))
    people = sorted(set(persons))
    assert len(draws) == (20 if len(people) > 1 else 0)
    for units in draws:
        counts = np.bincount(units, minlength=len(persons))
        drawn = {}
        for unit, person in enumerate(persons):
            assert drawn.setdefault(person, counts[unit]) == counts[unit]
        assert sum(drawn.values()) == len(people)


@given(persons=PERSONS, seed=SEEDS)
def test_the_same_stream_gives_the_same_interval(persons, seed):
    values = np.random.default_rng(seed).normal(size=len(persons))
    one, other = (
        bootstrap(lambda units: values[units].mean(), persons, 50, np.random.default_rng(seed))
        for _ in range(2)
    )
    assert repr(one) == repr(other)


@given(persons=PERSONS, seed=SEEDS)
def test_the_bounds_are_in_order_and_the_value_is_of_all_units(persons, seed):
    values = np.random.default_rng(seed).normal(size=len(persons))
    found = bootstrap(lambda units: values[units].mean(), persons, 50, np.random.default_rng(seed))
    assert found.value == pytest.approx(values.mean())
    if len(set(persons)) == 1:
        assert isnan(found.low)
        assert isnan(found.high)
    else:
        assert values.min() - 1e-9 <= found.low <= found.high <= values.max() + 1e-9


def test_it_covers_the_true_mean_of_persons_about_as_often_as_it_says():
    rng = np.random.default_rng(1)
    persons = [name for name in "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMN" for _ in range(5)]
    covered = 0
    for _ in range(150):
        means = np.repeat(rng.normal(size=40), 5)
        values = means + 0.1 * rng.normal(size=200)
        found = bootstrap(lambda units, v=values: v[units].mean(), persons, 150, rng)
        covered += found.low <= 0 <= found.high
    assert 0.87 <= covered / 150 <= 0.99  # 95 %, within what 150 trials can tell


def test_it_is_wider_than_if_each_unit_were_a_person():
    values = np.repeat(np.random.default_rng(2).normal(size=20), 30)
    rng = np.random.default_rng(3)

    def width(persons):
        found = bootstrap(lambda units: values[units].mean(), persons, 200, rng)
        return found.high - found.low

    assert width([str(unit // 30) for unit in range(600)]) > 3 * width([*map(str, range(600))])


def test_undefined_resamples_are_left_out_unless_they_are_more_than_half():
    persons = ["a", "b"]  # drawn as aa, ab, ba, bb, each as often
    seldom = bootstrap(
        lambda units: nan if (units == 0).all() else 1.0, persons, 400, np.random.default_rng(0)
    )
    assert seldom == Interval(1.0, 1.0, 1.0)
    often = bootstrap(
        lambda units: 1.0 if (units == 0).all() else nan, persons, 400, np.random.default_rng(0)
    )
    assert isnan(often.low)
    assert isnan(often.high)


def test_nothing_to_draw_from_is_refused():
    with pytest.raises(ValueError, match="at least one unit"):
        bootstrap(lambda _: 0.0, [], 10, np.random.default_rng(0))
    with pytest.raises(ValueError, match="at least one resample"):
        bootstrap(lambda _: 0.0, ["a"], 0, np.random.default_rng(0))
