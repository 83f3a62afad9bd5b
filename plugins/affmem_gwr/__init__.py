"""Memories that grow when required."""

from collections.abc import Mapping

from affmem import hookimpl
from affmem.protocols import MemoryConfig
from affmem_gwr.config import GWRConfig, NoneConfig


@hookimpl
def affmem_memories() -> Mapping[str, type[MemoryConfig]]:
    """Memories "gwr" and "none"."""
    return {"gwr": GWRConfig, "none": NoneConfig}
