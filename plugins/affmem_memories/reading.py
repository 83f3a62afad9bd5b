"""What a memory says of codes: the best match's label, or a blend of the nearest."""

from math import exp, sqrt

import numpy as np
import numpy.typing as npt
from jaxtyping import Float32, Int64

from affmem.values import Affects, Codes, Reading
from affmem_memories.lanes import LANES, Row, Squares, compiled, measure
from affmem_memories.net import SCALE, SIZE, Net, Reals, Wholes

Activations = Float32[npt.NDArray[np.float32], " n"]
Units = Int64[npt.NDArray[np.int64], " n"]


def read(
    net: Net, alpha: Row, codes: Codes, nearest: int, reading: Reading, *, squared: bool
) -> None:
    """Fill the reading, a place a code; the network is not changed.

    An affect is the mean of the `nearest` labelled neurons' labels, weighted by their activations
    (1: the label of the nearest that has one).
    """
    x, squares = np.empty_like(net.row), np.empty_like(net.squares)
    chosen, far = np.empty(nearest, np.int64), np.empty(nearest)
    _read(
        net, alpha, codes, squared, x, squares, chosen, far,
        reading.affects, reading.activations, reading.units,
    )  # fmt: skip


@compiled
def _read(  # noqa: PLR0913, PLR0917
    net: Net,
    alpha: Row,
    codes: Codes,
    squared: bool,  # noqa: FBT001  (a compiled function takes no keyword)
    x: Row,
    squares: Squares,
    chosen: Wholes,
    far: Reals,
    affects: Affects,
    activations: Activations,
    units: Units,
) -> None:
    size, inputs, nearest = net.counts[SIZE], codes.shape[1], len(chosen)
    scale = net.sums[SCALE]
    for row in range(len(codes)):
        for feature in range(inputs):
            x[feature] = alpha[0] * codes[row, feature]
        for place in range(len(net.context)):
            x[inputs + place] = alpha[1 + place // inputs] * net.context[place]
        best, least, found = 0, np.float32(np.inf), 0
        for block in range((size + LANES - 1) // LANES):
            low = measure(net.weights, block, x, squares)
            if found == nearest and not low < least and not low < far[found - 1]:
                continue
            for lane in range(min(LANES, size - block * LANES)):
                square, index = squares[block, lane], block * LANES + lane
                if square < least:
                    best, least = index, square
                if np.isnan(net.labels[index, 0]) or (
                    found == nearest and square >= far[found - 1]
                ):
                    continue
                place = found if found < nearest else found - 1
                found = min(found + 1, nearest)
                while place > 0 and far[place - 1] > square:
                    far[place], chosen[place] = far[place - 1], chosen[place - 1]
                    place -= 1
                far[place], chosen[place] = square, index
        units[row] = best
        activations[row] = exp(-_power(np.float64(least), scale, squared))
        total = 0.0
        for place in range(found):  # relative to the nearest, so that none is too small to weigh
            weight = exp(_power(far[0], scale, squared) - _power(far[place], scale, squared))
            if place == 0:
                affects[row, 0] = affects[row, 1] = 0.0
            total += weight
            share = np.float32(weight / total)
            for side in range(2):  # a running mean stays within the labels
                affects[row, side] += share * (net.labels[chosen[place], side] - affects[row, side])


@compiled
def _power(square: float, scale: float, squared: bool) -> float:  # noqa: FBT001
    """r of a = exp(-r)."""
    far = sqrt(square) / scale
    return far * far if squared else far
