"""Memories: networks that grow with what they see, and baselines beside them."""

from collections.abc import Mapping

from affmem import hookimpl
from affmem.protocols import MemoryConfig
from affmem_memories.config import GammaGWRConfig, GNGConfig, GWRConfig, KNNConfig, NoneConfig


@hookimpl
def affmem_memories() -> Mapping[str, type[MemoryConfig]]:
    """Memories "gwr", "gamma-gwr", "gng", "knn" and "none"."""
    return {
        "gwr": GWRConfig,
        "gamma-gwr": GammaGWRConfig,
        "gng": GNGConfig,
        "knn": KNNConfig,
        "none": NoneConfig,
    }
