"""The metrics, against scipy, Lin's formula computed otherwise, and their own laws."""

from math import isnan
from statistics import fmean, pvariance

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import pearsonr

from affmem import Runtime
from affmem.protocols import Metric
from affmem_metrics import affmem_metrics

METRICS = {name: config().build(Runtime()) for name, config in affmem_metrics().items()}
ccc, mae, pearson, rmse, sagr = (
    METRICS[name] for name in ("ccc", "mae", "pearson", "rmse", "sagr")
)

numbers = st.integers(-1000, 1000).map(lambda n: n / 1000)
pair_lists = st.lists(st.tuples(numbers, numbers), min_size=2, max_size=40)


def columns(pairs):
    return np.array(pairs, np.float64).reshape(-1, 2).T


def lin(truth, predicted):
    """1 - E[(x - y)^2] / E[(x - y)^2 if x and y were independent] (Lin 1989, eq. 2)."""
    squares = fmean((x - y) ** 2 for x, y in zip(truth, predicted, strict=True))
    apart = pvariance(truth) + pvariance(predicted) + (fmean(truth) - fmean(predicted)) ** 2
    return 1 - squares / apart


@given(pairs=pair_lists)
def test_ccc_is_lins(pairs):
    truth, predicted = columns(pairs)
    assume(len({*truth, *predicted}) > 1)
    assert ccc(truth, predicted) == pytest.approx(lin(truth, predicted), abs=1e-9)


@given(pairs=pair_lists)
def test_pearson_is_scipys(pairs):
    truth, predicted = columns(pairs)
    assume(len(set(truth)) > 1)
    assume(len(set(predicted)) > 1)
    assert pearson(truth, predicted) == pytest.approx(pearsonr(truth, predicted)[0], abs=1e-9)


def test_known_answers():
    truth, predicted = np.array([1.0, 2, 3, 4]) / 4, np.array([2.0, 2, 3, 5]) / 4
    assert ccc(truth, predicted) == pytest.approx(2.5 / 3)  # cov 1.25, var 1.25, 1.5, shift 0.5
    assert rmse(truth, predicted) == pytest.approx(np.sqrt(2 / 4) / 4)
    assert mae(truth, predicted) == pytest.approx(2 / 4 / 4)
    assert sagr(np.array([-1.0, 0, 0, 0.5]), np.array([-0.1, 0, -0.2, 0.1])) == 0.75


@given(pairs=pair_lists)
def test_ccc_is_no_larger_than_pearson_and_both_are_bounded_and_symmetric(pairs):
    truth, predicted = columns(pairs)
    one, other = ccc(truth, predicted), pearson(truth, predicted)
    assert isnan(one) or -1 <= one <= 1
    assert isnan(other) or abs(one) <= abs(other) + 1e-9
    assert repr(ccc(predicted, truth)) == repr(one)
    assert repr(pearson(predicted, truth)) == repr(other)


@given(pairs=pair_lists)
def test_a_perfect_prediction_is_best(pairs):
    truth, _ = columns(pairs)
    constant = len(set(truth)) == 1
    assert isnan(ccc(truth, truth)) if constant else ccc(truth, truth) == 1
    assert isnan(pearson(truth, truth)) if constant else pearson(truth, truth) == pytest.approx(1)
    assert (rmse(truth, truth), mae(truth, truth), sagr(truth, truth)) == (0, 0, 1)


@given(pairs=pair_lists, constant=numbers)
def test_a_constant_prediction_has_no_concordance_whatever_its_rounding(pairs, constant):
    truth, _ = columns(pairs)
    assume(len(set(truth)) > 1)
    flat = np.full(len(truth), constant)
    assert ccc(truth, flat) == 0
    assert isnan(pearson(truth, flat))
    assert isnan(ccc(flat, flat))
    assert ccc(flat, flat + 0.5) == 0


@given(pairs=pair_lists)
def test_errors_are_ordered(pairs):
    truth, predicted = columns(pairs)
    assert 0 <= mae(truth, predicted) <= rmse(truth, predicted) + 1e-12
    assert 0 <= sagr(truth, predicted) <= 1


@pytest.mark.parametrize("name", METRICS)
@given(pairs=pair_lists, order=st.randoms(use_true_random=False))
def test_the_order_of_pairs_does_not_matter(name, pairs, order):
    truth, predicted = columns(pairs)
    rows = list(range(len(pairs)))
    order.shuffle(rows)
    assert METRICS[name](truth[rows], predicted[rows]) == pytest.approx(
        METRICS[name](truth, predicted), abs=1e-9, nan_ok=True
    )


@pytest.mark.parametrize("name", METRICS)
def test_float32_is_computed_in_float64(name):
    truth = np.linspace(-1, 1, 50, dtype=np.float32)
    predicted = np.sin(truth)
    expected = METRICS[name](truth.astype(np.float64), predicted.astype(np.float64))
    assert METRICS[name](truth, predicted) == expected


@pytest.mark.parametrize("name", ["ccc", "pearson"])
def test_one_pair_says_nothing_of_agreement(name):
    assert isnan(METRICS[name](np.array([0.1]), np.array([0.2])))


@pytest.mark.parametrize("name", METRICS)
def test_each_says_which_way_is_better(name):
    metric = METRICS[name]
    assert isinstance(metric, Metric)
    truth = np.array([-0.8, -0.1, 0.3, 0.9])
    near, far = metric(truth, truth * 0.9), metric(truth, -truth)
    assert (near > far) == (metric.better == "higher")
