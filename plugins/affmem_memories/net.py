"""A network of neurons as arrays, and the few things that a growing rule does to it.

Everything here is compiled and allocates nothing. Neighbours are kept as lists, one row a neuron,
so that room grows with the number of neurons, not with its square.
"""

from math import exp, sqrt
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from jaxtyping import Bool, Float32, Float64, Int32, Int64

from affmem_memories.lanes import LANES, Row, Squares, Weights, compiled

SIZE: Final = 0
"""Places in `Net.counts`: neurons; ..."""
CLOCK: Final = 1
"""... rows learnt; ..."""
SEEN: Final = 2
"""... rows of which the scale of the data is made; ..."""
TRACED: Final = 3
"""... means in the trace of errors; ..."""
STRIDE: Final = 4
"""... rows in each of them; ..."""
PENDING: Final = 5
"""... rows in the next one."""
SQUARES: Final = 0
"""Places in `Net.sums`: squared distances of the data to their mean; ..."""
SCALE: Final = 1
"""... the length that counts as far; ..."""
ERRORS: Final = 2
"""... distances in the next mean of the trace."""
TRACE: Final = 256
"""Means in the trace at most; then they are joined in pairs."""

Reals = Float64[npt.NDArray[np.float64], " _n"]
Wholes = Int64[npt.NDArray[np.int64], " _n"]
Lists = Int32[npt.NDArray[np.int32], "_neurons _slots"]


class Net(NamedTuple):
    """The arrays of a network with room for `capacity` neurons of `width` features."""

    weights: Weights
    """By blocks of neurons (`lanes`); infinite beyond the last."""
    labels: Float32[npt.NDArray[np.float32], "_capacity 2"]
    """Arousal, valence; NaN while unknown."""
    habituation: Reals
    """h: 1 at birth, falling with each firing."""
    degree: Int32[npt.NDArray[np.int32], " _capacity"]
    """How many neighbours."""
    neighbours: Lists
    """Which, in any order: the first `degree` of a row."""
    ages: Lists
    """Of the edges to them; each edge stands in two rows, alike."""
    wins: Wholes
    """How often it was the best match."""
    last: Wholes
    """At which row it last was, or was born."""
    error: Reals
    """What a growing rule counts to see where neurons are missing."""
    utility: Reals
    """What it counts to see which are of use."""
    distance: Reals
    """Mean distance of the codes it won (quantisation error)."""
    mean: Reals
    """Of the rows of which the scale of the data is made, by feature."""
    moved: Bool[npt.NDArray[np.bool_], " _capacity"]
    """Which have come, moved or taken another's place since someone last asked (`cells`)."""
    context: Float32[npt.NDArray[np.float32], " _depths_times_inputs"]
    """Where the last rows led to (`gamma`); empty for a memory without a sense of time."""
    trace: Reals
    """Mean distance of rows to their best matches, over time."""
    counts: Wholes
    sums: Reals
    row: Row
    """Room for the row at hand."""
    squares: Squares
    """Room for its squared distances to all neurons."""
    fired: Int32[npt.NDArray[np.int32], " _slots"]
    """Room for the neighbours that fire with the best match."""


