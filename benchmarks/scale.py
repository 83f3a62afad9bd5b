"""How persons a second grow with workers: `python benchmarks/scale.py [--plot FILE.svg]`.

Videos of drawn persons are walked as `affmem run` does it (decoded, faces found, encoded, read,
learnt) by one process, and by 1 and 2 workers of joblib, Dask and Ray, whose clusters are started
here, of this machine alone. A rate is taken over all persons, after each worker has walked one:
what starting costs stands beside it. All must say the same of every frame, to the bit; also where
a worker is killed half-way. Beyond two workers the curve is simulated: the measured seconds of each
person, given to the worker that is free first, and the measured seconds that the process which was
started spends on each. The last line is JSON.

`--store` and `--search FILE.svg` run `store.py` and `search.py` besides: figures of 8 processes at
one store, and a plot of recall against speed in large memories.
"""

import argparse
import hashlib
import heapq
import json
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from pathlib import Path
from statistics import mean
from time import perf_counter, process_time
from typing import Any

import psutil
from attrs import frozen

from affmem import Runtime
from affmem.catalogue import catalogue
from affmem.conformance.backend import Two
from affmem.experiment import Experiment, dumps, structure
from affmem.parallel import parallel
from affmem.protocols import Backend
from affmem.walked import Job, Walked, Walker, Walks

BACKENDS = ("joblib", "dask", "ray")
WORKERS = (1, 2)
SIMULATED = (1, 2, 4, 8, 16, 32, 64, 128, 256)
SEED = 9


@frozen
class Exactly:
    """A backend with so many workers, also where that is one."""

    backend: Backend
    count: int

    def done(self, work: Callable[[Job], Walked], jobs: Sequence[Job]) -> "Timed":
        """Walk all; a worker that has nothing to do is given the next person."""
        begin = perf_counter()
        with self.backend.started(self.count) as executor:
            for one in [executor.submit(work, job) for job in jobs[: 2 * self.count]]:
                one.result()  # each has walked someone: it has loaded, built and compiled all
            started, todo = perf_counter(), iter(jobs)
            under_way: set[Future[Walked]] = set()
            walked: list[Walked] = []
            while True:
                for job in todo:
                    under_way.add(executor.submit(work, job))
                    if len(under_way) >= 2 * self.count:
                        break
                if not under_way:
                    break
                finished, under_way = wait(under_way, return_when=FIRST_COMPLETED)
                walked += [one.result() for one in finished]
            return Timed(walked, started - begin, perf_counter() - started)


@frozen
class Timed:
    """What was walked, and how long it took to start and to do it."""

    walked: Sequence[Walked]
    starting: float
    seconds: float


def experiment(corpus: Path, memory: str) -> Experiment:
    """What is run."""
    tables = {
        "dataset": {"use": "omg", "root": str(corpus), "split": "test"},
        "encoder": {"use": "pk"},
        "memory": {"use": memory},
        "seed": SEED,
    }
    return structure(tables, Experiment)


def said(walked: Sequence[Walked]) -> str:
    """A digest of all that was said of every frame, and of every memory."""
    digest = hashlib.sha256()
    for one in sorted(walked, key=lambda one: one.person):
        digest.update(repr([one.person, *one.steps]).encode())
        for name in sorted(one.kept.state):
            digest.update(name.encode() + one.kept.state[name].tobytes())
    return digest.hexdigest()


def backend(name: str) -> Backend:
    """A backend of this machine alone, a thread a worker."""
    made: Backend = catalogue().config("backend", name)(workers=2).build(Runtime())
    return made


def survived(one: Backend, walker: Walker, jobs: Sequence[Job]) -> Sequence[Walked]:
    """All persons, though the busiest worker is killed when the first is done."""
    walked: list[Walked] = []
    for done in parallel(walker, iter(jobs), len(jobs), Two(one)):
        if not walked:
            started = psutil.Process().children(recursive=True)
            workers = [each for each in started if each.name().startswith(("python", "ray::"))]
            max(workers, key=lambda each: sum(each.cpu_times()[:2])).kill()
        walked.append(done)
    return walked


def kept(walked: Sequence[Walked], jobs: Sequence[Job], text: str) -> float:
    """Seconds a person that the process which was started takes to keep what came of each."""
    with tempfile.TemporaryDirectory() as folder:
        walks = Walks(Path(folder), [clip for job in jobs for clip in job.clips], text)
        begin = process_time()
        for one in walked:
            walks.put(one)
        return (process_time() - begin) / len(walked)


