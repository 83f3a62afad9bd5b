"""Small worlds for tests of the road: real parts, but for a camera and a network.

Faces are flat pictures whose colour is the affect, so that an encoder, a reader and an editor can
be written down in a line each and a prediction be known beforehand.
"""

import numpy as np
from attrs import field, frozen
from hypothesis import strategies as st

from affmem import Affect, Clip, Frame, Runtime
from affmem.catalogue import catalogue
from affmem.road import Stations
from affmem.start import Start
from affmem.values import Found


def flat(arousal, valence):
    """A face that shows its affect as colour, float32 [3, 96, 96]."""
    face = np.zeros((3, 96, 96), np.float32)
    face[0], face[1] = arousal, valence
    return face


def image(arousal, valence):
    """The same as a picture; None in place of an affect is a frame without a face (black)."""
    shown = flat(arousal, valence).transpose(1, 2, 0)
    pixels = ((shown + 1) * 127.5).round().astype(np.uint8)
    pixels[..., 2] = 255
    return pixels


CORNERS = np.array([[0, 0], [96, 0], [96, 96], [0, 96]]) - 0.5
BLACK = np.zeros((96, 96, 3), np.uint8)


@frozen(eq=False)
class Flat:
    """Dataset, face finder, encoder, reader and editor of flat faces."""

    shows: dict[str, list] = field(factory=dict)
    labels: dict[str, Affect] = field(factory=dict)
    unit = "utterance"

    def notes(self):
        return ()

    def clips(self):
        return [Clip(name, name.partition("/")[0], self.labels.get(name)) for name in self.shows]

    def frames(self, clip):
        for number, shown in enumerate(self.shows[clip.name]):
            yield Frame(number / 25, BLACK if shown is None else image(*shown))

    def find(self, images):
        for one in images:
            yield None if not one.any() else one.transpose(2, 0, 1).astype(np.float32) / 127.5 - 1

    def follow(self):
        """Each place of a picture that is several, side by side, is one face's."""
        return self

    def see(self, image):
        found = []
        for place in range(image.shape[1] // 96):
            part = image[:, 96 * place : 96 * (place + 1)]
            corners = CORNERS + np.array([96 * place, 0])
            found += [Found(place, corners, face) for face in self.find([part]) if face is not None]
        return found

    def encode(self, faces):
        return np.ascontiguousarray(faces[:, :2, 0, 0])

    def read(self, codes):
        return np.clip(codes * 0.5, -1, 1)

    def edit(self, face, affects):
        return np.stack([flat(*affect) for affect in affects])


def stations(world, memory="gwr", seed=0, **start):
    """The road's stations over a flat world."""
    settings = {"edits": 20, "frames": 3, "epochs": 2, **start}
    config = catalogue().config("memory", memory)()
    return Stations(
        world, world, world, world, config, Start(**settings), Runtime(seed=seed), world
    )


def said(rows):
    """What steps say, less the answers."""
    return [(s.clip.name, s.time, s.face, s.pk, s.memory, s.activation, s.units) for s in rows]


level = st.integers(-100, 100).map(lambda n: n / 100)
shown = st.one_of(st.none(), st.tuples(level, level))
clips = st.lists(shown, min_size=1, max_size=40)
worlds = st.dictionaries(
    st.sampled_from(["anna/1", "anna/2", "ben/1", "ben/2", "cleo/1"]), clips, min_size=1
)


def beside(*shows):
    """Flat faces in one picture, side by side; None is a place without a face."""
    return np.hstack([BLACK if one is None else image(*one) for one in shows])
