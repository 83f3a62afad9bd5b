"""How well affect was predicted, one dimension at a time."""

from collections.abc import Mapping

from affmem import hookimpl
from affmem.protocols import MetricConfig
from affmem_metrics.config import CCCConfig, MAEConfig, PearsonConfig, RMSEConfig, SAGRConfig


@hookimpl
def affmem_metrics() -> Mapping[str, type[MetricConfig]]:
    """Metrics "ccc", "mae", "pearson", "rmse" and "sagr"."""
    return {
        "ccc": CCCConfig,
        "mae": MAEConfig,
        "pearson": PearsonConfig,
        "rmse": RMSEConfig,
        "sagr": SAGRConfig,
    }
