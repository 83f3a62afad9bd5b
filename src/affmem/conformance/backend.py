"""What backends keep: all that is asked of them is done, once, and nothing is left behind."""

import os
import signal
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import psutil
from attrs import frozen
from hypothesis import strategies as st

from affmem.conformance.subject import Check, Subject, demand
from affmem.errors import UserError
from affmem.parallel import parallel
from affmem.protocols import Backend

SHARE = 0.05
"""Of the examples: starting processes takes its time."""
WORKERS = 2
PATIENCE = 5.0
"""Seconds that processes may take to end."""


@frozen
class Two:
    """The backend, told to start two workers."""

    backend: Backend

    @property
    def threads(self) -> int:
        return self.backend.threads

    @property
    def lost(self) -> tuple[type[Exception], ...]:
        return self.backend.lost

    def workers(self, _jobs: int) -> int:
        return WORKERS

    def started(self, workers: int) -> Any:
        return self.backend.started(workers)


def _squared(number: int) -> tuple[int, int, int]:
    return number, number**2, os.getpid()


def _refused(number: int) -> int:
    raise UserError(f"{number} is no number")


def _lost_once(mark: Path, number: int) -> int:
    """Kills its own process, but never twice."""
    if number == WORKERS:
        try:
            mark.touch(exist_ok=False)
        except FileExistsError:
            return number
        os.kill(os.getpid(), signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
    return number


def every_job_is_done_once(subject: Subject) -> None:
    """By other processes, each job is done, and what comes back is what its own work says."""

    def check(config: Any, count: int) -> None:
        backend = Two(subject.build(config))
        done = sorted(parallel(_squared, range(count), count, backend))
        demand([one[:2] for one in done] == [(n, n**2) for n in range(count)], f"{done}")
        demand(os.getpid() not in {one[2] for one in done}, "this process did the work itself")

    subject.given(check, share=SHARE, config=subject.configs, count=st.integers(3, 20))


def a_number_of_workers_is_told(subject: Subject) -> None:
    """Of some jobs, at least 1 is done at a time; each on at least 1 thread."""

    def check(config: Any, count: int) -> None:
        backend = subject.build(config)
        demand(backend.workers(count) >= 1, f"{backend.workers(count)} workers")
        demand(backend.threads >= 1, f"{backend.threads} threads")

    subject.given(check, config=subject.configs, count=st.integers(1, 100))


def a_mistake_comes_back(subject: Subject) -> None:
    """What work raises is raised where its result is asked for, with the same words."""

    def check(config: Any) -> None:
        said = ""
        try:
            for _ in parallel(_refused, [7] * 5, 5, Two(subject.build(config))):
                pass
        except UserError as error:
            said = str(error)
        demand(said == "7 is no number", f"raised {said!r}")

    subject.given(check, share=SHARE, config=subject.configs)


def a_lost_process_is_made_up_for(subject: Subject) -> None:
    """Where a process is killed, what it was at is done again, and all the rest once."""

    def check(config: Any) -> None:
        with tempfile.TemporaryDirectory() as folder:
            work: Callable[[int], int] = partial(_lost_once, Path(folder) / "lost")
            done = sorted(parallel(work, range(9), 9, Two(subject.build(config))))
            demand((Path(folder) / "lost").exists(), "no process was lost")
        demand(done == list(range(9)), f"done: {done}")

    subject.given(check, share=SHARE, config=subject.configs)


def nothing_is_left_behind(subject: Subject) -> None:
    """When its block ends, also half-way, so do the processes that it started."""

    def check(config: Any) -> None:
        here = psutil.Process()
        before = {*here.children(recursive=True)}
        results = parallel(_squared, range(50), 50, Two(subject.build(config)))
        next(results)
        results.close()
        end = time.monotonic() + PATIENCE
        while left := [one for one in here.children(recursive=True) if _works(one, before)]:
            demand(time.monotonic() < end, f"left: {[one.name() for one in left]}")
            time.sleep(0.05)

    subject.given(check, share=SHARE, config=subject.configs)


def _works(process: psutil.Process, before: set[psutil.Process]) -> bool:
    """Whether it is new, and does more than to wait for who is left."""
    try:
        words = " ".join(process.cmdline())
        ended = process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
    return process not in before and not ended and "resource_tracker" not in words


CHECKS: tuple[Check, ...] = (
    a_number_of_workers_is_told,
    every_job_is_done_once,
    a_mistake_comes_back,
    a_lost_process_is_made_up_for,
    nothing_is_left_behind,
)
