"""Settings of the backends. Light: nothing here imports what does the work."""

import os
import secrets
from typing import Any

from attrs import Attribute, field, frozen
from attrs.validators import and_, ge, instance_of, le, optional

from affmem.errors import PluginError
from affmem.parallel import cores
from affmem.protocols import Backend, Runtime

FEWEST = 4
"""For fewer jobs each, starting one more process takes longer than it saves."""
MOST = 10_000


def _whole(least: int) -> Any:  # noqa: ANN401
    return and_(instance_of(int), ge(least), le(MOST))


def _is_address(_config: Any, one: "Attribute[str]", address: str) -> None:  # noqa: ANN401
    if not isinstance(address, str) or not address.strip():
        raise ValueError(f"{one.name!r} must be an address, as a string: {address!r}")


@frozen
class JoblibConfig:
    """Settings of backend "joblib": processes of this machine."""

    workers: int = field(default=0, validator=_whole(0))
    """How many processes; 1: none but this one. 0: as many as there are cores, but one for each
    four persons at most. Unless given: 0 for a run, as many as there are cores for a study's
    conditions, 1 for an ablation's rows."""
    threads: int = field(default=1, validator=_whole(1))
    """On how many threads each of them computes. The last bits of a result may depend on it.
    Unless given, a row of an ablation has its share of the cores."""

    def build(self, _runtime: Runtime) -> Backend:
        """Settle how many there are."""
        from affmem_backends.processes import Processes

        return Processes(self)


@frozen
class DaskConfig:
    """Settings of backend "dask"."""

    address: str | None = field(default=None, validator=optional(_is_address))
    """The scheduler of a cluster, as "tcp://10.0.0.1:8786"; without it, a cluster of this machine
    alone is started, and ended with the run."""
    workers: int = field(default=0, validator=_whole(0))
    """Without an address, how many processes are started (0: as many as there are cores); with
    one, how many persons, conditions or rows are under way at a time (0: as many as it takes)."""
    threads: int = field(default=1, validator=_whole(1))
    """On how many threads each of them computes. The last bits of a result may depend on it."""

    def build(self, _runtime: Runtime) -> Backend:
        """Raises PluginError without the extra "dask"."""
        try:
            from affmem_backends.on_dask import Dask
        except ModuleNotFoundError as error:
            raise _lacking("dask", error) from None
        return Dask(self)


@frozen
class RayConfig:
    """Settings of backend "ray"."""

    address: str | None = field(default=None, validator=optional(_is_address))
    """A cluster, as "auto" or "ray://10.0.0.1:10001"; without it, one of this machine alone is
    started, and ended with the run."""
    workers: int = field(default=0, validator=_whole(0))
    """Without an address, how many processes are started (0: as many as there are cores); with
    one, how many persons, conditions or rows are under way at a time (0: as many as it takes)."""
    threads: int = field(default=1, validator=_whole(1))
    """On how many threads each of them computes. The last bits of a result may depend on it."""

    def build(self, _runtime: Runtime) -> Backend:
        """Raises PluginError without the extra "ray"."""
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is told to anyone
        if self.address is None and not os.environ.get("RAY_AUTH_MODE"):
            # Ray listens on every network, and reads this as it is loaded: who has not this
            # process's token is not heard.
            os.environ["RAY_AUTH_MODE"] = "token"
            os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)
        try:
            from affmem_backends.on_ray import Ray
        except ModuleNotFoundError as error:
            raise _lacking("ray", error) from None
        return Ray(self)


def under_way(config: DaskConfig | RayConfig, jobs: int) -> int:
    """How many jobs a cluster is given at a time, of so many; never 1, which would be this process.

    >>> under_way(DaskConfig(workers=3), 100), under_way(DaskConfig(address="tcp://10.0.0.1"), 100)
    (3, 100)
    """
    most = config.workers or (MOST if config.address else cores())
    return max(2, min(most, jobs))


def _lacking(backend: str, error: ModuleNotFoundError) -> PluginError:
    return PluginError(f"backend {backend!r} needs {error.name}: pip install affmem[{backend}]")
