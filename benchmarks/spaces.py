"""Other spaces, labels and first faces for memory "gwr": `python benchmarks/spaces.py`.

The development persons of examples/table3.toml are walked as `affmem study` walks them, unlabelled,
each frame read before it is learnt: with its rows "PK" and "corrected", and with that memory

- among the hidden units of D_em, codes whitened by the covariance of other drawn persons' codes, or
  the hidden units of the persons' network, which knows nobody: a learned metric;
- taught not what each edit was asked to show, but by how much the prior knowledge reads it wrongly;
  what it then says of a frame corrects the prior knowledge's reading;
- started by edits of the mean of the first faces, once, in place of edits of each.

All rows are scored as the study's: CCC pooled over frames, and what is gained over the prior
knowledge, with 95 % intervals over persons, on the same resamples. `--persons 8` is a small try,
`--set` as in `affmem study`. The last line is JSON.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Final

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from attrs import evolve, frozen
from safetensors.numpy import save_file

from affmem.assembly import build_stations
from affmem.experiment import Experiment
from affmem.parallel import parallel, pinned
from affmem.protocols import Backend, Memory, MemoryConfig, Reader, Runtime
from affmem.road import Stations, walk
from affmem.study import Condition, Record, Row, Study, place, read, record
from affmem.tape import Tape
from affmem.values import Affects, Codes, Reading, State
from affmem.verdict import markdown, verdict
from affmem_drawn.config import DrawnConfig
from affmem_pk import checkpoint, persons
from affmem_pk.config import BUNDLED

TABLE: Final = Path(__file__).parents[1] / "examples" / "table3.toml"
OURS: Final = (
    "among D_em's hidden units",
    "whitened codes",
    "among the persons' network's hidden units",
    "corrections to the PK",
    "edits of the mean face",
)
OTHERS: Final = DrawnConfig(persons=500, faces_per_person=4)
"""By whose codes they are whitened: persons of no study."""
SEED: Final = 404
RIDGE: Final = 0.01
"""Share of the mean variance added to each direction's: where codes hardly vary, noise is all."""

Space = Callable[[Codes], Codes]


# --- memories -----------------------------------------------------------------------------------


@frozen
class Around:
    """Memories, each within another."""

    memory: MemoryConfig
    within: Callable[[Memory], Memory]

    def build(self, runtime: Runtime) -> Memory:
        return self.within(self.memory.build(runtime))


class Elsewhere:
    """A memory that lives in another space than the codes it is shown."""

    def __init__(self, memory: Memory, space: Space) -> None:
        self._memory, self._space = memory, space

    def begin(self) -> None:
        self._memory.begin()

    def partial_fit(self, codes: Codes, affects: Affects | None = None) -> None:
        self._memory.partial_fit(self._space(codes), affects)

    def predict(self, codes: Codes) -> Reading:
        return self._memory.predict(self._space(codes))

    def __len__(self) -> int:
        return len(self._memory)

    def state(self) -> State:
        return self._memory.state()

    def restore(self, state: State) -> None:
        self._memory.restore(state)


class Correcting(Elsewhere):
    """A memory of how far a reader is off: it learns, and says, half of that, within [-1, 1]."""

    def __init__(self, memory: Memory, reader: Reader) -> None:
        super().__init__(memory, lambda codes: codes)
        self._reader = reader

    def partial_fit(self, codes: Codes, affects: Affects | None = None) -> None:
        if affects is not None:
            affects = (affects - self._reader.read(codes)) / np.float32(2)
        super().partial_fit(codes, affects)

    def predict(self, codes: Codes) -> Reading:
        found = super().predict(codes)
        said = (self._reader.read(codes) + 2 * found.affects).clip(-1, 1)
        return Reading(said, found.activations, found.units, found.novel)


# --- spaces -------------------------------------------------------------------------------------


def hidden_layer(path: Path) -> Space:
    """The hidden units of the D_em of a checkpoint."""
    layer = checkpoint.load(path).networks.reader.hidden
    weight, bias = layer.weight.numpy(), layer.bias.numpy()
    return lambda codes: np.maximum(codes @ weight.T + bias, 0)


