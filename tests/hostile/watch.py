"""One reader, many files, in a process that may not grow, hang or die unseen.

A file must be read, or be refused with a `UserError` of plain lines. All else is a fault.
"""

import faulthandler
import json
import os
import random
import resource
import signal
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

from attrs import Factory, define

from affmem.commands import hush
from affmem.errors import ExperimentError, UserError

from .mutations import mutated
from .readers import READERS, Reader

SECONDS = 5.0
"""A file that takes longer is a fault."""
MEMORY = 1 << 30
"""Bytes that a file may make the process grow by, at its peak."""
ROOM = 1 << 30
"""Addresses beyond that which threads may set aside and never touch."""
LONGEST, LINES = 500, 50
"""Characters of a line, and lines of an experiment's mistakes."""


SCRATCH = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108
"""Where files are written: in memory, where there is such a folder, for there are many."""


class Hang(BaseException):
    """The file took too long. No reader catches it for something else."""


@define
class Report:
    """What became of the files of one reader."""

    reader: str
    cases: int = 0
    read: int = 0
    refused: int = 0
    denied: int = 0
    """Of those refused: they asked for more memory than there was."""
    faults: dict[str, list[int]] = Factory(dict)
    slowest: float = 0.0
    peak: int = 0
    """Bytes over what the process held before the first."""
    seconds: float = 0.0


def flaws(text: str, *, lines: int = 1) -> str:
    """What is wrong with the words of a refusal; "" if nothing is."""
    told = text.split("\n")
    if not text.strip():
        return "says nothing"
    if len(told) > lines:
        return f"says it in {len(told)} lines"
    if longest := max((len(one) for one in told if len(one) > LONGEST), default=0):
        return f"a line of {longest} characters" if longest < 2000 else "a line without end"
    if not all(line.isprintable() for line in told):
        return "control characters"
    return ""


def judged(reader: Reader, path: Path) -> tuple[str, str]:
    """("read" | "refused" | "denied" | "fault", what the fault is)."""
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        warnings.filterwarnings("ignore", category=DeprecationWarning)  # as Python does
        hush()  # as the commands do
        try:
            reader.read(path)
            verdict, fault = "read", ""
        except UserError as error:
            verdict = "denied" if _wanted_memory(error) else "refused"
            fault = flaws(str(error), lines=LINES if isinstance(error, ExperimentError) else 1)
        except Exception as error:  # noqa: BLE001  (that is what is looked for)
            verdict, fault = "fault", f"{type(error).__name__} at {_at(error)}"
    if warned and not fault:
        fault = f"warning: {warned[0].category.__name__} at {Path(warned[0].filename).name}"
    return ("fault", fault) if fault else (verdict, "")


def _wanted_memory(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, MemoryError):
            return True
        error = error.__cause__ or error.__context__
    return False


def _at(error: BaseException) -> str:
    at, places = error.__traceback__, []
    while at is not None:
        places.append(f"{Path(at.tb_frame.f_code.co_filename).name}:{at.tb_lineno}")
        at = at.tb_next
    ours = [one for one in places[1:] if one]
    return " < ".join(reversed(ours[-3:]))


def case(reader: Reader, paths: list[tuple[Path, bytes]], seed: int, number: int) -> bytes:
    """The bytes of file `number`, for path `number % len(paths)`: the same every time."""
    rng = random.Random(f"{seed} {reader.name} {number}")  # noqa: S311
    data = paths[number % len(paths)][1]
    return mutated(rng, data, [one for _, one in paths], reader.words)


def ready(reader: Reader, folder: Path) -> list[tuple[Path, bytes]]:
    """The reader's valid files, each read once, so that what it loads is loaded."""
    found = [(path, path.read_bytes()) for path in reader.prepare(folder)]
    for path, _ in found:
        verdict, fault = judged(reader, path)
        if verdict != "read":
            reader.read(path)
            raise AssertionError(f"{reader.name}: valid {path.name}: {fault}")
    return found


