"""Ranks alone count."""

import numpy as np
import pytest
from affmem_spearman import SpearmanConfig

from affmem import Runtime
from affmem.conformance import conforms

test_it_keeps_its_promises = conforms("metric:spearman")


@pytest.mark.parametrize(
    ("predicted", "figure"),
    [([1, 2, 3, 4], 1), ([1, 10, 100, 1000], 1), ([4, 3, 2, 1], -1), ([2, 1, 4, 3], 0.6)],
)
def test_known_answers(predicted, figure):
    truth = np.array([0.0, 0.1, 0.2, 0.3])
    assert SpearmanConfig().build(Runtime())(truth, np.float64(predicted)) == pytest.approx(figure)
