"""The memory reads back what it was taught, and forgets the oldest first."""

import numpy as np
from affmem_lastseen import LastSeenConfig

from affmem import Runtime
from affmem.conformance import Subject, conforms


def test_it_reads_the_nearest_of_the_last():
    memory = LastSeenConfig(capacity=2).build(Runtime())
    codes = np.eye(3, dtype=np.float32)
    affects = np.array([[0.1, 0.1], [0.2, 0.2], [0.3, 0.3]], np.float32)
    memory.partial_fit(codes, affects)
    assert len(memory) == 2
    assert memory.predict(codes[2:]).affects.tolist() == affects[2:].tolist()


test_it_keeps_what_every_memory_must = conforms(Subject("memory", "lastseen", LastSeenConfig()))
