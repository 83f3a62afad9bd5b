"""How fast a memory learns and reads, beside its peers and a bound written in C.

`python benchmarks/memory.py [--plot FILE.svg]`; the last line is JSON. All that is compared is
measured in one run, one thread each, in turns; a ratio is the median of the turns' ratios. Codes
vary in 8 directions, with noise in all. Networks are grown to N neurons (quickly: with a
habituation threshold of 0.99), see some more rows, and start each turn from that state; then
`activity_threshold=1` and `when_full="keep"` make every row move them. In C, edges are those that
ours has half way through its rows.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from math import log10
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
import peers

from affmem import Runtime
from affmem.values import Affects, Codes, State
from affmem_memories.config import GNGConfig, GWRConfig
from affmem_memories.network import GrowingMemory

DIRECTIONS = 8
PART = 10_000
"""Neurons that are grown as one network; larger ones are such parts, merged."""
ROUNDS = 9
RNG = np.random.default_rng(0)
FIRST = """
import time; begin = time.perf_counter()
import numpy as np
from affmem import Runtime
from affmem_memories.config import GWRConfig
memory = GWRConfig().build(Runtime())
imported = time.perf_counter()
memory.partial_fit(np.zeros((3, 50), np.float32))
memory.predict(np.zeros((3, 50), np.float32))
print(imported - begin, time.perf_counter() - imported)
"""
"""What a fresh process does, to see what its first call costs."""

Turn = Callable[[], float]
"""Runs once, and says how many seconds a row took."""


@cache
def directions(width: int) -> Codes:
    """In which codes of that width vary."""
    return RNG.normal(size=(DIRECTIONS, width)).astype(np.float32) / DIRECTIONS**0.5


def codes(rows: int, width: int) -> Codes:
    """That many codes."""
    along = RNG.standard_normal((rows, DIRECTIONS), np.float32) @ directions(width)
    return along + RNG.standard_normal((rows, width), np.float32) / 10


def labelled(rows: int, width: int) -> tuple[Codes, Affects]:
    """That many codes, with labels."""
    return codes(rows, width), RNG.uniform(-1, 1, (rows, 2)).astype(np.float32)


def config_of(kind: str, neurons: int, *, growing: bool = False) -> GWRConfig | GNGConfig:
    """Settings under which a network grows to that many neurons, and stays there."""
    if kind == "gng":
        return GNGConfig(max_neurons=neurons, interval=1 if growing else 25)
    return GWRConfig(
        activity_threshold=1.0,
        habituation_threshold=0.99 if growing else 0.2,
        max_neurons=neurons,
        when_full="keep",
    )


def built(kind: str, neurons: int, state: State | None = None, **how: bool) -> GrowingMemory:
    """A memory, in that state."""
    memory = config_of(kind, neurons, **how).build(Runtime())
    assert isinstance(memory, GrowingMemory)  # noqa: S101
    if state is not None:
        memory.restore(state)
    return memory


@cache
def grown(kind: str, neurons: int, width: int) -> State:
    """The state of a network of so many neurons that has seen some more rows."""
    whole = built(kind, neurons)
    for size in [PART] * (neurons // PART) + [neurons % PART] * (neurons % PART > 0):
        part = built(kind, size, growing=True)
        while len(part) < size:
            part.partial_fit(*labelled(size // 4, width))
        whole.merge(part)
    settle(whole, min(5 * neurons, 2_000_000_000 // (neurons * width)))
    return whole.state()


def settle(memory: GrowingMemory, rows: int) -> None:
    """Let it see more rows, and end with as many neurons as it may have."""
    assert memory.n_features_in_  # noqa: S101
    memory.partial_fit(codes(rows, memory.n_features_in_))
    while len(memory) < memory.config.max_neurons:
        memory.partial_fit(codes(10, memory.n_features_in_))


# --- turns --------------------------------------------------------------------------------------


def seconds(work: Callable[[], object]) -> float:
    """How long that took."""
    begin = perf_counter()
    work()
    return perf_counter() - begin


def learns(fresh: Callable[[], peers.Learn], rows: Codes) -> Turn:
    """A turn of learning the rows, each time by a fresh learner, whose making does not count."""

    def turn() -> float:
        learn = fresh()
        return seconds(lambda: learn(rows)) / len(rows)

    return turn


def in_turns(turns: Mapping[str, Turn], rounds: int = ROUNDS) -> dict[str, list[float]]:
    """Seconds a row of each contestant in each round; an untimed round goes before."""
    for turn in turns.values():
        turn()
    taken: dict[str, list[float]] = {name: [] for name in turns}
    for _ in range(rounds):
        for name, turn in turns.items():
            taken[name].append(turn())
    return taken


def times(taken: Mapping[str, list[float]], name: str, ours: str = "ours") -> float:
    """How many times as long that one took as ours: the median over rounds."""
    return median(a / b for a, b in zip(taken[name], taken[ours], strict=True))


def rows_a_turn(neurons: int, width: int) -> int:
    """Rows enough for some milliseconds."""
    return int(np.clip(200_000_000 // (neurons * width), 40, 2000))


def contest(kind: str, neurons: int, width: int, library: object) -> dict[str, Turn]:
    """Ours (learning, reading), and C and numpy where they are there and have the room."""
    state, rows = grown(kind, neurons, width), codes(rows_a_turn(neurons, width), width)

    def ready() -> peers.Learn:  # the first row of all may have to make room
        memory = built(kind, neurons, state)
        memory.partial_fit(rows[:1])
        return memory.partial_fit

    still = built(kind, neurons, state)
    turns = {
        "ours": learns(ready, rows),
        "predict": lambda: seconds(lambda: still.predict(rows)) / len(rows),
    }
    config = config_of(kind, neurons)
    if not isinstance(config, GWRConfig):
        return turns
    if library is not None:
        half = built(kind, neurons, state)
        half.partial_fit(rows[: len(rows) // 2])
        middle = half.state()
        turns["C"] = learns(lambda: peers.Bound(library, middle, config).learn, rows)
    if neurons <= PART:
        few = rows[: max(10, len(rows) // 20)]
        turns["numpy"] = learns(lambda: peers.Dense(state, config).learn, few)
    return turns


def sizes(library: object) -> dict[str, dict[str, float]]:
    """Every kind, width and size: microseconds a row."""
    print(f"\n{'microseconds a row':24}{'learn':>10}{'read':>10}{'C':>10}{'numpy':>10}{'vs C':>8}")
    found = {}
    for kind in ("gwr", "gng"):
        for width in (50, 512):
            for neurons in (100, 1000, 10_000):
                turns = contest(kind, neurons, width, library)
                taken = in_turns(turns, ROUNDS if neurons < PART else 5)
                name = f"{kind}_d{width}_n{neurons}"
                cost = {one: 1e6 * median(them) for one, them in taken.items()}
                line = "".join(
                    f"{cost[one]:10,.2f}" if one in cost else f"{'':10}"
                    for one in ("ours", "predict", "C", "numpy")
                )
                ratio = f"{times(taken, 'C'):8.2f}" if "C" in taken else ""
                print(f"{name:24}{line}{ratio}", flush=True)
                found[name] = {
                    "partial_fit_rows_per_second": round(1e6 / cost["ours"]),
                    "predict_rows_per_second": round(1e6 / cost["predict"]),
                }
    return found


def against_peers(library: object, width: int = 50, neurons: int = 1000) -> dict[str, float]:
    """Learning beside all peers, from one state."""
    state, rows = grown("gwr", neurons, width), codes(2000, width)
    config = config_of("gwr", neurons)
    assert isinstance(config, GWRConfig)  # noqa: S101
    turns = contest("gwr", neurons, width, library)
    del turns["predict"]
    turns["loop"] = learns(lambda: peers.Loop(state, config).learn, rows[:10])
    for name, make in peers.PACKAGES.items():
        try:
            learn = make(neurons, rows)
        except ImportError as error:
            print(f"{name} left out: {error}")
        else:
            turns[name] = learns(partial(_same, learn), rows[:50])
    taken = in_turns(turns, 15)
    print(f"\n{f'd={width}, N={neurons}: partial_fit':28}{'us a row':>12}{'ours is faster by':>20}")
    for name in taken:
        print(f"{name:28}{1e6 * median(taken[name]):12,.2f}{times(taken, name):18,.2f} x")
    return {f"vs_{name.lower()}": round(times(taken, name), 3) for name in taken if name != "ours"}


def _same(learn: peers.Learn) -> peers.Learn:
    return learn


def busy(library: object, width: int = 50, neurons: int = 1000) -> dict[str, float]:
    """The same network after 50,000 more rows: by then a neuron has many more neighbours."""
    memory = built("gwr", neurons, grown("gwr", neurons, width))
    settle(memory, 50_000)
    state, rows = memory.state(), codes(2000, width)
    config = memory.config
    assert isinstance(config, GWRConfig)  # noqa: S101
    turns = {"ours": learns(lambda: built("gwr", neurons, state).partial_fit, rows)}
    result = {"mean_degree": round(2 * len(state["edges"]) / neurons, 1)}
    if library is not None:
        half = built("gwr", neurons, state)
        half.partial_fit(rows[:1000])
        middle = half.state()
        turns["C"] = learns(lambda: peers.Bound(library, middle, config).learn, rows)
    taken = in_turns(turns)
    result["microseconds"] = round(1e6 * median(taken["ours"]), 2)
    if library is not None:
        result["vs_c"] = round(times(taken, "C"), 3)
    return result


# --- one person -----------------------------------------------------------------------------------


def person() -> dict[str, float]:
    """200 edits and a frame, ten times over; then a minute of frames, at 25 a second."""
    look, along = codes(1, 50), RNG.normal(size=(2, 50)).astype(np.float32) / 5
    affects: Affects = RNG.uniform(-1, 1, (200, 2)).astype(np.float32)
    edits = look + affects @ along + RNG.normal(size=(200, 50)).astype(np.float32) / 20
    path = np.cumsum(RNG.normal(size=(1500, 2)), axis=0).astype(np.float32) / 20
    frames = look + np.sin(path) @ along + RNG.normal(size=(1500, 50)).astype(np.float32) / 20
    starts, minutes, size = [], [], 0
    for _ in range(3 * ROUNDS):
        memory = GWRConfig().build(Runtime())

        def start(memory: GrowingMemory) -> None:
            for _epoch in range(10):
                memory.partial_fit(edits, affects)
                memory.partial_fit(frames[:1])

        starts.append(seconds(partial(start, memory)))
        minutes.append(seconds(partial(memory.partial_fit, frames)))
        size = len(memory)
    return {
        "person_start_ms": round(1e3 * median(starts), 2),
        "minute_ms": round(1e3 * median(minutes), 2),
        "neurons_after_minute": size,
    }


def live(width: int = 50, neurons: int = 1000) -> dict[str, float]:
    """Microseconds of a call with one row."""
    memory, rows = built("gwr", neurons, grown("gwr", neurons, width)), codes(200, width)

    def each(act: Callable[[Codes], object]) -> float:
        return seconds(lambda: [act(rows[row : row + 1]) for row in range(len(rows))]) / len(rows)

    taken = in_turns(
        {"partial_fit": lambda: each(memory.partial_fit), "predict": lambda: each(memory.predict)}
    )
    return {f"one_row_{name}_us": round(1e6 * median(them), 1) for name, them in taken.items()}


def two_threads(library: object, width: int = 50, neurons: int = 1000) -> dict[str, float]:
    """How many times as fast two learners are on two threads as in turn; C tells what can be."""
    state, rows = grown("gwr", neurons, width), codes(20_000, width)
    config = config_of("gwr", neurons)

    def race(make: Callable[[], peers.Learn], workers: int) -> float:
        learners = [make() for _ in range(2)]
        with ThreadPoolExecutor(workers) as pool:
            return seconds(lambda: list(pool.map(lambda learn: learn(rows), learners)))

    makers = {"ours": lambda: built("gwr", neurons, state).partial_fit}
    if library is not None:
        makers["C"] = lambda: peers.Bound(library, state, config).learn
    taken = in_turns(
        {
            f"{name}_{workers}": partial(race, make, workers)
            for name, make in makers.items()
            for workers in (1, 2)
        }
    )
    return {
        f"two_threads_{name}": round(times(taken, f"{name}_1", f"{name}_2"), 2) for name in makers
    }


def first_call() -> dict[str, float]:
    """Seconds that a fresh process imports and makes its first calls, before and after a cache."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "NUMBA_CACHE_DIR": folder}

        def fresh() -> tuple[float, float]:
            command = [sys.executable, "-c", FIRST]
            done = subprocess.run(  # noqa: S603
                command, env=environment, capture_output=True, text=True, check=True
            )
            imported, called = done.stdout.split()
            return float(imported), float(called)

        _, cold = fresh()
        warm = [fresh() for _ in range(3)]
    return {
        "import_s": round(median(one for one, _ in warm), 2),
        "first_call_cold_s": round(cold, 1),
        "first_call_warm_s": round(median(one for _, one in warm), 2),
    }


