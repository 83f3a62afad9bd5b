"""The directory that a command writes: whether it is new, who works in it, what is half written."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from affmem.errors import InputError
from affmem.files import reason
from affmem.walked import FINISHED

LOCK = "running.lock"
"""A file that is locked as long as a process works in a folder."""
FILES = (
    "run.json", "experiment.toml", "log.txt", "frames.csv", "utterances.csv", "predictions.csv",
    "metrics.json", "timing.json", "report.*",
)  # fmt: skip
FOLDERS = (FINISHED, "memories", "edits")
"""What a run writes, and an erasure of it."""


@contextmanager
def held(out: Path, told: str = "another process is running it") -> Iterator[None]:
    """Nobody else works in `out`, which is there. Raises InputError, as `told`, where another does.

    It ends with the process, however that ends.
    """
    path = out / LOCK
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise InputError(out, told) from None
    except OSError as error:
        raise InputError(path, f"cannot be locked ({reason(error)})") from None
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        lock.release()


def half_written(out: Path) -> list[Path]:
    """What a run that was killed has not written to its end; nobody else's `.part` is."""
    patterns = [f".{name}.part" for name in FILES]
    patterns += [f"{folder}/.*.{end}" for folder in FOLDERS for end in ("part", "part.*")]
    return [path for pattern in patterns for path in out.glob(pattern) if path.is_file()]


def sweep(out: Path) -> None:
    """Remove it."""
    for path in half_written(out):
        path.unlink()


def check_empty(out: Path) -> None:
    """Raises InputError where `out` cannot become a new directory of results."""
    try:
        if out.is_dir():
            if any(out.iterdir()):
                raise InputError(out, "is a folder that is not empty; expected a new one")
        elif out.exists():
            raise InputError(out, "is a file; expected a new folder")
        else:
            parent = next(one for one in out.absolute().parents if one.exists())
            if not os.access(parent, os.W_OK):
                raise InputError(out, f"cannot be made: no permission to write in {parent}")
    except PermissionError:
        raise InputError(out, "no permission") from None
