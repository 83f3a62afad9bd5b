"""The nearest of a person's edits, and nothing learnt: a baseline."""

from typing import final

import numpy as np

from affmem.rows import checked_affects, checked_codes
from affmem.values import Affects, Codes, Reading, State
from affmem_memories.compiling import announced
from affmem_memories.config import KNNConfig
from affmem_memories.lanes import LANES
from affmem_memories.net import CLOCK, SIZE, Net, add, empty, enlarged, see
from affmem_memories.none import unknown
from affmem_memories.reading import read
from affmem_memories.state import SLOTS, pack, unpack

KIND = "knn"
ALPHA = np.ones(1, np.float32)


@final
class KNN:
    """Keeps labelled codes, the oldest giving way; reads the nearest. Unlabelled ones pass by.

    >>> memory = KNN(KNNConfig(nearest=1))
    >>> memory.partial_fit(np.float32([[0, 0], [1, 1]]), np.float32([[0, 0], [0.5, -0.5]]))
    >>> len(memory), memory.predict(np.float32([[0.9, 0.9]])).affects
    (2, array([[ 0.5, -0.5]], dtype=float32))
    """

    def __init__(self, config: KNNConfig) -> None:
        self.config = config
        self._scale = 0.0 if config.scale == "data" else float(config.scale)
        self._net: Net | None = None

    def begin(self) -> None:
        pass

    def __len__(self) -> int:
        return 0 if self._net is None else int(self._net.counts[SIZE])

    @property
    def n_features_in_(self) -> int | None:
        """The width of the codes; None before the first."""
        return None if self._net is None else self._net.weights.shape[1]

    def partial_fit(self, codes: Codes, affects: Affects | None = None) -> None:
        rows = checked_codes(codes, self.n_features_in_)
        labels = checked_affects(affects, len(rows))
        net = self._net
        if net is None and len(rows):
            net = empty(rows.shape[1], 0, 2, SLOTS)
        if net is None:
            return
        for x, (arousal, valence) in zip(rows, labels, strict=True):
            if np.isnan(arousal):
                continue
            if net.counts[SIZE] == len(net.degree):
                net = enlarged(net)
            see(net, x, self._scale, self.config.scale_rows)
            if net.counts[SIZE] == self.config.max_rows:
                oldest = int(net.counts[CLOCK]) % self.config.max_rows
                net.weights[oldest // LANES, :, oldest % LANES] = x
                net.labels[oldest] = arousal, valence
                net.last[oldest] = net.counts[CLOCK]
            else:
                add(net, x, arousal, valence)
            net.counts[CLOCK] += 1
        self._net = net

    def predict(self, codes: Codes) -> Reading:
        rows = checked_codes(codes, self.n_features_in_)
        reading = unknown(len(rows))
        if self._net is None or not len(self) or not len(rows):
            return reading
        with announced():
            read(self._net, ALPHA, rows, self.config.nearest, reading, squared=False)
        reading.novel[:] = reading.activations < self.config.activity_threshold
        return reading

    def state(self) -> State:
        return pack(self._net or empty(0, 0, 2, SLOTS), KIND)

    def restore(self, state: State) -> None:
        net = unpack(state, KIND, 0)
        self._net = net if net.weights.shape[1] else None
