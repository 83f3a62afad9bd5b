"""Settings of the face finders."""

from attrs import field, frozen
from attrs.validators import and_, ge, gt, le

from affmem.protocols import FaceFinder, Runtime

share = and_(gt(0.0), le(1.0))


@frozen
class MTCNNConfig:
    """Settings of face finder "mtcnn": detects the largest face, then follows it.

    Where faces are watched live, it follows the largest few.
    """

    smallest: float = field(default=0.08, validator=and_(ge(0.01), le(1.0)))
    """The smallest face found, as a share of the picture's longer side; what detection costs
    depends on this alone, not on how many pixels there are."""
    smallest_pixels: int = field(default=20, validator=ge(12))
    """The smallest face found, in pixels."""
    threshold: float = field(default=0.7, validator=share)
    """How sure the last network must be of a face that is detected."""
    keep: float = field(default=0.6, validator=share)
    """How sure it must be of a face that is followed; below, the frame is searched anew."""
    every: int = field(default=25, validator=ge(1))
    """After so many frames the whole frame is searched, whether or not the face was lost."""
    larger: float = field(default=2.0, validator=ge(1.0))
    """Another face takes over only if its area is so many times that of the one followed."""
    most: int = field(default=4, validator=and_(ge(1), le(64)))
    """How many faces are followed at most where several are asked for, as live."""

    def build(self, _runtime: Runtime) -> FaceFinder:
        from affmem_faces.mtcnn import MTCNN

        return MTCNN(self)


@frozen
class CroppedConfig:
    """Settings of face finder "none": the pictures are faces already, and only resized."""

    def build(self, _runtime: Runtime) -> FaceFinder:
        from affmem_faces.cropped import Cropped

        return Cropped()
