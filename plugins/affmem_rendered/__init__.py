"""Rendered faces: persons in three dimensions, from the meshes of ICT-FaceKit."""

from collections.abc import Mapping

from affmem import hookimpl
from affmem.protocols import DatasetConfig
from affmem_rendered.config import RenderedConfig


@hookimpl
def affmem_datasets() -> Mapping[str, type[DatasetConfig]]:
    """Dataset "rendered"."""
    return {"rendered": RenderedConfig}
