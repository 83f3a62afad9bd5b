"""What was seen, drawn into the video: each face's box, and beside it the plane with its trail."""

from fractions import Fraction
from pathlib import Path
from typing import Any, Final, final

import numpy as np

from affmem.errors import InputError
from affmem.session import Sighting
from affmem.values import Affect, Image
from affmem.watch import Look, Trails

TICK: Final = Fraction(1, 1000)
"""A millisecond: the pictures of a camera come at times of their own."""
SMALLEST, LARGEST = 96, 220
"""Pixels along a side of the plane."""
MEMORY, PRIOR, FRAME, BACK = (80, 220, 255), (255, 255, 255), (80, 220, 255), (0, 0, 0, 150)


@final
class Annotated:
    """Writes an mp4, whole or not at all: it is there once it is closed."""

    def __init__(self, path: Path) -> None:
        """Raises InputError where it cannot be written."""
        if not path.absolute().parent.is_dir():
            raise InputError(path, f"cannot be written: no folder {path.parent}")
        self._path, self._part = path, path.with_name(f".{path.name}.part")
        self._trails = Trails()
        self._container: Any = None
        self._stream: Any = None
        self._last = -1

    def see(self, look: Look) -> None:
        """Draw a look, and add it. Raises InputError where it cannot be written."""
        self._trails.see(look)
        image = drawn(look, self._trails)
        if self._container is None:
            self._open(image)
        self._encode(image, look.time)

    def close(self) -> None:
        """Finish the file and move it to its place; without a picture, there is none."""
        if self._container is None:
            return
        self._container.mux(self._stream.encode())
        self._container.close()
        self._container = None
        self._part.replace(self._path)

    def _open(self, image: Image) -> None:
        import av

        try:
            self._container = av.open(str(self._part), "w", format="mp4")
        except OSError as error:
            raise InputError(self._path, f"cannot be written ({error.strerror})") from None
        options = {"preset": "veryfast", "crf": "23"}
        self._stream = self._container.add_stream("libx264", rate=25, options=options)
        height, width = image.shape[:2]
        self._stream.width, self._stream.height = width - width % 2, height - height % 2
        self._stream.pix_fmt = "yuv420p"
        self._stream.codec_context.time_base = TICK

    def _encode(self, image: Image, time: float) -> None:
        import av

        image = np.ascontiguousarray(image[: self._stream.height, : self._stream.width])
        picture = av.VideoFrame.from_ndarray(image, format="rgb24")
        self._last = max(round(time / TICK), self._last + 1)
        picture.pts, picture.time_base = self._last, TICK
        self._container.mux(self._stream.encode(picture))


def drawn(look: Look, trails: Trails) -> Image:
    """The picture, with what was seen drawn into it."""
    from PIL import Image as Pillow
    from PIL import ImageDraw

    picture = Pillow.fromarray(look.image)
    pen = ImageDraw.Draw(picture, "RGBA")
    for one in look.sightings:
        corners = [(float(x), float(y)) for x, y in one.corners]
        pen.polygon(corners, outline=FRAME, width=2)
        _plane(pen, picture.size, one, trails.of(one.track))
    return np.asarray(picture, np.uint8)


def _plane(pen: Any, size: tuple[int, int], one: Sighting, trail: list[Affect]) -> None:  # noqa: ANN401
    """Arousal upwards and valence to the right, right of the face where there is room, or left."""
    (left, top), (right, _) = one.corners.min(axis=0), one.corners.max(axis=0)
    side = int(np.clip(right - left, SMALLEST, LARGEST))
    x = right + 8 if right + 8 + side <= size[0] else max(left - 8 - side, 0)
    y = float(np.clip(top, 0, max(size[1] - side - 16, 0)))

    def place(affect: Affect) -> tuple[float, float]:
        across, up = (affect.valence + 1) / 2, (affect.arousal + 1) / 2
        return x + 4 + across * (side - 8), y + 4 + (1 - up) * (side - 8)

    pen.rectangle((x, y, x + side, y + side), fill=BACK, outline=FRAME)
    pen.line((x + side / 2, y, x + side / 2, y + side), fill=(255, 255, 255, 90))
    pen.line((x, y + side / 2, x + side, y + side / 2), fill=(255, 255, 255, 90))
    if len(trail) > 1:
        pen.line([place(affect) for affect in trail], fill=(*MEMORY, 160), width=2)
    if one.pk is not None:
        a, b = place(one.pk)
        pen.ellipse((a - 4, b - 4, a + 4, b + 4), outline=PRIOR, width=2)
    if one.memory is not None:
        a, b = place(one.memory)
        pen.ellipse((a - 5, b - 5, a + 5, b + 5), fill=MEMORY)
    name = one.person or f"face {one.track}: nobody's"
    pen.text((x, y + side + 2), name, fill=FRAME, font=_font())


def _font() -> Any:  # noqa: ANN401
    from PIL import ImageFont

    return ImageFont.load_default(13)
