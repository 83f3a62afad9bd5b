"""A memory's network leaves as a graph that others read, and as a picture."""

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from safetensors.numpy import save_file

from affmem.errors import InputError
from affmem_memories.__main__ import load, show
from affmem_memories.graph import graph
from affmem_memories.network import GrowingMemory
from affmem_memories.picture import colour, picture
from memories_strategies import configs, streams


@given(config=configs(), stream=streams())
def test_the_graph_has_every_neuron_and_edge(config, stream):
    memory = GrowingMemory(config)
    memory.partial_fit(*stream)
    state = memory.state()
    made = graph(state)
    assert sorted(made.nodes) == list(range(len(memory)))
    ages = {tuple(sorted(pair)): age for *pair, age in made.edges.data("age")}
    pairs = map(tuple, state["edges"].tolist())
    assert ages == dict(zip(pairs, state["ages"].tolist(), strict=True))
    for index, node in made.nodes.items():
        known = not np.isnan(state["labels"][index, 0])
        assert ("arousal" in node) == known
        assert np.float32(node["weights"].split()).tolist() == state["weights"][index].tolist()


@pytest.fixture
def memory(tmp_path):
    rng = np.random.default_rng(0)
    from affmem_memories.config import GWRConfig

    made = GrowingMemory(GWRConfig())
    codes = rng.normal(size=(200, 5)).astype(np.float32)
    made.partial_fit(codes, rng.uniform(-1, 1, (200, 2)).astype(np.float32))
    save_file(made.state(), tmp_path / "0.safetensors")
    return tmp_path / "0.safetensors"


def test_graphml_comes_back_the_same(memory):
    show(memory, memory.with_name("out.graphml"))
    read = nx.read_graphml(memory.with_name("out.graphml"), node_type=int)
    made = graph(load(memory))
    assert dict(read.nodes.data()) == dict(made.nodes.data())
    assert nx.utils.edges_equal(read.edges.data(), made.edges.data())


def test_a_picture_shows_every_neuron_in_the_colour_of_its_affect(memory):
    state = load(memory)
    edges, neurons = picture(state).data
    assert len(neurons.x) == len(state["weights"])
    assert list(neurons.marker.color) == [colour(*label) for label in state["labels"].tolist()]
    assert len(edges.x) == 3 * len(state["edges"])
    show(memory, memory.with_name("out.html"))
    assert "plotly" in memory.with_name("out.html").read_text()


def test_mistakes_are_a_line_and_write_nothing(memory, tmp_path):
    (tmp_path / "text.safetensors").write_text("no memory")
    save_file({"width": np.zeros(1)}, tmp_path / "none.safetensors")
    (tmp_path / "there.html").touch()
    for source, out, said in [
        (memory, "a.png", "expected a name ending in .html"),
        (memory, "there.html", "exists"),
        (tmp_path / "nowhere", "a.html", "no such file"),
        (tmp_path / "text.safetensors", "a.html", "is no safetensors file"),
        (tmp_path / "none.safetensors", "a.html", "it holds width"),
    ]:
        with pytest.raises(InputError, match=said):
            show(source, tmp_path / out)
    assert not (tmp_path / "a.html").exists()


@settings(max_examples=30)
@given(stream=streams(width=1))
def test_a_picture_of_any_memory_is_drawn(stream):
    from affmem_memories.config import GNGConfig

    memory = GrowingMemory(GNGConfig())
    assert len(picture(memory.state()).data) == 2
    memory.partial_fit(*stream)
    assert np.isfinite(picture(memory.state()).data[1].x.astype(float)).all()
