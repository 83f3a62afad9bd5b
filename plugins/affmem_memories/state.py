"""A network as named arrays, as a safetensors file can hold them, and back."""

from typing import Any

import numpy as np
import numpy.typing as npt
from jaxtyping import Bool

from affmem.rows import LARGEST
from affmem.values import State
from affmem_memories.lanes import LANES
from affmem_memories.net import (
    PENDING,
    SCALE,
    SEEN,
    SIZE,
    SQUARES,
    STRIDE,
    TRACE,
    TRACED,
    Net,
    empty,
)

FORMAT = 2
"""Of `pack`; another number is refused."""
SLOTS = 8
"""Neighbours that a new network has room for, each neuron; it grows."""
NEURONS = ("labels", "habituation", "wins", "last", "error", "utility", "distance")
"""Arrays with a row a neuron, beside the weights."""
WHOLE = ("mean", "context", "trace", "counts", "sums")
"""Arrays of the network as a whole."""

Arrays = dict[str, npt.NDArray[Any]]
Kept = Bool[npt.NDArray[np.bool_], " neurons"]


def pack(net: Net, kind: str) -> Arrays:
    """Copies of all that is learnt. `edges` holds each pair once, lower index first, in order."""
    size = int(net.counts[SIZE])
    width = net.weights.shape[1]
    edges = sorted(
        (one, int(net.neighbours[one, slot]), int(net.ages[one, slot]))
        for one in range(size)
        for slot in range(net.degree[one])
        if one < net.neighbours[one, slot]
    )
    pairs = np.array(edges, np.int32).reshape(-1, 3)
    weights = net.weights.transpose(0, 2, 1).reshape(len(net.degree), width)[:size]
    return {
        "format": np.array([FORMAT], np.int64),
        "kind": np.frombuffer(kind.encode(), np.uint8).copy(),
        "weights": weights.copy(order="C"),  # with one feature it was a view
        **{name: getattr(net, name)[:size].copy() for name in NEURONS},
        "edges": np.ascontiguousarray(pairs[:, :2]),
        "ages": np.ascontiguousarray(pairs[:, 2]),
        **{name: getattr(net, name).copy() for name in WHOLE},
    }


def unpack(state: State, kind: str, contexts: int) -> Net:
    """The network whose `pack` this is. Raises ValueError where it is none."""
    _check(dict(state), kind, contexts)
    size, width = state["weights"].shape
    degree = np.bincount(state["edges"].ravel(), minlength=size) if size else np.zeros(0, np.int64)
    slots = SLOTS
    while slots <= degree.max(initial=0) + 1:
        slots *= 2
    net = empty(width, contexts, max(size, 2), slots)
    block, lane = np.divmod(np.arange(size), LANES)
    net.weights[block, :, lane] = state["weights"]
    for name in NEURONS:
        getattr(net, name)[:size] = state[name]
    for name in WHOLE:
        getattr(net, name)[:] = state[name]
    for (one, other), age in zip(state["edges"].tolist(), state["ages"].tolist(), strict=True):
        for here, there in ((one, other), (other, one)):
            slot = net.degree[here]
            net.neighbours[here, slot], net.ages[here, slot] = there, age
            net.degree[here] = slot + 1
    return net


def subset(state: Arrays, kept: Kept) -> Arrays:
    """The state with these neurons only, less those that this leaves without an edge.

    At least two must be kept; where fewer have edges, the two of them that won most often (ties:
    the first) remain, joined.
    """
    edges = state["edges"]
    sound = kept[edges].all(axis=1)
    joined = np.zeros(len(kept), bool)
    joined[edges[sound]] = True
    new: Arrays = dict(state)
    if joined.sum() < 2:
        most = np.argsort(np.where(kept, -state["wins"], 1), kind="stable")[:2]
        joined = np.zeros(len(kept), bool)
        joined[most] = True
        new["edges"], new["ages"] = np.array([[0, 1]], np.int32), np.zeros(1, np.int32)
    else:
        place = np.cumsum(joined) - 1
        new["edges"] = np.ascontiguousarray(place[edges[sound]].astype(np.int32))
        new["ages"] = state["ages"][sound]
    for name in ("weights", *NEURONS):
        new[name] = state[name][joined]
    new["counts"] = state["counts"].copy()
    new["counts"][SIZE] = joined.sum()
    return new


