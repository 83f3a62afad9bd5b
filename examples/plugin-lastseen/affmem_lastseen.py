"""Memory "lastseen": the label of the nearest of the last few labelled codes."""

from collections.abc import Mapping

import numpy as np
from attrs import field, frozen
from attrs.validators import ge

from affmem import Reading, Runtime, hookimpl
from affmem.protocols import Memory, MemoryConfig
from affmem.values import Affects, Codes, State


@frozen
class LastSeenConfig:
    """Settings of memory "lastseen"."""

    capacity: int = field(default=200, validator=ge(1))
    """How many labelled codes are kept; the oldest goes first."""

    def build(self, _runtime: Runtime) -> Memory:
        """Make an empty one."""
        return LastSeen(self)


class LastSeen:
    """Keeps the last labelled codes; unlabelled frames teach it nothing."""

    def __init__(self, config: LastSeenConfig) -> None:
        self._capacity = config.capacity
        self._codes: Codes | None = None
        self._affects: Affects = np.empty((0, 2), np.float32)

    def begin(self) -> None:
        """Nothing: it knows no context."""

    def partial_fit(self, codes: Codes, affects: Affects | None = None) -> None:
        """Keep the labelled rows."""
        self._check(codes)
        if affects is None:
            return
        if len(affects) != len(codes):
            raise ValueError(f"{len(codes)} codes, but {len(affects)} affects")
        known = ~np.isnan(affects).any(axis=1)
        before = codes[:0] if self._codes is None else self._codes
        self._codes = np.concatenate([before, codes[known]])[-self._capacity :]
        self._affects = np.concatenate([self._affects, affects[known]])[-self._capacity :]

    def predict(self, codes: Codes) -> Reading:
        """The label of the nearest kept code; activation exp(-distance)."""
        self._check(codes)
        n = len(codes)
        if self._codes is None or not len(self._codes):
            unknown = np.full((n, 2), np.nan, np.float32)
            return Reading(unknown, np.zeros(n, np.float32), np.full(n, -1, np.int64))
        distances = np.linalg.norm(codes[:, None] - self._codes[None], axis=-1)
        units = distances.argmin(axis=1)
        activations = np.exp(-distances.min(axis=1)).astype(np.float32)
        return Reading(self._affects[units], activations, units)

    def _check(self, codes: Codes) -> None:
        if codes.ndim != 2 or not np.isfinite(codes).all():
            raise ValueError("codes must be [n, d] and finite")
        if self._codes is not None and codes.shape[1] != self._codes.shape[1]:
            raise ValueError(f"expected codes of width {self._codes.shape[1]}: {codes.shape[1]}")

    def __len__(self) -> int:
        return len(self._affects)

    def state(self) -> State:
        """The kept codes and affects."""
        if self._codes is None:
            return {}
        return {"codes": self._codes.copy(), "affects": self._affects.copy()}

    def restore(self, state: State) -> None:
        """Become the memory whose state this is."""
        if state and set(state) != {"codes", "affects"}:
            raise ValueError(f"no state of this memory: {sorted(state)}")
        self._codes = state["codes"].astype(np.float32) if state else None
        self._affects = (
            state["affects"].astype(np.float32) if state else np.empty((0, 2), np.float32)
        )


@hookimpl
def affmem_memories() -> Mapping[str, type[MemoryConfig]]:
    """Memory "lastseen"."""
    return {"lastseen": LastSeenConfig}