def watch(reader: Reader, seed: int, numbers: range, told: Any = None) -> Report:
    """Give the reader these files, one after the other."""
    report = Report(reader.name)
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(dir=SCRATCH) as name, _elsewhere(Path(name)) as folder:
        paths = ready(reader, folder)
        before = _listed(folder)
        base = _status("VmRSS")
        for number in numbers:
            if told is not None:
                told(number)
            path, kept = paths[number % len(paths)]
            path.write_bytes(case(reader, paths, seed, number))
            _forget_peak()
            start = time.perf_counter()
            try:
                with _alarm():
                    verdict, fault = judged(reader, path)
            except Hang:
                verdict, fault = "fault", f"over {SECONDS:g} s"
            report.slowest = max(report.slowest, time.perf_counter() - start)
            grown = _status("VmHWM") - base
            if grown > MEMORY and not fault:
                verdict, fault = "fault", f"{grown >> 20} MiB"
            report.peak = max(report.peak, grown)
            path.write_bytes(kept)
            report.cases += 1
            match verdict:
                case "read":
                    report.read += 1
                case "refused" | "denied":
                    report.refused += 1
                    report.denied += verdict == "denied"
                case _:
                    report.faults.setdefault(fault, []).append(number)
        if new := _listed(folder) - before:
            report.faults[f"wrote {sorted(new)[:3]}"] = [numbers.stop - 1]
    report.seconds = time.perf_counter() - began
    return report


@contextmanager
def _elsewhere(folder: Path) -> Iterator[Path]:
    """The inner of two folders, to see what is written beside it; and made the current one."""
    inner, here = folder / "in" / "deep", Path.cwd()
    inner.mkdir(parents=True)
    os.chdir(inner)
    try:
        yield inner
    finally:
        os.chdir(here)


def _listed(folder: Path) -> set[str]:
    return {str(one) for one in folder.parents[1].rglob("*")}


@contextmanager
def _alarm() -> Iterator[None]:
    def late(_number: int, _frame: FrameType | None) -> None:
        raise Hang

    kept = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, kept)


def _status(name: str) -> int:
    """Bytes that Linux says of this process."""
    with suppress(FileNotFoundError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) << 10
    return 0


def _forget_peak() -> None:
    """Let VmHWM begin anew, where the system lets it."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def limit() -> None:
    """Let this process grow by no more than it may, from now on."""
    most = _status("VmSize") + MEMORY + ROOM
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def main(name: str, seed: int, first: int, last: int, progress: Path) -> None:
    """Watch in a process of its own, which says where it is in `progress`."""
    reader = READERS[name]
    with tempfile.TemporaryDirectory(dir=SCRATCH) as folder, _elsewhere(Path(folder)) as inner:
        ready(reader, inner)  # loads all that is loaded
    limit()

    def told(number: int) -> None:
        faulthandler.dump_traceback_later(2 * SECONDS, exit=True)  # what no alarm reaches
        progress.write_text(str(number))

    report = watch(reader, seed, range(first, last), told)
    faulthandler.cancel_dump_traceback_later()
    kept = {one: getattr(report, one) for one in Report.__slots__ if not one.startswith("_")}
    sys.stdout.write(json.dumps(kept) + "\n")


def added(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Two reports of one reader as one."""
    faults: dict[str, list[int]] = {}
    for report in (one, other):
        for fault, numbers in report["faults"].items():
            faults.setdefault(fault, []).extend(numbers)
    sums = Counter({key: one[key] for key in ("cases", "read", "refused", "denied", "seconds")})
    sums.update({key: other[key] for key in sums})
    most = {key: max(one[key], other[key]) for key in ("slowest", "peak")}
    return {"reader": one["reader"], **sums, **most, "faults": faults}


if __name__ == "__main__":
    word, *numbers, where = sys.argv[1:]
    main(word, *map(int, numbers), Path(where))
