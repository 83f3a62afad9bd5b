"""AffectNet's photographs in both of its releases (Mollahosseini, Hasani and Mahoor 2017).

The old one has a table with a row for each face, the new one two small arrays beside each picture.
"""

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import final

import numpy as np
from attrs import frozen

from affmem.emotions import place
from affmem.errors import InputError
from affmem.files import check, inside
from affmem.pictures import read
from affmem.protocols import Dataset
from affmem.values import Affect, Clip, Frame, Unit
from affmem_recordings.config import AffectNetConfig
from affmem_recordings.crop import around
from affmem_recordings.recordings import placed
from affmem_recordings.table import Row, rows

FILE = "subDirectory_filePath"
BOX = ("face_x", "face_y", "face_width", "face_height")
NONE = -2.0
"""What both releases write for arousal and valence where there is none."""
FAR = 100_000
"""No number in the table is further from 0."""
WORDS = ("neutral", "happy", "sad", "surprise", "fear", "disgust", "anger", "contempt")
"""What `expression` stands for; 8 to 10 are none, uncertain and no face."""
WHOLE = "whole number in [0, 10]"
LARGE = 4096
"""Bytes; an annotation is one number."""
NOTE = "AffectNet does not say who is who: each picture counts as a person of its own"

FOLDERS = {"train": "train_set", "validation": "val_set"}
TABLES = {"train": "training.csv", "validation": "validation.csv"}
LISTS = ("", "Manually_Annotated_file_lists", "Manually_Annotated")
PICTURES = ("Manually_Annotated/Manually_Annotated_Images", "Manually_Annotated_Images", "")


def affectnet(config: AffectNetConfig) -> Dataset:
    """The release that lies in the folder. Raises InputError where neither does."""
    root = config.root.expanduser()
    if (root / FOLDERS[config.split]).is_dir():
        return Annotated(root / FOLDERS[config.split], emotions=config.emotions)
    for one in LISTS:
        table = root / one / TABLES[config.split]
        if table.is_file():
            pictures = next(root / one for one in PICTURES if (root / one).is_dir())
            return Tabled(table, pictures, emotions=config.emotions)
    raise InputError(
        root, f"holds neither {FOLDERS[config.split]} nor {TABLES[config.split]} of AffectNet"
    )


@final
class Annotated:
    """The new release: `images/ID.jpg`, cropped, with `annotations/ID_aro.npy`, `ID_val.npy` and
    `ID_exp.npy`.

    Pictures are labelled as they are read, for there are twice as many annotations.
    """

    unit: Unit = "frame"

    def __init__(self, folder: Path, *, emotions: bool) -> None:
        self._folder, self._emotions = folder, emotions
        self._read: dict[str, bool] = {}

    def notes(self) -> Sequence[str]:
        """That nobody is known, and how many of the labels read so far are words' places."""
        return (NOTE, *placed(sum(self._read.values()), len(self._read)))

    def clips(self) -> Sequence[Clip]:
        """A clip a picture, in the order of their names, numbers by their size."""
        images = self._folder / "images"
        if not images.is_dir():
            raise InputError(images, "no such folder")
        names = [one.name for one in images.iterdir() if one.suffix.casefold() == ".jpg"]
        return [Clip(name, name) for name in sorted(names, key=lambda name: (len(name), name))]

    def frames(self, clip: Clip) -> Iterator[Frame]:
        """The one frame of a clip."""
        images = self._folder / "images"
        path = images / clip.name
        check(path)
        inside(images, path)
        annotation = self._folder / "annotations" / path.stem
        arousal, valence = (
            annotated(annotation.with_name(f"{path.stem}_{one}.npy")) for one in ("aro", "val")
        )
        affect = None if NONE in {arousal, valence} else Affect(arousal, valence)
        named = affect is None and self._emotions
        emotion = _expression(annotation.with_name(f"{path.stem}_exp.npy"), needed=named)
        if named and emotion is not None:
            affect = place(emotion)
        if affect is not None:
            self._read[clip.name] = named
        yield Frame(0.0, read(path), affect, emotion)