def bytes_a_neuron(memory: GrowingMemory) -> int:
    """Of all its arrays, with the room they keep for more."""
    net = memory._net  # noqa: SLF001
    return 0 if net is None else round(sum(array.nbytes for array in net) / len(memory))


def room() -> dict[str, int]:
    """Bytes a neuron of 50 features: as restored, and as it was grown."""
    found = {}
    for neurons in (1000, 100_000):
        restored = built("gwr", neurons, grown("gwr", neurons, 50))
        found[f"bytes_per_neuron_n{neurons}"] = bytes_a_neuron(restored)
    live_one = built("gwr", 1000, growing=True)
    while len(live_one) < 1000:
        live_one.partial_fit(codes(100, 50))
    settle(live_one, 5000)
    return {**found, "bytes_per_neuron_n1000_grown": bytes_a_neuron(live_one)}


def draw(path: Path, library: object) -> None:
    """Cost of a row against N, as a figure."""
    lines: dict[str, list[tuple[float, float]]] = {"numpy": [], "affmem": [], "C bound": []}
    names = {"ours": "affmem", "C": "C bound", "numpy": "numpy"}
    for neurons in (100, 300, 1000, 3000, 10_000, 30_000, 100_000):
        turns = contest("gwr", neurons, 50, library)
        del turns["predict"]
        taken = in_turns(turns, 5)
        for name, them in taken.items():
            lines[names[name]].append((neurons, 1e6 * median(them)))
    path.write_text(svg({name: line for name, line in lines.items() if line}))
    print(f"drawn: {path}")


