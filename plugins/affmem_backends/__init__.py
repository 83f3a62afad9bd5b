"""Who does the work of runs, studies and ablations: this machine, or the workers of a cluster."""

from collections.abc import Mapping

from affmem import hookimpl
from affmem.protocols import BackendConfig
from affmem_backends.config import DaskConfig, JoblibConfig, RayConfig


@hookimpl
def affmem_backends() -> Mapping[str, type[BackendConfig]]:
    """Backends "joblib", "dask" and "ray"."""
    return {"joblib": JoblibConfig, "dask": DaskConfig, "ray": RayConfig}
