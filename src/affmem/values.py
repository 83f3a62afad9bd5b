"""Values that pass between parts: frozen, checked at birth, without behaviour.

Arrays are numpy float32 unless said otherwise; rows are samples; affect is always the pair
(arousal, valence), in that order, each in [-1, 1] (Russell's circumplex).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

import numpy as np
import numpy.typing as npt
from attrs import field, frozen
from attrs.validators import and_, ge, instance_of, le, min_len, optional
from jaxtyping import Bool, Float, Float32, Float64, Int64, Shaped, UInt8

Image = UInt8[npt.NDArray[np.uint8], "_height _width 3"]
"""A picture: RGB, 0..255."""
Face = Float32[npt.NDArray[np.float32], "3 96 96"]
"""An aligned face: RGB, [-1, 1]."""
Faces = Float32[npt.NDArray[np.float32], "n 3 96 96"]
Corners = Float64[npt.NDArray[np.float64], "4 2"]
"""Where an aligned face's corners lie in the picture: x and y in pixels, from the face's upper
left clockwise; a pixel's middle is whole."""
Pictures = UInt8[npt.NDArray[np.uint8], "n 96 96 3"]
"""Aligned faces as pictures: RGB, 0..255."""
Codes = Float32[npt.NDArray[np.float32], "n d"]
"""Latent codes z, one row a face."""
Code = Float32[npt.NDArray[np.float32], "1 d"]
"""That of one face."""
Affects = Float32[npt.NDArray[np.float32], "n 2"]
"""Columns arousal, valence, [-1, 1]; a NaN row is unlabelled (or, in a reading, unknown)."""
Maps = Float32[npt.NDArray[np.float32], "n 96 96"]
"""How much each pixel of a face counts, [0, 1]."""
Values = Float[npt.NDArray[np.floating], " n"]
"""One dimension of affect over n units."""
State = dict[str, Shaped[npt.NDArray[np.generic], "..."]]
"""What a part remembers, by name: exactly what a safetensors file can hold."""

Unit = Literal["frame", "utterance"]
"""What a label belongs to: each frame, or a whole utterance (clip)."""
UNITS: tuple[Unit, ...] = ("frame", "utterance")
DIMENSIONS = ("arousal", "valence")
MapOf = Literal["activation", "arousal", "valence"]
"""What maps are of: what an encoder's last convolution says, or what affect was read from."""
MAPS: tuple[MapOf, ...] = ("activation", "arousal", "valence")

in_unit_range = and_(ge(-1.0), le(1.0))


@frozen
class Affect:
    """A point of the arousal/valence plane.

    Raises ValueError outside [-1, 1] and for NaN.

    >>> Affect(arousal=0.5, valence=-0.25)
    Affect(arousal=0.5, valence=-0.25)
    """

    arousal: float = field(validator=in_unit_range)
    valence: float = field(validator=in_unit_range)


@frozen
class Clip:
    """A recording of one person: a name for frames, no pixels.

    `name` is unique in its dataset; clips with the same `person` share one memory, in the order
    that the dataset lists them; `affect` is the label of the whole clip, where there is one, and
    `emotion` the dataset's word for it (`affmem.emotions.plain`), where it has one.

    >>> Clip(name="anna/utterance_1", person="anna", affect=Affect(0.2, 0.6)).person
    'anna'
    """

    name: str = field(validator=min_len(1))
    person: str = field(validator=min_len(1))
    affect: Affect | None = field(default=None, validator=optional(instance_of(Affect)))
    emotion: str | None = None


@frozen(eq=False)
class Frame:
    """A moment of a clip.

    `time` is in seconds from the clip's start; `affect` is this frame's own label, if it has one,
    and `emotion` its own word.
    """

    time: float
    image: Image
    affect: Affect | None = None
    emotion: str | None = None


@frozen(eq=False)
class Found:
    """A face in a picture of a stream, aligned; `track` is its number as long as it is followed."""

    track: int
    corners: Corners
    face: Face


@frozen(eq=False)
class Reading:
    """What a memory says of n codes.

    `affects`: NaN rows where the memory knows nothing yet; `activations`: of the best-matching
    unit, in [0, 1], 0 where there is none; `units`: its index, -1 where there is none; `novel`:
    where the memory itself says that it does not know such codes (False if it never says).
    """

    affects: Affects
    activations: Float32[npt.NDArray[np.float32], " n"]
    units: Int64[npt.NDArray[np.int64], " n"]
    novel: Bool[npt.NDArray[np.bool_], " n"] = field()

    @novel.default
    def _never(self) -> npt.NDArray[np.bool_]:
        return np.zeros(len(self.units), np.bool_)


@frozen(eq=False)
class Likeness:
    """By what someone who agreed to that is recognised: biometric data.

    `code`: the mean of the codes of `faces` of their faces; `encoder`: whose codes, one that tells
    persons apart, by its fingerprint (`affmem.keeping`).
    """

    code: Code
    faces: int = field(validator=[instance_of(int), ge(1)])
    encoder: str


@frozen(eq=False)
class Kept:
    """A person's memory as a store keeps it.

    `state`: what the memory said it was (`Memory.state`); `faces`: how many of the person's faces
    it has seen; `units`: how many it held; `about`: what made it, as text by name, such as the
    memory part with its settings, and the encoder whose codes it holds (`affmem.keeping`).
    """

    state: State
    faces: int = field(validator=[instance_of(int), ge(0)])
    units: int = field(validator=[instance_of(int), ge(0)])
    about: Mapping[str, str] = field(factory=dict)


@frozen
class Card:
    """Who is kept in a store, and how much of them; not what is known of them.

    `version`: of the memory, 0 where none is kept yet (consent may come first); `made`, `changed`:
    when the person, and what is kept of them, came there, the first until they are erased; `faces`,
    `units`: as in `Kept`; `size`: bytes of all that is kept of the memory, older versions too;
    `consent`: when it was given; `expires`: from when on the memory may be read no more. Times have
    a time zone.
    """

    person: str
    version: int
    made: datetime
    changed: datetime
    faces: int
    units: int
    size: int
    consent: datetime | None = None
    expires: datetime | None = None


@frozen
class Step:
    """What a run says of one frame, before it learns from it.

    `face` tells whether this frame's face was found; where it was not, the last face's readings
    stand in (bridged), and all of them are None before the first face of a clip.

    `pk` is the prior knowledge's reading, `memory` the personal memory's; `activation` is the
    best-matching unit's, `units` the number of units that the memory held at that moment.
    """

    clip: Clip
    time: float
    face: bool
    pk: Affect | None
    memory: Affect | None
    activation: float
    units: int
    truth: Affect | None