def union(one: Arrays, other: Arrays) -> Arrays:
    """Both states' neurons and edges side by side, in the first one's time and context.

    What the scale of the data is made of adds up (Chan et al. 1979), and the neurons of `other`
    count as having won when they did, by its own clock.
    """
    size = len(one["weights"])
    new: Arrays = dict(one)
    for name in ("weights", *NEURONS):
        new[name] = np.concatenate([one[name], other[name]])
    new["edges"] = np.concatenate([one["edges"], other["edges"] + np.int32(size)])
    new["ages"] = np.concatenate([one["ages"], other["ages"]])
    counts, sums = one["counts"].copy(), one["sums"].copy()
    counts[SIZE] += len(other["weights"])
    mine, theirs = int(counts[SEEN]), int(other["counts"][SEEN])
    if mine + theirs:
        apart = other["mean"] - one["mean"]
        share = theirs / (mine + theirs)
        new["mean"] = one["mean"] + apart * share
        sums[SQUARES] += other["sums"][SQUARES] + float(apart @ apart) * mine * share
        counts[SEEN] += theirs
        if sums[SQUARES] > 0:
            sums[SCALE] = np.sqrt(sums[SQUARES] / counts[SEEN])
    new["counts"], new["sums"] = counts, sums
    return new


def _check(state: Arrays, kind: str, contexts: int) -> None:
    """Raise ValueError where `state` is not one that `pack` can have given."""
    if "format" not in state or state["format"].tolist() != [FORMAT]:
        raise ValueError(f"no state of memory {kind!r} in format {FORMAT}")
    size, width = state["weights"].shape if state.get("weights", np.empty(0)).ndim == 2 else (0, 0)
    count = len(state["ages"]) if state.get("ages", np.empty(())).ndim == 1 else 0
    expected: dict[str, tuple[tuple[int, ...], type[np.generic]]] = {
        "format": ((1,), np.int64),
        "kind": ((len(kind),), np.uint8),
        "weights": ((size, width), np.float32),
        "labels": ((size, 2), np.float32),
        "habituation": ((size,), np.float64),
        "wins": ((size,), np.int64),
        "last": ((size,), np.int64),
        "error": ((size,), np.float64),
        "utility": ((size,), np.float64),
        "distance": ((size,), np.float64),
        "edges": ((count, 2), np.int32),
        "ages": ((count,), np.int32),
        "mean": ((width,), np.float64),
        "context": ((width - width // (contexts + 1),), np.float32),
        "trace": ((TRACE,), np.float64),
        "counts": ((6,), np.int64),
        "sums": ((3,), np.float64),
    }
    if set(state) != set(expected):
        raise ValueError(f"a state of memory {kind!r} holds {sorted(expected)}: {sorted(state)}")
    for name, (shape, dtype) in expected.items():
        if state[name].shape != shape or state[name].dtype != dtype:
            found = f"{state[name].dtype}{list(state[name].shape)}"
            raise ValueError(f"{name!r} must be {np.dtype(dtype)}{list(shape)}: {found}")
    if state["kind"].tobytes() != kind.encode() or width % (contexts + 1):
        raise ValueError(f"a state of another memory than {kind!r} with {contexts} contexts")
    if not _is_sound(state, size, width):
        raise ValueError(f"a state of memory {kind!r} with values that it cannot have")


def _is_sound(state: Arrays, size: int, width: int) -> bool:
    """Whether each value is one that a network of that size can hold."""
    edges, labels, h = state["edges"], state["labels"], state["habituation"]
    counts, sums = state["counts"], state["sums"]
    finite = ("error", "utility", "distance", "mean", "context", "trace", "sums")
    return bool(
        (np.abs(state["weights"]) <= LARGEST).all()
        and (np.isnan(labels).all(axis=1) | (np.abs(labels) <= 1).all(axis=1)).all()
        and ((h >= 0) & (h <= 1)).all()
        and ((edges >= 0) & (edges < size)).all()
        and (edges[:, 0] < edges[:, 1]).all()
        and len(np.unique(edges, axis=0)) == len(edges)
        and (state["ages"] >= 0).all()
        and (state["wins"] >= 0).all()
        and all(np.isfinite(state[name]).all() for name in finite)
        and (size == 0 or width > 0)
        and counts[SIZE] == size
        and (counts >= 0).all()
        and counts[TRACED] < TRACE
        and counts[PENDING] < counts[STRIDE]
        and sums[SQUARES] >= 0
        and sums[SCALE] > 0
    )
