"""Memory "river": clusters of River's incremental k-means, labelled by the edits in them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from attrs import field, frozen
from attrs.validators import and_, ge, gt, le

from affmem import Reading, Runtime, hookimpl
from affmem.protocols import Memory, MemoryConfig
from affmem.values import Affects, Codes, State


@frozen
class RiverConfig:
    """Settings of memory "river" (river.cluster.KMeans)."""

    clusters: int = field(default=12, validator=ge(1))
    """How many there are, from the first code on."""
    halflife: float = field(default=0.2, validator=and_(gt(0.0), le(1.0)))
    """How far a centre moves to a code that is nearest to it; 1: all the way."""
    spread: float = field(default=0.5, validator=gt(0.0))
    """Standard deviation of the first centres, which are drawn."""

    def build(self, runtime: Runtime) -> Memory:
        """Make an empty one."""
        return River(self, int(runtime.rng("memory").integers(2**31)))


class River:
    """River holds the centres; beside them, the sum and the number of the affects of each."""

    def __init__(self, config: RiverConfig, seed: int) -> None:
        self._config = config
        self._seed = seed
        self._empty()

    def _empty(self) -> None:
        from river.cluster import KMeans

        n, halflife, spread = self._config.clusters, self._config.halflife, self._config.spread
        self._kmeans: Any = KMeans(n, halflife, sigma=spread, seed=self._seed)
        self._width: int | None = None
        self._sums: npt.NDArray[np.float64] = np.zeros((n, 2))
        self._counts: npt.NDArray[np.int64] = np.zeros(n, np.int64)

    def begin(self) -> None:
        """Nothing: it knows no context."""

    def partial_fit(self, codes: Codes, affects: Affects | None = None) -> None:
        """Move the nearest centre to each row; a label counts for the centre that moved."""
        self._check(codes)
        if affects is not None and len(affects) != len(codes):
            raise ValueError(f"{len(codes)} codes, but {len(affects)} affects")
        for row, code in enumerate(codes):
            self._width = len(code)
            nearest = self._kmeans.learn_predict_one(dict(enumerate(code.tolist())))
            if affects is not None and not np.isnan(affects[row]).any():
                self._sums[nearest] += affects[row]
                self._counts[nearest] += 1

    def predict(self, codes: Codes) -> Reading:
        """The mean affect of the nearest cluster that has one; activation exp(-distance)."""
        self._check(codes)
        labelled = np.flatnonzero(self._counts)
        if not len(labelled):
            n = len(codes)
            nothing = np.full((n, 2), np.nan, np.float32)
            return Reading(nothing, np.zeros(n, np.float32), np.full(n, -1, np.int64))
        distances = np.linalg.norm(codes[:, None] - self._centres()[labelled][None], axis=-1)
        units = labelled[distances.argmin(axis=1)]
        affects = self._sums[units] / self._counts[units, None]
        activations = np.exp(-distances.min(axis=1))
        return Reading(affects.astype(np.float32), activations.astype(np.float32), units)

    def __len__(self) -> int:
        return 0 if self._width is None else self._config.clusters

    def state(self) -> State:
        """The centres, and what they are labelled by; nothing before the first code."""
        if self._width is None:
            return {}
        return {
            "centres": self._centres(),
            "sums": self._sums.copy(),
            "counts": self._counts.copy(),
        }

    def restore(self, state: State) -> None:
        """Become the memory whose state this is."""
        if state and set(state) != {"centres", "sums", "counts"}:
            raise ValueError(f"no state of this memory: {sorted(state)}")
        if state and len(state["centres"]) != self._config.clusters:
            raise ValueError(f"a state of {len(state['centres'])} clusters")
        self._empty()
        if state:
            for number, centre in enumerate(state["centres"].tolist()):
                self._kmeans.centers[number].update(enumerate(centre))
            self._width = state["centres"].shape[1]
            self._sums = state["sums"].astype(np.float64)
            self._counts = state["counts"].astype(np.int64)

    def _centres(self) -> npt.NDArray[np.float64]:
        places = range(self._width or 0)
        return np.array([[one[i] for i in places] for one in self._kmeans.centers.values()])

    def _check(self, codes: Codes) -> None:
        if codes.ndim != 2 or not np.isfinite(codes).all():
            raise ValueError("expected finite codes [n, d]")
        if self._width is not None and codes.shape[1] != self._width:
            raise ValueError(f"expected codes of width {self._width}, got {codes.shape[1]}")


@hookimpl
def affmem_memories() -> Mapping[str, type[MemoryConfig]]:
    """Memory "river"."""
    return {"river": RiverConfig}
