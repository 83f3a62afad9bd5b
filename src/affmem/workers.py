"""Work spread over processes, its results in order."""

import atexit
import multiprocessing
import os
import pickle
import signal
import sys
import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from queue import SimpleQueue
from threading import Thread
from types import ModuleType
from typing import Any, TypeVar

from affmem.errors import UserError

Job = TypeVar("Job")
Done = TypeVar("Done")

PORTION = 32
"""How many jobs a process is given at a time, at most; ..."""
PORTIONS = 32
"""... fewer where it would not get so many portions, so that none waits long for the last."""
AHEAD = 4
"""How many portions for each process are under way: what is done waits for what is not."""


def spread(
    work: Callable[[Job], Done], jobs: Sequence[Job], workers: int
) -> Generator[Done, None, None]:
    """`work(job)` of each job, in order, done by `workers` processes (one: by this process itself).

    `work`, jobs and results are pickled between the processes, which are started afresh; they do
    not run the user's script again, unless `work` is of that script itself. Whatever ends this
    generator early, or kills its process, ends them at once; Ctrl-C is for this process alone to
    hear. Raises what `work` raises, and UserError where a process is killed.

    For many small jobs whose order counts, of which there may be no end: they are sent in portions,
    each far ahead of its turn. `affmem.parallel` is for few and long ones, on any machine: it
    hands out one at a time, gives results as they come, and does again what was lost.

    >>> list(spread(abs, [-1, 2, -3], workers=1))
    [1, 2, 3]
    """
    workers = min(workers, len(jobs))
    if workers < 2:
        yield from map(work, jobs)
        return
    size = max(1, min(PORTION, len(jobs) // (workers * PORTIONS)))
    portions = (jobs[start : start + size] for start in range(0, len(jobs), size))
    with ThreadPoolExecutor(workers) as threads, _processes(work, workers) as ask:
        with _unheard():
            ahead = deque(threads.submit(ask, one) for one in islice(portions, AHEAD * workers))
        try:
            while ahead:
                done = ahead.popleft().result()
                ahead.extend(threads.submit(ask, one) for one in islice(portions, 1))
                yield from done
        finally:
            for one in ahead:
                one.cancel()


@contextmanager
def _processes(
    work: Callable[[Job], Done], count: int
) -> Iterator[Callable[[Sequence[Job]], list[Done]]]:
    """Start processes; what asks one that is free, and waits for its answer; and end them.

    Each has a pipe of its own, of which no other holds an end: one that is killed, even half-way
    through its answer, breaks its pipe and nothing else.
    """
    context = multiprocessing.get_context("spawn")
    free: SimpleQueue[Connection] = SimpleQueue()

    def ask(portion: Sequence[Job]) -> list[Done]:
        pipe = free.get()
        try:
            pipe.send(portion)
            done, error = pipe.recv()
        except (EOFError, OSError):
            raise UserError(
                "a worker process was killed (out of memory?); fewer workers may help"
            ) from None
        finally:
            free.put(pipe)
        if error is not None:
            raise error
        return done  # type: ignore[no-any-return]

    processes: list[SpawnProcess] = []
    try:
        with _unheard(), _without_main(work):
            for _ in range(count):
                ours, theirs = context.Pipe()
                process = context.Process(target=_serve, args=(work, theirs))
                process.start()
                processes.append(process)
                atexit.register(process.kill)  # where nobody ends the generator
                theirs.close()
                free.put(ours)
        yield ask
    finally:
        for process in processes:
            process.kill()
            process.join()
            atexit.unregister(process.kill)


def _serve(work: Callable[[Any], Any], pipe: Connection) -> None:
    """What a process does: portion by portion, until there are no more."""
    Thread(target=_end_with_parent, daemon=True).start()
    while True:
        portion = pipe.recv()
        answer: tuple[list[Any] | None, Exception | None]
        try:
            answer = [work(job) for job in portion], None
        except Exception as error:  # noqa: BLE001  (it is raised where it is asked for)
            if not isinstance(error, UserError):
                error.add_note(traceback.format_exc())
            answer = None, error
        pipe.send(answer)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


@contextmanager
def _without_main(work: object) -> Iterator[None]:
    """Processes started here know nothing of the script that runs, unless `work` is of it.

    Else each would run it: a script without `if __name__ == "__main__"` would start more of them.
    """
    if b"__main__" in pickle.dumps(work):
        yield
        return
    script = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = script


@contextmanager
def _unheard() -> Iterator[None]:
    """Processes and threads started here never hear Ctrl-C; this one hears it afterwards."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # whose own start would undo this
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
