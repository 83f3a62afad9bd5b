"""Real files for the tests of recordings: videos whose frames say their own number."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

STEP = 40
"""Milliseconds from frame to frame, where nothing else is said."""


def numbered(number: int, width: int = 64, height: int = 48) -> np.ndarray:
    """Frame `number`: grey level 5 * number, but for its upper left quarter, which is red."""
    image = np.full((height, width, 3), 5 * number, np.uint8)
    image[: height // 2, : width // 2] = [255, 0, 0]
    return image


def number_of(image: np.ndarray) -> int:
    """The number that a frame's lower right corner says."""
    return round(float(image[-8:, -8:].mean()) / 5)


def write_video(
    path: Path, times=None, width=64, height=48, rotation=0, codec="libx264", **options
):
    """A video with a numbered frame at each of `times` (milliseconds)."""
    times = [STEP * k for k in range(50)] if times is None else times
    path.parent.mkdir(parents=True, exist_ok=True)
    base = Fraction(1, 1000)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.time_base = base
        stream.bit_rate = 4_000_000
        if rotation:
            stream.set_display_rotation(rotation)
        for number, time in enumerate(times):
            frame = av.VideoFrame.from_ndarray(numbered(number, width, height), "rgb24")
            frame.pts, frame.time_base = time, base
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path
