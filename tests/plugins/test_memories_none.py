"""The memory that remembers nothing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from affmem import Runtime
from affmem.protocols import Memory
from affmem_memories.config import NoneConfig
from memories_strategies import batches, same
from typecheck import unchecked


@given(data=st.data(), width=st.integers(1, 4))
def test_it_learns_nothing_and_says_nothing(data, width):
    memory = NoneConfig().build(Runtime())
    assert isinstance(memory, Memory)
    for _ in range(3):
        codes, labels = data.draw(batches(width))
        memory.begin()
        memory.partial_fit(codes, labels)
        before = memory.state()
        reading = memory.predict(codes)
        assert same(before, memory.state())
        assert len(memory) == 0
        assert np.isnan(reading.affects).all()
        assert (reading.units == -1).all()
        assert (reading.activations == 0).all()
        assert reading.affects.shape == (len(codes), 2)
    again = NoneConfig().build(Runtime())
    again.restore(before)
    assert same(again.state(), before)


def test_what_does_not_fit_is_refused():
    memory = NoneConfig().build(Runtime())
    memory.partial_fit(np.zeros((1, 3), np.float32))
    with pytest.raises(ValueError, match="3 wide"):
        memory.partial_fit(np.zeros((1, 2), np.float32))
    with pytest.raises(ValueError, match="finite"):
        memory.predict(np.full((1, 3), np.nan, np.float32))
    with unchecked(), pytest.raises(ValueError, match="one row a code"):
        memory.partial_fit(np.zeros((1, 3), np.float32), np.zeros((2, 2), np.float32))
    with pytest.raises(ValueError, match="no state"):
        memory.restore({"weights": np.zeros(1)})