def simulated(seconds: Sequence[float], head: float, workers: int) -> float:
    """Persons a second of so many workers: each free one takes the next person, one after the
    other is kept by one process."""
    free = [0.0] * workers
    ends = []
    for one in seconds:
        begin = heapq.heappop(free)
        ends.append(begin + one)
        heapq.heappush(free, begin + one)
    clock = 0.0
    for end in sorted(ends):
        clock = max(clock, end) + head
    return len(seconds) / clock


def scaled(walked: Sequence[Walked], head: float) -> Mapping[str, float]:
    """Simulated persons a second, by number of workers, of many such persons."""
    many = [sum(one.seconds.values()) for one in walked] * max(1, 10_000 // len(walked))
    return {str(count): round(simulated(many, head, count), 3) for count in SIMULATED}


def draw(path: Path, result: Mapping[str, Any]) -> None:
    """Measured points, and the simulated curve, over the number of workers."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 3.6), layout="constrained")
    axes = figure.subplots()
    curve = result["simulated"]
    counts = [int(one) for one in curve]
    axes.plot(counts, [*curve.values()], "--", color="0.45", label="simulated")
    axes.plot(
        counts, [curve["1"] * one for one in counts], ":", color="0.75", label="in proportion"
    )
    for name, mark in zip(BACKENDS, "os^", strict=True):
        if name in result:
            rates = [result[name][f"persons_per_s_{count}"] for count in WORKERS]
            axes.plot(WORKERS, rates, mark, label=f"{name}, measured")
    axes.set(xscale="log", yscale="log", xlabel="workers", ylabel="persons a second")
    axes.set_xticks(counts, [str(one) for one in counts])
    axes.legend(frameon=False)
    figure.savefig(path)


def measured(corpus: Path, memory: str, names: Sequence[str]) -> Iterator[tuple[str, Any]]:
    """Each figure by its name."""
    asked = experiment(corpus, memory)
    dataset = asked.dataset.build(Runtime(seed=SEED))
    jobs = Walks(Path("nowhere"), dataset.clips(), "").todo
    walker = Walker(asked, threads=1)
    walker(jobs[0])
    begin = perf_counter()
    serial = [walker(job) for job in jobs]
    seconds = perf_counter() - begin
    truth, head = said(serial), kept(serial, jobs, dumps(asked, where=False))
    yield "persons", len(jobs)
    yield "frames", sum(len(one.steps) for one in serial)
    yield "serial", {"persons_per_s": round(len(jobs) / seconds, 3)}
    yield "kept_ms_a_person", round(head * 1e3, 2)
    for name in names:
        figures: dict[str, Any] = {}
        for count in WORKERS:
            timed = Exactly(backend(name), count).done(walker, jobs)
            if said(timed.walked) != truth:
                raise SystemExit(f"{name}, {count} workers: says other things than one process")
            figures[f"start_s_{count}"] = round(timed.starting, 1)
            figures[f"persons_per_s_{count}"] = round(len(jobs) / timed.seconds, 3)
        figures["efficiency_2"] = round(
            figures["persons_per_s_2"] / (2 * figures["persons_per_s_1"]), 3
        )
        if said(survived(backend(name), walker, jobs)) != truth:
            raise SystemExit(f"{name}: says other things when a worker was killed")
        yield name, {**figures, "equal": True, "equal_after_a_kill": True}
    yield "simulated", scaled(serial, head)
    yield "seconds_a_person", round(mean(sum(one.seconds.values()) for one in serial), 3)


def main() -> None:
    """Film, walk, compare, tell."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--persons", type=int, default=32)
    parser.add_argument("--memory", default="personal")
    parser.add_argument("--only", choices=BACKENDS)
    parser.add_argument("--plot", type=Path, metavar="FILE.svg")
    parser.add_argument("--store", action="store_true", help="run store.py besides")
    parser.add_argument("--search", type=Path, metavar="FILE.svg", help="run search.py besides")
    given = parser.parse_args()
    result: dict[str, Any] = {"processor": platform.processor() or platform.machine()}
    with tempfile.TemporaryDirectory() as folder:
        maker = catalogue().config("maker", "omg")(persons=given.persons, train=0.0, validation=0.0)
        maker.build(Runtime()).make(Path(folder) / "omg", lambda *_: None)
        names = [given.only] if given.only else BACKENDS
        for name, figure in measured(Path(folder) / "omg", given.memory, names):
            result[name] = figure
            print(f"{name}: {json.dumps(figure)}", flush=True)
    if given.plot:
        draw(given.plot, result)
    others = [["store.py"]] if given.store else []
    others += [["search.py", "--plot", str(given.search)]] if given.search else []
    for name, *words in others:
        print(f"\n{name}:", flush=True)
        command = [sys.executable, str(Path(__file__).with_name(name)), *words]
        subprocess.run(command, check=True)  # noqa: S603
    print(json.dumps(result))


if __name__ == "__main__":
    main()
