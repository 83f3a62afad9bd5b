"""Face finders: a cascade of networks that detects and then follows a face, and none at all."""

from collections.abc import Mapping

from affmem import hookimpl
from affmem.protocols import FaceFinderConfig
from affmem_faces.config import CroppedConfig, MTCNNConfig


@hookimpl
def affmem_faces() -> Mapping[str, type[FaceFinderConfig]]:
    """Face finders "mtcnn" and "none"."""
    return {"mtcnn": MTCNNConfig, "none": CroppedConfig}
