"""What approximate search gains and misses, beside exact search: `python benchmarks/search.py`.

Memories of N neurons, each joined to the two nearest, read and learn frame by frame, as before a
camera: exact and approximate in turns, processor time of one thread, medians of rounds. Codes are
those of one drawn person's 3,000 frames and points between a frame and one of its nearest; for 100
features each comes with the code before it, as a context. The adverse case is an isotropic
Gaussian. A match is found where it is among those that are then compared exactly. What a graph
(usearch) would do is measured where that is installed: `pip install --group bench`. `--plot
FILE.svg` draws; the last line is JSON.
"""

import argparse
import json
import os
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any, Final

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import faiss
import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt

from affmem import Runtime
from affmem.experiment import Experiment, structure
from affmem.run import build
from affmem.values import Codes, State
from affmem_memories.cells import PROBED, Cells
from affmem_memories.config import GWRConfig
from affmem_memories.lanes import nearest_two
from affmem_memories.net import Net
from affmem_memories.network import NEAR, GrowingMemory

SEED: Final = 404
VISITS: Final = 20
SIZES: Final = (10_000, 50_000, 200_000)
WIDTHS: Final = (50, 100)
PROBES: Final = (1, 2, 4, 8, 16, 32, 64, 128)
ROUNDS: Final = 5
ROWS: Final = 100
"""Frames a round."""
QUERIES: Final = 1000
NEVER: Final = 1_000_000
"""Neurons above which search is approximate, where it never is."""
ALWAYS: Final = 2

Places = npt.NDArray[np.int64]
Found = dict[str, float]


@cache
def frames() -> Codes:
    """The codes of a drawn person's frames, in order: 20 minutes, seen 2.5 times a second."""
    tables = {
        "dataset": {"use": "acted", "persons": 1, "every": 10, "visits": VISITS},
        "faces": {"use": "none"},
        "encoder": {"use": "pk"},
        "memory": {"use": "none"},
        "seed": SEED,
    }
    experiment = structure(tables, Experiment)
    road = build(experiment, Runtime(seed=SEED))[0]
    found = []
    for clip in road.dataset.clips():
        images = [frame.image for frame in road.dataset.frames(clip)]
        faces = [face for face in road.faces.find(iter(images)) if face is not None]
        found.append(road.encoder.encode(np.stack(faces)))
    return np.concatenate(found)


@cache
def seen(width: int) -> tuple[Codes, Places]:
    """The frames, 50 wide, or with the one before; and the 5 nearest others of each."""
    codes = frames()
    rows = codes if width == 50 else np.hstack([codes[1:], codes[:-1]])
    index = faiss.IndexFlatL2(width)
    index.add(rows)
    return rows, index.search(rows, 6)[1][:, 1:]


def person(rows: int, width: int, rng: np.random.Generator) -> Codes:
    """Points between a frame and one of its nearest, with a hundredth of all codes' spread."""
    known, nearest = seen(width)
    at = rng.integers(len(known), size=rows)
    other = nearest[at, rng.integers(5, size=rows)]
    share = rng.random((rows, 1), np.float32)
    noise = rng.standard_normal((rows, width), np.float32) * known.std() / 100
    return known[at] + share * (known[other] - known[at]) + noise


def isotropic(rows: int, width: int, rng: np.random.Generator) -> Codes:
    """No structure at all."""
    return rng.standard_normal((rows, width), np.float32)


Source = Callable[[int, int, np.random.Generator], Codes]
SOURCES: Final[Mapping[str, Source]] = {"person": person, "isotropic": isotropic}


def state_of(weights: Codes) -> State:
    """A habituated network of these neurons, each joined to the two nearest."""
    size, width = weights.shape
    memory = GrowingMemory(GWRConfig(max_neurons=NEVER))
    memory.partial_fit(weights[:200])  # the scale of the data
    index = faiss.IndexIVFFlat(faiss.IndexFlatL2(width), width, int(2 * size**0.5))
    index.nprobe = 8
    index.train(weights)
    index.add(weights)
    near = index.search(weights, 3)[1]
    pairs = np.vstack([np.column_stack([np.arange(size), near[:, one]]) for one in (1, 2)])
    pairs = np.sort(pairs[(pairs >= 0).all(axis=1) & (pairs[:, 0] != pairs[:, 1])], axis=1)
    edges = np.unique(pairs, axis=0).astype(np.int32)
    state = dict(memory.state())
    state["counts"][:2] = size  # neurons, rows learnt
    return state | {
        "weights": weights,
        "labels": np.zeros((size, 2), np.float32),
        "habituation": np.full(size, 0.05),
        "wins": np.full(size, 10),
        "last": np.arange(size),
        "error": np.zeros(size),
        "utility": np.zeros(size),
        "distance": np.ones(size),
        "edges": edges,
        "ages": np.zeros(len(edges), np.int32),
    }


