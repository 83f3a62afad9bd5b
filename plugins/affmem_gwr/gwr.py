"""The network that grows when required (P§2.2; Marsland 2002), a row at a time."""

from math import exp, sqrt
from typing import Any, final

import numpy as np
import numpy.typing as npt
from jaxtyping import Bool, Float32, Int64

from affmem.values import Affects, Codes, Reading, State
from affmem_gwr.config import GWRConfig
from affmem_gwr.rows import LARGEST, checked_affects, checked_codes
from affmem_gwr.spread import Spread

FORMAT = 1
"""Of `GWR.state`; another number is refused."""
NO_EDGE = -1

Code = Float32[npt.NDArray[np.float32], " d"]
Label = Float32[npt.NDArray[np.float32], "2"]
Differences = Float32[npt.NDArray[np.float32], "units d"]
Neurons = Int64[npt.NDArray[np.int64], " k"]


@final
class GWR:
    """A growing memory of one person.

    Each neuron has a weight w (a place among the codes), a label (arousal, valence; NaN while none
    is known) and a habituation h, 1 for new and falling with each firing; edges with ages join
    neurons that were best and second best for one code. The first two rows become the first two
    neurons.

    >>> memory = GWR(GWRConfig())
    >>> memory.partial_fit(np.float32([[0, 0], [1, 1]]), np.float32([[0, 0], [0.5, -0.5]]))
    >>> len(memory), memory.predict(np.float32([[0.9, 0.9]])).affects
    (2, array([[ 0.5, -0.5]], dtype=float32))
    """

    def __init__(self, config: GWRConfig) -> None:
        self._config = config
        self._reset(width=None, capacity=0)

    def begin(self) -> None:
        pass

    def __len__(self) -> int:
        return self._size

    def partial_fit(self, codes: Codes, affects: Affects | None = None) -> None:
        rows = checked_codes(codes, self._width)
        labels = checked_affects(affects, len(rows))
        if self._width is None and len(rows):
            self._reset(width=rows.shape[1], capacity=2)
        labelled = ~np.isnan(labels[:, 0])
        for x, label, known in zip(rows, labels, labelled.tolist(), strict=True):
            self._learn(x, label if known else None)

    def predict(self, codes: Codes) -> Reading:
        """Also: where the best-matching unit has no label, the nearest neuron with one is read."""
        rows = checked_codes(codes, self._width)
        affects = np.full((len(rows), 2), np.nan, np.float32)
        activations = np.zeros(len(rows), np.float32)
        units = np.full(len(rows), -1, np.int64)
        if self._size:
            known = ~np.isnan(self._labels[: self._size, 0])
            for row, x in enumerate(rows):
                squares = self._squares(x - self._weights[: self._size])
                best = int(squares.argmin())
                units[row] = best
                activations[row] = self._activity(float(squares[best]))
                affects[row] = self._read(best, squares, known)
        return Reading(affects=affects, activations=activations, units=units)

    # --- one row -----------------------------------------------------------------------------

    def _learn(self, x: Code, label: Label | None) -> None:
        """One iteration: match, connect, grow or adapt, habituate, forget."""
        config = self._config
        if config.scale == "data" and self._spread.rows < config.scale_rows:
            self._spread.see(x)
            self._scale = self._spread.value
        if self._size < 2:
            self._append(x, label)
            return
        differences = x - self._weights[: self._size]
        squares = self._squares(differences)
        best = int(squares.argmin())  # eq. (7)
        activity = self._activity(float(squares[best]))
        squares[best] = np.inf
        second = int(squares.argmin())
        neighbours = self._connect(best, second)
        if (
            activity < config.activity_threshold
            and self._habituation[best] < config.habituation_threshold
            and self._size < config.max_neurons
        ):
            self._insert(x, label, best, second)
        else:
            self._adapt(best, neighbours, differences, 1 - activity if config.novelty else 1.0)
            if label is not None:
                self._relabel(best, label)
        self._habituate(best, neighbours)
        self._forget(best, neighbours)

    def _squares(self, differences: Differences) -> Float32[npt.NDArray[np.float32], " units"]:
        squares: npt.NDArray[np.float32] = np.einsum("ij,ij->i", differences, differences)
        return squares

    def _activity(self, square: float) -> float:
        """a = exp(-||x - w|| / s), of P§2.2, with a scale s."""
        distance = sqrt(square) / self._scale
        return exp(-distance if self._config.distance == "norm" else -distance * distance)

    def _connect(self, best: int, second: int) -> Neurons:
        """Age the edges of `best`, renew the one to `second`, and return its neighbours."""
        ages = self._ages[best, : self._size]
        ages[second] = 0
        neighbours = np.flatnonzero(ages != NO_EDGE)
        ages[neighbours] += 1
        ages[second] = 0
        self._ages[neighbours, best] = ages[neighbours]
        return neighbours

    def _insert(self, x: Code, label: Label | None, best: int, second: int) -> None:
        """A new neuron between `best` and the code; it takes the code's label, or `best`'s."""
        share = self._config.insertion
        weight = (1 - share) * self._weights[best] + share * x
        new = self._append(weight, self._labels[best] if label is None else label)
        for other in (best, second):
            self._ages[new, other] = self._ages[other, new] = 0
        self._ages[best, second] = self._ages[second, best] = NO_EDGE

    def _adapt(
        self, best: int, neighbours: Neurons, differences: Differences, novelty: float
    ) -> None:
        """Eq. (8): dw = eps * h * (x - w) * (1 - a), for the best match and its neighbours."""
        config = self._config
        h = self._habituation
        self._weights[best] += config.learning_rate_bmu * novelty * h[best] * differences[best]
        if config.learning_rate_neighbour:
            rates = config.learning_rate_neighbour * novelty * h[neighbours]
            self._weights[neighbours] += rates[:, None] * differences[neighbours]

    def _relabel(self, best: int, label: Label) -> None:
        """Move the best match's label by gamma toward the code's; the first one is taken whole."""
        held = self._labels[best]
        if np.isnan(held[0]):
            held[:] = label
        else:
            held += self._config.labelling * (label - held)

    def _habituate(self, best: int, neighbours: Neurons) -> None:
        """dh = tau * kappa * (1 - h) - tau, held in [0, 1] and never rising."""
        config = self._config
        h = float(self._habituation[best])
        fallen = h + config.tau_bmu * (config.kappa * (1 - h) - 1)
        self._habituation[best] = min(h, max(0.0, fallen))
        beside = self._habituation[neighbours]
        change = config.tau_neighbour * (config.kappa * (1 - beside) - 1)
        self._habituation[neighbours] = np.minimum(beside, np.maximum(beside + change, 0))

    def _forget(self, best: int, neighbours: Neurons) -> None:
        """Drop the edges of `best` that are too old, and the neurons that this leaves alone.

        `best` itself always keeps the edge just made, so that two neurons remain.
        """
        expired = neighbours[self._ages[best, neighbours] > self._config.max_age]
        if not expired.size:
            return
        self._ages[best, expired] = self._ages[expired, best] = NO_EDGE
        alone = (self._ages[expired, : self._size] == NO_EDGE).all(axis=1)
        for index in reversed(expired[alone].tolist()):
            self._remove(index)

    def _read(
        self,
        best: int,
        squares: Float32[npt.NDArray[np.float32], " units"],
        known: Bool[npt.NDArray[np.bool_], " units"],
    ) -> Label:
        """The label that a code reads, NaN where no neuron has one."""
        if self._config.reading == "neighbours":
            chosen = known & (self._ages[best, : self._size] != NO_EDGE)
            chosen[best] = known[best]
            distances = np.sqrt(squares[chosen].astype(np.float64)) / self._scale
            if distances.size:
                powers = distances if self._config.distance == "norm" else distances**2
                weights = np.exp(powers.min() - powers)
                mean = weights @ self._labels[: self._size][chosen] / weights.sum()
                return np.asarray(mean, np.float32)
        nearest = best if known[best] else int(np.where(known, squares, np.inf).argmin())
        label: Label = self._labels[nearest]
        return label

    # --- room for neurons --------------------------------------------------------------------

    def _reset(self, width: int | None, capacity: int) -> None:
        """Become empty, with room for `capacity` neurons."""
        self._width = width
        self._size = 0
        self._weights = np.zeros((capacity, width or 0), np.float32)
        self._labels = np.full((capacity, 2), np.nan, np.float32)
        self._habituation = np.ones(capacity, np.float32)
        self._ages = np.full((capacity, capacity), NO_EDGE, np.int32)
        self._spread = Spread(width or 0)
        self._scale = 1.0 if self._config.scale == "data" else float(self._config.scale)

    def _append(self, weight: Code, label: Label | None) -> int:
        """Add a neuron without edges, h = 1, and return its index."""
        new = self._size
        if new == len(self._weights):
            self._weights = np.pad(self._weights, ((0, new), (0, 0)))
            self._labels = np.pad(self._labels, ((0, new), (0, 0)))
            self._habituation = np.pad(self._habituation, (0, new))
            self._ages = np.pad(self._ages, (0, new), constant_values=NO_EDGE)
        self._weights[new] = weight
        self._labels[new] = np.nan if label is None else label
        self._habituation[new] = 1
        self._size += 1
        return new

    def _remove(self, index: int) -> None:
        """Take out a neuron without edges; the last one takes its place."""
        last = self._size - 1
        for array in (self._weights, self._labels, self._habituation):
            array[index] = array[last]
        self._ages[index] = self._ages[last]
        self._ages[:, index] = self._ages[:, last]
        self._ages[last] = self._ages[:, last] = NO_EDGE
        self._size = last

    # --- saving ------------------------------------------------------------------------------

    def state(self) -> State:
        """Also: `edges` holds each pair once, lower index first, in order; `ages` goes with it.

        All are in C order: safetensors writes the bytes of any other order as they lie.
        """
        n = self._size
        edges = np.argwhere(np.triu(self._ages[:n, :n] != NO_EDGE))
        return {
            "format": np.array([FORMAT], np.int64),
            "weights": self._weights[:n].copy(),
            "labels": self._labels[:n].copy(),
            "habituation": self._habituation[:n].copy(),
            "edges": edges.astype(np.int32, order="C"),
            "ages": self._ages[edges[:, 0], edges[:, 1]],
            "spread_rows": np.array([self._spread.rows], np.int64),
            "spread_mean": self._spread.mean.copy(),
            "spread_squares": np.array([self._spread.squares], np.float64),
        }

    def restore(self, state: State) -> None:
        _check_state(state)
        size, width = state["weights"].shape
        self._reset(width=width or None, capacity=max(size, 2) if width else 0)
        self._size = size
        self._weights[:size] = state["weights"]
        self._labels[:size] = state["labels"]
        self._habituation[:size] = state["habituation"]
        one, other = state["edges"].T
        self._ages[one, other] = self._ages[other, one] = state["ages"]
        self._spread.rows = int(state["spread_rows"][0])
        self._spread.mean[:] = state["spread_mean"]
        self._spread.squares = float(state["spread_squares"][0])
        if self._config.scale == "data":
            self._scale = self._spread.value


