"""What a memory says of codes: the best match's label, or a blend of the nearest."""

from math import exp, sqrt

import numpy as np
import numpy.typing as npt
from jaxtyping import Bool, Float32, Int64

from affmem.values import Affects, Codes
from affmem_memories.lanes import LANES, Row, compiled, measure
from affmem_memories.net import SCALE, SIZE, Net

Activations = Float32[npt.NDArray[np.float32], " n"]
Units = Int64[npt.NDArray[np.int64], " n"]
Novel = Bool[npt.NDArray[np.bool_], " n"]


@compiled
def read(
    net: Net,
    alpha: Row,
    codes: Codes,
    nearest: int,
    squared: bool,  # noqa: FBT001  (a compiled function takes no keyword)
    affects: Affects,
    activations: Activations,
    units: Units,
) -> None:
    """Fill the last three, a place a code.

    An affect is the mean of the `nearest` labelled neurons' labels, weighted by their activations
    (1: the label of the nearest that has one). Changes nothing of the network.
    """
    size, inputs = net.counts[SIZE], codes.shape[1]
    scale = net.sums[SCALE]
    x = np.empty(net.weights.shape[1], np.float32)
    squares = np.empty(net.squares.shape, np.float32)
    chosen, far = np.empty(nearest, np.int64), np.empty(nearest)
    for row in range(len(codes)):
        for feature in range(inputs):
            x[feature] = alpha[0] * codes[row, feature]
        for place in range(len(net.context)):
            x[inputs + place] = alpha[1 + place // inputs] * net.context[place]
        measure(net.weights, size, x, squares)
        best, least, found = 0, np.float32(np.inf), 0
        for index in range(size):
            square = squares[index // LANES, index % LANES]
            if square < least:
                best, least = index, square
            if np.isnan(net.labels[index, 0]) or (found == nearest and square >= far[found - 1]):
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
                affects[row] = 0.0
            total += weight
            share = np.float32(weight / total)
            for side in range(2):  # a running mean stays within the labels
                affects[row, side] += share * (net.labels[chosen[place], side] - affects[row, side])


@compiled
def _power(square: float, scale: float, squared: bool) -> float:  # noqa: FBT001
    """r of a = exp(-r)."""
    far = sqrt(square) / scale
    return far * far if squared else far
