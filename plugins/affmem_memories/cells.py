"""Neurons in cells, so that a code is compared with those of the nearest cells only (needs faiss).

Space is cut into cells around the centroids of a k-means of the neurons, 2 sqrt(n) of them; the
neurons of the `PROBED` cells whose centroids are nearest are looked through (an inverted file:
Jegou, Douze, Schmid 2011). A neuron that moved is taken out and put in again, which costs little:
so a nearest neuron is missed only where it lies in a cell farther away, never for being out of
date. The same neurons, put in in the same order, make the same cells.
"""

import faiss
import numpy as np

from affmem_memories.lanes import Near, Row
from affmem_memories.net import SIZE, Net, weights_of

PROBED = 32
"""Cells that are looked through for a code."""
SAMPLED = 40
"""Neurons a cell from which centroids are made."""


class Cells:
    """Which neurons of a network are near a row."""

    def __init__(self, net: Net) -> None:
        self._begin(net)

    def near(self, row: Row, count: int) -> Near:
        """`count` neurons that are probably the nearest, by index; fewer where fewer were found."""
        found = self._file.search(row[None], count)[1][0]
        return np.sort(found[found >= 0])

    def _begin(self, net: Net) -> None:
        """Make the cells of the neurons as they are."""
        size, width = int(net.counts[SIZE]), net.weights.shape[1]
        weights = weights_of(net, np.arange(size))
        self._file = faiss.IndexIVFFlat(faiss.IndexFlatL2(width), width, int(2 * size**0.5))
        self._file.nprobe = PROBED
        self._file.cp.min_points_per_centroid = 1
        self._file.cp.max_points_per_centroid = SAMPLED
        self._file.train(weights)
        self._file.set_direct_map_type(faiss.DirectMap.Hashtable)  # type: ignore[attr-defined]
        self._file.add_with_ids(weights, np.arange(size))
        self._made, self._size = size, size
        net.moved[:] = False

    def follow(self, net: Net) -> None:
        """Take in what has become of the neurons since; new cells where they are twice as many."""
        size = int(net.counts[SIZE])
        if size > 2 * self._made:
            self._begin(net)
            return
        moved = np.flatnonzero(net.moved[:size])
        gone = np.arange(size, self._size)
        self._file.remove_ids(faiss.IDSelectorArray(np.concatenate([moved, gone])))
        self._file.add_with_ids(weights_of(net, moved), moved)
        self._size = size
        net.moved[:] = False
