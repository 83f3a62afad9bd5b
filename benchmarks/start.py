"""What a person's start costs, and what each shorter way loses: `python benchmarks/start.py`.

The literal way (P§2.2: the first 25 faces, each redrawn 200 times and encoded again, 10 epochs)
against shorter ones, on drawn persons whom nothing here has seen, each frame read before it is
learnt. Time is a core's, of one person on real parts, the ways in turns; CCC is of all persons'
frames, and what is lost a difference on the same frames, with 95 % intervals over persons. Both are
for memory "gwr" as corrected and as printed. ONNX Runtime (`pip install --group bench`) and
bfloat16 are timed only: they draw the literal way's edits. The last line is JSON.
"""

import argparse
import json
import logging
import os
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any, Final

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from attrs import evolve, field, frozen

from affmem.assembly import build
from affmem.experiment import Experiment, structure
from affmem.interval import bootstrap
from affmem.protocols import Dataset, Runtime
from affmem.road import Person, Stations, learn, meet, walk
from affmem.start import Start, plane
from affmem.study import Record, record
from affmem.tape import Tape
from affmem.timing import Clock
from affmem.values import DIMENSIONS, Clip, Face, Frame
from affmem_metrics.agreement import CCC
from affmem_pk.checkpoint import load
from affmem_pk.config import BUNDLED, PKConfig

LITERAL: Final = "literal"
SHORT: Final = "by codes"
"""The way whose time and loss are told on the last line."""
WAYS: Final[Mapping[str, Start]] = {
    LITERAL: Start(),
    "5 faces": Start(frames=5),
    "1 face": Start(frames=1),
    "mean of 25 faces": Start(of="mean"),
    "25 edits": Start(edits=25),
    "25 edits on a grid": Start(edits=25, spread="grid"),
    SHORT: Start(by="codes"),
    "by codes, 1 epoch": Start(by="codes", epochs=1),
    "by codes, 5 faces": Start(by="codes", frames=5),
    "by codes, 1 face": Start(by="codes", frames=1),
    "by codes, mean of 25": Start(by="codes", of="mean"),
    "by codes, 25 edits": Start(by="codes", edits=25),
}
AGAIN: Final = "by codes, other affects"
"""The short way with affects drawn by another seed: what chance alone moves."""
PRESETS: Final = ("corrected", "paper")
ROUNDS: Final = 3
RESAMPLES: Final = 1000


def experiment(persons: int, preset: str) -> Experiment:
    """Drawn persons of another seed than any training's, and memory "gwr"."""
    tables = {
        "dataset": {"use": "acted", "persons": persons, "every": 10, "strength": 0.35},
        "faces": {"use": "none"},
        "encoder": {"use": "pk"},
        "memory": {"use": "gwr", "preset": preset},
        "seed": 303,
    }
    return structure(tables, Experiment)


def stations(persons: int, preset: str = "corrected") -> Stations:
    """The road's, built."""
    asked = experiment(persons, preset)
    return build(asked, Runtime(seed=asked.seed))[0]


@frozen
class Some:
    """A share of the clips of a dataset, whose frames are drawn once."""

    whole: Dataset
    share: slice
    drawn: dict[Clip, list[Frame]] = field(factory=dict)
    unit: str = "frame"

    def notes(self) -> Sequence[str]:
        return ()

    def clips(self) -> Sequence[Clip]:
        return self.whole.clips()[self.share]

    def frames(self, clip: Clip) -> Iterator[Frame]:
        if clip not in self.drawn:
            self.drawn[clip] = list(self.whole.frames(clip))
        return iter(self.drawn[clip])


# --- what is lost -----------------------------------------------------------------------------


def walked(persons: int, share: slice) -> Mapping[tuple[str, str], Record]:
    """The steps of a share of the persons, by preset and way; what is seen alike is seen once."""
    road = stations(persons)
    some = Some(road.dataset, share)
    tape = Tape(some, road.faces, road.encoder, road.editor, Start().frames)
    found = {}
    for preset in PRESETS:
        memory = stations(persons, preset).memory
        for name, start in {**WAYS, AGAIN: WAYS[SHORT]}.items():
            one = evolve(road, dataset=some, memory=memory, start=start)
            if start.of == "each":  # a tape has no means of faces
                one = evolve(one, dataset=tape, faces=tape, encoder=tape, editor=tape)
            if name == AGAIN:
                one = evolve(one, runtime=Runtime(seed=road.runtime.seed + 1))
            found[preset, name] = record(list(walk(one, {})))
    return found


def losses(found: Mapping[tuple[str, str], Record], preset: str) -> Mapping[str, Any]:
    """Of each way its CCC, and what it loses against the literal way, with intervals."""
    whole = {name: one for (of, name), one in found.items() if of == preset}
    persons = [str(one) for one in whole[LITERAL]["person"]]
    truth, literal, ccc = whole[LITERAL]["truth"], whole[LITERAL]["memory"], CCC()
    table: dict[str, Any] = {}
    said = {name: one["memory"] for name, one in whole.items()}
    said["PK alone"] = whole[LITERAL]["pk"]
    for name, own in said.items():
        table[name] = {}
        for column, dimension in enumerate(DIMENSIONS):

            def lost(rows: np.ndarray, own: np.ndarray = own, column: int = column) -> float:
                one, other = (ccc(truth[rows, column], of[rows, column]) for of in (literal, own))
                return one - other

            interval = bootstrap(lost, persons, RESAMPLES, np.random.default_rng(0))
            table[name][dimension] = {
                "ccc": ccc(truth[:, column], own[:, column]),
                "loss": interval.value, "low": interval.low, "high": interval.high,
            }  # fmt: skip
    return table


# --- what it costs ----------------------------------------------------------------------------


