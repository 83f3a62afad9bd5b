"""Face finders: MTCNN with a track, and none for pictures that are cropped already."""

from collections.abc import Mapping

from affmem import hookimpl
from affmem.protocols import FaceFinderConfig
from affmem_faces.config import MTCNNConfig, NoneConfig


@hookimpl
def affmem_faces() -> Mapping[str, type[FaceFinderConfig]]:
    """Face finders by name."""
    return {"mtcnn": MTCNNConfig, "none": NoneConfig}
