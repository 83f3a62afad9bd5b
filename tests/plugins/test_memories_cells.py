"""Approximate search: exact where all cells are looked through, nearly so elsewhere, and sound."""

import sys

import faiss
import numpy as np
import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import load, save

from affmem import Runtime
from affmem.errors import PluginError
from affmem_memories import cells
from affmem_memories.config import GammaGWRConfig, GWRConfig
from affmem_memories.network import GrowingMemory
from memories_strategies import configs, joined, same, streams, symmetric

networks = configs(kinds=("gwr", "gamma-gwr"))


def approximate(config, above):
    """A memory of the same settings, but for how it searches."""
    return GrowingMemory(evolve(config, approximate_above=above))


def clustered(rows, seed, width=20):
    """Codes along a few directions about 30 centres, with noise in all."""
    rng, fixed = np.random.default_rng(seed), np.random.default_rng(0)
    centres, along = fixed.normal(size=(30, width)), fixed.normal(size=(5, width))
    codes = centres[rng.integers(30, size=rows)] + 0.3 * rng.normal(size=(rows, 5)) @ along
    return (codes + 0.1 * rng.normal(size=(rows, width))).astype(np.float32)


def two_nearest(memory, codes):
    """Which neurons they are, by the plain definition, in double precision."""
    weights = memory.state()["weights"].astype(np.float64)
    return np.argsort((weights**2).sum(1) - 2 * codes @ weights.T, axis=1)[:, :2].T


def recalled(memory, codes):
    """How often a search for two finds the nearest neuron, and the second."""
    found = [memory._near(memory._net, code, 2) for code in codes]
    return [
        np.mean([one in near for one, near in zip(true, found, strict=True)])
        for true in two_nearest(memory, codes)
    ]


@given(config=networks, stream=streams(), above=st.integers(2, 30))
def test_where_all_cells_are_looked_through_it_is_the_exact_memory_to_the_bit(
    config, stream, above
):
    codes, labels = stream
    exact, memory = GrowingMemory(config), approximate(config, above)
    for each in (exact, memory):
        each.partial_fit(codes, labels)
        each.begin()
        each.partial_fit(codes[::-1])
    assert same(exact.state(), memory.state())
    one, other = exact.predict(codes), memory.predict(codes)
    assert one.affects.tobytes() == other.affects.tobytes()
    assert one.activations.tobytes() == other.activations.tobytes()
    assert one.units.tolist() == other.units.tolist()
    if memory._cells:  # every neuron is in a cell, once, and none that is gone
        every = memory._near(memory._net, codes[0], len(memory) + 50)
        assert every.tolist() == list(range(len(memory)))


@given(config=networks, stream=streams(), above=st.integers(2, 30))
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_where_one_cell_is_it_is_a_sound_network_and_the_same_again(
    monkeypatch, config, stream, above
):
    monkeypatch.setattr(cells, "PROBED", 1)
    codes, labels = stream
    memory, again = approximate(config, above), approximate(config, above)
    memory.partial_fit(codes, labels)
    for row in range(len(codes)):  # rows at once or in parts, read in between or not
        again.partial_fit(codes[row : row + 1], labels[row : row + 1])
        again.predict(codes[:2])
    state = memory.state()
    assert same(state, again.state())
    assert min(len(codes), 2) <= len(memory) <= min(len(codes), config.max_neurons)
    assert symmetric(memory)
    assert len(codes) == 2 or joined(state)
    assert (state["ages"] <= config.max_age).all()
    reading = memory.predict(codes)
    assert ((reading.units >= 0) & (reading.units < len(memory))).all()
    other = GrowingMemory(config)
    other.restore(state)  # which refuses what is no network
    assert same(other.state(), state)


GROWING = GWRConfig(activity_threshold=1.0, habituation_threshold=0.99, max_neurons=3000)


def test_nearly_all_nearest_are_found_also_after_neurons_moved_came_and_went():
    memory = approximate(GROWING, 500)
    codes = clustered(6000, seed=1)
    affects = np.random.default_rng(2).uniform(-1, 1, (len(codes), 2)).astype(np.float32)
    memory.partial_fit(codes[:4000], affects[:4000])
    assert len(memory) == 3000
    before = memory.state()["weights"]
    memory.partial_fit(codes[4000:], affects[4000:])  # full: each new neuron takes another's place
    assert (memory.state()["weights"] != before).any(axis=1).mean() > 0.5
    fresh = clustered(500, seed=3)
    assert min(recalled(memory, fresh)) > 0.99
    assert (memory.predict(fresh).units == two_nearest(memory, fresh)[0]).mean() > 0.99

    again = approximate(GROWING, 500)
    again.restore(load(save(memory.state())))
    assert same(again.state(), memory.state())
    assert min(recalled(again, fresh)) > 0.99
    assert (again.predict(fresh).units == memory.predict(fresh).units).mean() > 0.99


def test_however_many_threads_faiss_has_the_cells_are_the_same():
    codes, found = clustered(2000, seed=1), []
    before = faiss.omp_get_max_threads()
    try:
        for threads in (1, 2):
            faiss.omp_set_num_threads(threads)
            memory = approximate(GROWING, 500)
            memory.partial_fit(codes)
            found.append([memory._near(memory._net, code, 8).tolist() for code in codes[:200]])
    finally:
        faiss.omp_set_num_threads(before)
    assert found[0] == found[1]


def test_it_learns_as_well_as_the_exact_memory():
    """Codes that neither saw lie as far from their best matches, to 1 %."""
    codes, fresh, far = clustered(5000, seed=1), clustered(500, seed=3), []
    for above in (500, 1_000_000):
        memory = approximate(GROWING, above)
        memory.partial_fit(codes)
        weights = memory.state()["weights"].astype(np.float64)
        best = two_nearest(memory, fresh)[0]
        far.append(np.linalg.norm(weights[best] - fresh, axis=1).mean())
    assert far[0] == pytest.approx(far[1], rel=0.01)


def test_up_to_the_threshold_search_is_exact_and_nothing_else_is_made():
    codes = clustered(1000, seed=1)
    exact, memory = GrowingMemory(GROWING), approximate(GROWING, 500)
    for each in (exact, memory):
        each.partial_fit(codes[:400])
    assert len(memory) > 200
    assert memory._cells is None
    assert same(memory.state(), exact.state())
    assert memory.predict(codes).units.tolist() == exact.predict(codes).units.tolist()


def test_where_too_few_near_a_code_have_labels_all_are_looked_through():
    codes = clustered(2000, seed=1)
    memory = approximate(GROWING, 500)
    memory.partial_fit(codes)
    assert np.isnan(memory.predict(codes[:5]).affects).all()
    memory.partial_fit(codes[:1] + 9, np.float32([[0.25, 0.5]]))  # one neuron far off
    assert memory.predict(codes[:5]).affects.tolist() == [[0.25, 0.5]] * 5


@pytest.mark.parametrize("config", [GWRConfig, GammaGWRConfig])
def test_without_faiss_only_what_may_need_it_is_refused(monkeypatch, config):
    monkeypatch.delitem(sys.modules, "affmem_memories.cells", raising=False)
    monkeypatch.setitem(sys.modules, "faiss", None)
    config().build(Runtime())
    config(max_neurons=500, approximate_above=500).build(Runtime())
    with pytest.raises(PluginError, match=r"'approximate_above' = 500 needs faiss: pip install"):
        config(max_neurons=501, approximate_above=500).build(Runtime())
