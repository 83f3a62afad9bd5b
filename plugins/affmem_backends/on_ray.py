"""The workers of a Ray cluster."""

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from functools import partial
from typing import Any, final

import ray
from ray.exceptions import RayTaskError, WorkerCrashedError

from affmem.errors import UserError
from affmem_backends.config import RayConfig, under_way

RETRIES = 3


@final
class Ray:
    """A Ray cluster, which gives a lost worker's jobs to others by itself."""

    lost = (WorkerCrashedError,)

    def __init__(self, config: RayConfig) -> None:
        self._config = config
        self.threads = config.threads

    def workers(self, jobs: int) -> int:
        """How many jobs are under way."""
        return under_way(self._config, jobs)

    @contextmanager
    def started(self, workers: int) -> Iterator[Executor]:
        """A connection to it, or without an address a cluster of this machine alone."""
        address = self._config.address
        here: dict[str, Any] = {} if address else {"num_cpus": workers, "include_dashboard": False}
        try:
            ray.init(address or "local", log_to_driver=False, logging_level=logging.ERROR, **here)
        except Exception as error:  # noqa: BLE001  (Ray raises bare ones too)
            line = (str(error).splitlines() or [""])[0]
            where = f"runtime.address: {address}" if address else "backend 'ray'"
            raise UserError(f"{where}: no Ray cluster: {line}") from None
        try:
            yield _Tasks()
        finally:
            ray.shutdown()


class _Tasks(Executor):
    """Ray's tasks as futures of the standard library."""

    def submit(self, work: Callable[..., Any], /, *given: Any, **named: Any) -> "Future[Any]":  # noqa: ANN401
        """As `Executor.submit`."""
        told: Future[Any] = Future()
        task = ray.remote(max_retries=RETRIES)(_done).remote(work, given, named)
        task.future().add_done_callback(partial(_tell, told))
        return told


def _done(work: Callable[..., Any], given: Any, named: Any) -> Any:  # noqa: ANN401
    return work(*given, **named)


def _tell(told: "Future[Any]", done: "Future[Any]") -> None:
    """Pass a result on, or what was raised, without what Ray wraps around it."""
    error = done.exception()
    if error is None:
        told.set_result(done.result())
    else:
        told.set_exception(error.cause if isinstance(error, RayTaskError) else error)