def _check_state(state: State) -> None:
    """Raise ValueError where `state` is not one that `GWR.state` can have given."""
    if "format" not in state or state["format"].tolist() != [FORMAT]:
        raise ValueError(f'no state of memory "gwr" in format {FORMAT}')
    size, width = state["weights"].shape if state.get("weights", np.empty(0)).ndim == 2 else (0, 0)
    count = len(state["ages"]) if state.get("ages", np.empty(())).ndim == 1 else 0
    expected: dict[str, tuple[tuple[int, ...], type[np.generic]]] = {
        "format": ((1,), np.int64),
        "weights": ((size, width), np.float32),
        "labels": ((size, 2), np.float32),
        "habituation": ((size,), np.float32),
        "edges": ((count, 2), np.int32),
        "ages": ((count,), np.int32),
        "spread_rows": ((1,), np.int64),
        "spread_mean": ((width,), np.float64),
        "spread_squares": ((1,), np.float64),
    }
    if set(state) != set(expected):
        raise ValueError(f'a state of memory "gwr" holds {sorted(expected)}: {sorted(state)}')
    for name, (shape, dtype) in expected.items():
        if state[name].shape != shape or state[name].dtype != dtype:
            found = f"{state[name].dtype}{list(state[name].shape)}"
            raise ValueError(f"{name!r} must be {np.dtype(dtype)}{list(shape)}: {found}")
    if not _is_sound(state, size, width):
        raise ValueError('a state of memory "gwr" with values that it cannot have')


def _is_sound(state: State, size: int, width: int) -> bool:
    """Whether each value is one that a memory of that size can hold."""
    values: dict[str, npt.NDArray[Any]] = dict(state)
    edges, labels, h = values["edges"], values["labels"], values["habituation"]
    return bool(
        (np.abs(values["weights"]) <= LARGEST).all()
        and (np.isnan(labels).all(axis=1) | (np.abs(labels) <= 1).all(axis=1)).all()
        and ((h >= 0) & (h <= 1)).all()
        and ((edges >= 0) & (edges < size)).all()
        and (edges[:, 0] < edges[:, 1]).all()
        and len(np.unique(edges, axis=0)) == len(edges)
        and (values["ages"] >= 0).all()
        and (size > 0) == (width > 0)
        and values["spread_rows"][0] >= 0
        and np.isfinite(values["spread_mean"]).all()
        and 0 <= values["spread_squares"][0] < np.inf
    )
