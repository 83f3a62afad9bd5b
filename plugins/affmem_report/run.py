"""A run directory as frozen values.

    run.json         what was run, with what, on what
    experiment.toml  the resolved experiment
    metrics.json     the figures, with 95 % intervals over persons
    timing.json      where the time went
    frames.csv       what was said of each frame, in the order seen
    utterances.csv   the same, averaged over each clip
    edits/           some persons' faces, redrawn over the plane of affect; only where asked for

A finished run has all of them; of an interrupted or failed one, what is there is read.
"""

import csv
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

import numpy as np
import numpy.typing as npt
from attrs import field, frozen
from cattrs import Converter, transform_error
from cattrs.gen import make_dict_structure_fn, override
from jaxtyping import Bool, Float64

from affmem import cells
from affmem.errors import InputError
from affmem.files import MIB, content, from_json, inside, reason
from affmem.values import Unit

FORMAT = 1
MOST = 256 * MIB
"""Of each file; ten hours of video at 25 frames a second are a tenth of it."""
SYSTEMS = {"pk": "PK", "p-affmem": "P-AffMem"}
"""The systems that every run compares, as its files and as its report name them."""

Series = Float64[npt.NDArray[np.float64], " n"]
Table = Float64[npt.NDArray[np.float64], "n 2"]
"""Columns arousal, valence; NaN where there is none."""
Pair = Float64[npt.NDArray[np.float64], "2"]
"""Arousal, valence; NaN where there is none."""


# --- the JSON files -------------------------------------------------------------------------


@frozen
class Figure:
    """A figure (or a difference of two) with its 95 % interval; None where it is undefined."""

    value: float | None = None
    low: float | None = None
    high: float | None = None


ByDimension = Mapping[str, Figure]
BySystem = Mapping[str, ByDimension]


@frozen
class Metrics:
    """What metrics.json holds. `systems` and `gain` are in the metric that `headline` names."""

    unit: Unit
    persons: int
    frames: int
    scored: int
    systems: BySystem
    gain: ByDimension = field(factory=dict)
    headline: str = "ccc"
    better: Mapping[str, Literal["higher", "lower"]] = field(factory=dict)
    by_person: BySystem = field(factory=dict)
    metrics: Mapping[str, BySystem] = field(factory=dict)


@frozen
class Timing:
    """What timing.json holds."""

    seconds: Mapping[str, float]
    total_seconds: float
    frames: int
    frames_per_second: float | None = None
    peak_memory_mib: float | None = None


@frozen
class About:
    """What run.json holds."""

    format: int
    status: Literal["finished", "interrupted", "failed", "running"]
    started: str = ""
    finished: str | None = None
    affmem: str = ""
    seed: int | None = None
    machine: Mapping[str, Any] = field(factory=dict)
    versions: Mapping[str, str] = field(factory=dict)
    notes: Sequence[str] = ()
    parts: Mapping[str, str | None] = field(factory=dict)


# --- the tables -----------------------------------------------------------------------------


@frozen(eq=False)
class Clip:
    """One utterance of a person, with the readings averaged over it."""

    name: str
    frames: int
    faces: int
    truth: Pair
    pk: Pair
    memory: Pair


@frozen(eq=False)
class Frames:
    """What was said of each frame of one person, in the order seen."""

    clip: tuple[str, ...]
    time: Series
    face: Bool[npt.NDArray[np.bool_], " n"]
    truth: Table
    pk: Table
    memory: Table
    activation: Series
    units: Series


@frozen(eq=False)
class Edits:
    """A person's face, and a sheet of it redrawn with each of `affects` (row-major)."""

    sheet: Path
    face: Path | None
    affects: tuple[tuple[float, float], ...]
    columns: int


@frozen(eq=False)
class Person:
    """All that a run says of one person."""

    name: str
    frames: Frames
    clips: tuple[Clip, ...]
    edits: Edits | None = None


