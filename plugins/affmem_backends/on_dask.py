"""The workers of a Dask cluster."""

from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import ExitStack, contextmanager
from typing import final

from distributed import Client, KilledWorker, LocalCluster

from affmem.errors import UserError
from affmem_backends.config import DaskConfig, under_way


@final
class Dask:
    """A Dask cluster, which gives a lost worker's jobs to others by itself."""

    lost = (KilledWorker,)

    def __init__(self, config: DaskConfig) -> None:
        self._config = config
        self.threads = config.threads

    def workers(self, jobs: int) -> int:
        """How many jobs are under way."""
        return under_way(self._config, jobs)

    @contextmanager
    def started(self, workers: int) -> Iterator[Executor]:
        """A client of it, and without an address the cluster itself, for this machine alone."""
        with ExitStack() as stack:
            where = self._config.address or stack.enter_context(
                LocalCluster(  # type: ignore[no-untyped-call]
                    n_workers=workers, threads_per_worker=1, dashboard_address=None,
                    silence_logs=50, scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},
                )
            )  # fmt: skip
            try:
                client = stack.enter_context(
                    Client(where, set_as_default=False)  # type: ignore[no-untyped-call]
                )
            except (OSError, TimeoutError, ValueError) as error:
                raise UserError(f"runtime.address: {where}: no Dask scheduler: {error}") from None
            # pure: a job is done again if asked again
            executor = client.get_executor(pure=False)
            stack.callback(executor.shutdown, wait=False)  # what is under way is nobody's any more
            yield executor
