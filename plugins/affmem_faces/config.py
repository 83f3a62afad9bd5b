"""Settings of the face finders."""

from attrs import field, frozen
from attrs.validators import ge, gt, instance_of, le

from affmem.protocols import FaceFinder, Runtime


@frozen
class MTCNNConfig:
    """Settings of face finder "mtcnn": three small networks, five landmarks, one track."""

    smallest: float = field(default=0.1, validator=[instance_of((int, float)), gt(0), le(1)])
    """The smallest face to look for, as a share of the picture's shorter side."""
    threshold: float = field(default=0.7, validator=[instance_of((int, float)), gt(0), le(1)])
    """How sure the last network must be that a new face is one."""
    keep: float = field(default=0.6, validator=[instance_of((int, float)), ge(0), le(1)])
    """How sure it must be to keep following a face."""
    every: int = field(default=50, validator=[instance_of(int), ge(1)])
    """Frames between two searches of the whole picture while a face is followed; 1: search each."""
    working_side: int = field(default=360, validator=[instance_of(int), ge(48)])
    """Pictures whose shorter side is longer are searched at this size (landmarks are not)."""

    def build(self, _runtime: Runtime) -> FaceFinder:
        from affmem_faces.mtcnn import MTCNN

        return MTCNN(self)


@frozen
class NoneConfig:
    """Settings of face finder "none": pictures that are cropped and aligned already."""

    def build(self, _runtime: Runtime) -> FaceFinder:
        from affmem_faces.cropped import Cropped

        return Cropped()
