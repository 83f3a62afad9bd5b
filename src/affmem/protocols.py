"""What each kind of part can do, in the fewest verbs that the road calls.

A part is made by its config: a frozen attrs class whose fields are the part's settings in TOML.
`build` may import what is heavy; nothing else of a config may.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from attrs import frozen

from affmem.values import (
    Affect,
    Affects,
    Card,
    Clip,
    Code,
    Codes,
    Face,
    Faces,
    Found,
    Frame,
    Image,
    Kept,
    MapOf,
    Maps,
    Reading,
    State,
    Unit,
    Values,
)


@frozen
class Runtime:
    """Where a part runs, and the seed of all that it draws.

    Each part draws from its own named stream, so that swapping one part leaves the draws of the
    others alone.

    >>> Runtime(seed=1).rng("memory").integers(100) == Runtime(seed=1).rng("memory").integers(100)
    np.True_
    """

    seed: int = 0
    device: str = "cpu"

    def rng(self, name: str) -> np.random.Generator:
        """A fresh generator of the stream `name`; the same name and seed give the same numbers."""
        return np.random.default_rng([self.seed, *name.encode()])


# --- the stations of the road ---------------------------------------------------------------


@runtime_checkable
class Dataset(Protocol):
    """Clips of persons, and their frames: the same ones whenever they are asked for."""

    @property
    def unit(self) -> Unit:
        """What its labels belong to."""
        ...

    def notes(self) -> Sequence[str]:
        """What a user should know of these data, a line each (clips missing, drawn faces).

        There may be more of them once frames were read.
        """
        ...

    def clips(self) -> Sequence[Clip]:
        """All clips, each with a name of its own, in the order in which they are to be seen.

        Opens none of them.
        """
        ...

    def frames(self, clip: Clip) -> Iterator[Frame]:
        """The frames of one clip, in time order. Raises InputError where it cannot be read."""
        ...


@runtime_checkable
class Endless(Dataset, Protocol):
    """A dataset that can also make faces without end, none of them of a person in its clips."""

    def fresh(self, number: int) -> Frame:
        """The labelled face `number`, from 0: the same one whenever it is asked for."""
        ...


@runtime_checkable
class Contest(Dataset, Protocol):
    """A dataset of a challenge, which has a form of its own for predictions."""

    def predictions(self, read: Mapping[str, Affect]) -> str:
        """The text of its file, `read` being what was read of clips, by name (some may lack).

        Where the form asks for what was not read, `notes` says afterwards what stands in.
        """
        ...


@runtime_checkable
class FaceFinder(Protocol):
    """Finds the largest face and aligns it (`affmem.alignment`)."""

    def find(self, images: Iterable[Image]) -> Iterator[Face | None]:
        """The face of each image of one stream, in order: exactly one answer an image.

        None where there is no face. Answers as it goes: it reads no image before it has to. Other
        streams, at the same time or before, make no difference.
        """
        ...


@runtime_checkable
class Following(Protocol):
    """The faces of one stream of pictures, as they come."""

    def see(self, image: Image) -> Sequence[Found]:
        """The faces of the next picture, the largest first.

        No two have one number; once a face is followed no more, its number is not used again.
        """
        ...


@runtime_checkable
class Follower(FaceFinder, Protocol):
    """A face finder that can also follow several faces at once."""

    def follow(self) -> Following:
        """Follow the faces of a new stream; other streams make no difference to it."""
        ...


@runtime_checkable
class Encoder(Protocol):
    """Faces to codes. Pure; alone or in a batch a face has the same code, to within rounding."""

    def encode(self, faces: Faces) -> Codes:
        """A finite code for each face. Raises ValueError where they are no [n, 3, 96, 96]."""
        ...


@runtime_checkable
class Explainable(Encoder, Protocol):
    """An encoder that can also say where in a face it looks. Pure."""

    def explain(self, faces: Faces, of: MapOf) -> Maps:
        """A map of each face; its greatest value is 1, unless all of it is 0.

        Raises PluginError where this kind of map cannot be had.
        """
        ...


@runtime_checkable
class Reader(Protocol):
    """Codes to affect: what prior knowledge alone says (D_em of P§2.1.2).

    Pure; alone or in a batch a code is read alike, to within rounding.
    """

    def read(self, codes: Codes) -> Affects:
        """The affect of each code, in [-1, 1]. Raises ValueError where they are no [n, d]."""
        ...


@runtime_checkable
class Editor(Protocol):
    """Redraws a face with another affect (G(E(x), y) of P§2.1).

    Pure; whatever else is asked for beside it, an affect gives the same edit, to within rounding.
    """

    def edit(self, face: Face, affects: Affects) -> Faces:
        """The face once for each affect asked for. Raises ValueError where they are no [n, 2]."""
        ...


@runtime_checkable
class LatentEditor(Editor, Protocol):
    """An editor that can also say, without drawing them, which codes its edits have. Pure.

    T(z, y) = E(G(z, y)), of one encoder E. Whatever else is asked for beside it, an affect gives
    the same code, to within rounding.
    """

    def check_encoder(self, encoder: Encoder) -> None:
        """Raises UserError, with the reason, unless the codes that it says are this encoder's."""
        ...

    def edit_codes(self, code: Code, affects: Affects) -> Codes:
        """The code of each edit [n, d] of the face whose code is given [1, d].

        Raises ValueError where they are no [1, d] and [n, 2].
        """
        ...


