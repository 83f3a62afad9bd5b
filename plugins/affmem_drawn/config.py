"""Settings of the drawn faces."""

from attrs import Attribute, field, frozen
from attrs.validators import and_, ge, le

from affmem.protocols import Dataset, Maker, Runtime


@frozen
class DrawnConfig:
    """Settings of dataset "drawn": aligned faces of drawn persons, one a clip, each labelled."""

    persons: int = field(default=200, validator=ge(1))
    """How many persons there are."""
    faces_per_person: int = field(default=100, validator=ge(1))
    """How many faces of each; their affects cover the whole plane evenly."""
    strength: float = field(default=0.35, validator=and_(ge(0.0), le(1.0)))
    """How much persons differ in showing affect: standard deviation of each action unit's gain."""
    size: int = field(default=96, validator=and_(ge(16), le(1024)))
    """Width and height of a face in pixels."""

    def build(self, runtime: Runtime) -> Dataset:
        from affmem_drawn.dataset import Drawn

        return Drawn(self, runtime)


def _even(_config: object, one: "Attribute[int]", value: int) -> None:
    if value % 2:
        raise ValueError(f"{one.name!r} must be even: {value}")


@frozen
class OMGMakerConfig:
    """Settings of maker "omg": videos of drawn persons, in the OMG-Emotion challenge's files."""

    persons: int = field(default=12, validator=ge(1))
    """Videos to make, one a person."""
    utterances: int = field(default=5, validator=ge(1))
    """Utterances of each person."""
    seconds: float = field(default=4.0, validator=and_(ge(0.2), le(60.0)))
    """Mean length of an utterance; each is up to a quarter shorter or longer."""
    strength: float = field(default=0.35, validator=and_(ge(0.0), le(1.0)))
    """How much persons differ in showing affect: standard deviation of each action unit's gain."""
    width: int = field(default=640, validator=[ge(160), le(1920), _even])
    """Width of a video's picture in pixels, even."""
    height: int = field(default=360, validator=[ge(120), le(1080), _even])
    """Height of a video's picture in pixels, even."""
    train: float = field(default=0.5, validator=and_(ge(0.0), le(1.0)))
    """Share of the persons in the training split, ..."""
    validation: float = field(default=0.25, validator=and_(ge(0.0), le(1.0)))
    """... and in the validation split; the others are the test split."""
    seed: int = field(default=0, validator=ge(0))
    """What the persons are drawn from."""

    def build(self, _runtime: Runtime) -> Maker:
        from affmem_drawn.corpus import OMGMaker

        return OMGMaker(self)
