"""The nearest labelled codes, beside numpy's own sort; and what it does not learn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from affmem import Runtime
from affmem.conformance import conforms
from affmem_memories.config import KNNConfig
from memories_strategies import streams


def built(**settings):
    return KNNConfig(**settings).build(Runtime())


@given(stream=streams(width=3), nearest=st.integers(1, 8), scale=st.sampled_from([0.3, 1.0]))
def test_it_reads_the_nearest_weighted_by_activation(stream, nearest, scale):
    codes, labels = stream
    memory = built(nearest=nearest, scale=scale)
    memory.partial_fit(codes, labels)
    known = ~np.isnan(labels[:, 0])
    assert len(memory) == known.sum()
    reading = memory.predict(codes[:10])
    if not known.any():
        assert np.isnan(reading.affects).all()
        return
    for row, code in enumerate(codes[:10].astype(np.float64)):
        far = np.linalg.norm(codes[known] - code, axis=1)
        order = np.argsort(far, kind="stable")[:nearest]
        weights = np.exp(-(far[order] - far[order[0]]) / scale)
        expected = weights @ labels[known][order] / weights.sum()
        np.testing.assert_allclose(reading.affects[row], expected, atol=1e-4)
        assert reading.activations[row] == pytest.approx(np.exp(-far.min() / scale), abs=1e-5)


@given(stream=streams(width=2), bound=st.integers(2, 20))
def test_the_last_labelled_codes_stay(stream, bound):
    codes, labels = stream
    memory = built(max_rows=bound)
    memory.partial_fit(codes, labels)
    known = ~np.isnan(labels[:, 0])
    kept = {row.tobytes() for row in memory.state()["weights"]}
    assert kept == {row.tobytes() for row in codes[known][-bound:]}


test_with_few_rows_it_keeps_what_every_memory_must = conforms("memory:knn", max_rows=4)


def test_unlabelled_frames_teach_it_nothing():
    memory = built()
    memory.partial_fit(np.zeros((5, 3), np.float32))
    assert len(memory) == 0
    assert memory.predict(np.zeros((1, 3), np.float32)).units.tolist() == [-1]
