"""Aff-Wild2: videos from the web, each frame labelled (Kollias and Zafeiriou 2019)."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from affmem.errors import InputError
from affmem.values import Affect, Clip
from affmem_recordings.config import AffWild2Config
from affmem_recordings.strips import Album, Label, Strip, shown, text

SETS = {"train": ("Train_Set",), "validation": ("Validation_Set", "Val_Set")}
TRACKS = ("VA_Estimation_Challenge", "VA_Set")
"""Where the labels of a set lie, in the newer releases and the first."""
HEADER = "valence,arousal"
NONE = -5.0
"""What stands for both where a frame has no label."""
PICTURES = "cropped_aligned"
"""How folders of faces begin; later parts of the release are folders of their own."""


def listing(config: AffWild2Config) -> Album:
    """The clips of one split by name; `NAME_left` and `NAME_right` are two persons of one video.

    Raises InputError.
    """
    root = config.root.expanduser()
    if not root.is_dir():
        raise InputError(root, "no such folder; see docs/datasets.md for how to get the corpus")
    annotations = _annotations(root, SETS[config.split])
    files = sorted(annotations.glob("*.txt"))
    if not files:
        raise InputError(annotations, "holds no annotation NAME.txt")
    places = [*_places(root)]
    if not places:
        raise InputError(root, f"has no folder {PICTURES} of faces")
    strips = {
        Clip(file.stem, file.stem): Strip(
            next(
                (one / file.stem for one in places if (one / file.stem).is_dir()),
                places[0] / file.stem,
            ),
            partial(labels, file),
            first=1,
            fps=_rate(file.stem) or config.fps,
        )
        for file in files
    }
    return shown(annotations, strips)


def labels(file: Path) -> Mapping[int, Label]:
    """Each frame's label: frame N stands N lines below the first. Raises InputError."""
    lines = text(file).splitlines()
    if "".join(lines[:1]).replace(" ", "").casefold() != HEADER:
        raise InputError(file, f"line 1: {''.join(lines[:1])[:40]}: expected {HEADER}")
    while lines and not lines[-1].strip():
        lines.pop()
    return {n: Label(_affect(file, n + 1, line)) for n, line in enumerate(lines[1:], 1)}


def _affect(file: Path, number: int, line: str) -> Affect | None:
    cells = line.split(",")
    try:
        valence, arousal = map(float, cells)
    except ValueError:
        raise InputError(file, f"line {number}: {line[:40]}: expected {HEADER}") from None
    if NONE in (valence, arousal):
        return None
    for what, value in (("valence", valence), ("arousal", arousal)):
        if not -1 <= value <= 1:  # nan too
            raise InputError(
                file,
                f"line {number}: {what} {value:g}: expected a number in [-1, 1], or -5 for none",
            )
    return Affect(arousal=arousal, valence=valence)


def _rate(name: str) -> float | None:
    """Frames a second, which many names have in second place: `45-24-1280x720_left`."""
    found = re.match(r"\d+-(\d+(?:\.\d+)?)-\d+x\d+", name)
    return float(found[1]) if found and 0 < float(found[1]) < math.inf else None


def _annotations(root: Path, names: Sequence[str]) -> Path:
    """The folder of a set's annotations, at most two folders deep."""
    for folder in (
        root,
        *_folders(root),
        *(two for one in _folders(root) for two in _folders(one)),
    ):
        for track in TRACKS:
            for name in names:
                if (folder / track / name).is_dir():
                    return folder / track / name
    raise InputError(root, f"has no folder {TRACKS[0]}/{names[0]} of annotations")


def _places(root: Path) -> Iterator[Path]:
    """Folders of faces; an archive may hold a folder of its own name."""
    for one in _folders(root):
        if one.name.startswith(PICTURES):
            yield from (two for two in _folders(one) if two.name.startswith(PICTURES))
            yield one


def _folders(root: Path) -> list[Path]:
    return sorted(one for one in root.iterdir() if one.is_dir())
