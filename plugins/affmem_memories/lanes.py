"""Distances from one code to all neurons, at the speed of the memory they lie in.

Neurons lie in blocks of 32, feature by feature: `weights[block, feature, lane]`. So one load fills
a register with the same feature of many neurons, and each neuron's sum runs over the features in
order, in float32, without fused operations: the bits are those of the plain loop, on any machine.
"""

from collections.abc import Callable
from contextlib import suppress
from inspect import unwrap
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import numba
import numpy as np
import numpy.typing as npt
from jaxtyping import Float32, Int64
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

LANES: Final = 32
"""Neurons in a block."""
BLOCK: Final = 4 * LANES
"""Bytes of one feature of a block."""

Weights = Float32[npt.NDArray[np.float32], f"blocks width {LANES}"]
Row = Float32[npt.NDArray[np.float32], " width"]
Squares = Float32[npt.NDArray[np.float32], f"blocks {LANES}"]
Near = Int64[npt.NDArray[np.int64], " near"]
"""Neurons by index, rising: those that a row is compared with."""

Function = TypeVar("Function", bound=Callable[..., Any])


def _discard_stale() -> None:
    """Remove kept machine code that is older than any source here.

    numba looks at the one file in which a function stands, not at those whose functions it calls.
    """
    folder = Path(__file__).parent
    newest = max(one.stat().st_mtime for one in folder.glob("*.py"))
    for kept in folder.glob("__pycache__/*.nb[ic]"):
        if kept.stat().st_mtime < newest:
            kept.unlink(missing_ok=True)


with suppress(OSError):  # a folder that may not be written holds no kept code either
    _discard_stale()


def compiled(function: Function) -> Function:
    """The function as machine code: made when first called, kept on disk, without the GIL.

    It is laid into its callers and counts no references, which for a value of twenty arrays would
    cost more than the arithmetic: so it may neither make nor slice an array.
    """
    make = numba.njit(  # type: ignore[call-overload]
        cache=True, nogil=True, error_model="numpy", forceinline=True, _nrt=False
    )
    return cast(Function, make(unwrap(function)))


@intrinsic
def _measure(_context: Any, weights: Any, row: Any, squares: Any, width: Any) -> Any:  # noqa: ANN401
    """Squared distances of a block's neurons to a row, by addresses; the least comes back."""
    signature = types.float32(types.intp, types.intp, types.intp, types.intp)

    def generate(_context: Any, build: ir.IRBuilder, _signature: Any, given: Any) -> Any:  # noqa: ANN401
        real, whole = ir.FloatType(), ir.IntType(64)
        vector, mask = ir.VectorType(real, LANES), ir.VectorType(ir.IntType(32), LANES)
        block = build.inttoptr(given[0], vector.as_pointer())
        code = build.inttoptr(given[1], real.as_pointer())
        out = build.inttoptr(given[2], vector.as_pointer())
        before = build.block
        loop, after = build.append_basic_block("features"), build.append_basic_block("end")
        build.branch(loop)

        build.position_at_end(loop)
        feature, total = build.phi(whole), build.phi(vector)
        feature.add_incoming(ir.Constant(whole, 0), before)
        total.add_incoming(ir.Constant(vector, [0.0] * LANES), before)
        neurons = build.load(build.gep(block, [feature]), align=4)
        value = build.load(build.gep(code, [feature]), align=4)
        nothing = ir.Constant(vector, ir.Undefined)
        one = build.insert_element(nothing, value, ir.Constant(ir.IntType(32), 0))
        everywhere = build.shuffle_vector(one, nothing, ir.Constant(mask, [0] * LANES))
        apart = build.fsub(everywhere, neurons)
        summed = build.fadd(total, build.fmul(apart, apart))
        following = build.add(feature, ir.Constant(whole, 1))
        feature.add_incoming(following, loop)
        total.add_incoming(summed, loop)
        build.cbranch(build.icmp_signed("<", following, given[3]), loop, after)

        build.position_at_end(after)
        build.store(summed, out, align=4)
        kind = ir.FunctionType(real, [vector])
        least = cgutils.get_or_insert_function(  # type: ignore[no-untyped-call]
            build.module, kind, f"llvm.vector.reduce.fmin.v{LANES}f32"
        )
        return build.call(least, [summed], fastmath=("nnan",))

    return signature, generate


@compiled
def measure(weights: Weights, block: int, row: Row, squares: Squares) -> np.float32:
    """Fill a block of `squares` with its neurons' squared distances to the row; the least."""
    width = weights.shape[1]
    low: np.float32 = _measure(  # type: ignore[call-arg]
        weights.ctypes.data + block * width * BLOCK,
        row.ctypes.data,
        squares.ctypes.data + block * BLOCK,
        width,
    )
    return low


@compiled
def nearest_two(
    weights: Weights, count: int, row: Row, squares: Squares
) -> tuple[int, int, float, float]:
    """The nearest neuron and the second nearest (ties: the lower index), and both squares.

    `squares` is filled. Places beyond `count` must hold infinite weights.
    """
    best, second = -1, -1
    least, next_least = np.float32(np.inf), np.float32(np.inf)
    for block in range((count + LANES - 1) // LANES):
        low = measure(weights, block, row, squares)
        if not low < next_least:
            continue
        for lane in range(LANES):
            square = squares[block, lane]
            if square < least:
                second, next_least = best, least
                best, least = block * LANES + lane, square
            elif square < next_least:
                second, next_least = block * LANES + lane, square
    return best, second, np.float64(least), np.float64(next_least)


@compiled
def nearest_two_of(weights: Weights, near: Near, row: Row) -> tuple[int, int, float, float]:
    """The same of these neurons alone, to the same bits."""
    best, second = -1, -1
    least, next_least = np.float32(np.inf), np.float32(np.inf)
    for index in near:
        square = np.float32(0.0)
        for feature in range(len(row)):
            apart = row[feature] - weights[index // LANES, feature, index % LANES]
            square += apart * apart
        if square < least:
            second, next_least = best, least
            best, least = index, square
        elif square < next_least:
            second, next_least = index, square
    return best, second, np.float64(least), np.float64(next_least)