@runtime_checkable
class Memory(Protocol):
    """Of one person. Only `begin`, `partial_fit` and `restore` change it.

    The room that it takes, and the time that a row takes, grow no faster than its units.
    One that has an attribute `takes_edits` which is false learns from a person's own faces alone:
    none is redrawn for it.
    """

    def begin(self) -> None:
        """A new clip starts: forget what came just before, keep what was learnt, every unit."""
        ...

    def partial_fit(self, codes: Codes, affects: Affects | None = None) -> None:
        """Learn the rows strictly in order; None, or a NaN row, is an unlabelled frame.

        At once or in parts they teach the same, to within rounding. Raises ValueError, and learns
        nothing, where they are no [n, d], a code is not finite, a width differs from the first one
        seen, or the two lengths differ.
        """
        ...

    def predict(self, codes: Codes) -> Reading:
        """What it says of each code; NaN affects as long as it knows nothing. Changes nothing.

        Alone or in a batch a code is read alike, to within rounding. Raises ValueError where they
        are no [n, d], a code is not finite, or a width differs from the first one seen.
        """
        ...

    def __len__(self) -> int:
        """The number of its units."""
        ...

    def state(self) -> State:
        """All that it has learnt, as arrays (copies) that a safetensors file can hold."""
        ...

    def restore(self, state: State) -> None:
        """Become the memory whose `state()` this is: it goes on as that one would, bit for bit.

        Copies the arrays. Raises ValueError, and changes nothing, where it is none.
        """
        ...


@runtime_checkable
class Metric(Protocol):
    """How well one dimension of affect was predicted."""

    @property
    def better(self) -> Literal["higher", "lower"]:
        """Which way is better."""
        ...

    def __call__(self, truth: Values, predicted: Values) -> float:
        """The figure; NaN where it is undefined, as of no values, and where a value is NaN.

        No prediction is better than the truth itself. Raises ValueError where the two are not of
        one length.
        """
        ...


@runtime_checkable
class Reporter(Protocol):
    """Turns a finished run directory into something to look at."""

    def write(self, run: Path) -> Path:
        """Write the report into `run` and return its path.

        A run holds pictures of faces only if the reporter's settings have a `faces`, and it is
        true. Raises InputError, and writes nothing, if `run` is no run.
        """
        ...


@runtime_checkable
class Maker(Protocol):
    """Makes a dataset on disk: the same files with the same settings."""

    def make(self, folder: Path, progress: Callable[[int, int], None]) -> None:
        """Write it to `folder`, whole or not at all; tell progress as (done, of) to the end."""
        ...


@runtime_checkable
class Tracker(Protocol):
    """Watches a training; whatever it does, the same is learnt. It changes nothing it is told.

    A training that goes on after it was cut off begins anew for it, and may tell a step again: what
    is told then takes the place of all that was told of that step and later ones.
    """

    def begin(self, folder: Path, text: str) -> None:
        """A training begins, or goes on, in `folder`; `text` is the whole of it as TOML."""
        ...

    def figures(self, step: int, figures: Mapping[str, float]) -> None:
        """What was measured at a step, by name; steps rise. A figure may be NaN."""
        ...

    def picture(self, step: int, name: str, image: Image) -> None:
        """A picture made at a step, after its figures."""
        ...

    def end(self) -> None:
        """It is finished, or was left; nothing more is told."""
        ...