STYLE = """<style>
text { font: 14px system-ui, sans-serif; fill: #333 } line { stroke: #8884 }
path { fill: none; stroke-width: 2.5 } .a { stroke: #c2410c; fill: #c2410c }
.b { stroke: #2563eb; fill: #2563eb } .c { stroke: #6b7280; fill: #6b7280 }
text.a, text.b, text.c { stroke: none; font-weight: 600 } path.a, path.b, path.c { fill: none }
@media (prefers-color-scheme: dark) { text { fill: #ddd }
.a { stroke: #fb923c; fill: #fb923c } .b { stroke: #60a5fa; fill: #60a5fa }
.c { stroke: #9ca3af; fill: #9ca3af } }
</style>"""


def svg(lines: Mapping[str, list[tuple[float, float]]]) -> str:
    """Lines of (neurons, microseconds) on log axes; each line's name stands at its end."""
    values = [value for line in lines.values() for _, value in line]
    low, high = int(np.floor(log10(min(values)))), int(np.ceil(log10(max(values))))

    def across(neurons: float) -> float:
        return 80 + (log10(neurons) - 2) / 3 * 500

    def down(value: float) -> float:
        return 370 - (log10(value) - low) / (high - low) * 310

    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 430" role="img">',
        "<title>What a row costs to learn, against the number of neurons</title>",
        STYLE,
        '<text x="80" y="30">Microseconds to learn a row of 50 features, one thread</text>',
        '<text x="330" y="418" text-anchor="middle">neurons</text>',
    ]
    for power in range(low, high + 1):
        y = down(10.0**power)
        parts.append(f'<line x1="80" x2="580" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="70" y="{y + 5:.1f}" text-anchor="end">{10.0**power:,g}</text>')
    for power in range(2, 6):
        x = across(10**power)
        parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="60" y2="370"/>')
        parts.append(f'<text x="{x:.1f}" y="392" text-anchor="middle">{10**power:,}</text>')
    ends: list[tuple[float, float]] = []
    for shade, (name, line) in zip("cab", lines.items(), strict=False):
        points = [(across(neurons), down(value)) for neurons, value in line]
        parts.append(
            f'<path class="{shade}" d="M' + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
        )
        parts[-1] += '"/>'
        parts += [f'<circle class="{shade}" cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y in points]
        x, y = points[-1]
        while any(x == there and abs(y - other) < 18 for there, other in ends):
            y += 3
        ends.append((x, y))
        parts.append(f'<text class="{shade}" x="{x + 12:.1f}" y="{y + 5:.1f}">{name}</text>')
    return "\n".join([*parts, "</svg>", ""])


def main() -> None:
    """Measure, print and print again as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plot", type=Path, metavar="FILE.svg", help="draw cost against size")
    asked = parser.parse_args()
    os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    with tempfile.TemporaryDirectory() as folder:
        library = peers.bound_library(Path(folder))
        if library is None:
            print("no C compiler: the bound is left out")
        print(
            f"{platform.machine()}, {os.cpu_count()} cores, {cpu()}, load {os.getloadavg()[0]:.1f}"
        )
        result: dict[str, object] = {"d50_n1000": against_peers(library)}
        for act in (person, live, first_call, room):
            part = act()
            print(", ".join(f"{name} {value:,}" for name, value in part.items()), flush=True)
            result |= part
        result |= (threads := two_threads(library))
        result["d50_n1000_busy"] = busy(library)
        print(f"two memories on two threads, so many times as fast as in turn: {threads}")
        print(f"after 50,000 more rows: {result['d50_n1000_busy']}")
        result["sizes"] = sizes(library)
        if asked.plot:
            draw(asked.plot, library)
    print(json.dumps(result))


def cpu() -> str:
    """The processor's name, where the system tells."""
    told = Path("/proc/cpuinfo")
    lines = told.read_text().splitlines() if told.exists() else []
    return next((line.split(": ")[1] for line in lines if line.startswith("model name")), "")


if __name__ == "__main__":
    main()