def restored(state: State, above: int, threshold: float = 0.85) -> GrowingMemory:
    """A full memory in that state."""
    memory = GrowingMemory(
        GWRConfig(
            max_neurons=len(state["weights"]),
            activity_threshold=threshold,
            approximate_above=above,
        )
    )
    memory.restore(state)
    return memory


def net_of(memory: GrowingMemory) -> Net:
    """What it has learnt."""
    net = memory._net  # noqa: SLF001
    assert net is not None  # noqa: S101
    return net


# --- what is measured -------------------------------------------------------------------------


def microseconds(act: Callable[[Any], object], things: Any) -> float:  # noqa: ANN401
    """Of processor time, for each of the things."""
    begin = process_time()
    for one in things:
        act(one)
    return 1e6 * (process_time() - begin) / len(things)


def one_by_one(rows: Codes) -> list[Codes]:
    """Each row for a call of its own."""
    return [rows[row : row + 1] for row in range(len(rows))]


def two_nearest(memory: GrowingMemory, rows: Codes) -> Places:
    """Of each row, by exact search."""
    net = net_of(memory)
    return np.array([nearest_two(net.weights, len(memory), x, net.squares)[:2] for x in rows])


def share(found: Sequence[Places], true: Places) -> float:
    """Of the places that are among those found for their row."""
    return float(np.mean([one in near for one, near in zip(true, found, strict=True)]))


def recalled(memory: GrowingMemory, rows: Codes, true: Places) -> tuple[float, float]:
    """How often search finds the best match, and the second."""
    found = [memory._near(net_of(memory), row, NEAR) for row in rows]  # noqa: SLF001
    return share(found, true[:, 0]), share(found, true[:, 1])


def contest(source: Source, size: int, width: int) -> Found:
    """Reading and learning, exact and approximate; what is found, before and after learning."""
    rng = np.random.default_rng(SEED)
    state, queries = state_of(source(size, width, rng)), source(QUERIES, width, rng)
    acts, learners = {}, []
    result: Found = {}
    for way, above in (("exact", NEVER), ("approximate", ALWAYS)):
        moving = restored(state, above, threshold=0.01)  # no row is new to it
        growing = restored(state, above, threshold=1.0)  # each is: a neuron gives its place
        acts |= {
            f"predict_{way}": restored(state, above).predict,
            f"move_{way}": moving.partial_fit,
            f"grow_{way}": growing.partial_fit,
        }
        learners = [moving, growing]
    taken: dict[str, list[float]] = {name: [] for name in acts}
    for _ in range(ROUNDS + 1):  # the first makes room
        rows = one_by_one(source(ROWS, width, rng))
        for name, act in acts.items():
            taken[name].append(microseconds(act, rows))
    before = restored(state, ALWAYS)
    true = two_nearest(before, queries)
    result["best_found"], result["second_found"] = recalled(before, queries, true)
    result |= {f"{name}_us": round(median(them[1:]), 1) for name, them in taken.items()}
    result["least_found_after_learning"] = min(
        min(recalled(one, queries, two_nearest(one, queries))) for one in learners
    )
    return result


def curve(source: Source, size: int, width: int = 50) -> list[tuple[int, float, float]]:
    """Cells looked through, microseconds to read a frame, how often both are found; 0: all."""
    rng = np.random.default_rng(SEED)
    state, queries = state_of(source(size, width, rng)), source(QUERIES, width, rng)
    rows = one_by_one(queries[:ROWS])

    def cost(memory: GrowingMemory) -> float:
        memory.predict(queries[:1])
        return round(median(microseconds(memory.predict, rows) for _ in range(ROUNDS)), 1)

    points = [(0, cost(restored(state, NEVER)), 1.0)]
    memory = restored(state, ALWAYS)
    cells = memory._cells = Cells(net_of(memory))  # noqa: SLF001
    true = two_nearest(memory, queries)
    for probed in PROBES:
        cells._file.nprobe = probed  # noqa: SLF001
        points.append((probed, cost(memory), min(recalled(memory, queries, true))))
    return points


