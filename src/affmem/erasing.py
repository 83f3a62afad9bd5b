"""A person taken out of run directories: rows, memory, faces, and lines that name them.

A run of that person alone goes as a whole. Of a run of several, figures over all of them stay; its
reports are removed, to be written anew from what is left.
"""

import csv
import html
import io
import json
import os
import re
import shutil
from collections.abc import Collection, Iterator, Sequence
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any

from attrs import frozen

from affmem import cells
from affmem.directory import LOCK, half_written, held, sweep
from affmem.errors import InputError
from affmem.files import inside, write
from affmem.walked import finished

MARK = "run.json"
TABLES = ("frames.csv", "utterances.csv")
REPORTS = "report.*"
"""What reporters have written: `report.html`, `report.rrd`."""
RUNNING = (
    "the run is still going on and would write back whoever is erased: stop it (Ctrl-C) or wait "
    "until it is done, then erase again"
)


@frozen
class Trace:
    """A run in which a person is."""

    run: Path
    persons: int
    """How many are in the run."""
    frames: int
    """Of the person."""


def prepare(folder: Path) -> None:
    """Remove what runs in `folder` have left half written when they were killed.

    Raises InputError, and removes nothing, where one is still going on: whom it has seen is not all
    in its files yet.
    """
    for path in _files(folder):
        if path.name == LOCK:
            with held(path.parent, RUNNING):
                pass
    for path in _files(folder):
        if path.name == MARK and half_written(path.parent):  # maybe before it had its first table
            with held(path.parent, RUNNING):
                sweep(path.parent)


def traces(folder: Path, person: str) -> list[Trace]:
    """The runs in `folder`, or that it is, in which `person` is. Raises InputError."""
    return [found for run in _runs(folder) if (found := _trace(run, person)) is not None]


def erase(trace: Trace, person: str) -> bool:
    """Take `person` out of a run; whether anything of the run is left.

    Each file is replaced whole; interrupted, the same call goes on. Raises InputError, also where
    the run is going on.
    """
    run = trace.run
    with held(run, RUNNING):
        if trace.persons <= 1:
            shutil.rmtree(run)
            return False
        sweep(run)
        _take_out(run, person)
    return True


def _take_out(run: Path, person: str) -> None:
    for report in run.glob(REPORTS):
        report.unlink()
    _forget_memory(run / "memories", person)
    if (path := finished(run).get(person)) is not None:
        path.unlink()
    _forget_edits(run, person)
    clips = _clips(run, person)
    named = _naming([person, *clips])
    for text in (run / "log.txt", run / "predictions.csv"):
        if text.exists():
            lines = text.read_text(encoding="utf-8").splitlines(keepends=True)
            write(text, "".join(line for line in lines if not named.search(line)))
    about = _json(run / MARK)
    about["notes"] = [note for note in about.get("notes", ()) if not named.search(note)]
    write(run / MARK, json.dumps(about, indent=2) + "\n")
    for name in reversed(TABLES):  # frames.csv, by which the person is found, comes last
        head, rows = _rows(run / name)
        column = head.index("person")
        left = io.StringIO()
        csv.writer(left, lineterminator="\n").writerows(
            [head, *(row for row in rows if cells.read(row[column]) != person)]
        )
        write(run / name, left.getvalue())


def mentions(folder: Path, person: str, erased: Collection[Path]) -> list[Path]:
    """Files in `folder` that still have the name, as a word, in their bytes or their own name.

    Of runs, only those that the person was `erased` from: in others it is another's word.
    """
    others = {*_runs(folder)} - {*erased}
    return [
        path
        for path in _files(folder)
        if others.isdisjoint(path.parents)
        and (_has(path.name.encode(), person) or _in(path, person))
    ]


def _in(path: Path, person: str) -> bool:
    if not path.stat().st_size:
        return False
    with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as content:
        return _has(content, person)


def _has(content: bytes | mmap, person: str) -> bool:
    """As text, and as JSON and HTML write it."""
    written = {person, json.dumps(person)[1:-1], html.escape(person)}
    names = b"|".join(re.escape(one.encode()) for one in sorted(written))
    return re.search(rb"(?<!\w)(?:" + names + rb")(?!\w)", content) is not None


def _runs(folder: Path) -> Iterator[Path]:
    for path in _files(folder):
        if path.name == MARK and path.with_name(TABLES[0]).is_file():
            yield path.parent


def _files(folder: Path) -> Iterator[Path]:
    """All files under a folder, in order; links are not followed."""
    for parent, folders, names in os.walk(folder, onerror=_refuse):
        folders.sort()
        yield from (Path(parent) / name for name in sorted(names))


def _refuse(error: OSError) -> None:
    raise InputError(error.filename, error.strerror or str(error)) from None


def _trace(run: Path, person: str) -> Trace | None:
    head, rows = _rows(run / TABLES[0])
    column = head.index("person")
    persons = [cells.read(row[column]) for row in rows]
    kept = {*_json(run / "memories" / "people.json"), *finished(run)}
    if person not in persons and person not in kept:
        return None
    return Trace(run, len({*persons, *kept}), persons.count(person))


def _rows(path: Path) -> tuple[list[str], list[list[str]]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            head, *rows = csv.reader(file)
    except (OSError, ValueError, csv.Error) as error:
        raise InputError(path, f"cannot be read: {error}") from None
    short = [row for row in rows if len(row) != len(head)]
    if short or not {"clip", "person"} <= {*head}:
        raise InputError(path, "is not as a run writes it")
    return head, rows


def _clips(run: Path, person: str) -> list[str]:
    head, rows = _rows(run / TABLES[0])
    clip, who = head.index("clip"), head.index("person")
    of_person = (row[clip] for row in rows if cells.read(row[who]) == person)
    return list(dict.fromkeys(map(cells.read, of_person)))


def _naming(names: Sequence[str]) -> re.Pattern[str]:
    """Finds any of the names where it stands by itself."""
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, names))})(?!\w)")


def _json(path: Path) -> Any:  # noqa: ANN401
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise InputError(path, f"cannot be read: {error}") from None


def _forget_memory(folder: Path, person: str) -> None:
    kept = _json(folder / "people.json")
    if person in kept:
        inside(folder.parent, folder / kept[person]).unlink(missing_ok=True)
        del kept[person]
        write(folder / "people.json", json.dumps(kept, indent=2) + "\n")


def _forget_edits(run: Path, person: str) -> None:
    index = run / "edits" / "edits.json"
    entries = _json(index) or []
    left = [entry for entry in entries if entry["person"] != person]
    if left != entries:
        for entry in entries:
            if entry["person"] == person:
                for key in ("file", "face"):
                    inside(run, run / entry[key]).unlink(missing_ok=True)
        write(index, json.dumps(left, indent=2) + "\n")
