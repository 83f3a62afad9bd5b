"""A tape: what a walk saw, kept so that the next need not decode, find, encode or edit it again.

The road is walked as ever; a tape stands at its first stations and answers from what it has kept.
In place of pictures it hands *stand-ins* along: of a frame, one pixel whose colour is the frame's
number; of a face, an array that holds that number, and for an edit the affect asked for too.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import final

import numpy as np

from affmem.errors import UserError
from affmem.protocols import Dataset, Editor, Encoder, FaceFinder
from affmem.start import latent
from affmem.values import Affects, Clip, Code, Codes, Face, Faces, Frame, Image, Unit

MOST = 2**24
"""How many frames can be told apart: by the colours of a pixel, and by whole float32 numbers."""


@final
class Tape:
    """Dataset, face finder, encoder and editor of a walk; each is asked only once for the same.

    Whatever was encoded in one batch is kept of that batch, so that steps walked from a tape are
    those of the stations themselves to the last bit. A clip that was not walked to its end is not
    kept. All of it stays in memory: codes tell how a person looks.
    """

    def __init__(
        self, dataset: Dataset, faces: FaceFinder, encoder: Encoder, editor: Editor, edited: int
    ) -> None:
        """`edited`: how many of each person's first faces any walk may edit; these are kept."""
        self._dataset, self._finder = dataset, faces
        self._encoder, self._editor = encoder, editor
        self._edited = edited
        self._watched: dict[Clip, list[Frame]] = {}
        self._seen: dict[str, int] = {}
        self._frames = 0
        self._waiting: dict[int, Face] = {}
        self._first: dict[int, Face] = {}
        self._codes: dict[int, Codes] = {}
        self._lessons: dict[tuple[int, bytes], Codes] = {}

    @property
    def unit(self) -> Unit:
        """As the dataset's."""
        return self._dataset.unit

    def notes(self) -> Sequence[str]:
        """As the dataset's."""
        return self._dataset.notes()

    def clips(self) -> Sequence[Clip]:
        """As the dataset's."""
        return self._dataset.clips()

    def frames(self, clip: Clip) -> Iterator[Frame]:
        """Stand-ins of the clip's frames; on the first time its faces are found on the way."""
        if clip in self._watched:
            yield from self._watched[clip]
            return
        frames: list[Frame] = []
        pictures: list[Frame] = []
        seen = self._seen.get(clip.person, 0)

        def images() -> Iterator[Image]:
            for frame in self._dataset.frames(clip):
                pictures.append(frame)
                yield frame.image

        for face in self._finder.find(images()):
            frame = pictures.pop(0)
            if face is not None:
                self._waiting[self._frames] = face
                if seen < self._edited:
                    self._first[self._frames] = face
                seen += 1
            frames.append(Frame(frame.time, _pixel(self._frames), frame.affect))
            self._frames += 1
            yield frames[-1]
        self._watched[clip] = frames
        self._seen[clip.person] = seen

    def find(self, images: Iterable[Image]) -> Iterator[Face | None]:
        """A stand-in of each frame's face."""
        for image in images:
            number = int.from_bytes(image.tobytes(), "big")
            known = number in self._codes or number in self._waiting
            yield _faces(number, _AS_IT_IS)[0] if known else None

    def encode(self, faces: Faces) -> Codes:
        """The codes of the faces, or of the edits, that these stand for."""
        numbers = [int(one) for one in faces[:, 0, 0, 0]]
        asked = faces[:, 1:, 0, 0]
        if not np.isnan(asked[0, 0]):
            return self._lessons[numbers[0], asked.tobytes()]
        if numbers[0] not in self._codes:
            codes = self._encoder.encode(np.stack([self._waiting.pop(one) for one in numbers]))
            self._codes.update(zip(numbers, codes, strict=True))
        return np.stack([self._codes[one] for one in numbers])

    def edit(self, face: Face, affects: Affects) -> Faces:
        """Stand-ins of the face's edits; on the first time they are made, and encoded."""
        number = int(face[0, 0, 0])
        lesson = number, affects.tobytes()
        if lesson not in self._lessons:
            edits = self._editor.edit(self._first[number], affects)
            self._lessons[lesson] = self._encoder.encode(edits)
        return _faces(number, affects)

    def check_encoder(self, encoder: Encoder) -> None:
        """As the editor does."""
        latent(self._editor).check_encoder(encoder)

    def edit_codes(self, code: Code, affects: Affects) -> Codes:
        """As the editor says: that takes no drawing, and so nothing is kept."""
        return latent(self._editor).edit_codes(code, affects)


_AS_IT_IS = np.full((1, 2), np.nan, np.float32)


def _pixel(number: int) -> Image:
    if number >= MOST:
        raise UserError(f"a tape holds {MOST} frames at most; tune on fewer persons")
    return np.frombuffer(number.to_bytes(3, "big"), np.uint8).reshape(1, 1, 3)


def _faces(number: int, asked: Affects) -> Faces:
    """Stand-ins that hold a face's number and an affect each; none of them takes up any memory."""
    pixels = np.column_stack([np.full(len(asked), number, np.float32), asked])
    return np.broadcast_to(pixels[:, :, None, None], (len(asked), 3, 96, 96))
