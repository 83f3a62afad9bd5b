"""Memory "personal": the prior knowledge's reading of a code, given who it is that shows it."""

from typing import Final, final

import numpy as np

from affmem.rows import checked_affects, checked_codes
from affmem.values import Affects, Codes, Reading, State
from affmem_pk.acquaintance import Acquaintance
from affmem_pk.config import BUNDLED, PersonalConfig
from affmem_pk.persons import Weights, load

KIND = "personal 1"


@final
class Personal:
    """Keeps the centre and the spread of a person's codes, and reads by the persons' network.

    It learns from faces alone: labelled codes are edits, which no one has shown, and pass by. Its
    one unit is the person; activation is 1 less the root mean square error that it expects.
    """

    takes_edits: Final = False

    def __init__(self, config: PersonalConfig) -> None:
        self._network = load(config.checkpoint or BUNDLED)
        self._known = Acquaintance.none(self._network.mean.size)
        self._person: Weights | None = None

    @property
    def n_features_in_(self) -> int:
        """The width of the codes: the network's."""
        return self._network.mean.size

    def begin(self) -> None:
        self._known.last = None

    def partial_fit(self, codes: Codes, affects: Affects | None = None) -> None:
        rows = checked_codes(codes, self.n_features_in_)
        labels = checked_affects(affects, len(rows))
        seen = self._network.standardised(rows[np.isnan(labels[:, 0])])
        within = self._network.within.astype(np.float64)
        for code in seen:
            self._known.see(code, within)
        if len(seen):
            self._person = None

    def predict(self, codes: Codes) -> Reading:
        rows = checked_codes(codes, self.n_features_in_)
        if self._person is None:
            self._person = self._network.biases(self._known)
        affects, doubts = self._network.read(rows, self._person)
        sure = 1.0 - np.sqrt(np.mean(doubts**2, axis=1, dtype=np.float32))
        known = len(self) - 1
        return Reading(affects, sure.clip(0.0, 1.0), np.full(len(rows), known, np.int64))

    def __len__(self) -> int:
        return min(1, self._known.count)

    def state(self) -> State:
        known = self._known
        last = np.empty(0) if known.last is None else known.last.copy()
        return {
            KIND: np.array([known.count, known.pairs], np.int64),
            "changes": np.array([known.changes]),
            "total": known.total.copy(),
            "squares": known.squares.copy(),
            "last": last,
        }

    def restore(self, state: State) -> None:
        width = self.n_features_in_
        sizes = {KIND: {2}, "changes": {1}, "last": {0, width}}
        sizes |= {name: {width} for name in ("total", "squares")}
        fits = state.keys() == sizes.keys() and all(
            one.ndim == 1
            and one.size in sizes[name]
            and one.dtype == (np.int64 if name == KIND else np.float64)
            and np.isfinite(one).all()
            for name, one in state.items()
        )
        if not fits or min(state[KIND]) < 0 or state["changes"][0] < 0 or min(state["squares"]) < 0:
            raise ValueError(f'no state of memory "personal" for codes {width} wide')
        count, pairs = (int(one) for one in state[KIND])
        total, squares, last = (
            state[name].astype(np.float64) for name in ("total", "squares", "last")
        )
        self._known = Acquaintance(
            total, squares, count, float(state["changes"][0]), pairs, last if last.size else None
        )
        self._person = None
