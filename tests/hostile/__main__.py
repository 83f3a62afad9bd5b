"""The command: every reader, each in a process that is watched, and a table at the end."""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from attrs import asdict

from .readers import READERS
from .watch import SCRATCH, Report, added, case, ready

HERE = Path(__file__).parents[1]


def portions(name: str, seed: int, cases: int) -> Iterator[dict[str, Any]]:
    """Reports of a reader's files; one whose process died is a fault, and the rest go on."""
    first = 0
    while first < cases:
        with tempfile.TemporaryDirectory(dir=SCRATCH) as folder:
            progress = Path(folder) / "progress"
            words = [name, seed, first, cases, progress]
            done = subprocess.run(
                [sys.executable, "-m", "hostile.watch", *map(str, words)],
                cwd=HERE, capture_output=True, text=True, errors="replace", check=False,
            )  # fmt: skip
            if done.returncode == 0:
                yield json.loads(done.stdout.splitlines()[-1])
                return
            if not progress.exists():
                sys.exit(done.stderr)
            at = int(progress.read_text())
        # What was before it is counted, and not looked at a second time.
        report = Report(name, cases=at + 1 - first)
        last = done.stderr.strip().splitlines()
        died = "Timeout" in done.stderr and f"over {10:g} s, beyond Python"
        report.faults[died or f"died ({done.returncode}): {last[-1] if last else ''}"] = [at]
        yield asdict(report)
        first = at + 1


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.hostile")
    parser.add_argument("readers", nargs="*", metavar="READER", help=", ".join(READERS))
    parser.add_argument("--cases", type=int, help="files for each reader, whatever its share")
    parser.add_argument("--total", type=int, default=110_000, help="files for all by their shares")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="folder for the files that a fault came of")
    parser.add_argument("--atheris", action="store_true", help="guided by the code that is reached")
    given = parser.parse_args()
    if unknown := [one for one in given.readers if one not in READERS]:
        parser.error(f"no reader {unknown[0]!r}; known: {', '.join(READERS)}")
    if given.atheris:
        from .guided import guided

        if len(given.readers) != 1:
            parser.error("--atheris: name one reader")
        with tempfile.TemporaryDirectory(dir=SCRATCH) as folder:
            (Path(folder) / "valid").mkdir()
            guided(READERS[given.readers[0]], given.cases or 20_000, Path(folder))
    whole = sum(one.share for one in READERS.values())
    reports = []
    form = "{:11} {:>7} {:>7} {:>8} {:>7} {:>7} {:>9} {:>9} {:>6}"
    print(
        form.format(
            "reader", "files", "read", "refused", "denied", "faults", "slowest", "memory", "time"
        )
    )
    for name in given.readers or READERS:
        cases = given.cases or given.total * READERS[name].share // whole
        found = asdict(Report(name))
        for part in portions(name, given.seed, cases):
            found = added(found, part)
        reports.append(found)
        print(
            form.format(
                name, found["cases"], found["read"], found["refused"], found["denied"],
                sum(map(len, found["faults"].values())), f"{found['slowest']:.2f} s",
                f"{found['peak'] >> 20} MiB", f"{found['seconds']:.0f} s",
            ), flush=True,
        )  # fmt: skip
        for fault, numbers in sorted(found["faults"].items(), key=lambda one: -len(one[1])):
            print(f"    {len(numbers)} x {fault} (first: file {numbers[0]})", flush=True)
        if given.keep and found["faults"]:
            _keep(name, given.seed, found["faults"], given.keep)
    print(json.dumps(reports))
    sys.exit(any(one["faults"] for one in reports))


def _keep(name: str, seed: int, faults: dict[str, list[int]], folder: Path) -> None:
    """Write the first file of each fault anew."""
    reader = READERS[name]
    with tempfile.TemporaryDirectory(dir=SCRATCH) as scratch:
        paths = ready(reader, Path(scratch))
        for numbers in faults.values():
            path = paths[numbers[0] % len(paths)][0]
            folder.mkdir(parents=True, exist_ok=True)
            kept = folder / f"{name}-{numbers[0]}-{path.name}"
            kept.write_bytes(case(reader, paths, seed, numbers[0]))


if __name__ == "__main__":
    main()
