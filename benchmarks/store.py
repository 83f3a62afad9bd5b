"""How fast a store is when eight processes are at it at once.

`python benchmarks/store.py [--seconds 60] [--persons 40] [--only sqlite|postgresql]`; the last line
is JSON. Each process takes a person by lot, loads their memory (GWR of 50-wide codes, some hundred
neurons), learns a clip of 50 codes, and saves; where another was first, it loads and learns anew.
In the end every save that was granted must be there. PostgreSQL is started from its programs, with
its own durable defaults, where they are installed. Both lie in the folder for temporary files.
"""

import argparse
import json
import multiprocessing
import os
import platform
import sqlite3
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from affmem import Kept, Runtime
from affmem.errors import ConflictError
from affmem_memories.config import GWRConfig
from affmem_store.config import SqlConfig

sys.path.append(str(Path(__file__).parents[1] / "tests"))
import postgres

PROCESSES = 8
CLIP = 50
"""Codes that are learnt between loading and saving."""


def grown() -> Any:  # noqa: ANN401
    """A memory of some hundred neurons."""
    rng = np.random.default_rng(0)
    memory = GWRConfig().build(Runtime())
    codes = rng.normal(size=(600, 50)).astype(np.float32)
    memory.partial_fit(codes, rng.uniform(-1, 1, (600, 2)).astype(np.float32))
    return memory


def work(config: SqlConfig, persons: int, seconds: float, seed: int) -> dict[str, Any]:
    """What one process does; the seconds that each turn took, and how many were refused."""
    rng = np.random.default_rng(seed)
    store, memory = config.build(Runtime()), grown()
    turns: list[float] = []
    refused = 0
    end = perf_counter() + seconds
    while perf_counter() < end:
        person = f"person {rng.integers(persons)}"
        codes = rng.normal(size=(CLIP, 50)).astype(np.float32)
        begin = perf_counter()
        while True:
            loaded = store.load(person)
            if loaded is None:
                raise SystemExit(f"{person} was lost")
            kept, base = loaded
            memory.restore(kept.state)
            memory.partial_fit(codes)
            try:
                store.save(person, Kept(memory.state(), kept.faces + CLIP, len(memory)), base)
            except ConflictError:
                refused += 1
            else:
                break
        turns.append(perf_counter() - begin)
    store.close()
    return {"turns": turns, "refused": refused}


def measured(name: str, config: SqlConfig, persons: int, seconds: float) -> dict[str, Any]:
    """The figures of one database."""
    store, memory = config.build(Runtime()), grown()
    for number in range(persons):
        store.save(f"person {number}", Kept(memory.state(), 0, len(memory)), 0)
    with multiprocessing.get_context("spawn").Pool(PROCESSES) as pool:
        jobs = [(config, persons, seconds, seed) for seed in range(PROCESSES)]
        done = pool.starmap(work, jobs, chunksize=1)
    turns = np.concatenate([one["turns"] for one in done]) * 1000
    cards = store.people()
    store.close()
    lost = len(turns) - sum(card.faces for card in cards) // CLIP
    figures = {
        "saves": len(turns),
        "saves a second": round(len(turns) / seconds, 1),
        "lost": lost,
        "refused and tried again": sum(one["refused"] for one in done),
        "load-learn-save ms, median": round(float(np.median(turns)), 1),
        "load-learn-save ms, p99": round(float(np.percentile(turns, 99)), 1),
        "bytes a version": int(np.mean([card.size for card in cards])) // config.versions,
        "units": int(np.mean([card.units for card in cards])),
    }
    print(f"{name}: " + ", ".join(f"{words} {figure}" for words, figure in figures.items()))
    if lost:
        raise SystemExit(f"{name}: {lost} updates were lost")
    return figures


@contextmanager
def database(name: str) -> Iterator[SqlConfig]:
    """A new store's settings."""
    if name == "postgresql":
        with postgres.served() as (url, _data):
            yield SqlConfig(url=postgres.database(url, "affmem"))
    else:
        with tempfile.TemporaryDirectory() as folder:
            yield SqlConfig(file=Path(folder) / "memories.sqlite")


def main() -> None:
    """Measure, print, and end in a line of JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--persons", type=int, default=40)
    parser.add_argument("--only", choices=("sqlite", "postgresql"))
    given = parser.parse_args()
    names = [given.only] if given.only else ["sqlite", "postgresql"]
    results: dict[str, Mapping[str, Any]] = {}
    for name in names:
        if name == "postgresql" and postgres.found() is None:
            print("postgresql: is not installed")
            continue
        with database(name) as config:
            results[name] = measured(name, config, given.persons, given.seconds)
    machine = {"cores": os.cpu_count(), "python": platform.python_version()}
    machine["sqlite"] = sqlite3.sqlite_version
    print(json.dumps({"seconds": given.seconds, "processes": PROCESSES, **machine, **results}))


if __name__ == "__main__":
    main()
