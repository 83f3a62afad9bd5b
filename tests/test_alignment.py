"""The similarity of alignment, against the general algorithm and its own definition."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from affmem.alignment import TEMPLATE, similarity

angle = st.floats(-3.1, 3.1)
scale = st.floats(0.1, 10)
shift = st.tuples(st.floats(-100, 100), st.floats(-100, 100))


def turned(points, angle, scale, shift):
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return points @ turn.T + np.array(shift)


@given(angle, scale, shift)
def test_recovers_a_similarity_exactly(angle, scale, shift):
    target = turned(TEMPLATE, angle, scale, shift)
    placed = similarity(TEMPLATE, target)
    assert np.allclose(np.c_[TEMPLATE, np.ones(5)] @ placed.T, target, atol=1e-6 * (1 + scale))


@given(st.integers(0, 2**32 - 1))
def test_no_small_change_of_it_comes_nearer(seed):
    rng = np.random.default_rng(seed)
    source, target = rng.normal(size=(5, 2)), rng.normal(size=(5, 2))
    best = similarity(source, target)

    def miss(placed):
        return ((np.c_[source, np.ones(5)] @ placed.T - target) ** 2).sum()

    for a, b, x, y in rng.normal(scale=1e-3, size=(20, 4)):
        nudge = np.array([[a, -b, x], [b, a, y]])
        assert miss(best) <= miss(best + nudge) + 1e-12


def test_never_mirrors():
    mirrored = TEMPLATE * [-1, 1]
    assert np.linalg.det(similarity(TEMPLATE, mirrored)[:, :2]) > 0


def test_points_that_coincide_are_refused():
    with pytest.raises(ValueError, match="coincide"):
        similarity(np.ones((5, 2)), TEMPLATE)
