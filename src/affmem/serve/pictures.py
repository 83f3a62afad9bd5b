"""Pictures out of messages: of whatever bytes, little is allocated before they are believed."""

from io import BytesIO

import numpy as np

from affmem.serve.limits import Limits
from affmem.values import Corners, Face, Image

SMALLEST = 16
"""The shorter side of a picture, in pixels."""


class NoPictureError(ValueError):
    """A message that holds no picture that will be looked at; `str()` says why."""


def decoded(data: bytes, limits: Limits) -> Image:
    """The picture in a JPEG or WebP file, upright (EXIF).

    Its size is read off the header and judged before a pixel is decoded. Raises NoPictureError.
    """
    from PIL import Image as Pillow
    from PIL import ImageOps

    if len(data) > limits.frame_bytes:
        raise NoPictureError(f"{len(data)} bytes; expected at most {limits.frame_bytes}")
    try:
        with Pillow.open(BytesIO(data), formats=("JPEG", "WEBP")) as opened:
            _check(*opened.size, getattr(opened, "n_frames", 1), limits.frame_side)
            return np.asarray(ImageOps.exif_transpose(opened).convert("RGB"))
    except (
        OSError, SyntaxError, ValueError,
        Pillow.DecompressionBombError, Pillow.DecompressionBombWarning,
    ) as error:  # fmt: skip
        if isinstance(error, NoPictureError):
            raise
        raise NoPictureError("no JPEG or WebP picture that can be read") from error


def _check(width: int, height: int, pictures: int, most: int) -> None:
    if max(width, height) > most or min(width, height) < SMALLEST:
        raise NoPictureError(f"{width} x {height} pixels; expected sides of {SMALLEST} to {most}")
    if pictures != 1:
        raise NoPictureError("a film; expected one picture")


def cut(image: Image, corners: Corners) -> Face:
    """The aligned face whose corners (`Sighting`) these are."""
    import cv2

    side = 96
    ends = np.array([[0, 0], [side, 0], [side, side]], np.float32) - np.float32(0.5)
    turn = cv2.getAffineTransform(corners[:3].astype(np.float32), ends)
    tile = cv2.warpAffine(image, turn, (side, side), flags=cv2.INTER_AREA)
    face: Face = (tile.transpose(2, 0, 1).astype(np.float32) / 127.5) - np.float32(1)
    return face
