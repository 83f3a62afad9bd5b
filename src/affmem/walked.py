"""A run, person by person: each walked by any process, and kept on the disk until all are.

Nothing passes from one person to another on the road (`affmem.road`), so that it makes no
difference, not by a bit, where and in which order they are walked.
"""

import json
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import sha256
from itertools import count
from operator import attrgetter
from pathlib import Path
from typing import final
from uuid import uuid4

import numpy as np
import numpy.typing as npt
from attrs import evolve, field, frozen

from affmem.assembly import build_stations
from affmem.errors import InputError
from affmem.experiment import Experiment
from affmem.files import MIB, content, write
from affmem.keeping import pack, unpack
from affmem.parallel import pinned
from affmem.protocols import Runtime
from affmem.road import meet, walk
from affmem.timing import Clock
from affmem.values import Affect, Clip, Kept, Step

FINISHED = "finished"
"""The folder of what came of each person, in a run that is not at its end."""
STEPS = "affmem.steps."
"""Before the names of the arrays that hold the steps; no memory sees them."""
LARGEST = 2048 * MIB
NONSENSE = (ArithmeticError, RecursionError)
COLUMNS = ("clip", "time", "face", "pk", "memory", "activation", "units", "truth")

Table = Mapping[str, npt.NDArray[np.float64]]


@frozen
class Job:
    """A person to be walked: all their clips, and what is kept of them from before.

    Their likeness is not with it: it is of no use there, and stays in the store.
    """

    person: str
    clips: tuple[Clip, ...] = field(repr=False)
    kept: Kept | None = field(default=None, repr=False)
    base: int = field(default=0, repr=False)
    """The version of what is kept; 0 for none."""
    since: str = field(default="", repr=False)
    """Since when the store has had them (`affmem.keeping.Shelf.since`)."""

    def __str__(self) -> str:
        return f"{self.person} ({len(self.clips)} clips)"


@frozen(eq=False)
class Walked:
    """What came of a person's walk."""

    person: str
    steps: Sequence[Step] = field(repr=False)
    kept: Kept
    """Their memory at its end."""
    base: int
    """The version of what was kept of them before; 0 for none."""
    since: str = ""
    """Since when the store had had them."""
    seconds: Mapping[str, float] = field(factory=dict, repr=False)
    """By station."""
    worker: str = ""
    """A name of the process that walked it."""
    turn: int = 0
    """How many that process had walked by then."""
    notes: tuple[str, ...] = ()
    """All that the dataset had to say by then, there."""


@final
class Walker:
    """Walks one person after the other; another process makes the parts for itself."""

    def __init__(
        self, experiment: Experiment, threads: int, told: Callable[[Step], object] = lambda _: None
    ) -> None:
        """`told` hears of each step, in this process alone."""
        self._experiment, self._threads, self._told = experiment, threads, told

    def __reduce__(self) -> tuple[type["Walker"], tuple[Experiment, int]]:
        return Walker, (self._experiment, self._threads)

    def __call__(self, job: Job) -> Walked:
        """Walk a person. Raises what `walk` and `meet` raise."""
        runtime = Runtime(seed=self._experiment.seed, device=self._experiment.device)
        stations, clock = build_stations(self._experiment, runtime), Clock()
        with pinned(self._threads):
            person = meet(job.person, stations, job.kept)
            steps: list[Step] = []
            for step in walk(stations, {job.person: person}, clock, clips=job.clips):
                steps.append(step)
                self._told(step)
        return Walked(
            job.person,
            steps,
            person.kept(),
            job.base,
            job.since,
            clock.seconds,
            _WORKER,
            next(_TURNS),
            tuple(stations.dataset.notes()),
        )


_WORKER, _TURNS = uuid4().hex, count(1)