@frozen(eq=False)
class Run:
    """A run, as its directory tells it; None is a file that an unfinished run lacks."""

    folder: Path
    about: About
    experiment: str | None
    metrics: Metrics | None
    timing: Timing | None
    persons: tuple[Person, ...]
    lacking: tuple[str, ...] = ()


# --- reading --------------------------------------------------------------------------------

T = TypeVar("T")
PAIRS = ("truth", "pk", "memory")
NUMBERS = tuple(f"{who}_{what}" for who in PAIRS for what in ("arousal", "valence"))
FRAME_NUMBERS = ("time", "face", "activation", "units", *NUMBERS)
CLIP_NUMBERS = ("frames", "faces", *NUMBERS)


def read(folder: Path) -> Run:
    """The run in `folder`. Raises InputError, in one line, where it is none or a file is broken."""
    path = folder / "run.json"
    if not path.is_file():
        said = "no such folder" if not folder.exists() else "is a file; expected a run directory"
        if folder.is_dir():
            said = "not a run directory: it has no run.json"
        raise InputError(folder, said)
    about = _json(path, About)
    if about.format != FORMAT:
        raise InputError(path, f"format {about.format}; this version reads format {FORMAT}")
    whole = about.status == "finished"
    names = ("experiment.toml", "metrics.json", "timing.json", "frames.csv", "utterances.csv")
    lacking = tuple(name for name in names if not (folder / name).is_file())
    if whole and lacking:
        raise InputError(folder / lacking[0], "missing, though the run is finished")
    has = {name: name not in lacking for name in names}
    return Run(
        folder=folder,
        about=about,
        experiment=_text(folder / names[0]) if has[names[0]] else None,
        metrics=_json(folder / names[1], Metrics) if has[names[1]] else None,
        timing=_json(folder / names[2], Timing) if has[names[2]] else None,
        persons=_persons(folder, has["frames.csv"], has["utterances.csv"]),
        lacking=lacking,
    )


def _text(path: Path) -> str:
    try:
        return content(path, MOST).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(path, reason(error)) from None


def _json(path: Path, kind: type[T]) -> T:
    found = from_json(path, MOST, constant=lambda _: None)  # NaN is "undefined" here
    try:
        return _converter().structure(found, kind)
    except Exception as error:  # noqa: BLE001  (cattrs raises whatever a field's type raises)
        lines = transform_error(error, path="", format_exception=lambda e, _kind: reason(e))
        raise InputError(path, "; ".join(lines)) from None


def _converter() -> Converter:
    made = Converter()
    made.register_structure_hook(float, lambda value, _kind: _number(value))
    made.register_structure_hook(int, lambda value, _kind: _whole(value))
    made.register_structure_hook(str, lambda value, _kind: _string(value))
    made.register_structure_hook(Figure, lambda value, _kind: _figure(value))
    renamed = override(rename="mean over persons")
    made.register_structure_hook(Metrics, make_dict_structure_fn(Metrics, made, by_person=renamed))
    return made


def _figure(value: Mapping[str, object]) -> Figure:
    """A figure of metrics.json: its value stands under its metric's name."""
    values = {key: None if one is None else _number(one) for key, one in value.items()}
    low, high = values.pop("low", None), values.pop("high", None)
    if len(values) != 1:
        raise ValueError(f"expected one value beside low and high, got {sorted(values)}")
    (middle,) = values.values()
    return Figure(middle, low, high)


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"expected a number, got {value!r}")
    if not math.isfinite(value):
        raise ValueError("expected a finite number")
    return float(value)


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"expected a whole number, got {value!r}")
    return value


def _string(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"expected text, got {value!r}")
    return value