def annotated(path: Path, low: float = -1, high: float = 1) -> float:
    """The number in an annotation (they are kept as text): in [low, high], or -2 for none.

    Raises InputError where it is anything else; nothing is ever unpickled.
    """
    check(path)
    if path.stat().st_size > LARGE:
        raise InputError(path, f"is larger than an annotation ({LARGE} bytes)")
    try:
        array = np.load(path, allow_pickle=False)
        said = array.item()
        number = float(said)
    except Exception:  # noqa: BLE001  (a broken file makes its reader raise anything)
        raise InputError(path, "expected an array of one number") from None
    if number != NONE and not low <= number <= high:
        expected = f"expected a number in [{low:g}, {high:g}], or -2 for none"
        raise InputError(path, f"holds {said}; {expected}")
    return number


def _expression(path: Path, *, needed: bool) -> str | None:
    """The word of an annotation; where it is none, None, or InputError where it is `needed`."""
    try:
        number = annotated(path, 0, 10)
    except InputError:
        if needed:
            raise
        return None
    if needed and not number.is_integer():
        raise InputError(path, f"holds {number:g}; expected a {WHOLE}")
    return _word(number)


@frozen
class _Place:
    """Where the table names a face."""

    line: int
    file: str
    box: tuple[float, ...]


@final
class Tabled:
    """The old release: a row of the table for each face, with its box in a larger picture."""

    unit: Unit = "frame"

    def __init__(self, table: Path, folder: Path, *, emotions: bool) -> None:
        self._table, self._folder, self._emotions = table, folder, emotions
        self._left_out = self._named = 0

    @cached_property
    def _places(self) -> dict[Clip, _Place]:
        """Each clip's row; rows without a face, or without arousal and valence, are left out."""
        places: dict[Clip, _Place] = {}
        names: set[str] = set()
        for row in rows(self._table, [FILE, *BOX, "expression", "valence", "arousal"]):
            expression = row.number("expression", 0, 10)
            label, box = _label(row), _box(row)
            named = label is None and self._emotions
            if named and not expression.is_integer():
                raise row.wrong("expression", f"a {WHOLE}")
            emotion = _word(expression)
            if named and emotion is not None:
                label = place(emotion)
            if label is None or box is None:
                self._left_out += 1
                continue
            self._named += named
            file = row.name(FILE)
            name = file if file not in names else f"{file}@{row.line}"
            names.add(name)
            places[Clip(name, name, label, emotion)] = _Place(row.line, file, box)
        return places

    def notes(self) -> Sequence[str]:
        """That nobody is known, and how many rows are left out."""
        total = len(self._places) + self._left_out
        without = f"{self._left_out} of {total} rows of {self._table.name} have no label or no face"
        left_out = (f"{without}, left out",) if self._left_out else ()
        return (NOTE, *left_out, *placed(self._named, len(self._places)))

    def clips(self) -> Sequence[Clip]:
        """A clip a face, in the table's order."""
        return tuple(self._places)

    def frames(self, clip: Clip) -> Iterator[Frame]:
        """The one frame of a clip: the face's box and some of what is around it."""
        place = self._places[clip]
        row = Row(self._table, place.line, {FILE: place.file})
        path = row.inside(self._folder, FILE)
        check(path)
        image = read(path)
        face = around(image, place.box)
        if not face.size:
            height, width = image.shape[:2]
            size = f"a picture of {width}x{height}"
            raise InputError(
                self._table, f"line {place.line}: face_x, face_y: the face is outside of {size}"
            )
        yield Frame(0.0, face, clip.affect)


def _word(expression: float) -> str | None:
    return WORDS[int(expression)] if expression in range(len(WORDS)) else None


def _label(row: Row) -> Affect | None:
    numbers = [row.number(one, -FAR, FAR) for one in ("arousal", "valence")]
    return None if NONE in numbers else row.affect()


def _box(row: Row) -> tuple[float, ...] | None:
    """x, y, width and height; None where there is no face, for which the table has two signs."""
    if "NULL" in map(row.text, BOX):
        return None
    box = tuple(row.number(one, -FAR, FAR) for one in BOX)
    return box if min(box[2:]) > 0 else None
