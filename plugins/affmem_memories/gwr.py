"""The growing-when-required network (P§2.2; Marsland 2002), with or without a sense of time.

Read `learn` top to bottom: it is the whole rule, for one row after the other.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from jaxtyping import Float32

from affmem.values import Affects, Codes
from affmem_memories.config import GammaGWRConfig, GWRConfig
from affmem_memories.lanes import LANES, Near, Row, compiled, nearest_two, nearest_two_of
from affmem_memories.net import (
    CLOCK,
    SIZE,
    Net,
    activation,
    add,
    ascend,
    count,
    fire,
    forget,
    join,
    leave,
    move,
    part,
    relabel,
    remove,
    room,
    see,
)


class Law(NamedTuple):
    """The settings, as numbers that a compiled loop takes."""

    activity_threshold: float
    habituation_threshold: float
    rate_bmu: float
    rate_neighbour: float
    novelty: bool
    tau_bmu: float
    tau_neighbour: float
    kappa: float
    squared: bool
    scale: float
    """0: of the data."""
    scale_rows: int
    labelling: float
    insertion: float
    max_age: int
    max_neurons: int
    replaces: bool
    """Whether a full memory gives up its least useful neuron for a new one."""
    alpha: Float32[npt.NDArray[np.float32], " depths"]
    """Square roots of alpha_0 ... alpha_K."""
    beta: float
    every: bool
    """Whether labelled rows move the context too."""


def law(config: GWRConfig) -> Law:
    """The law that a config sets."""
    gamma = config if isinstance(config, GammaGWRConfig) else None
    alpha = gamma.alpha[: gamma.contexts + 1] if gamma else (1.0,)
    return Law(
        activity_threshold=float(config.activity_threshold),
        habituation_threshold=float(config.habituation_threshold),
        rate_bmu=float(config.learning_rate_bmu),
        rate_neighbour=float(config.learning_rate_neighbour),
        novelty=config.novelty,
        tau_bmu=float(config.tau_bmu),
        tau_neighbour=float(config.tau_neighbour),
        kappa=float(config.kappa),
        squared=config.distance == "square",
        scale=0.0 if config.scale == "data" else float(config.scale),
        scale_rows=config.scale_rows,
        labelling=float(config.labelling),
        insertion=float(config.insertion),
        max_age=config.max_age,
        max_neurons=config.max_neurons,
        replaces=config.when_full == "replace",
        alpha=np.sqrt(np.array(alpha)).astype(np.float32),
        beta=float(gamma.beta) if gamma else 0.0,
        every=gamma is not None and gamma.context_of == "all",
    )


@compiled
def learn(net: Net, law: Law, codes: Codes, affects: Affects, begin: int, near: Near) -> int:
    """Learn the rows from `begin` on, in order; the first row for which there was no room, or n.

    They are compared with all neurons, or, where there are two or more, with those of `near`.
    """
    for row in range(begin, len(codes)):
        compose(net, law.alpha, codes[row])
        x = net.row
        arousal, valence = affects[row, 0], affects[row, 1]
        if net.counts[SIZE] < 2:  # the first two rows are the first two neurons
            see(net, x, law.scale, law.scale_rows)
            net.counts[CLOCK] += 1
            best = add(net, x, arousal, valence)
            remember(net, law, best, arousal)
            continue

        if len(near) < 2:
            best, second, square, _ = nearest_two(net.weights, net.counts[SIZE], x, net.squares)
        else:
            best, second, square, _ = nearest_two_of(net.weights, near, x)
        if not room(net, best, second, law.max_neurons):
            return row
        see(net, x, law.scale, law.scale_rows)
        net.counts[CLOCK] += 1
        count(net, best, square)
        a = activation(net, square, law.squared)
        fired = fire(net, best, second)
        grows = (
            a < law.activity_threshold
            and net.habituation[best] < law.habituation_threshold
            and (net.counts[SIZE] < law.max_neurons or (law.replaces and law.max_neurons > 2))
        )

        if not grows:  # eq. (8): dw = eps h (x - w) (1 - a)
            novelty = 1.0 - a if law.novelty else 1.0
            move(net, best, x, law.rate_bmu * net.habituation[best] * novelty)
            if law.rate_neighbour > 0.0:
                for place in range(fired):
                    other = net.fired[place]
                    move(net, other, x, law.rate_neighbour * net.habituation[other] * novelty)
            relabel(net, best, arousal, valence, law.labelling)

        habituate(net, best, law.tau_bmu, law.kappa)
        for place in range(fired):
            habituate(net, net.fired[place], law.tau_neighbour, law.kappa)

        if grows:
            if net.counts[SIZE] >= law.max_neurons:
                best, second = give_up(net, best, second)
            insert(net, law, x, arousal, valence, best, second)
        best = forget(net, best, law.max_age)
        remember(net, law, best, arousal)
    return len(codes)


@compiled
def insert(
    net: Net, law: Law, x: Row, arousal: float, valence: float, best: int, second: int
) -> None:
    """A new neuron between the best match and the row; it takes the row's label, or the match's."""
    near, far = np.float32(1.0 - law.insertion), np.float32(law.insertion)
    block, lane = best // LANES, best % LANES
    if np.isnan(arousal):
        arousal, valence = net.labels[best, 0], net.labels[best, 1]
    new = add(net, x, arousal, valence)
    for feature in range(len(x)):
        net.weights[new // LANES, feature, new % LANES] = (
            near * net.weights[block, feature, lane] + far * x[feature]
        )
    join(net, new, best)
    join(net, new, second)
    part(net, best, second)


@compiled
def habituate(net: Net, index: int, tau: float, kappa: float) -> None:
    """dh = tau kappa (1 - h) - tau, held in [0, 1] and never rising."""
    h = net.habituation[index]
    fallen = h + tau * (kappa * (1.0 - h) - 1.0)
    net.habituation[index] = min(h, max(0.0, fallen))


@compiled
def give_up(net: Net, best: int, second: int) -> tuple[int, int]:
    """Remove the neuron that won longest ago (ties: the lowest index), and whom it leaves alone.

    Never one of these two, whose indices come back, since a removal may change them.
    """
    victim = -1
    for index in range(net.counts[SIZE]):
        if index not in (best, second) and (victim < 0 or net.last[index] < net.last[victim]):
            victim = index
    alone = leave(net, victim)
    ascend(net, alone)
    for place in range(alone - 1, -1, -1):
        index = net.fired[place]
        last = remove(net, index)
        best = index if best == last else best
        second = index if second == last else second
    return best, second


# --- time (Parisi et al. 2017, 2018) ----------------------------------------------------------


@compiled
def compose(net: Net, alpha: Row, code: Row) -> None:
    """The row that neurons are compared with: the code and its contexts, each times sqrt(alpha).

    Then ||x - w||^2 of such rows is alpha_0 ||code - w||^2 + sum alpha_k ||C_k - c_k||^2.
    """
    inputs = len(code)
    for feature in range(inputs):
        net.row[feature] = alpha[0] * code[feature]
    for place in range(len(net.context)):
        net.row[inputs + place] = alpha[1 + place // inputs] * net.context[place]


@compiled
def remember(net: Net, law: Law, best: int, arousal: float) -> None:
    """C_k = beta w_b + (1 - beta) c_{b, k-1}, with c_{b, 0} = w_b: what the next row comes with."""
    if not len(net.context) or not (law.every or np.isnan(arousal)):
        return
    inputs = len(net.row) - len(net.context)
    block, lane = best // LANES, best % LANES
    now, before = np.float32(law.beta), np.float32(1.0 - law.beta)
    for place in range(len(net.context)):
        depth, feature = place // inputs, place % inputs
        weight = net.weights[block, feature, lane] / law.alpha[0]
        older = net.weights[block, place, lane] / law.alpha[depth]
        net.context[place] = now * weight + before * older
