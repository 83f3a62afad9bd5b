"""The memory that remembers nothing."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from affmem import Runtime
from affmem_memories.config import NoneConfig
from memories_strategies import batches


@given(data=st.data(), width=st.integers(1, 4))
def test_it_learns_nothing_and_says_nothing(data, width):
    memory = NoneConfig().build(Runtime())
    for _ in range(3):
        codes, labels = data.draw(batches(width))
        memory.begin()
        memory.partial_fit(codes, labels)
        reading = memory.predict(codes)
        assert len(memory) == 0
        assert np.isnan(reading.affects).all()
        assert (reading.units == -1).all()
        assert (reading.activations == 0).all()