def empty(width: int, contexts: int, capacity: int, slots: int) -> Net:
    """A network of no neurons; `width` includes what `contexts` add."""
    blocks = -(-capacity // LANES)
    capacity = blocks * LANES
    return Net(
        weights=np.full((blocks, width, LANES), np.inf, np.float32),
        labels=np.full((capacity, 2), np.nan, np.float32),
        habituation=np.ones(capacity),
        degree=np.zeros(capacity, np.int32),
        neighbours=np.zeros((capacity, slots), np.int32),
        ages=np.zeros((capacity, slots), np.int32),
        wins=np.zeros(capacity, np.int64),
        last=np.zeros(capacity, np.int64),
        error=np.zeros(capacity),
        utility=np.zeros(capacity),
        distance=np.zeros(capacity),
        mean=np.zeros(width),
        moved=np.zeros(capacity, np.bool_),
        context=np.zeros(width - width // (contexts + 1), np.float32),
        trace=np.zeros(TRACE),
        counts=np.array([0, 0, 0, 0, 1, 0], np.int64),
        sums=np.array([0.0, 1.0, 0.0]),
        row=np.zeros(width, np.float32),
        squares=np.zeros((blocks, LANES), np.float32),
        fired=np.zeros(slots + 1, np.int32),
    )


def enlarged(net: Net) -> Net:
    """The same network with twice the room of what is short of it: neurons, or neighbours each."""
    slots = net.neighbours.shape[1]
    more = 1 if net.counts[SIZE] < len(net.degree) else 2
    if net.degree.max() + 1 >= slots:
        slots *= 2
    blocks, width, _ = net.weights.shape
    old = len(net.degree)
    contexts = 0 if not len(net.context) else round(width / (width - len(net.context))) - 1
    new = empty(width, contexts, more * old, slots)
    new.weights[:blocks] = net.weights
    for name in (
        "labels", "habituation", "degree", "wins", "last", "error", "utility", "distance", "moved",
    ):  # fmt: skip
        getattr(new, name)[:old] = getattr(net, name)
    new.neighbours[:old, : net.neighbours.shape[1]] = net.neighbours
    new.ages[:old, : net.ages.shape[1]] = net.ages
    for name in ("mean", "context", "trace", "counts", "sums"):
        getattr(new, name)[:] = getattr(net, name)
    return new


def weights_of(net: Net, which: Wholes) -> Float32[npt.NDArray[np.float32], "_which width"]:
    """The weights of these neurons, a row each."""
    return net.weights[which // LANES, :, which % LANES]


def part_of(net: Net, which: Wholes) -> Net:
    """A network of these neurons alone, in that order, enough to read from; without edges."""
    blocks, width = -(-len(which) // LANES), net.weights.shape[1]
    weights = np.full((blocks, width, LANES), np.inf, np.float32)
    place = np.arange(len(which))
    weights[place // LANES, :, place % LANES] = weights_of(net, which)
    counts = net.counts.copy()
    counts[SIZE] = len(which)
    squares = np.empty((blocks, LANES), np.float32)
    return net._replace(weights=weights, labels=net.labels[which], counts=counts, squares=squares)


# --- neurons ----------------------------------------------------------------------------------


@compiled
def add(net: Net, x: Row, arousal: float, valence: float) -> int:
    """A neuron at `x`, without edges; there must be room. Its index comes back."""
    new: int = net.counts[SIZE]
    for feature in range(len(x)):
        net.weights[new // LANES, feature, new % LANES] = x[feature]
    net.labels[new, 0], net.labels[new, 1] = arousal, valence
    net.habituation[new] = 1.0
    net.degree[new] = 0
    net.wins[new] = 0
    net.last[new] = net.counts[CLOCK]
    net.error[new] = net.utility[new] = net.distance[new] = 0.0
    net.moved[new] = True
    net.counts[SIZE] += 1
    return new


@compiled
def remove(net: Net, index: int) -> int:
    """Take out a neuron and its edges; the last one, whose index comes back, takes its place."""
    while net.degree[index]:
        part(net, index, net.neighbours[index, 0])
    last: int = net.counts[SIZE] - 1
    for feature in range(net.weights.shape[1]):
        net.weights[index // LANES, feature, index % LANES] = net.weights[
            last // LANES, feature, last % LANES
        ]
        net.weights[last // LANES, feature, last % LANES] = np.inf
    if index != last:
        net.labels[index, 0], net.labels[index, 1] = net.labels[last, 0], net.labels[last, 1]
        net.habituation[index] = net.habituation[last]
        net.wins[index] = net.wins[last]
        net.last[index] = net.last[last]
        net.error[index] = net.error[last]
        net.utility[index] = net.utility[last]
        net.distance[index] = net.distance[last]
        net.moved[index] = True
        net.degree[index] = net.degree[last]
        for slot in range(net.degree[last]):
            other = net.neighbours[last, slot]
            net.neighbours[index, slot] = other
            net.ages[index, slot] = net.ages[last, slot]
            net.neighbours[other, find(net, other, last)] = index
        net.degree[last] = 0
    net.counts[SIZE] = last
    return last


# --- edges ------------------------------------------------------------------------------------


@compiled
def find(net: Net, one: int, other: int) -> int:
    """Where `other` stands among the neighbours of `one`; -1 where it does not."""
    for slot in range(net.degree[one]):
        if net.neighbours[one, slot] == other:
            return slot
    return -1


@compiled
def join(net: Net, one: int, other: int) -> None:
    """Make the edge, or renew it: its age is 0. Both must have room for it."""
    slot = find(net, one, other)
    if slot >= 0:
        net.ages[one, slot] = net.ages[other, find(net, other, one)] = 0
    else:
        _link(net, one, other)
        _link(net, other, one)


@compiled
def _link(net: Net, here: int, there: int) -> None:
    slot = net.degree[here]
    net.neighbours[here, slot] = there
    net.ages[here, slot] = 0
    net.degree[here] = slot + 1


@compiled
def part(net: Net, one: int, other: int) -> None:
    """Take the edge away."""
    _unlink(net, one, other)
    _unlink(net, other, one)


@compiled
def _unlink(net: Net, here: int, there: int) -> None:
    slot, last = find(net, here, there), net.degree[here] - 1
    net.neighbours[here, slot] = net.neighbours[here, last]
    net.ages[here, slot] = net.ages[here, last]
    net.degree[here] = last


@compiled
def fire(net: Net, best: int, second: int) -> int:
    """Age the edges of the best match, renew the one to the second; `fired` holds its neighbours.

    Their number comes back.
    """
    for slot in range(net.degree[best]):
        other = net.neighbours[best, slot]
        net.ages[best, slot] += 1
        net.ages[other, find(net, other, best)] += 1
    join(net, best, second)
    count: int = net.degree[best]
    for slot in range(count):
        net.fired[slot] = net.neighbours[best, slot]
    return count


@compiled
def forget(net: Net, best: int, max_age: int) -> int:
    """Drop the edges of the best match that are too old, and the neurons that this leaves alone.

    The best match keeps the edge just made, so that two neurons remain. Its index comes back,
    which a removal may change.
    """
    slot = 0
    alone = 0
    while slot < net.degree[best]:
        if net.ages[best, slot] > max_age:
            other = net.neighbours[best, slot]
            part(net, best, other)
            if net.degree[other] == 0:
                net.fired[alone] = other
                alone += 1
        else:
            slot += 1
    return clear(net, alone, best)


@compiled
def leave(net: Net, index: int) -> int:
    """Put into `fired` a neuron that is to go, and those that have no edge but to it; how many."""
    count = 1
    net.fired[0] = index
    for slot in range(net.degree[index]):
        other = net.neighbours[index, slot]
        if net.degree[other] == 1:
            net.fired[count] = other
            count += 1
    return count


@compiled
def ascend(net: Net, count: int) -> None:
    """Sort the first `count` of `fired`."""
    for place in range(1, count):
        one, slot = net.fired[place], place
        while slot > 0 and net.fired[slot - 1] > one:
            net.fired[slot] = net.fired[slot - 1]
            slot -= 1
        net.fired[slot] = one


@compiled
def clear(net: Net, count: int, kept: int) -> int:
    """Remove the first `count` neurons of `fired`, the highest first; where `kept` is now."""
    if count == 0:
        return kept
    ascend(net, count)
    for place in range(count - 1, -1, -1):
        index = net.fired[place]
        if remove(net, index) == kept:
            kept = index
    return kept


@compiled
def room(net: Net, best: int, second: int, max_neurons: int) -> bool:
    """Whether one more neuron, if there may be one, and an edge at each of these two have room."""
    slots, size = net.neighbours.shape[1] - 1, net.counts[SIZE]
    return bool(
        (size < len(net.degree) or size >= max_neurons)
        and net.degree[best] < slots
        and net.degree[second] < slots
    )


# --- what is measured -------------------------------------------------------------------------


@compiled
def see(net: Net, x: Row, scale: float, rows: int) -> None:
    """Take a row into the scale of the data: Welford's recurrence, over the first `rows`.

    A fixed `scale` (above 0) stands as it is.
    """
    if scale > 0.0:
        net.sums[SCALE] = scale
        return
    if net.counts[SEEN] >= rows:
        return
    net.counts[SEEN] += 1
    grown = 0.0
    for feature in range(len(x)):
        before = x[feature] - net.mean[feature]
        net.mean[feature] += before / net.counts[SEEN]
        grown += before * (x[feature] - net.mean[feature])
    net.sums[SQUARES] += grown
    known = net.sums[SQUARES] > 0.0
    net.sums[SCALE] = sqrt(net.sums[SQUARES] / net.counts[SEEN]) if known else 1.0


@compiled
def activation(net: Net, square: float, squared: bool) -> float:  # noqa: FBT001
    """a = exp(-r), r = ||x - w|| / s or its square (P§2.2, eq. 7, with a scale s)."""
    far = sqrt(square) / net.sums[SCALE]
    return exp(-far * far) if squared else exp(-far)


@compiled
def count(net: Net, best: int, square: float) -> None:
    """Keep who won and how far the row was from it."""
    far = sqrt(square)
    net.wins[best] += 1
    net.last[best] = net.counts[CLOCK]
    net.distance[best] += (far - net.distance[best]) / net.wins[best]
    net.sums[ERRORS] += far
    net.counts[PENDING] += 1
    if net.counts[PENDING] < net.counts[STRIDE]:
        return
    net.trace[net.counts[TRACED]] = net.sums[ERRORS] / net.counts[PENDING]
    net.counts[TRACED] += 1
    net.sums[ERRORS], net.counts[PENDING] = 0.0, 0
    if net.counts[TRACED] == TRACE:
        for mean in range(TRACE // 2):
            net.trace[mean] = (net.trace[2 * mean] + net.trace[2 * mean + 1]) / 2.0
        for mean in range(TRACE // 2, TRACE):
            net.trace[mean] = 0.0
        net.counts[TRACED] = TRACE // 2
        net.counts[STRIDE] *= 2


# --- what is moved ----------------------------------------------------------------------------


@compiled
def move(net: Net, index: int, x: Row, rate: float) -> None:
    """w <- w + rate (x - w), in float32."""
    step = np.float32(rate)
    net.moved[index] = True
    block, lane = index // LANES, index % LANES
    for feature in range(len(x)):
        weight = net.weights[block, feature, lane]
        net.weights[block, feature, lane] = weight + step * (x[feature] - weight)


@compiled
def relabel(net: Net, index: int, arousal: float, valence: float, rate: float) -> None:
    """l <- l + rate (y - l), in float32; the first label is taken whole, an unknown one not."""
    if np.isnan(arousal):
        return
    step = np.float32(rate)
    if np.isnan(net.labels[index, 0]):
        step = np.float32(1.0)
        net.labels[index, 0] = net.labels[index, 1] = 0.0
    net.labels[index, 0] += step * (np.float32(arousal) - net.labels[index, 0])
    net.labels[index, 1] += step * (np.float32(valence) - net.labels[index, 1])
