"""The nearest labelled codes, beside numpy's own sort; and what it does not learn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load, save

from affmem import Runtime
from affmem.protocols import Memory
from affmem_memories.config import KNNConfig
from memories_strategies import same, streams


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


@given(stream=streams(width=2), cut=st.integers(0, 150))
def test_saved_and_restored_it_goes_on_alike(stream, cut):
    codes, labels = stream
    memory, other = built(max_rows=30), built(max_rows=30)
    memory.partial_fit(codes[:cut], labels[:cut])
    other.restore(load(save(memory.state())))
    for one in (memory, other):
        one.partial_fit(codes[cut:], labels[cut:])
    assert same(memory.state(), other.state())


def test_it_is_a_memory_and_unlabelled_frames_teach_it_nothing():
    memory = built()
    assert isinstance(memory, Memory)
    memory.partial_fit(np.zeros((5, 3), np.float32))
    assert len(memory) == 0
    assert memory.predict(np.zeros((1, 3), np.float32)).units.tolist() == [-1]
    with pytest.raises(ValueError, match="3 wide"):
        memory.partial_fit(np.zeros((1, 2), np.float32))
