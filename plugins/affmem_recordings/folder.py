"""Any folder of videos and pictures, with a table that names and labels them."""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from affmem.emotions import PLACES, place, plain
from affmem.errors import InputError
from affmem.values import Affect, Clip
from affmem_recordings.config import FolderConfig
from affmem_recordings.recordings import Listing, Source, placed, present, some
from affmem_recordings.table import Row, read

LONGEST = 1e7
"""Seconds; no recording is longer than 115 days."""


def listing(config: FolderConfig) -> Listing:
    """The clips of the table: files in its order, the parts of one file in order of time.

    A clip is called as its file, and `FILE@START` where the file has several rows. A row without
    a person is a person of its own, called as the file without its suffix. Raises InputError.
    """
    root = config.root.expanduser()
    if not root.is_dir():
        raise InputError(root, "no such folder")
    table = root / config.table
    rows = read(table, ["file"], ["person", "start", "end", "arousal", "valence", "emotion"])
    named = 0
    order: dict[str, int] = {}
    for row in rows:
        order.setdefault(row.name("file"), len(order))
    rows.sort(key=lambda row: (order[row.text("file")], _start(row)))
    sources: dict[Clip, Source] = {}
    for file, parts in groupby(rows, key=lambda row: row.text("file")):
        several = list(parts)
        for before, row in zip([None, *several], several, strict=False):
            if before and _start(before) == _start(row):
                raise InputError(
                    table,
                    f"lines {before.line} and {row.line} name the same clip: {file} "
                    f"from {_start(row):g} s",
                )
            affect = row.affect()
            if affect is None and (affect := _emotion(row)) is not None:
                named += 1
            clip = Clip(
                name=file if len(several) == 1 else f"{file}@{_start(row):.10g}",
                person=row.text("person") or str(Path(file).with_suffix("")),
                affect=affect,
                emotion=plain(row.text("emotion")) or None,
            )
            sources[clip] = _source(row, root)
    found = present(table, root, sources)
    words = dict.fromkeys(clip.emotion for clip in found.sources if clip.emotion)
    return Listing(
        found.sources,
        (*found.notes, *placed(named, len(rows)), *_strange(table, [*words])),
    )


def _strange(table: Path, words: Sequence[str]) -> tuple[str, ...]:
    """What to know of words that have no place: one may be a slip of the pen."""
    strange = [word for word in words if place(word) is None]
    told = "no words of affmem.emotions; each is a class by itself"
    return (f"{table.name}: emotion {some(strange)}: {told}",) if strange else ()


def _emotion(row: Row) -> Affect | None:
    """Where the row's word for an emotion lies; None where it has no word."""
    if not (word := row.text("emotion")):
        return None
    if (affect := place(word)) is None:
        raise row.wrong("emotion", f"one of {', '.join(PLACES)}, or nothing")
    return affect


def _start(row: Row) -> float:
    return row.number("start", 0, LONGEST) if row.text("start") else 0.0


def _source(row: Row, root: Path) -> Source:
    start = _start(row)
    end = row.number("end", 0, LONGEST) if row.text("end") else None
    if end is not None and end <= start:
        raise row.wrong("end", f"a number above start, {start:g}")
    return Source(row.inside(root, "file"), start, end)
