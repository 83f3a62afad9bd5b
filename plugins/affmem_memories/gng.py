"""The growing neural gas (Fritzke 1995), and its utility for streams that drift (Fritzke 1997).

Read `learn` top to bottom: it is the whole rule, for one row after the other.
"""

from typing import NamedTuple

import numpy as np

from affmem.values import Affects, Codes
from affmem_memories.config import GNGConfig
from affmem_memories.lanes import LANES, compiled, nearest_two
from affmem_memories.net import (
    CLOCK,
    SIZE,
    Net,
    add,
    clear,
    count,
    find,
    forget,
    join,
    leave,
    move,
    part,
    relabel,
    room,
    see,
)


class Law(NamedTuple):
    """The settings, as numbers that a compiled loop takes."""

    rate_bmu: float
    rate_neighbour: float
    interval: int
    share: float
    """alpha: what is left of the errors beside a new neuron."""
    decay: float
    """Of all errors and utilities, a row."""
    utility: float
    """k of GNG-U; 0: no neuron is removed for being of little use."""
    scale: float
    scale_rows: int
    labelling: float
    max_age: int
    max_neurons: int


def law(config: GNGConfig) -> Law:
    """The law that a config sets."""
    return Law(
        rate_bmu=float(config.learning_rate_bmu),
        rate_neighbour=float(config.learning_rate_neighbour),
        interval=config.interval,
        share=float(config.error_share),
        decay=1.0 - float(config.error_decay),
        utility=float(config.utility),
        scale=0.0 if config.scale == "data" else float(config.scale),
        scale_rows=config.scale_rows,
        labelling=float(config.labelling),
        max_age=config.max_age,
        max_neurons=config.max_neurons,
    )


@compiled
def learn(net: Net, law: Law, codes: Codes, affects: Affects, begin: int) -> int:
    """Learn the rows from `begin` on, in order; the first row for which there was no room, or n."""
    for row in range(begin, len(codes)):
        x = codes[row]
        arousal, valence = affects[row, 0], affects[row, 1]
        if net.counts[SIZE] < 2:  # the first two rows are the first two neurons
            see(net, x, law.scale, law.scale_rows)
            net.counts[CLOCK] += 1
            add(net, x, arousal, valence)
            continue

        best, second, square, other_square = nearest_two(
            net.weights, net.counts[SIZE], x, net.squares
        )
        if not room(net, best, second, law.max_neurons):
            return row
        see(net, x, law.scale, law.scale_rows)
        net.counts[CLOCK] += 1
        count(net, best, square)
        net.error[best] += square
        net.utility[best] += other_square - square
        move(net, best, x, law.rate_bmu)
        for slot in range(net.degree[best]):
            other = net.neighbours[best, slot]
            net.ages[best, slot] += 1
            net.ages[other, find(net, other, best)] += 1
            move(net, other, x, law.rate_neighbour)
        join(net, best, second)
        relabel(net, best, arousal, valence, law.labelling)
        forget(net, best, law.max_age)

        if net.counts[CLOCK] % law.interval == 0 and net.counts[SIZE] < law.max_neurons:
            insert(net, law.share)
        if law.utility > 0.0 and net.counts[SIZE] > 2:
            drop_useless(net, law.utility)
        for index in range(net.counts[SIZE]):
            net.error[index] *= law.decay
            net.utility[index] *= law.decay
    return len(codes)


@compiled
def insert(net: Net, share: float) -> None:
    """A new neuron half way between the one with the largest error and its worst neighbour."""
    worst = -1
    for index in range(net.counts[SIZE]):  # merged memories may hold neurons without an edge
        if net.degree[index] and (worst < 0 or net.error[index] > net.error[worst]):
            worst = index
    beside = -1
    for slot in range(net.degree[worst]):  # ties: the lowest index, in whatever order they stand
        other = net.neighbours[worst, slot]
        if (
            beside < 0
            or net.error[other] > net.error[beside]
            or (net.error[other] == net.error[beside] and other < beside)
        ):
            beside = other
    arousal, valence = net.labels[worst, 0], net.labels[worst, 1]
    if np.isnan(arousal):
        arousal, valence = net.labels[beside, 0], net.labels[beside, 1]
    elif not np.isnan(net.labels[beside, 0]):
        arousal = (arousal + net.labels[beside, 0]) * np.float32(0.5)
        valence = (valence + net.labels[beside, 1]) * np.float32(0.5)
    for feature in range(len(net.row)):
        one = net.weights[worst // LANES, feature, worst % LANES]
        other_one = net.weights[beside // LANES, feature, beside % LANES]
        net.row[feature] = (one + other_one) * np.float32(0.5)
    new = add(net, net.row, arousal, valence)
    part(net, worst, beside)
    join(net, new, worst)
    join(net, new, beside)
    net.error[worst] *= share
    net.error[beside] *= share
    net.error[new] = net.error[worst]
    net.utility[new] = (net.utility[worst] + net.utility[beside]) / 2.0


@compiled
def drop_useless(net: Net, k: float) -> None:
    """GNG-U: remove the neuron of least utility where the largest error is over k times that.

    Whom it leaves alone goes too; where fewer than two would remain, none goes.
    """
    useless, largest = 0, net.error[0]
    for index in range(1, net.counts[SIZE]):
        if net.utility[index] < net.utility[useless]:
            useless = index
        largest = max(largest, net.error[index])
    if not largest > k * net.utility[useless]:
        return
    alone = leave(net, useless)
    if net.counts[SIZE] - alone >= 2:
        clear(net, alone, -1)