def _rows(path: Path, numbers: Sequence[str]) -> Iterator[tuple[str, str, list[float]]]:
    """Clip, person and the numbers of each row; an empty cell is NaN."""
    lines = csv.reader(io.StringIO(_text(path), newline=""))
    try:
        header = next(lines, [])
        lacking = [name for name in ("clip", "person", *numbers) if name not in header]
        if lacking:
            raise InputError(path, f"no column {lacking[0]!r}")
        clip, person = header.index("clip"), header.index("person")
        at = [header.index(name) for name in numbers]
        for row in lines:
            if len(row) != len(header):
                problem = f"line {lines.line_num}: {len(row)} cells under {len(header)} headings"
                raise InputError(path, problem)
            try:
                values = [_cell(row[i]) for i in at]
            except ValueError as error:
                raise InputError(path, f"line {lines.line_num}: {reason(error)}") from None
            yield cells.read(row[clip]), cells.read(row[person]), values
    except csv.Error as error:
        raise InputError(path, f"line {lines.line_num}: {error}") from None


def _cell(text: str) -> float:
    value = float(text) if text else math.nan
    if math.isinf(value):
        raise ValueError(f"expected a finite number, got {text!r}")
    return value


def _persons(folder: Path, has_frames: bool, has_clips: bool) -> tuple[Person, ...]:  # noqa: FBT001
    frames: dict[str, tuple[list[str], list[list[float]]]] = {}
    clips: dict[str, list[Clip]] = {}
    if has_frames:
        for clip, person, values in _rows(folder / "frames.csv", FRAME_NUMBERS):
            if math.isnan(values[0]):
                raise InputError(folder / "frames.csv", f"clip {clip!r}: a frame without a time")
            names, rows = frames.setdefault(person, ([], []))
            names.append(clip)
            rows.append(values)
    if has_clips:
        for clip, person, values in _rows(folder / "utterances.csv", CLIP_NUMBERS):
            clips.setdefault(person, []).append(_clip(clip, values))
    edits = _edits(folder)
    return tuple(
        Person(
            name=name,
            frames=_frames(*frames.get(name, ([], []))),
            clips=tuple(clips.get(name, ())),
            edits=edits.get(name),
        )
        for name in dict.fromkeys([*frames, *clips])
    )


def _clip(name: str, values: Sequence[float]) -> Clip:
    frames, faces = (0 if math.isnan(value) else int(value) for value in values[:2])
    pairs = np.array(values[2:], np.float64).reshape(3, 2)
    return Clip(name, frames, faces, *pairs)


def _frames(clips: Sequence[str], rows: Sequence[Sequence[float]]) -> Frames:
    table = np.array(rows, np.float64).reshape(len(rows), len(FRAME_NUMBERS))
    time, face, activation, units = table[:, :4].T
    truth, pk, memory = (table[:, at : at + 2] for at in (4, 6, 8))
    return Frames(tuple(clips), time, face > 0, truth, pk, memory, activation, units)


def _edits(folder: Path) -> dict[str, Edits]:
    """The edits of each person who has some."""
    path = folder / "edits" / "edits.json"
    if not path.is_file():
        return {}
    found = from_json(path, MOST)
    if not isinstance(found, list):
        raise InputError(path, "expected a list")
    try:
        return {entry["person"]: _one_edit(folder, entry) for entry in found}
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(path, f"not as a run writes it: {type(error).__name__}: {error}") from None


def _one_edit(folder: Path, entry: Mapping[str, object]) -> Edits:
    affects = cast(Sequence[Sequence[float]], entry["affects"])
    face = entry.get("face")
    return Edits(
        sheet=_inside(folder, str(entry["file"])),
        face=_inside(folder, str(face)) if face else None,
        affects=tuple((float(arousal), float(valence)) for arousal, valence in affects),
        columns=_whole(entry["columns"]),
    )


def _inside(folder: Path, name: str) -> Path:
    """`name` in `folder`. Raises InputError where there is no such file, or it lies elsewhere."""
    path = inside(folder, folder / name)
    if not path.is_file():
        raise InputError(path, "missing, though edits.json names it")
    return path