def first_faces(road: Stations) -> Sequence[Face]:
    """One person's first faces."""
    images = (frame.image for frame in road.dataset.frames(road.dataset.clips()[0]))
    faces = (face for face in road.faces.find(images) if face is not None)
    return [next(faces) for _ in range(Start().frames)]


def started(road: Stations, faces: Sequence[Face]) -> Person:
    """A person met, and started by their first faces one after the other, each encoded alone."""
    person = meet("anyone", road)
    for face in faces:
        learn(face, road.encoder.encode(face[None]), person, road, Clock())
    return person


def timed(call: Callable[[], object]) -> tuple[float, float]:
    """Milliseconds of wall and of processor."""
    wall, cpu = perf_counter(), process_time()
    call()
    return 1e3 * (perf_counter() - wall), 1e3 * (process_time() - cpu)


def costs(road: Stations, faces: Sequence[Face]) -> Mapping[str, Mapping[str, float]]:
    """Of each way, from the face that it stands by to a memory that stands, and the whole start."""
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in WAYS}
    for turn in range(ROUNDS + 1):
        for name, start in WAYS.items():
            one = evolve(road, start=start)
            person = meet("anyone", one)
            if start.of == "mean":
                for face in faces[:-1]:
                    learn(face, one.encoder.encode(face[None]), person, one, Clock())
            last = faces[start.frames - 1] if start.of == "mean" else faces[0]

            def stand(one: Stations = one, person: Person = person, last: Face = last) -> None:
                learn(last, one.encoder.encode(last[None]), person, one, Clock())

            spent = timed(stand)
            if turn:  # the first compiles
                taken[name].append(spent)
    table = {}
    for name, start in WAYS.items():
        one = evolve(road, start=start)
        whole = timed(partial(started, one, faces[: start.frames]))
        table[name] = {
            "first_ms": median(wall for wall, _ in taken[name]),
            "first_cpu_ms": median(cpu for _, cpu in taken[name]),
            "whole_s": whole[0] / 1e3,
            "whole_cpu_s": whole[1] / 1e3,
        }
    return table


def other_arithmetic(road: Stations, face: Face) -> Mapping[str, float]:
    """Processor seconds of the literal way's first face by other ways to run the same networks;
    bfloat16, which is slow where the processor has none, is reckoned from a tenth of the edits."""
    asked = plane(Start(), np.random.default_rng(0))

    def pk(config: PKConfig, few: int) -> Callable[[], object]:
        part = config.build(road.runtime)
        return lambda: part.encode(part.edit(face, asked[:few]))

    all_, tenth = len(asked), len(asked) // 10
    runs = {
        "fp32": (pk(PKConfig(), all_), all_),
        "bf16": (pk(PKConfig(precision="bf16"), tenth), tenth),
    }
    with tempfile.TemporaryDirectory() as folder:
        if find_spec("onnxruntime") and find_spec("onnxscript"):
            from pk import onnx

            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of how exporting is done inside PyTorch
                encode, edit = onnx(load(BUNDLED).networks, Path(folder))
            code = np.repeat(road.encoder.encode(face[None]), all_, axis=0)
            runs["ONNX Runtime"] = (lambda: encode(edit(code, asked)), all_)
        taken: dict[str, list[float]] = {name: [] for name in runs}
        for turn in range(ROUNDS + 1):
            for name, (run, edits) in runs.items():
                spent = timed(run)[1]
                if turn:
                    taken[name].append(spent / 1e3 * all_ / edits)
    return {name: median(of) for name, of in taken.items()}


def main() -> None:
    """Measure, print and sum up."""
    logging.disable()  # of how exporting is done inside PyTorch
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--persons", type=int, default=12)
    parser.add_argument("--jobs", type=int, default=2, help="processes that walk persons")
    asked = parser.parse_args()

    road = stations(asked.persons)
    faces = first_faces(road)
    cost, others = costs(road, faces), other_arithmetic(road, faces[0])
    shares = [slice(job, None, asked.jobs) for job in range(asked.jobs)]
    with ProcessPoolExecutor(asked.jobs, get_context("spawn")) as pool:
        parts = [*pool.map(partial(walked, asked.persons), shares)]
    found = {
        key: {
            name: np.concatenate(
                # Persons are numbered in each part from 0 on.
                [one[key][name] + 1000 * job * (name == "person") for job, one in enumerate(parts)]
            )
            for name in ("person", "truth", "pk", "memory")
        }
        for key in parts[0]
    }
    lost = {preset: losses(found, preset) for preset in PRESETS}

    print(f"{'':26}first face, ms (processor)   whole start, s (processor)")
    for name, one in cost.items():
        print(
            f"{name:26}{one['first_ms']:10.1f} {one['first_cpu_ms']:10.1f}"
            f"{one['whole_s']:12.2f} {one['whole_cpu_s']:10.2f}"
        )
    for name, seconds in others.items():
        print(f"first face's edits by {name}: {seconds:.2f} s of a core")
    for preset, table in lost.items():
        print(f"\n{preset}: CCC, and lost against the literal way, arousal; valence")
        for name, by in table.items():
            cells = [
                f"{one['ccc']:.3f}  {one['loss']:+.3f} [{one['low']:+.3f}, {one['high']:+.3f}]"
                for one in by.values()
            ]
            print(f"{name:26}{';  '.join(cells)}")
    short = [one["loss"] for table in lost.values() for one in table[SHORT].values()]
    figures = {
        "start_ms": round(cost[SHORT]["first_cpu_ms"], 2),
        "literal_s": round(cost[LITERAL]["whole_cpu_s"], 2),
        "ccc_loss": round(max(short), 4),
        "persons": asked.persons,
        "cost": cost,
        "arithmetic_s": others,
        "loss": lost,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