@runtime_checkable
class MemoryStore(Protocol):
    """Keeps persons' memories from one run to the next; several processes may use one at a time.

    Every call is whole or absent, whenever the process ends, and is on the disk when it returns.
    A name is any text of 1 to 200 printable characters. Each call raises StoreError where the
    store cannot be used (no permission, no space, a wrong key).
    """

    def people(self) -> Sequence[Card]:
        """Everyone who is kept, by name, the expired too."""
        ...

    def card(self, person: str) -> Card | None:
        """A person's card as `people` lists it; None where nobody of this name is kept.

        The time that it takes does not grow with the number of persons.
        """
        ...

    def load(self, person: str) -> tuple[Kept, int] | None:
        """A person's memory, bit for bit as it was saved, and its version; None where none is kept.

        Raises StoreError where it has expired, or is not what was saved.
        """
        ...

    def save(self, person: str, kept: Kept, base: int) -> int:
        """Keep it in place of version `base`, 0 for none; returns its version, above all earlier.

        Raises ConflictError, and keeps nothing, where another version than `base` is kept: someone
        else saved, renamed or erased this person since. Raises StoreError where they have expired.
        """
        ...

    def erase(self, person: str) -> None:
        """Forget all of a person: every version, consent, name. StoreError where there is none."""
        ...

    def erase_expired(self) -> Sequence[str]:
        """Erase everyone who has expired; returns who it was. Cheap where nobody has."""
        ...

    def rename(self, old: str, new: str) -> None:
        """All of `old` is `new`'s from now on. StoreError where `old` is not there or `new` is."""
        ...

    def consent(self, person: str, given: datetime | None, expires: datetime | None) -> None:
        """Note when consent was given, and until when; for someone new too, before any memory.

        Raises ValueError where a time has no time zone.
        """
        ...

    def close(self) -> None:
        """Let go of it; nothing more is asked."""
        ...


@runtime_checkable
class Backend(Protocol):
    """Processes, on this machine or on others, that do work (`affmem.parallel`)."""

    @property
    def threads(self) -> int:
        """On how many threads each job computes: the same wherever it is done."""
        ...

    @property
    def lost(self) -> tuple[type[Exception], ...]:
        """What a job's future raises, besides BrokenExecutor, whose process was lost, not wrong."""
        ...

    def workers(self, jobs: int) -> int:
        """How many of so many jobs are done at a time; 1: by the process that asks, and no other.

        Of a cluster that other people share, as many as may be under way.
        """
        ...

    def started(self, workers: int) -> AbstractContextManager[Executor]:
        """What does the work. At the block's end nothing that it started is left.

        What is given to it and what comes back is pickled; jobs may start in any order. Raises
        PluginError without what it needs, UserError where a cluster cannot be reached.
        """
        ...


# --- and what makes them --------------------------------------------------------------------


@runtime_checkable
class DatasetConfig(Protocol):
    """Settings of a dataset.

    One whose clips or frames may have an `emotion` has a class attribute `has_emotions`, True.
    """

    def build(self, runtime: Runtime) -> Dataset: ...


@runtime_checkable
class FaceFinderConfig(Protocol):
    """Settings of a face finder."""

    def build(self, runtime: Runtime) -> FaceFinder: ...


@runtime_checkable
class EncoderConfig(Protocol):
    """Settings of an encoder."""

    def build(self, runtime: Runtime) -> Encoder: ...


@runtime_checkable
class ReaderConfig(Protocol):
    """Settings of a reader."""

    def build(self, runtime: Runtime) -> Reader: ...


@runtime_checkable
class EditorConfig(Protocol):
    """Settings of an editor."""

    def build(self, runtime: Runtime) -> Editor: ...


@runtime_checkable
class MemoryConfig(Protocol):
    """Settings of a memory."""

    def build(self, runtime: Runtime) -> Memory: ...


@runtime_checkable
class MetricConfig(Protocol):
    """Settings of a metric."""

    def build(self, runtime: Runtime) -> Metric: ...


@runtime_checkable
class ReporterConfig(Protocol):
    """Settings of a reporter."""

    def build(self, runtime: Runtime) -> Reporter: ...


@runtime_checkable
class TrackerConfig(Protocol):
    """Settings of a tracker."""

    def build(self, runtime: Runtime) -> Tracker: ...


@runtime_checkable
class StoreConfig(Protocol):
    """Settings of a memory store; `build` opens it, and makes it where there is none yet."""

    def build(self, runtime: Runtime) -> MemoryStore: ...


@runtime_checkable
class BackendConfig(Protocol):
    """Settings of a backend; `build` starts nothing."""

    def build(self, runtime: Runtime) -> Backend: ...


@runtime_checkable
class MakerConfig(Protocol):
    """Settings of a maker; `--persons 12` on the command line is `persons = 12` here."""

    def build(self, runtime: Runtime) -> Maker: ...
