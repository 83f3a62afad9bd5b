"""A memory that remembers nothing: what prior knowledge alone can do."""

from typing import Final, final

import numpy as np

from affmem.rows import checked_affects, checked_codes
from affmem.values import Affects, Codes, Reading, State


@final
class NoMemory:
    """Learns nothing and reads NaN; it keeps only the width of codes, to refuse others.

    >>> memory = NoMemory()
    >>> memory.partial_fit(np.zeros((3, 2), np.float32))
    >>> len(memory), memory.predict(np.zeros((1, 2), np.float32)).affects
    (0, array([[nan, nan]], dtype=float32))
    """

    takes_edits: Final = False

    def __init__(self) -> None:
        self._width: int | None = None

    def begin(self) -> None:
        pass

    def partial_fit(self, codes: Codes, affects: Affects | None = None) -> None:
        rows = checked_codes(codes, self._width)
        checked_affects(affects, len(rows))
        if len(rows):
            self._width = rows.shape[1]

    def predict(self, codes: Codes) -> Reading:
        return unknown(len(checked_codes(codes, self._width)))

    def __len__(self) -> int:
        return 0

    def state(self) -> State:
        return {"width": np.array([self._width or 0], np.int64)}

    def restore(self, state: State) -> None:
        width = state.get("width")
        if set(state) != {"width"} or width is None or width.shape != (1,) or width[0] < 0:
            raise ValueError('no state of memory "none"')
        self._width = int(width[0]) or None


def unknown(rows: int) -> Reading:
    """What a memory that knows nothing says of that many codes."""
    return Reading(
        affects=np.full((rows, 2), np.nan, np.float32),
        activations=np.zeros(rows, np.float32),
        units=np.full(rows, -1, np.int64),
    )
