"""Drawn faces: people who show the affect they are asked to, as pictures and as a video corpus."""

from collections.abc import Mapping

from affmem import hookimpl
from affmem.protocols import DatasetConfig, MakerConfig
from affmem_drawn.config import ActedConfig, DrawnConfig, OMGMakerConfig


@hookimpl
def affmem_datasets() -> Mapping[str, type[DatasetConfig]]:
    """Datasets "drawn", faces one by one, and "acted", persons over a minute."""
    return {"drawn": DrawnConfig, "acted": ActedConfig}


@hookimpl
def affmem_makers() -> Mapping[str, type[MakerConfig]]:
    """Maker "omg"."""
    return {"omg": OMGMakerConfig}