def structures(size: int, width: int = 50) -> dict[str, Found]:
    """Cells and a graph: what they cost to make, to search, to put one neuron elsewhere."""
    rng = np.random.default_rng(SEED)
    weights, queries = person(size, width, rng), person(QUERIES, width, rng)
    memory = restored(state_of(weights), ALWAYS)
    net, true = net_of(memory), two_nearest(memory, queries)
    made: list[Any] = []

    def put(row: int) -> None:
        net.moved[row] = True
        made[0].follow(net)

    ways: dict[str, tuple[Callable[[Any], object], Callable[[Codes], Places], Callable[[int], Any]]]
    ways = {"cells": (lambda _: made.append(Cells(net)), lambda x: made[0].near(x, NEAR), put)}
    if find_spec("usearch"):
        from usearch.index import Index

        graph = Index(ndim=width, metric="l2sq", dtype="f32")

        def replace(row: int) -> None:
            graph.remove(row, threads=1)
            graph.add(row, weights[row], threads=1)

        ways["graph"] = (
            lambda _: graph.add(np.arange(size), weights, threads=1),
            lambda x: graph.search(x, NEAR, threads=1).keys,
            replace,
        )
    return {
        name: {
            "made_s": round(microseconds(make, [None]) / 1e6, 2),
            "search_us": round(microseconds(search, queries), 1),
            "both_found": min(share([search(x) for x in queries], one) for one in true.T),
            "replace_us": round(microseconds(replace, range(200)), 1),
        }
        for name, (make, search, replace) in ways.items()
    }


def growth() -> dict[str, int]:
    """How many neurons a person's memory has that may have any number."""
    found = {}
    for threshold in (0.85, 0.95):
        memory = GrowingMemory(GWRConfig(max_neurons=NEVER, activity_threshold=threshold))
        memory.partial_fit(frames())
        found[f"frames_{threshold}"] = len(memory)
        memory.partial_fit(person(90_000, 50, np.random.default_rng(SEED)))
        found[f"and_an_hour_{threshold}"] = len(memory)
    return found


# --- what is told -----------------------------------------------------------------------------


def draw(path: Path) -> None:
    """How often both matches are found against what a frame costs to read."""
    plt.rcParams["svg.hashsalt"] = "affmem"
    figure, panels = plt.subplots(1, 2, figsize=(9, 4), sharey=True, layout="constrained")
    for panel, (name, source) in zip(panels, SOURCES.items(), strict=True):
        for shade, size in zip(("#c2410c", "#2563eb", "#4b5563"), SIZES, strict=False):
            (_, exact, _), *points = curve(source, size)
            probed, cost, both = zip(*points, strict=True)
            panel.plot(cost, both, "o-", color=shade, ms=4, label=f"{size:,} neurons")
            panel.plot([exact], [1.0], "*", color=shade, ms=14, mec="white")
            at = probed.index(PROBED)
            panel.plot([cost[at]], [both[at]], "o", color=shade, ms=9, mfc="none")
        panel.set(xscale="log", title=f"codes: {name}", xlabel="microseconds to read a frame")
        panel.grid(alpha=0.3)
    panels[0].set_ylabel("best and second match found (the lesser)")
    panels[0].plot([], [], "*", color="k", ms=11, label="exact search")
    panels[0].plot([], [], "o", color="k", ms=9, mfc="none", label=f"{PROBED} cells, as used")
    panels[0].legend(loc="lower right", fontsize=9)
    figure.savefig(path, metadata={"Date": None})
    print(f"drawn: {path}")


def main() -> None:
    """Measure, print and print again as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plot", type=Path, metavar="FILE.svg", help="draw recall against cost")
    asked = parser.parse_args()
    result: dict[str, Any] = {"growth": growth()}
    print(f"neurons of {len(frames()):,} frames, and after 90,000 more: {result['growth']}")
    print(
        f"\n{'microseconds a frame':24}{'read':>16}{'move':>16}{'grow':>16}"
        f"{'best':>9}{'second':>9}{'learnt':>9}"
    )
    for name, source in SOURCES.items():
        for width in WIDTHS:
            for size in SIZES:
                one = contest(source, size, width)
                costs = "".join(
                    f"{one[f'{act}_exact_us']:8,.0f}{one[f'{act}_approximate_us']:8,.0f}"
                    for act in ("predict", "move", "grow")
                )
                print(
                    f"{name + f' d={width} n={size:,}':24}{costs}{one['best_found']:9.3f}"
                    f"{one['second_found']:9.3f}{one['least_found_after_learning']:9.3f}",
                    flush=True,
                )
                result[f"{name}_d{width}_n{size}"] = one
    for size in SIZES:
        result[f"structures_n{size}"] = structures(size)
        print(f"n={size:,}: {result[f'structures_n{size}']}", flush=True)
    if asked.plot:
        draw(asked.plot)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
