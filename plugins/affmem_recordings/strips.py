"""Clips that are folders of numbered pictures, each frame with a label of its own."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import final

from attrs import frozen

from affmem.errors import InputError
from affmem.files import MIB, check, content
from affmem.pictures import read
from affmem.values import Affect, Clip, Frame, Unit
from affmem.video import PICTURES
from affmem_recordings.crop import around
from affmem_recordings.recordings import some

LARGEST = 32 * MIB
"""Of an annotation: an hour's lines, or a hundred frames of 68 points, are far below."""
NO_LABEL = "frames have no label"
NO_PICTURE = "labelled frames have no picture"
DAMAGED = "pictures cannot be read, left out"


def text(file: Path) -> str:
    """What an annotation says. Raises InputError where it is none, or larger than any."""
    check(file)
    try:
        return content(file, LARGEST).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(file, "is not UTF-8 text") from None


@frozen
class Label:
    """What an annotation says of one frame."""

    affect: Affect | None
    """None where it says that there is none."""
    box: tuple[float, float, float, float] | None = None
    """Where the face is: x, y, width and height in pixels."""


@frozen
class Strip:
    """Where a clip lies: a folder of pictures called by their number, from `first` on."""

    folder: Path
    labels: Callable[[], Mapping[int, Label]]
    """Each frame's label, by its number. Raises InputError where the annotation has mistakes."""
    first: int
    fps: float


@frozen
class Album:
    """What a corpus says is there: clips in order, each with its strip, and what to know."""

    strips: Mapping[Clip, Strip]
    notes: tuple[str, ...] = ()


@final
class Strips:
    """A dataset of such clips. `listing` is called once, when first asked for clips or notes.

    `notes` counts, of the clips read so far, the frames without a label, the labels without a
    picture and the pictures that cannot be read, and names the first few clips that have any.
    """

    unit: Unit = "frame"

    def __init__(self, listing: Callable[[], Album]) -> None:
        self._list = listing
        self._counts: dict[str, Counter[str]] = {NO_LABEL: Counter(), NO_PICTURE: Counter()}
        self._damaged: dict[str, list[str]] = {}

    @cached_property
    def _album(self) -> Album:
        return self._list()

    def notes(self) -> Sequence[str]:
        counted = [
            f"{counts.total()} {what}, in {len(counts)} clips: {some([*counts])}"
            for what, counts in self._counts.items()
            if counts
        ]
        if damaged := [one for several in self._damaged.values() for one in several]:
            counted.append(f"{len(damaged)} {DAMAGED}: {some(damaged)}")
        return (*self._album.notes, *counted)

    def clips(self) -> Sequence[Clip]:
        return tuple(self._album.strips)

    def frames(self, clip: Clip) -> Iterator[Frame]:
        strip = self._album.strips[clip]
        labels, paths = strip.labels(), pictures(strip.folder)
        told = {n for n, label in labels.items() if label.affect is not None}
        for what, frames in ((NO_LABEL, paths.keys() - told), (NO_PICTURE, told - paths.keys())):
            if frames:
                self._counts[what][clip.name] = len(frames)
        damaged = self._damaged[clip.name] = []
        for number, path in paths.items():
            label = labels.get(number, _NONE)
            try:
                check(path)
                image = read(path)
            except InputError as error:
                damaged.append(str(error))
                continue
            if label.box is not None:
                image = around(image, label.box)
            if not image.size:
                damaged.append(f"{path}: the face is outside of the picture")
                continue
            yield Frame((number - strip.first) / strip.fps, image, label.affect)
        if len(damaged) == len(paths):
            raise InputError(strip.folder, "holds no picture that can be read")


_NONE = Label(None)


def pictures(folder: Path) -> dict[int, Path]:
    """The pictures in a folder whose names are numbers, by number, in its order."""
    found = (
        (int(path.stem), path)
        for path in folder.iterdir()
        if path.stem.isascii() and path.stem.isdigit() and path.suffix.casefold() in PICTURES
    )
    return dict(sorted(found))


def shown(annotations: Path, strips: Mapping[Clip, Strip]) -> Album:
    """The clips that have a picture, and a note that counts the others and names a few.

    Raises InputError where none has.
    """
    there = {
        clip: strip
        for clip, strip in strips.items()
        if strip.folder.is_dir() and pictures(strip.folder)
    }
    missing = [clip.name for clip in strips if clip not in there]
    if not there:
        raise InputError(annotations, f"none of its {len(strips)} clips has pictures")
    if not missing:
        return Album(there)
    lost = f"{len(missing)} of {len(strips)} clips have no pictures, left out: {some(missing)}"
    return Album(there, (lost,))
