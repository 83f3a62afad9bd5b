"""AFEW-VA: clips of films, each frame labelled (Kossaifi et al. 2017)."""

import json
import math
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from affmem.errors import InputError
from affmem.values import Affect, Clip
from affmem_recordings.config import AFEWVAConfig
from affmem_recordings.strips import Album, Label, Strip, shown, text

SCALE = 10
"""Valence and arousal are whole numbers in [-10, 10] there."""
FAR = 1e6
"""Pixels; no point lies further off."""


def listing(config: AFEWVAConfig) -> Album:
    """The clips in the order of their numbers; a person is an actor. Raises InputError."""
    root = config.root.expanduser()
    if not root.is_dir():
        raise InputError(root, "no such folder; see docs/datasets.md for how to get the corpus")
    files = [
        file
        for pattern in ("*/*.json", "*/*/*.json")  # unpacked together, or each archive by itself
        for file in root.glob(pattern)
        if file.stem == file.parent.name
    ]
    if not files:
        raise InputError(root, "holds no annotation NNN/NNN.json of AFEW-VA")
    strips: dict[Clip, Strip] = {}
    found: dict[str, Path] = {}
    for file in sorted(files, key=lambda one: (len(one.stem), one.stem, one)):
        if (before := found.setdefault(file.stem, file)) != file:
            raise InputError(file, f"clip {file.stem} is also in {before}")
        actor = _read(file).get("actor")
        person = actor.strip() if isinstance(actor, str) else ""
        strips[Clip(file.stem, person or file.stem)] = Strip(
            file.parent, partial(labels, file), first=0, fps=config.fps
        )
    return shown(root, strips)


def labels(file: Path) -> Mapping[int, Label]:
    """Each frame's label, in [-1, 1], and the box of its 68 points. Raises InputError."""
    frames = _read(file).get("frames")
    if not isinstance(frames, dict) or not frames:
        raise InputError(file, "frames: expected a table of frames by number")
    found: dict[int, Label] = {}
    for name, frame in frames.items():
        if not (name.isascii() and name.isdigit() and len(name) < 10):
            raise InputError(file, f"frame {name}: expected a number")
        if not isinstance(frame, dict):
            raise InputError(file, f"frame {name}: expected a table")
        arousal, valence = (_scaled(file, name, one, frame) for one in ("arousal", "valence"))
        found[int(name)] = Label(Affect(arousal, valence), _box(file, name, frame))
    return found


def _read(file: Path) -> dict[str, Any]:
    said = text(file)
    try:
        read = json.loads(said)
    except json.JSONDecodeError as error:
        raise InputError(file, f"line {error.lineno}: is not JSON ({error.msg})") from None
    except (RecursionError, ValueError) as error:
        raise InputError(file, f"is not JSON ({error})") from None
    if not isinstance(read, dict):
        raise InputError(file, "expected a table with actor and frames")
    return read


def _number(value: object) -> float:
    """nan for what is no number, or one that no picture and no label has."""
    numeric = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if numeric and abs(value) <= FAR else math.nan  # type: ignore[arg-type]


def _scaled(file: Path, name: str, what: str, frame: Mapping[str, Any]) -> float:
    if what not in frame:
        raise InputError(file, f"frame {name}: has no {what}")
    number = _number(frame[what])
    if not -SCALE <= number <= SCALE:
        raise InputError(
            file, f"frame {name}: {what} {frame[what]!r:.40}: expected a number in [-10, 10]"
        )
    return number / SCALE


def _box(
    file: Path, name: str, frame: Mapping[str, Any]
) -> tuple[float, float, float, float] | None:
    """Around the points; None where there are none, or they lie in a line."""
    points = frame.get("landmarks")
    if not points:
        return None
    try:
        xs, ys = ([_number(point[axis]) for point in points] for axis in (0, 1))
    except (TypeError, LookupError):
        xs, ys = [math.nan], []
    if any(map(math.isnan, (*xs, *ys))):
        raise InputError(file, f"frame {name}: landmarks: expected pairs of numbers")
    box = (min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys))
    return box if min(box[2:]) > 0 else None
