"""Work done by a backend's processes, here or on other machines: results as they come."""

import os
import sys
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    wait,
)
from contextlib import ExitStack, contextmanager
from functools import partial
from importlib.metadata import version
from typing import TypeVar

from threadpoolctl import threadpool_limits

from affmem.errors import UserError
from affmem.protocols import Backend

Job = TypeVar("Job")
Done = TypeVar("Done")

AHEAD = 2
"""How many jobs for each worker are under way, so that none waits for the next."""
LOSSES = 3
"""How often a job's process may be lost before it is said to be that job's fault."""


def parallel(
    work: Callable[[Job], Done], jobs: Iterable[Job], count: int, backend: Backend
) -> Generator[Done, None, None]:
    """`work(job)` of each of `count` jobs, as they are done, in no order.

    Where the backend's `workers` is 1, this process does them, one after the other; else `work`,
    jobs and results are pickled. A job is taken from `jobs` when it is its turn, by the thread that
    asks for results. A job whose process was lost is done again by another. Whatever ends this
    generator early ends what it started. Raises what `work` raises, and UserError where a job's
    process was lost several times, or the whole backend, or one has another version of affmem.
    """
    workers = backend.workers(count) if count else 1
    if workers == 1:
        yield from map(work, jobs)
        return
    todo = ((job, 0) for job in jobs)
    there = partial(_elsewhere, version("affmem"), work)
    again: deque[tuple[Job, int]] = deque()
    lost: tuple[type[Exception], ...] = (BrokenExecutor, *backend.lost)
    while True:  # once more whenever all processes are lost with one of them
        under_way: dict[Future[Done], tuple[Job, int]] = {}
        with backend.started(workers) as executor:
            try:
                while _filled(under_way, AHEAD * workers, again, todo, there, executor):
                    broken = None
                    for one in wait(under_way, return_when=FIRST_COMPLETED).done:
                        job, losses = under_way.pop(one)
                        try:
                            done = one.result()
                        except CancelledError:
                            raise UserError("the backend was lost with all that it did") from None
                        except lost as error:
                            again.append(_counted(job, losses))
                            broken = error if isinstance(error, BrokenExecutor) else broken
                        else:
                            yield done
                    if broken is not None:
                        raise broken
            except BrokenExecutor:
                again.extend(_counted(*one) for one in under_way.values())
            else:
                return


def _filled(
    under_way: dict["Future[Done]", tuple[Job, int]],
    most: int,
    again: deque[tuple[Job, int]],
    todo: Iterator[tuple[Job, int]],
    work: Callable[[Job], Done],
    executor: Executor,
) -> bool:
    """Put jobs under way, those first that were lost; whether any are."""
    while len(under_way) < most:
        one = again.popleft() if again else next(todo, None)
        if one is None:
            break
        try:
            under_way[executor.submit(work, one[0])] = one
        except BrokenExecutor:
            again.appendleft(one)
            raise
    return bool(under_way)


def _counted(job: Job, losses: int) -> tuple[Job, int]:
    if losses + 1 == LOSSES:
        raise UserError(
            f"a worker process was lost {LOSSES} times (out of memory?), the last time over {job}; "
            "fewer workers may help"
        )
    return job, losses + 1


def _elsewhere(version_here: str, work: Callable[[Job], Done], job: Job) -> Done:
    if version_here != (there := version("affmem")):
        raise UserError(
            f"a worker has affmem {there}, who started it {version_here}; expected the same"
        )
    return work(job)


def cores() -> int:
    """How many this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        return os.cpu_count() or 1


@contextmanager
def pinned(threads: int) -> Iterator[None]:
    """Compute on so many threads: sums come out the same, bit for bit, wherever they are done.

    It holds for the libraries that are loaded by now, and what a new process loads.
    """
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))
    with ExitStack() as stack:
        if cv2 := sys.modules.get("cv2"):  # which has a pool of its own
            stack.callback(cv2.setNumThreads, cv2.getNumThreads())
            cv2.setNumThreads(threads)
        if torch := sys.modules.get("torch"):  # which else chooses when a thread first computes
            stack.callback(torch.set_num_threads, torch.get_num_threads())
            torch.set_num_threads(threads)
        stack.enter_context(threadpool_limits(threads))
        yield