@final
class Walks:
    """The walks of a run, each kept in a folder from when it is done until the run is."""

    def __init__(self, run: Path, clips: Sequence[Clip], experiment: str) -> None:
        """Those that the run's directory has already are done.

        `experiment`: the text of what is run. Raises InputError where it was another, or of other
        clips, that those came of.
        """
        self.clips = clips
        self._folder, self._experiment = run / FINISHED, experiment
        whose: dict[str, list[Clip]] = defaultdict(list)
        for clip in clips:
            whose[clip.person].append(clip)
        self._jobs = [Job(person, tuple(their)) for person, their in whose.items()]
        self._places = {
            job.person: self._folder / f"{sha256(job.person.encode()).hexdigest()[:16]}.safetensors"
            for job in self._jobs
        }
        self._clips = {job.person: [one.name for one in job.clips] for job in self._jobs}
        found = ((job.person, self._found(job)) for job in self._jobs)
        self._done = {person: one for person, one in found if one is not None}
        self.watched = sum(len(self._clips[person]) for person in self._done)
        """How many clips were."""

    @property
    def todo(self) -> list[Job]:
        """Who is not walked yet."""
        return [job for job in self._jobs if job.person not in self._done]

    @property
    def done(self) -> list[Walked]:
        """What came of those who are, in the order in which they are met."""
        return [self._done[job.person] for job in self._jobs if job.person in self._done]

    def put(self, walked: Walked) -> None:
        """Keep it, whole or not at all. Raises InputError where it cannot be written."""
        self._folder.mkdir(exist_ok=True)
        write(self._places[walked.person], _packed(walked, self._what(walked.person)))
        self._done[walked.person] = walked
        self.watched += len(self._clips[walked.person])

    def steps(self) -> list[Step]:
        """What was said of the frames of those who are done, in the order of their clips."""
        by_clip: dict[str, list[Step]] = defaultdict(list)
        for one in self._done.values():
            for step in one.steps:
                by_clip[step.clip.name].append(step)
        return [step for clip in self.clips for step in by_clip[clip.name]]

    def notes(self, own: Sequence[str]) -> Sequence[str]:
        """What datasets had to say: this process's `own`, and what others said last."""
        turns = sorted(self._done.values(), key=attrgetter("turn"))
        last = {one.worker: one.notes for one in turns}
        return [*dict.fromkeys([*own, *(note for notes in last.values() for note in notes)])]

    def forget(self) -> None:
        """The run is done: its own files say all that is kept here."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _what(self, person: str) -> str:
        """Of what a walk comes: another one is not taken for it."""
        return json.dumps([self._experiment, self._clips[person]])

    def _found(self, job: Job) -> Walked | None:
        try:
            kept = unpack(content(self._places[job.person], LARGEST))
            if kept.about["person"] != job.person:
                return None
            if kept.about["what"] == self._what(job.person):
                return _unpacked(kept, job)
        except (InputError, OSError, ValueError, TypeError, LookupError, *NONSENSE):
            return None  # not whole, or none of ours: it is done again
        raise InputError(
            self._folder.parent,
            "its settings, data or checkpoints are others than when it was cut off; expected the "
            "very same, or a new run",
        )


def finished(run: Path) -> dict[str, Path]:
    """Who was walked in a run that is not at its end, and the file that says so.

    Raises InputError where one is not as a run writes it.
    """
    found = {}
    for path in sorted((run / FINISHED).glob("*.safetensors")):
        try:
            found[unpack(content(path, LARGEST)).about["person"]] = path
        except (OSError, ValueError, KeyError) as error:
            raise InputError(path, f"is not as a run writes it: {error}") from None
    return found


def _packed(walked: Walked, what: str) -> bytes:
    """`what`: of what it came."""
    order = {name: i for i, name in enumerate(dict.fromkeys(one.clip.name for one in walked.steps))}
    rows = [
        (
            order[step.clip.name], step.time, step.face, _pair(step.pk), _pair(step.memory),
            step.activation, step.units, _pair(step.truth),
        )
        for step in walked.steps
    ]  # fmt: skip
    columns = zip(*rows, strict=True) if rows else [()] * len(COLUMNS)
    table = {
        f"{STEPS}{name}": np.array(column, np.float64)
        for name, column in zip(COLUMNS, columns, strict=True)
    }
    about = {
        "what": what,
        "person": walked.person,
        "clips": json.dumps([*order]),
        "base": str(walked.base),
        "since": walked.since,
        "worker": walked.worker,
        "turn": str(walked.turn),
        "notes": json.dumps(walked.notes),
        "seconds": json.dumps(dict(walked.seconds)),
        "about": json.dumps(dict(walked.kept.about)),
    }
    return pack(evolve(walked.kept, state={**walked.kept.state, **table}, about=about))


def _unpacked(kept: Kept, job: Job) -> Walked:
    """Raises ValueError and its kin where it is none."""
    about = kept.about
    clips = {clip.name: clip for clip in job.clips}
    names = json.loads(about["clips"])
    state = {name: array for name, array in kept.state.items() if not name.startswith(STEPS)}
    table = {name: kept.state[f"{STEPS}{name}"].astype(np.float64) for name in COLUMNS}
    steps = [*_steps(table, [clips[name] for name in names])]
    return Walked(
        job.person,
        steps,
        evolve(kept, state=state, about=json.loads(about["about"])),
        int(about["base"]),
        about["since"],
        json.loads(about["seconds"]),
        about["worker"],
        int(about["turn"]),
        tuple(json.loads(about["notes"])),
    )


def _steps(table: Table, clips: Sequence[Clip]) -> Iterator[Step]:
    for clip, time, face, pk, memory, activation, units, truth in zip(
        *(table[name].tolist() for name in COLUMNS), strict=True
    ):
        yield Step(
            clips[int(clip)], time, bool(face), _affect(pk), _affect(memory), activation,
            int(units), _affect(truth),
        )  # fmt: skip


def _pair(affect: Affect | None) -> tuple[float, float]:
    return (np.nan, np.nan) if affect is None else (affect.arousal, affect.valence)


def _affect(pair: Sequence[float]) -> Affect | None:
    arousal, valence = pair
    return None if np.isnan(arousal) else Affect(arousal, valence)
