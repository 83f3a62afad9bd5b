"""Work spread over processes, its results in order."""

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from threading import Thread
from typing import Any, TypeVar

from affmem.errors import UserError

Job = TypeVar("Job")
Done = TypeVar("Done")

PORTION = 32
"""How many jobs a process is given at a time, at most; ..."""
PORTIONS = 8
"""... fewer where it would not get so many portions, so that none waits long for the last."""
AHEAD = 4
"""How many portions for each process are under way: what is done waits for what is not."""


def spread(
    work: Callable[[Job], Done], jobs: Sequence[Job], workers: int
) -> Generator[Done, None, None]:
    """`work(job)` of each job, in order, done by `workers` processes (one: by this process itself).

    `work`, jobs and results are pickled between the processes, which are started afresh: a script
    that asks for several needs `if __name__ == "__main__"`. Whatever ends this generator early, or
    kills its process, ends them at once; Ctrl-C is for this process alone to hear. Raises what
    `work` raises, and UserError where a process is killed.

    >>> list(spread(abs, [-1, 2, -3], workers=1))
    [1, 2, 3]
    """
    workers = min(workers, len(jobs))
    if workers < 2:
        yield from map(work, jobs)
        return
    size = max(1, min(PORTION, len(jobs) // (workers * PORTIONS)))
    context = multiprocessing.get_context("spawn")
    others = set(multiprocessing.active_children())
    with ProcessPoolExecutor(workers, context, _begin, (work,)) as pool:
        try:
            portions = (jobs[start : start + size] for start in range(0, len(jobs), size))
            with _unheard():  # all processes start here
                ahead = deque(pool.submit(_do, one) for one in islice(portions, AHEAD * workers))
            while ahead:
                done = ahead.popleft().result()
                ahead.extend(pool.submit(_do, one) for one in islice(portions, 1))
                yield from done
        except BaseException as error:
            for process in set(multiprocessing.active_children()) - others:
                process.kill()
            if isinstance(error, BrokenProcessPool):
                raise UserError(
                    "a worker process was killed (out of memory?); fewer workers may help"
                ) from None
            raise


_given: list[Callable[[Any], Any]] = []
"""In a process of the pool: the work."""


def _begin(work: Callable[[Any], Any]) -> None:
    _given.append(work)
    Thread(target=_end_with_parent, daemon=True).start()


def _do(portion: Sequence[Any]) -> list[Any]:
    return [_given[-1](job) for job in portion]


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


@contextmanager
def _unheard() -> Iterator[None]:
    """Processes and threads started here never hear Ctrl-C; this one hears it afterwards."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
