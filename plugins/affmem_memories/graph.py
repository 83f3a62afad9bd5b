"""A memory's network as a graph, for other tools."""

from typing import TYPE_CHECKING

from affmem.values import State

if TYPE_CHECKING:
    import networkx as nx

STATISTICS = ("habituation", "wins", "last", "distance")


def graph(state: State) -> "nx.Graph[int]":
    """The network of a growing memory's `state()`.

    A node a neuron with `arousal` and `valence` (absent while unknown), `habituation`, `wins`,
    `last`, `distance` and `weights` (numbers between blanks, as GraphML has no lists); an edge's
    `age`. Write it with `networkx.write_graphml`. Raises ValueError for a state without edges'
    array, ImportError without networkx (extra "graph").

    >>> import numpy as np
    >>> from affmem import Runtime
    >>> from affmem_memories.config import GWRConfig
    >>> memory = GWRConfig().build(Runtime())
    >>> memory.partial_fit(np.float32([[0], [1], [1]]), np.float32([[0, 0], [0.5, 1], [0.5, 1]]))
    >>> made = graph(memory.state())
    >>> made.nodes[1]["valence"], made.edges[0, 1]["age"]
    (1.0, 0)
    """
    import networkx as nx

    if "edges" not in state:
        raise ValueError("this memory is no network: its state has no edges")
    made: nx.Graph[int] = nx.Graph()
    for index, weights in enumerate(state["weights"].tolist()):
        node = {name: state[name][index].item() for name in STATISTICS}
        arousal, valence = state["labels"][index].tolist()
        if arousal == arousal:  # noqa: PLR0124  (NaN: no label)
            node |= {"arousal": arousal, "valence": valence}
        made.add_node(index, weights=" ".join(f"{one:.9g}" for one in weights), **node)
    pairs = zip(state["edges"].tolist(), state["ages"].tolist(), strict=True)
    made.add_edges_from((one, other, {"age": age}) for (one, other), age in pairs)
    return made
