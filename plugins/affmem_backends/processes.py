"""Processes of this machine, by joblib."""

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from threading import Thread
from typing import final

from joblib.externals.loky import ProcessPoolExecutor

from affmem.parallel import cores
from affmem_backends.config import FEWEST, JoblibConfig

LIBRARIES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "OPENCV_FOR_THREADS_NUM",
)
"""The environment that tells libraries, as they are loaded, how many threads to start."""


@final
class Processes:
    """Processes of joblib's own kind: started afresh, they do not run the user's script again."""

    lost = ()

    def __init__(self, config: JoblibConfig) -> None:
        self._config = config
        self.threads = config.threads

    def workers(self, jobs: int) -> int:
        """As many as were asked for; else as many as there are cores and it is worth it."""
        most = self._config.workers or min(cores(), jobs // FEWEST)
        return max(1, min(most, jobs))

    @contextmanager
    def started(self, workers: int) -> Iterator[Executor]:
        """They end with the block, and with this process, and never hear Ctrl-C before it."""
        threads = dict.fromkeys(LIBRARIES, str(self.threads))
        executor = ProcessPoolExecutor(
            workers, env=threads, initializer=_bound, initargs=(os.getpid(),)
        )
        try:
            yield executor
        finally:
            executor.shutdown(wait=True, kill_workers=True)


def _bound(parent: int) -> None:
    """Never hear Ctrl-C, and end with the process that asked, however that ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)
