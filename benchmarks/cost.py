"""What the paper's whole study takes: `python benchmarks/cost.py [--epochs 10] [--rounds 2]`.

The study (P§3): prior knowledge trained on AffectNet's 414,000 faces, 48 a step, once for each of
the eight rows of Table 2; then 675 videos, ten hours at 25 frames a second, each with a memory
that is started by 25 faces redrawn 200 ways. The paper does not say for how many epochs: ten here.

Measured here, at the paper's width, on this machine's cores: a step of training, 25 faces encoded,
one face redrawn 200 ways and encoded. Counted: the work of each. For a GPU that is not at hand the
time is that work by the share of its peak that is assumed of it. The last line is JSON.
"""

import argparse
import json
import platform
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter

import torch
from attrs import frozen
from pk import FACES, STEPS, affmem, training, work
from torch.utils.flop_counter import FlopCounterMode

from affmem_pk.checkpoint import save
from affmem_pk.config import NetworkConfig
from affmem_pk.networks import Networks

FACES_TRAINED, BATCH, ROWS = 414_000, 48, 8
VIDEOS, HOURS, RATE, EDITED = 675, 10, 25, 25
PEAK, SHARE = 989e12, 0.4
"""Of an H200 in bfloat16, by its data sheet, without sparsity; and the share that is assumed."""


@frozen
class Rate:
    """Work and time of one thing."""

    operations: int
    seconds: float


def rate(run: Callable[[], object], rounds: int, times: int = 1) -> Rate:
    """Of one of the `times` that `run` does it; its first run warms up."""
    with FlopCounterMode(display=False) as counter:
        run()
    seconds = []
    for _ in range(rounds):
        begin = perf_counter()
        run()
        seconds.append(perf_counter() - begin)
    return Rate(counter.get_total_flops() // times, median(seconds) / times)


def main() -> None:
    """Measure, count, multiply, tell."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--width", type=float, default=1.0)
    asked = parser.parse_args()
    networks = Networks(NetworkConfig(width=asked.width)).eval()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "pk.safetensors")
        save(path, networks, {}, half=False)
        ways = work(*affmem(path, "fp32"))
        step = rate(training(Path(folder), asked.width, "fp32"), asked.rounds, STEPS)
        encode = rate(ways["encode_25"], 5 * asked.rounds, len(FACES[:25]))
        start = rate(ways["edit_and_encode_200"], asked.rounds)
    counts = {
        "eight trainings": (step, ROWS * asked.epochs * FACES_TRAINED // BATCH),
        "codes of ten hours": (encode, HOURS * 3600 * RATE),
        "starts of 675 memories": (start, VIDEOS * EDITED),
    }
    result: dict[str, object] = {
        "machine": platform.processor() or platform.machine(),
        "threads": torch.get_num_threads(), "width": asked.width, "epochs": asked.epochs,
    }  # fmt: skip
    print(f"{'':24}{'times':>12}{'GFLOP each':>12}{'s each':>10}{'here, h':>10}{'H200*, h':>10}")
    for name, (one, count) in counts.items():
        here, there = count * one.seconds / 3600, count * one.operations / (PEAK * SHARE) / 3600
        giga = one.operations / 1e9
        print(f"{name:24}{count:12,}{giga:12,.1f}{one.seconds:10.4f}{here:10,.1f}{there:10.2f}")
        result[name] = {
            "count": count, "gflop": round(giga, 2), "seconds": round(one.seconds, 5),
            "hours_here": round(here, 2), "hours_h200_assumed": round(there, 3),
        }  # fmt: skip
    print(f"* not measured: {SHARE:.0%} of {PEAK / 1e12:.0f} TFLOP/s, which is assumed")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
