"""How fast the memory learns and reads: `python benchmarks/memory.py`; the last line is JSON.

Codes have 50 dimensions. "start" is one person's beginning (P§2.2): 25 times, 200 edits and one
frame, 10 epochs.
"""

import json
from collections.abc import Callable
from time import perf_counter

import numpy as np

from affmem import Runtime
from affmem.values import Affects, Codes
from affmem_gwr.config import GWRConfig

WIDTH = 50
RNG = np.random.default_rng(0)


def codes(rows: int) -> Codes:
    """That many codes, anywhere in the cube."""
    return RNG.uniform(-1, 1, (rows, WIDTH)).astype(np.float32)


def affects(rows: int) -> Affects:
    """That many labels."""
    return RNG.uniform(-1, 1, (rows, 2)).astype(np.float32)


def rows_per_second(work: Callable[[], object], rows: int, repeats: int = 5) -> int:
    """The best of several runs of `work`, which handles `rows` rows."""
    times = []
    for _ in range(repeats):
        begin = perf_counter()
        work()
        times.append(perf_counter() - begin)
    return round(rows / min(times))


def at_size(neurons: int, rows: int = 2000) -> dict[str, int]:
    """Speeds once the memory holds that many neurons and may not grow."""
    memory = GWRConfig(activity_threshold=1.0, max_neurons=neurons).build(Runtime())
    while len(memory) < neurons:
        memory.partial_fit(codes(500), affects(500))
    some, labels = codes(rows), affects(rows)
    return {
        "neurons": len(memory),
        "partial_fit": rows_per_second(lambda: memory.partial_fit(some, labels), rows),
        "partial_fit_unlabelled": rows_per_second(lambda: memory.partial_fit(some), rows),
        "predict": rows_per_second(lambda: memory.predict(some), rows),
    }


def start(frames: int = 25, edits: int = 200, epochs: int = 10) -> dict[str, float]:
    """One person's beginning, on codes whose edits vary in few directions round each frame."""
    memory = GWRConfig().build(Runtime())
    look = 0.5 * codes(1)
    directions = RNG.normal(size=(2, WIDTH)).astype(np.float32) / 5
    noise = RNG.normal(size=(frames, edits + 1, WIDTH)).astype(np.float32) / 20
    begin = perf_counter()
    for frame in range(frames):
        labels = affects(edits + 1)
        labels[-1] = np.nan
        rows = look + np.nan_to_num(labels) @ directions + noise[frame]
        for _ in range(epochs):
            memory.partial_fit(rows, labels)
    seconds = perf_counter() - begin
    rows = frames * (edits + 1) * epochs
    return {
        "rows": rows,
        "neurons": len(memory),
        "seconds": round(seconds, 3),
        "microseconds_a_row": round(1e6 * seconds / rows, 1),
    }


def main() -> None:
    """Measure and print."""
    sizes, beginning = [at_size(100), at_size(300), at_size(1000)], start()
    for speeds in sizes:
        print(", ".join(f"{name} {value:,}" for name, value in speeds.items()))
    print(", ".join(f"{name} {value:,}" for name, value in beginning.items()))
    print(json.dumps({"rows_per_second": sizes, "start": beginning}))


if __name__ == "__main__":
    main()
