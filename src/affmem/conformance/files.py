"""What the parts that write files keep: reporters and makers."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from affmem.conformance.subject import Check, Subject, demand, refused
from affmem.errors import InputError

ONCE = 0.05


def what_is_no_run_is_refused(subject: Subject) -> None:
    """A folder that is no run: InputError, and nothing is written into it."""

    def check(config: Any) -> None:
        with TemporaryDirectory() as folder:
            reporter = subject.build(config)
            refused(lambda: reporter.write(Path(folder)), "an empty folder", InputError)
            demand(not any(Path(folder).iterdir()), "it wrote into a folder that is no run")

    subject.given(check, ONCE, config=subject.configs)


def it_is_made_whole_and_the_same_again(subject: Subject) -> None:
    """It writes files, the same ones with the same settings, and tells its progress."""

    def check(config: Any) -> None:
        told: list[tuple[int, int]] = []
        one, other = _made(subject, config, []), _made(subject, config, told)
        demand(one, "it wrote nothing")
        demand(one == other, f"made twice: {sorted(one)[:5]} and {sorted(other)[:5]}")
        done = [pair[0] for pair in told]
        demand(done == sorted(done), f"progress fell: {done[:10]}")
        demand(bool(told) and told[-1][0] == told[-1][1], f"progress ended at {told[-1:]}")

    subject.given(check, ONCE, config=subject.configs)


def interrupted_it_leaves_nothing(subject: Subject) -> None:
    """Interrupted half way, it leaves nothing behind."""

    def check(config: Any) -> None:
        def stop(_done: int, _of: int) -> None:
            raise KeyboardInterrupt

        with TemporaryDirectory() as above:
            folder = Path(above) / "made"
            try:
                subject.build(config).make(folder, stop)
            except KeyboardInterrupt:
                left = sorted(str(one.relative_to(above)) for one in Path(above).rglob("*"))
                demand(not left, f"interrupted, it left {', '.join(left[:5])}")

    subject.given(check, ONCE, config=subject.configs)


def _made(subject: Subject, config: Any, told: list[tuple[int, int]]) -> dict[str, bytes]:
    """What it makes: the content of each file, by its path."""
    progress: Callable[[int, int], None] = lambda done, of: told.append((done, of))  # noqa: E731
    with TemporaryDirectory() as above:
        folder = Path(above) / "made"
        subject.build(config).make(folder, progress)
        return {
            str(one.relative_to(folder)): one.read_bytes()
            for one in folder.rglob("*")
            if one.is_file()
        }


REPORTER: tuple[Check, ...] = (what_is_no_run_is_refused,)
MAKER: tuple[Check, ...] = (it_is_made_whole_and_the_same_again, interrupted_it_leaves_nothing)
