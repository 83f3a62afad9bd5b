"""What a live frame costs memory "personal", beside "gwr" and the bound of its own products.

`python benchmarks/personal.py`; the last line is JSON. A frame is predicted, then learnt. All is
measured in one run, on one thread, in turns; a ratio is the median of the turns' ratios.
"""

import json
import os
from collections.abc import Callable
from statistics import median
from time import perf_counter

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from affmem import Runtime
from affmem.protocols import Memory
from affmem_memories.config import GWRConfig
from affmem_pk.config import BUNDLED, PersonalConfig
from affmem_pk.persons import load

FRAMES, ROUNDS = 1000, 9
RNG = np.random.default_rng(0)


def live(memory: Memory, codes: np.ndarray) -> Callable[[], None]:
    """Predicts each frame, then learns it."""

    def run() -> None:
        for row in codes:
            memory.predict(row[None])
            memory.partial_fit(row[None])

    return run


def products(codes: np.ndarray) -> Callable[[], None]:
    """The matrix products that a frame cannot do without, and nothing else."""
    network = load(BUNDLED)
    known = np.zeros(network.person.shape[1], np.float32)

    def run() -> None:
        for row in codes:
            hidden = np.maximum(network.code @ row + (network.person @ known + network.bias), 0)
            network.affect @ hidden, network.doubt @ hidden, network.feature @ row

    return run


def main() -> None:
    """Measure, print and sum up."""
    network = load(BUNDLED)
    width = network.mean.size
    codes = RNG.standard_normal((FRAMES, width)).astype(np.float32)
    codes = codes * network.deviation + network.mean
    gwr = GWRConfig(max_neurons=1000).build(Runtime())
    gwr.partial_fit(codes, RNG.uniform(-1, 1, (FRAMES, 2)).astype(np.float32))
    turns = {
        "personal": live(PersonalConfig().build(Runtime()), codes),
        "gwr": live(gwr, codes),
        "products": products(codes),
    }
    taken: dict[str, list[float]] = {name: [] for name in turns}
    for turn in turns.values():
        turn()
    for _ in range(ROUNDS):
        for name, turn in turns.items():
            begun = perf_counter()
            turn()
            taken[name].append((perf_counter() - begun) / FRAMES * 1e6)
    figures = {f"{name}_us": round(median(of), 1) for name, of in taken.items()}
    for other in ("gwr", "products"):
        pairs = zip(taken["personal"], taken[other], strict=True)
        figures[f"personal_over_{other}"] = round(median(a / b for a, b in pairs), 2)
    figures["gwr_neurons"] = len(gwr)
    for name, value in figures.items():
        print(f"{name:24} {value}")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
