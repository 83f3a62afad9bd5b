"""What a dataset holds, what of it cannot be read, and what in it looks wrong."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import blake2b
from itertools import islice
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt
from attrs import Factory, define

from affmem.errors import InputError
from affmem.protocols import Dataset
from affmem.values import DIMENSIONS, Affect, Clip

FRAMES = 25
"""How many frames of a clip a quick check reads: the first second."""
CELLS = 8
"""Labels are counted in so many cells along each dimension."""
EDGES = np.linspace(-1, 1, CELLS + 1)
SHORT, LONG = 0.5, 60.0
"""Seconds; a clip that is shorter, or longer, is named."""
SMALL = 48
"""Pixels; a clip all of whose frames are narrower or lower is named."""
FLAT = 2.0
"""Grey levels; a clip none of whose frames varies by so much shows nothing."""
ALIKE = {"frame": 25, "utterance": 3}
"""So many labels that are all the same, of a clip's frames or a person's clips, look wrong."""
SPARSE = 8
"""Every so manieth row and column of a frame is compared."""
FEW = 3
SUSPICIOUS = {
    "short": f"clips shorter than {SHORT:g} s",
    "long": f"clips longer than {LONG:g} s",
    "small": f"clips smaller than {SMALL} pixels",
    "flat": "clips of one colour",
    "constant": "clips or persons whose labels are all the same",
    "twins": "groups of clips with the same pictures",
}
"""What may be wrong with clips (or persons), and how it is said."""

Facts = dict[str, Any]


@define
class _Labels:
    """Labels as they come: how many in which cell, and their range."""

    cells: npt.NDArray[np.int64] = Factory(lambda: np.zeros((CELLS, CELLS), np.int64))
    """Rows: arousal from -1 up; columns: valence from -1 up."""
    low: npt.NDArray[np.float64] = Factory(lambda: np.full(2, np.inf))
    high: npt.NDArray[np.float64] = Factory(lambda: np.full(2, -np.inf))
    total: npt.NDArray[np.float64] = Factory(lambda: np.zeros(2))

    def add(self, affect: Affect) -> None:
        pair = np.array([affect.arousal, affect.valence])
        row, column = np.searchsorted(EDGES[1:-1], pair, side="right")
        self.cells[row, column] += 1
        self.low, self.high = np.minimum(self.low, pair), np.maximum(self.high, pair)
        self.total += pair


@define
class _Group:
    """What is known of the labels of a clip's frames, or of a person's clips."""

    first: Affect
    count: int = 0
    same: bool = True

    def add(self, affect: Affect) -> None:
        self.count += 1
        self.same &= affect == self.first


@define
class _Seen:
    """One clip, read."""

    frames: int = 0
    labels: list[Affect] = Factory(list)
    """Of its frames; of an utterance, the first one's."""
    seconds: float | None = None
    """None where there is one frame, or not all were read."""
    digest: bytes = b""
    small: bool = True
    flat: bool = True
    """Whether all of its frames are."""


def inspect(dataset: Dataset, told: Callable[[int, int], None], *, quick: bool = False) -> Facts:
    """Read every clip and count; `told(done, of)` hears of each. Quick: its first second alone.

    Raises InputError where the clips cannot be listed; a clip that cannot be read is among the
    facts. Asks nothing of a dataset that is not in its protocol.
    """
    clips = dataset.clips()
    labels = _Labels()
    seconds: dict[str, float] = {}
    names: dict[str, list[str]] = {one: [] for one in SUSPICIOUS}
    groups: dict[str, _Group] = {}
    twins: dict[bytes, list[str]] = {}
    unreadable, empty, frames, labelled = [], [], 0, 0
    for done, clip in enumerate(clips):
        told(done, len(clips))
        try:
            seen = _read(dataset, clip, quick=quick)
        except InputError as error:
            unreadable.append(str(error))
            continue
        frames += seen.frames
        if not seen.frames:
            empty.append(clip.name)
            continue
        labelled += bool(seen.labels)
        group = clip.name if dataset.unit == "frame" else clip.person
        for affect in seen.labels:
            labels.add(affect)
            groups.setdefault(group, _Group(affect)).add(affect)
        if seen.seconds is not None:
            seconds[clip.name] = seen.seconds
        for what in ("small", "flat"):
            if getattr(seen, what):
                names[what].append(clip.name)
        if not quick:
            twins.setdefault(seen.digest, []).append(clip.name)
    told(len(clips), len(clips))
    names["short"] = [name for name, one in seconds.items() if one < SHORT]
    names["long"] = [name for name, one in seconds.items() if one > LONG]
    names["twins"] = [" = ".join(several) for several in twins.values() if len(several) > 1]
    enough = ALIKE[dataset.unit]
    names["constant"] = [name for name, of in groups.items() if of.count >= enough and of.same]
    return {
        "unit": dataset.unit,
        "persons": len({clip.person for clip in clips}),
        "clips": len(clips),
        "clips with a label": labelled,
        "frames": frames,
        "labels": int(labels.cells.sum()),
        **_ranges(labels),
        "labels over the plane": labels.cells.tolist(),
        "seconds": _spread([*seconds.values()]),
        "suspicious": {what: several for what, several in names.items() if several},
        "clips without a frame": empty,
        "unreadable": unreadable,
        "note": list(dataset.notes()),
    }


