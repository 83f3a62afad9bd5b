"""What a growing memory may be given."""

import numpy as np
from hypothesis import strategies as st

from affmem_memories.config import GammaGWRConfig, GNGConfig, GWRConfig
from typecheck import unchecked

shares = st.integers(1, 100).map(lambda n: n / 100)
KINDS = ("gwr", "gamma-gwr", "gng")


@st.composite
def configs(draw, kinds=KINDS, **fixed):
    """Settings of all kinds, chosen so that a memory grows, ages and forgets within some rows."""
    kind = draw(st.sampled_from(kinds))
    given = {
        "learning_rate_bmu": draw(shares),
        "learning_rate_neighbour": draw(st.just(0.0) | shares),
        "scale": draw(st.sampled_from(["data", 1.0, 0.3])),
        "scale_rows": draw(st.integers(2, 60)),
        "activity_threshold": draw(shares),
        "labelling": draw(st.just(0.0) | shares),
        "max_age": draw(st.integers(1, 8) | st.just(100)),
        "max_neurons": draw(st.integers(2, 12) | st.just(1000)),
        "reading": draw(st.sampled_from(["bmu", "blend"])),
        "blend": draw(st.integers(1, 6)),
    }
    if kind == "gng":
        return GNGConfig(
            **{
                **given,
                "interval": draw(st.integers(1, 30)),
                "error_share": draw(shares),
                "error_decay": draw(st.sampled_from([0.0, 0.005, 0.3])),
                "utility": draw(st.sampled_from([0.0, 1.5, 10.0])),
                **fixed,
            }
        )
    given |= {
        "preset": draw(st.sampled_from(["corrected", "paper"])),
        "habituation_threshold": draw(st.sampled_from([0.2, 0.5, 0.9])),
        "novelty": draw(st.booleans()),
        "distance": draw(st.sampled_from(["norm", "square"])),
        "insertion": draw(shares),
        "when_full": draw(st.sampled_from(["replace", "keep"])),
    }
    if kind == "gwr":
        return GWRConfig(**(given | fixed))
    contexts = draw(st.integers(1, 3))
    given |= {
        "contexts": contexts,
        "alpha": tuple(draw(st.lists(shares, min_size=contexts + 1, max_size=contexts + 1))),
        "beta": draw(st.sampled_from([0.0, 0.3, 0.7, 1.0])),
        "context_of": draw(st.sampled_from(["frames", "all"])),
    }
    with unchecked():  # checking a tuple's items draws from `random`, unseen by Hypothesis
        return GammaGWRConfig(**(given | fixed))


@st.composite
def streams(draw, max_rows=150, width=None):
    """Codes of a few clusters, some labelled; drawn from a seed, so that no two are equally far."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    rows, width = draw(st.integers(2, max_rows)), width or draw(st.integers(1, 6))
    centres = rng.uniform(-1, 1, (draw(st.integers(1, 6)), width))
    spread = draw(st.sampled_from([0.02, 0.2, 1.0]))
    codes = centres[rng.integers(len(centres), size=rows)] + spread * rng.normal(size=(rows, width))
    labels = rng.uniform(-1, 1, (rows, 2))
    labels[rng.random(rows) < draw(st.sampled_from([0.0, 0.3, 1.0]))] = np.nan
    return codes.astype(np.float32), labels.astype(np.float32)


grid = st.integers(-4, 4).map(lambda n: n / 4)


@st.composite
def batches(draw, width, max_rows=8):
    """Rows on a coarse grid: many are the same, and many neurons are equally far."""
    rows = draw(st.integers(0, max_rows))
    code = st.lists(grid, min_size=width, max_size=width)
    label = st.tuples(grid, grid) | st.just((np.nan, np.nan))
    codes = draw(st.lists(code, min_size=rows, max_size=rows))
    labels = draw(st.lists(label, min_size=rows, max_size=rows))
    return np.reshape(np.float32(codes), (rows, width)), np.reshape(np.float32(labels), (rows, 2))


def same(one, other):
    """Whether two states are the same, bit for bit."""
    return one.keys() == other.keys() and all(
        one[name].dtype == other[name].dtype
        and one[name].shape == other[name].shape
        and one[name].tobytes() == other[name].tobytes()
        for name in one
    )


def joined(state):
    """Whether every neuron has an edge."""
    return set(state["edges"].ravel().tolist()) == set(range(len(state["weights"])))


def symmetric(memory):
    """Whether each edge stands with both its ends, once, with one age, and free places are free."""
    net, n = memory._net, len(memory)
    if net is None:
        return True
    edges = {
        (one, int(net.neighbours[one, slot])): int(net.ages[one, slot])
        for one in range(n)
        for slot in range(net.degree[one])
    }
    free = net.weights.transpose(0, 2, 1).reshape(-1, net.weights.shape[1])[n:]
    return (
        all(edges.get((b, a)) == age and a != b < n for (a, b), age in edges.items())
        and len(edges) == net.degree[:n].sum()
        and bool(np.isinf(free).all())
    )
