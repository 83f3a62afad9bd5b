"""Settings of the rendered faces."""

from pathlib import Path

from attrs import field, frozen
from attrs.validators import and_, ge, le

from affmem.protocols import Dataset, Runtime


@frozen
class RenderedConfig:
    """Settings of dataset "rendered": aligned faces of 3-D persons, one a clip, each labelled."""

    root: Path
    """The folder with the meshes of ICT-FaceKit (`docs/datasets.md`)."""
    persons: int = field(default=200, validator=ge(1))
    """How many persons there are."""
    faces_per_person: int = field(default=100, validator=ge(1))
    """How many faces of each; their affects cover the whole plane evenly."""
    strength: float = field(default=0.35, validator=and_(ge(0.0), le(1.0)))
    """How much persons differ in showing affect: standard deviation of each action unit's gain."""
    size: int = field(default=96, validator=and_(ge(16), le(1024)))
    """Width and height of a face in pixels."""

    def build(self, runtime: Runtime) -> Dataset:
        from affmem_rendered.dataset import rendered

        return rendered(self, runtime)
