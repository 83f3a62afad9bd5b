"""Memory "personal": the prior knowledge's reading of a code, given who it is that shows it."""

from typing import Final, final

import numpy as np

from affmem.rows import checked_affects, checked_codes
from affmem.values import Affects, Codes, Reading, State
from affmem_pk.acquaintance import LAGS, Acquaintance
from affmem_pk.config import BUNDLED, PersonalConfig
from affmem_pk.persons import Weights, load

KIND = "personal 2"


@final
class Personal:
    """Keeps means over a person's codes, and reads by the persons' network.

    It learns from faces alone: labelled codes are edits, which no one has shown, and pass by. Its
    one unit is the person; activation is 1 less the root mean square error that it expects, once
    it has seen them.
    """

    takes_edits: Final = False

    def __init__(self, config: PersonalConfig) -> None:
        self._network = load(config.checkpoint or BUNDLED)
        self._known = self._network.nobody()
        self._person: Weights | None = None

    @property
    def n_features_in_(self) -> int:
        """The width of the codes: the network's."""
        return self._network.mean.size

    def begin(self) -> None:
        self._known.last = ()

    def partial_fit(self, codes: Codes, affects: Affects | None = None) -> None:
        rows = checked_codes(codes, self.n_features_in_)
        labels = checked_affects(affects, len(rows))
        seen = self._network.standardised(rows[np.isnan(labels[:, 0])])
        within = self._network.within.astype(np.float64)
        for code in seen:
            self._known.see(code, self._network.features(code), within)
        if len(seen):
            self._person = None

    def predict(self, codes: Codes) -> Reading:
        rows = checked_codes(codes, self.n_features_in_)
        if self._person is None:
            self._person = self._network.biases(self._known)
        affects, doubts = self._network.read(rows, self._person)
        sure = 1.0 - np.sqrt(np.mean(doubts**2, axis=1, dtype=np.float32))
        known = len(self)
        return Reading(affects, known * sure.clip(0.0, 1.0), np.full(len(rows), known - 1))

    def __len__(self) -> int:
        return min(1, self._known.count)

    def state(self) -> State:
        known = self._known
        return {
            KIND: np.array([known.count], np.int64),
            "changes": known.changes.copy(),
            "pairs": known.pairs.copy(),
            "total": known.total.copy(),
            "squares": known.squares.copy(),
            "features": known.features.copy(),
            "last": np.array(known.last, np.float64).reshape(-1, self.n_features_in_),
        }

    def restore(self, state: State) -> None:
        width, lags = self.n_features_in_, len(LAGS)
        shapes: dict[str, list[tuple[int, ...]]] = {
            KIND: [(1,)], "changes": [(lags,)], "pairs": [(lags,)], "total": [(width,)],
            "squares": [(width,)], "features": [self._known.features.shape],
            "last": [(count, width) for count in range(lags + 1)],
        }  # fmt: skip
        fits = state.keys() == shapes.keys() and all(
            one.shape in shapes[name]
            and one.dtype == (np.int64 if name == KIND else np.float64)
            and np.isfinite(one).all()
            and (name in {"total", "last"} or one.min() >= 0)
            for name, one in state.items()
        )
        if not fits:
            raise ValueError(f'no state of memory "personal" for codes {width} wide')
        kept = {name: one.astype(np.float64) for name, one in state.items()}
        last = tuple(kept.pop("last"))
        count = int(kept.pop(KIND)[0])
        self._known = Acquaintance(**kept, count=count, last=last)
        self._person = None
