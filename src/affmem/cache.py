"""Gathered faces kept on disk, so that they are decoded or drawn, found and cropped but once.

A set of faces is a folder `faces-KEY` with `faces.npy`, mapped into memory as it lies, with labels
(`affects.npy`; `emotions.npy`, words; `counts.npy`, faces a clip) and `about.json`. KEY is a digest
of all that the faces depend on.
"""

import hashlib
import json
import logging
import os
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import BinaryIO

import numpy as np
from attrs import fields
from filelock import FileLock

from affmem.errors import InputError
from affmem.gathering import Source, Told, gather, whose
from affmem.settings import plain
from affmem.terms import Examples
from affmem.values import Pictures

ABOUT = "about.json"
ARRAYS = ("faces.npy", "affects.npy", "emotions.npy", "counts.npy")
PACKAGES = ("affmem", "numpy", "opencv-python-headless", "av", "pillow")
"""Whose versions may change what is decoded or drawn."""
log = logging.getLogger("affmem")


def gathered(source: Source, folder: Path | None, told: Told, workers: int) -> Examples:
    """The faces of `source`: those kept in `folder`, or gathered and kept there; None keeps none.

    What is kept is written whole or not at all; what is damaged is gathered anew. Another process
    that gathers the same faces is waited for; under `torchrun` the first on each node gathers, as
    it shows how far it is. Faces from a folder may be written to, which the files do not hear of.
    Raises InputError where `folder` cannot be written, and what `gather` raises.
    """
    if folder is None:
        parts: list[Pictures] = []
        labels = gather(source, parts.append, told, workers)
        _tell(labels.notes)
        clips = whose(source, labels.counts)
        return Examples(np.concatenate(parts), labels.affects, clips, emotions=labels.emotions)
    entry = folder / f"faces-{_key(source)}"
    with _written(folder):
        folder.mkdir(parents=True, exist_ok=True)
        while os.environ.get("LOCAL_RANK", "0") != "0" and not entry.exists():
            time.sleep(0.1)
        lock = FileLock(folder / f".{entry.name}.lock")
        lock.acquire()
    try:
        if entry.exists():
            try:
                found = _opened(entry, source)
            except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
                log.warning("%s is damaged (%s): its faces are gathered anew", entry, error)
            else:
                log.info("%d faces from %s", len(found.faces), entry)
                return found
        _keep(entry, source, told, workers)
        return _opened(entry, source)
    finally:
        lock.release()


def _key(source: Source) -> str:
    """A digest of settings, seed, data, and the code that makes faces of them."""
    parts = (*source.datasets, source.finder)
    packages = {"affmem", *(type(one.config).__module__.partition(".")[0] for one in parts)}
    paths = [
        value.expanduser()
        for part in parts
        for one in fields(type(part.config))
        if isinstance(value := getattr(part.config, one.name), Path)
    ]
    depends = {
        "parts": [{"kind": one.kind, "use": one.use, **plain(one.config)} for one in parts],
        "runtime": [source.runtime.seed, source.runtime.device],
        "files": [listed(path) for path in (*paths, *map(_source_of, sorted(packages)))],
        "versions": [version(one) for one in PACKAGES],
    }
    return hashlib.sha256(json.dumps(depends, sort_keys=True).encode()).hexdigest()[:32]


def _source_of(package: str) -> Path:
    module = sys.modules[package]
    return Path(module.__path__[0] if hasattr(module, "__path__") else str(module.__file__))


def listed(root: Path) -> str:
    """A digest of names, sizes and times of change of a file, or of all that is in a folder."""
    digest = hashlib.sha256()

    def note(path: Path | os.DirEntry[str], name: str) -> None:
        stat = path.stat()
        digest.update(os.fsencode(f"{name}\0{stat.st_size}\0{stat.st_mtime_ns}\0"))

    def walk(folder: Path | str, prefix: str) -> None:
        with os.scandir(folder) as entries:
            for entry in sorted(entries, key=lambda one: one.name):
                if entry.name.startswith(".") or entry.name == "__pycache__":
                    continue
                if entry.is_dir(follow_symlinks=False):
                    walk(entry.path, f"{prefix}{entry.name}/")
                elif entry.is_file():
                    note(entry, prefix + entry.name)

    try:
        if root.is_dir():
            walk(root, "")
        elif root.exists():
            note(root, "")
    except OSError as error:
        raise InputError(error.filename or root, error.strerror or str(error)) from None
    return digest.hexdigest()


def _opened(entry: Path, source: Source) -> Examples:
    """The faces in a folder, mapped. Raises what says that they are damaged."""
    about = json.loads((entry / ABOUT).read_text(encoding="utf-8"))
    for name in ARRAYS:
        if _digest(entry / name) != about["digests"][name]:
            raise ValueError(f"{name} is not as it was written")
    faces, affects, emotions, counts = (
        np.load(entry / name, mmap_mode="c", allow_pickle=False) for name in ARRAYS
    )
    _tell(about["notes"])
    clips = whose(source, counts.tolist())
    return Examples(faces, np.array(affects), clips, emotions=emotions.tolist())


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _keep(entry: Path, source: Source, told: Told, workers: int) -> None:
    """Gather faces into a new folder, which takes the place of `entry` once it is whole."""
    part = entry.with_name(f".{entry.name}.part")
    shutil.rmtree(part, ignore_errors=True)  # of a process that was killed
    try:
        with _written(part):
            part.mkdir(mode=0o700)
            file = (part / "faces.npy").open("wb")
        with file:

            def keep(faces: Pictures) -> None:
                with _written(part):
                    file.write(faces.tobytes())

            _head(file, 0)
            labels = gather(source, keep, told, workers)
            with _written(part):
                _head(file, len(labels.affects))
        with _written(part):
            np.save(part / "affects.npy", labels.affects, allow_pickle=False)
            np.save(part / "emotions.npy", np.array(labels.emotions), allow_pickle=False)
            np.save(part / "counts.npy", np.array(labels.counts), allow_pickle=False)
            about = {"notes": labels.notes, "digests": {one: _digest(part / one) for one in ARRAYS}}
            (part / ABOUT).write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
            shutil.rmtree(entry, ignore_errors=True)
            part.replace(entry)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    log.info("kept %d faces in %s", len(labels.affects), entry)


def _head(file: BinaryIO, count: int) -> None:
    """Write the header for `count` faces; numpy leaves room in it for the number to grow."""
    file.seek(0)
    about = {"descr": "|u1", "fortran_order": False, "shape": (count, 96, 96, 3)}
    np.lib.format.write_array_header_1_0(file, about)


def _tell(notes: Sequence[str]) -> None:
    for note in notes:
        log.info("note: %s", note)


@contextmanager
def _written(path: Path) -> Iterator[None]:
    """Say in one line what keeps faces from being kept."""
    try:
        yield
    except OSError as error:
        raise InputError(path, f"cannot be written ({error.strerror or error})") from None