def _read(dataset: Dataset, clip: Clip, *, quick: bool) -> _Seen:
    seen, times, digest = _Seen(), [0.0, 0.0], blake2b(digest_size=16)
    for frame in islice(dataset.frames(clip), FRAMES if quick else None):
        if not seen.frames:
            times[0] = frame.time
        times[1] = frame.time
        seen.frames += 1
        label = frame.affect or clip.affect
        if label is not None and (dataset.unit == "frame" or not seen.labels):
            seen.labels.append(label)
        some = np.ascontiguousarray(frame.image[::SPARSE, ::SPARSE])
        digest.update(some.tobytes())
        if some.size:  # a frame may be empty: somebody out of sight
            seen.flat &= float(some.std()) < FLAT
            seen.small &= min(frame.image.shape[:2]) < SMALL
    seen.digest = digest.digest()
    if not quick and times[1] > times[0]:  # the last frame lasts as long as the others
        seen.seconds = (times[1] - times[0]) * seen.frames / (seen.frames - 1)
    return seen


def _ranges(labels: _Labels) -> Facts:
    count = labels.cells.sum()
    return {
        f"{name} of labels": f"{labels.low[i]:+.2f} to {labels.high[i]:+.2f}, "
        f"mean {labels.total[i] / count:+.2f}"
        for i, name in enumerate(DIMENSIONS)
        if count
    }


def _spread(seconds: Sequence[float]) -> Facts | None:
    if not seconds:
        return None
    named = {
        "shortest": min(seconds), "median": median(seconds), "longest": max(seconds),
        "in all": sum(seconds),
    }  # fmt: skip
    return {name: round(one, 3) for name, one in named.items()}


# --- as text ----------------------------------------------------------------------------------


def text(facts: Mapping[str, Any]) -> Iterator[str]:
    """The facts, a line each; of what is suspicious, the first few names."""
    for key, value in facts.items():
        if key == "labels over the plane":
            if facts["labels"]:
                yield from plane(value)
        elif key == "seconds":
            if value:
                yield "seconds: " + ", ".join(f"{one:g} {name}" for name, one in value.items())
        elif key == "suspicious":
            for what, names in value.items():
                yield f"suspicious: {said(what, names)}"
        elif isinstance(value, list):
            yield from (f"{key}: {line}" for line in value)
        else:
            yield f"{key}: {value}"


def said(what: str, names: Sequence[str]) -> str:
    """What is suspicious, of how many, and the first few of them.

    >>> said("short", ["a", "b", "c", "d"])
    '4 clips shorter than 0.5 s: a, b, c, ...'
    """
    dots = ", ..." if len(names) > FEW else ""
    return f"{len(names)} {SUSPICIOUS[what]}: {', '.join(names[:FEW])}{dots}"


def plane(cells: Sequence[Sequence[int]]) -> Iterator[str]:
    """How many labels lie where: arousal falls from line to line, valence rises along a line."""
    width = max(6, *(len(str(one)) + 1 for row in cells for one in row))
    yield "labels over the plane (down: arousal from; across: valence from):"
    yield " " * 6 + "".join(f"{edge:+{width}.2f}" for edge in EDGES[:-1])
    for edge, row in zip(EDGES[-2::-1], cells[::-1], strict=True):
        yield f"{edge:+6.2f}" + "".join(f"{one or '.':>{width}}" for one in row)
