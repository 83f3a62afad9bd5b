"""Clusters learn from all that is seen, and say what was said of them."""

import numpy as np
import pytest
from affmem_river import RiverConfig

from affmem import Runtime
from affmem.conformance import conforms

pytest.importorskip("river")

test_it_keeps_its_promises = conforms("memory:river", clusters=4)


def test_two_groups_are_told_apart():
    rng = np.random.default_rng(0)
    side = np.repeat([[-1.0], [1.0]], 50, axis=0)
    codes = (side + rng.normal(0, 0.1, (100, 3))).astype(np.float32)
    affects = np.tile(side / 2, (1, 2)).astype(np.float32)
    memory = RiverConfig(clusters=6).build(Runtime())
    memory.partial_fit(codes)
    memory.partial_fit(codes, affects)
    found = memory.predict(np.float32([[-1, -1, -1], [1, 1, 1]]))
    assert np.allclose(found.affects, [[-0.5, -0.5], [0.5, 0.5]])
