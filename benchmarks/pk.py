"""Speed of the prior knowledge: `python benchmarks/pk.py [--width 0.25] [--precision fp32]`.

Encodes 1, 25 and 200 faces, edits one face 200 ways, and does both in a row as a new person needs
it; each against the same arithmetic at the machine's measured peak of a matrix product. The last
line is JSON.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch

from affmem.protocols import Runtime
from affmem_pk.checkpoint import save
from affmem_pk.config import NetworkConfig, PKConfig
from affmem_pk.networks import Networks

ENCODE = (3, 64, 128, 256, 512)
GENERATE = (1024, 512, 256, 128, 64)


def best(action: Callable[[], object], repeats: int = 5) -> float:
    """The shortest of some runs, in seconds, after one to warm up."""
    action()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return min(times)


def operations(config: NetworkConfig) -> tuple[float, float]:
    """Floating point operations of encoding and of generating one face (convolutions only)."""
    down = [3, *(config.channels(full) for full in ENCODE[1:])]
    encode = sum(25 * a * b * (48 >> i) ** 2 for i, (a, b) in enumerate(pairwise(down)))
    up = [config.channels(full) for full in GENERATE]
    generate = sum(25 * a * b * (6 << i) ** 2 for i, (a, b) in enumerate(pairwise(up)))
    last = config.channels(32)
    generate += 25 * 96 * 96 * (up[-1] * last + last * 3)
    return 2.0 * encode, 2.0 * generate


def main() -> None:
    """Measure, print and print again as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--width", type=float, default=0.25)
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    parser.add_argument("--batch", type=int, default=50)
    asked = parser.parse_args()
    config = NetworkConfig(width=asked.width)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "pk.safetensors")
        save(path, Networks(config), {}, half=False)
        pk = PKConfig(path, batch=asked.batch, precision=asked.precision).build(Runtime())
    rng = np.random.default_rng(0)
    faces = rng.uniform(-1, 1, (200, 3, 96, 96)).astype(np.float32)
    affects = rng.uniform(-1, 1, (200, 2)).astype(np.float32)
    kind = torch.float32 if asked.precision == "fp32" else torch.bfloat16
    square = torch.rand(2048, 2048).to(kind)
    peak = 2 * 2048**3 / best(lambda: square @ square)
    encode, generate = operations(config)
    work = {
        "encode_1": (best(lambda: pk.encode(faces[:1])), encode),
        "encode_25": (best(lambda: pk.encode(faces[:25])), 25 * encode),
        "encode_200": (best(lambda: pk.encode(faces)), 200 * encode),
        "edit_200": (best(lambda: pk.edit(faces[0], affects)), 200 * generate),
        "edit_and_encode_200": (
            best(lambda: pk.encode(pk.edit(faces[0], affects))),
            200 * (encode + generate),
        ),
    }
    result: dict[str, object] = {
        "width": asked.width,
        "precision": asked.precision,
        "threads": torch.get_num_threads(),
        "peak_gflops": round(peak / 1e9),
    }
    print(f"peak of a matrix product: {peak / 1e9:.0f} GFLOP/s, {torch.get_num_threads()} threads")
    for name, (seconds, flops) in work.items():
        share = flops / seconds / peak
        print(f"{name:20} {1e3 * seconds:8.1f} ms  {share:5.0%} of that peak")
        result[name] = {"seconds": round(seconds, 5), "share_of_peak": round(share, 3)}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
