"""A memory of one person that is a growing network: GWR, Gamma-GWR or GNG."""

from typing import TYPE_CHECKING, Final, final

import numpy as np

from affmem.rows import checked_affects, checked_codes
from affmem.values import Affects, Codes, Reading, State
from affmem_memories import gng, gwr
from affmem_memories.compiling import announced
from affmem_memories.config import GammaGWRConfig, GNGConfig, GWRConfig
from affmem_memories.lanes import Near, Row
from affmem_memories.net import SIZE, STRIDE, TRACED, Net, empty, enlarged, part_of
from affmem_memories.none import unknown
from affmem_memories.reading import read
from affmem_memories.state import SLOTS, pack, subset, union, unpack

if TYPE_CHECKING:
    from affmem_memories.cells import Cells

NEAR: Final = 8
"""Neurons at least that an approximate search looks for; of them the nearest are taken exactly."""
ALL: Near = np.empty(0, np.int64)
"""None in particular: every neuron is compared."""


@final
class GrowingMemory:
    """A growing network whose neurons have affects as labels.

    Each neuron has a weight (a place among the codes), a label (arousal, valence; NaN while none is
    known) and edges, with ages, to those that were best and second best together. The first two
    rows become the first two neurons. Rows are learnt strictly in order (`gwr.learn`, `gng.learn`).

    >>> memory = GrowingMemory(GWRConfig())
    >>> memory.partial_fit(np.float32([[0, 0], [1, 1]]), np.float32([[0, 0], [0.5, -0.5]]))
    >>> len(memory), memory.predict(np.float32([[0.9, 0.9]])).affects
    (2, array([[ 0.5, -0.5]], dtype=float32))
    """

    def __init__(self, config: GWRConfig | GNGConfig) -> None:
        self.config = config
        self._contexts = config.contexts if isinstance(config, GammaGWRConfig) else 0
        self._kind = (
            "gng" if isinstance(config, GNGConfig) else "gamma-gwr" if self._contexts else "gwr"
        )
        self._gng = gng.law(config) if isinstance(config, GNGConfig) else None
        self._gwr = gwr.law(config) if isinstance(config, GWRConfig) else None
        self._alpha = self._gwr.alpha if self._gwr is not None else np.ones(1, np.float32)
        self._net: Net | None = None
        self._cells: Cells | None = None

    def begin(self) -> None:
        """A new clip starts: the contexts of a Gamma-GWR are forgotten."""
        if self._net is not None:
            self._net.context[:] = 0

    def __len__(self) -> int:
        return 0 if self._net is None else int(self._net.counts[SIZE])

    @property
    def n_features_in_(self) -> int | None:
        """The width of the codes; None before the first."""
        width = None if self._net is None else self._net.weights.shape[1]
        return None if width is None else width // (self._contexts + 1)

    def partial_fit(self, codes: Codes, affects: Affects | None = None) -> None:
        rows = checked_codes(codes, self.n_features_in_)
        labels = checked_affects(affects, len(rows))
        if not len(rows):
            return
        net = self._net
        if net is None:
            net = empty(rows.shape[1] * (self._contexts + 1), self._contexts, 2, SLOTS)
        done = 0
        with announced():
            while True:
                done = self._learn(net, rows, labels, done)
                if done == len(rows):
                    break
                net = enlarged(net)
        self._net = net

    def _learn(self, net: Net, rows: Codes, labels: Affects, begin: int) -> int:
        """Learn rows until one has no room; its number."""
        if self._gng is not None:
            return gng.learn(net, self._gng, rows, labels, begin)
        assert self._gwr is not None  # noqa: S101  (a config is of one or the other)
        while begin < len(rows):
            few = self._few(net)  # a row adds one neuron at most
            near = ALL if few > 0 else self._near(net, rows[begin], NEAR)
            end = min(len(rows), begin + max(few, 1))
            done = gwr.learn(net, self._gwr, rows[:end], labels[:end], begin, near)
            self._follow(net)
            if done < end:
                return done
            begin = done
        return begin

    def _few(self, net: Net) -> int:
        """How many more neurons there must be before search is approximate; 0 or less: it is."""
        if isinstance(self.config, GNGConfig):
            return self.config.max_neurons
        return self.config.approximate_above + 1 - int(net.counts[SIZE])

    def _follow(self, net: Net) -> None:
        """Let the cells be those of the neurons as they are now, where search is approximate."""
        if self._few(net) > 0:
            return
        if self._cells is None:
            from affmem_memories.cells import Cells

            self._cells = Cells(net)
        else:
            self._cells.follow(net)

    def _near(self, net: Net, code: Row, count: int) -> Near:
        """Neurons that are probably the nearest to a code that comes next."""
        assert self._cells is not None  # noqa: S101  (made when there were enough neurons)
        context = np.repeat(self._alpha[1:], len(code)) * net.context
        return self._cells.near(np.append(self._alpha[0] * code, context), count)

    def predict(self, codes: Codes) -> Reading:
        """Also: where the best-matching unit has no label, the nearest neuron with one is read.

        A Gamma-GWR reads each row as if it came next.
        """
        rows = checked_codes(codes, self.n_features_in_)
        reading = unknown(len(rows))
        if self._net is None or not len(rows):
            return reading
        config = self.config
        nearest = config.blend if config.reading == "blend" else 1
        squared = isinstance(config, GWRConfig) and config.distance == "square"
        with announced():
            if self._few(self._net) > 0:
                read(self._net, self._alpha, rows, nearest, reading, squared=squared)
            else:
                self._read_near(self._net, rows, nearest, reading, squared=squared)
        reading.novel[:] = reading.activations < config.activity_threshold
        return reading

    def _read_near(
        self, net: Net, rows: Codes, nearest: int, reading: Reading, *, squared: bool
    ) -> None:
        """Fill the reading from the neurons near each row; from all where too few have labels."""
        for row in range(len(rows)):
            near = self._near(net, rows[row], max(NEAR, nearest))
            some = part_of(net, near)
            if np.isfinite(some.labels[:, 0]).sum() < nearest:
                some, near = net, np.arange(net.counts[SIZE])
            one = unknown(1)
            read(some, self._alpha, rows[row : row + 1], nearest, one, squared=squared)
            reading.affects[row], reading.activations[row] = one.affects[0], one.activations[0]
            reading.units[row] = near[one.units[0]]

    def errors(self) -> tuple[np.ndarray, np.ndarray]:
        """Quantisation error over time: how many rows were seen, and their mean distance till then.

        At most 256 means, each of as many rows as the others.
        """
        if self._net is None:
            return np.empty(0, np.int64), np.empty(0)
        means = int(self._net.counts[TRACED])
        rows = self._net.counts[STRIDE] * np.arange(1, means + 1)
        return rows, self._net.trace[:means].copy()

    def prune(self, wins: int = 1) -> int:
        """Remove the neurons that were best match less often than that, and whom this leaves alone.

        At least two remain. How many went comes back.
        """
        before = len(self)
        if self._net is not None and before > 2:
            state = pack(self._net, self._kind)
            kept = state["wins"] >= wins
            if kept.sum() < 2:
                kept[np.argsort(-state["wins"], kind="stable")[:2]] = True
            self.restore(subset(state, kept))
        return before - len(self)

    def merge(self, other: "GrowingMemory") -> None:
        """Take in all neurons and edges of another memory of the same kind and width.

        Where they are more than `max_neurons`, those that won longest ago go. Raises ValueError
        for another kind or width.
        """
        if other._kind != self._kind or other._contexts != self._contexts:  # noqa: SLF001
            raise ValueError(f"a memory of kind {self._kind!r} cannot take in {other._kind!r}")  # noqa: SLF001
        if other._net is None:  # noqa: SLF001
            return
        if self._net is None:
            self.restore(other.state())
            return
        if other.n_features_in_ != self.n_features_in_:
            raise ValueError(
                f"codes must be {self.n_features_in_} wide, as the first ones: "
                f"{other.n_features_in_}"
            )
        both = union(pack(self._net, self._kind), pack(other._net, self._kind))  # noqa: SLF001
        surplus = len(both["weights"]) - self.config.max_neurons
        if surplus > 0:
            kept = np.ones(len(both["weights"]), bool)
            kept[np.argsort(both["last"], kind="stable")[:surplus]] = False
            both = subset(both, kept)
        self.restore(both)

    def state(self) -> State:
        """`weights` [n, width], `labels`, `habituation`, `edges`, ...: see docs/memories.md."""
        net = self._net or empty(0, self._contexts, 2, SLOTS)
        return pack(net, self._kind)

    def restore(self, state: State) -> None:
        net = unpack(state, self._kind, self._contexts)
        self._net, self._cells = net if net.weights.shape[1] else None, None
        self._follow(net)
