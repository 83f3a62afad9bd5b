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
        from affmem_drawn.dataset import drawn

        return drawn(self, runtime)


@frozen
class ActedConfig:
    """Settings of dataset "acted": drawn persons who live through a minute, as aligned faces.

    Each frame is labelled. A person has a mean of affect of their own, about which it moves slowly
    and quickly, rests between, and is out of sight now and then.
    """

    persons: int = field(default=64, validator=ge(1))
    """How many persons there are."""
    seconds: float = field(default=60.0, validator=and_(ge(1.0), le(3600.0)))
    """How long each clip lasts."""
    every: int = field(default=5, validator=and_(ge(1), le(1500)))
    """Of 25 frames a second, every so many is drawn."""
    visits: int = field(default=1, validator=and_(ge(1), le(100)))
    """Clips of each person: everyone comes once, then everyone comes again, in other light."""
    strength: float = field(default=0.35, validator=and_(ge(0.0), le(1.0)))
    """How much persons differ in showing affect: standard deviation of each action unit's gain."""
    arousal: float = field(default=0.2, validator=and_(ge(-1.0), le(1.0)))
    """Mean over persons of their mean arousal, ..."""
    valence: float = field(default=0.0, validator=and_(ge(-1.0), le(1.0)))
    """... and valence."""
    spread: float = field(default=0.2, validator=and_(ge(0.0), le(1.0)))
    """Standard deviation of persons' means."""
    reach: float = field(default=0.5, validator=and_(ge(0.0), le(1.0)))
    """Standard deviation of a person's affect about their mean, in the middle of all persons."""
    pace: float = field(default=1.0, validator=and_(ge(0.1), le(10.0)))
    """How fast affect changes; 1: within 6 to 20 seconds, and within 1 to 3."""
    rest: float = field(default=0.2, validator=and_(ge(0.0), le(0.9)))
    """Share of the time in which the face is nearly at rest."""
    lost: float = field(default=0.04, validator=and_(ge(0.0), le(0.9)))
    """Share of the time in which no face is found."""
    stir: float = field(default=1.0, validator=and_(ge(0.0), le(3.0)))
    """How much the head moves and the light changes."""
    size: int = field(default=96, validator=and_(ge(16), le(1024)))
    """Width and height of a face in pixels."""

    def build(self, runtime: Runtime) -> Dataset:
        from affmem_drawn.acted import Acted

        return Acted(self, runtime)


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