def metric(path: Path) -> Space:
    """The hidden units of a checkpoint's persons' network, told of nobody."""
    network = persons.load(path)
    bias = network.biases(network.nobody())
    return lambda codes: np.maximum(
        network.standardised(codes).astype(np.float32) @ network.code.T + bias, 0
    )


def whitened(codes: Codes) -> Space:
    """Where codes like these vary alike in every direction.

    By their principal components: turned back, as by ZCA, they would be as far from one another.
    """
    mean, covariance = codes.mean(axis=0), np.cov(codes, rowvar=False)
    values, vectors = np.linalg.eigh(covariance)
    scaled = (vectors / np.sqrt(values + RIDGE * values.mean())).astype(np.float32)
    return lambda codes: (codes - mean) @ scaled


def codes_of_others(stations: Stations) -> Codes:
    """Of drawn persons of another seed."""
    dataset = OTHERS.build(Runtime(seed=SEED))
    images = (frame.image for clip in dataset.clips() for frame in dataset.frames(clip))
    faces = [face for face in stations.faces.find(images) if face is not None]
    return stations.encoder.encode(np.stack(faces))


# --- the walks ----------------------------------------------------------------------------------


def ways(experiment: Experiment, taped: Stations, stations: Stations) -> Iterator[Stations]:
    """The stations of each of `OURS`; of those, the last alone looks at faces again."""
    path = experiment.encoder.config.checkpoint or BUNDLED
    spaces = hidden_layer(path), whitened(codes_of_others(stations)), metric(path)
    inner: list[Callable[[Memory], Memory]] = [partial(Elsewhere, space=one) for one in spaces]
    inner.append(partial(Correcting, reader=stations.reader))
    for one in inner:
        yield evolve(taped, memory=Around(stations.memory, one))
    yield evolve(stations, start=evolve(stations.start, of="mean"))  # a tape has no means of faces


def walked(
    threads: int, study: Study, plain: Sequence[Row], condition: Condition
) -> list[tuple[Condition, str, Record]]:
    """Walk a condition in every way; what is seen alike is seen once."""
    experiments = [study.variant("development", condition, row) for row in plain]
    first, last = (build_stations(one, Runtime(one.seed, one.device)) for one in experiments)
    tape = Tape(last.dataset, last.faces, last.encoder, last.editor, last.start.frames)
    taped = [
        evolve(one, dataset=tape, faces=tape, encoder=tape, editor=tape) for one in (first, last)
    ]
    found = []
    with pinned(threads):
        every: Iterable[Stations] = (*taped, *ways(experiments[-1], taped[-1], last))
        for name, one in zip((*(row.name for row in plain), *OURS), every, strict=True):
            found.append((condition, name, record(list(walk(one, {})))))
            print(f"{condition.name}: {name}", file=sys.stderr)
    return found


def main() -> None:
    """Walk, score and print."""
    known = {one.name: one for one in read(TABLE).conditions}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--condition", action="append", choices=known)
    parser.add_argument("--persons", type=int, help="how many [64]")
    parser.add_argument("--set", action="append", default=[], dest="overrides", metavar="KEY=VALUE")
    asked = parser.parse_args()

    few = [f"development.dataset.persons={asked.persons}"] if asked.persons else []
    whole = read(TABLE, [*asked.overrides, *few])
    of_table = {row.name: row for row in whole.rows}
    plain = of_table["PK"], of_table["corrected"]
    study = evolve(
        whole,
        chosen="",
        conditions=tuple(
            evolve(one, rows=())
            for one in whole.conditions
            if one.name in (asked.condition or ("medium", "strong"))
        ),
        rows=(*plain, *map(Row, OURS), of_table["ceiling"]),
    )
    rows = {row.name: row for row in study.rows}
    runtime: Backend = study.runtime.build(Runtime())
    work = partial(walked, runtime.threads, study, plain)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        (out / "development").mkdir()
        with closing(parallel(work, study.conditions, len(study.conditions), runtime)) as walks:
            for condition, name, arrays in (one for some in walks for one in some):
                whole_arrays = {key: np.ascontiguousarray(one) for key, one in arrays.items()}
                save_file(whole_arrays, place(out, "development", condition, rows[name]))
        figures = verdict(study, out, final=False)
    print(markdown(study, figures))
    print(json.dumps(figures["development"]))


if __name__ == "__main__":
    main()
