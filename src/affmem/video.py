"""Frames of a video (or a picture) as a viewer sees them: upright, by presentation time."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from affmem.errors import InputError
from affmem.files import check, reason
from affmem.pictures import read
from affmem.values import Image

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

log = logging.getLogger("affmem")

PICTURES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
"""Suffixes of files that hold one picture."""
FORMATS = (
    "asf,avi,flv,gif,h264,hevc,matroska,mjpeg,mov,mpeg,mpegts,mpegvideo,m4v,ogg,"
    "bmp_pipe,jpeg_pipe,png_pipe,tiff_pipe,webp_pipe"
)
"""What is looked for, whatever the file is called. FFmpeg knows more, as lists of other files and
addresses to open in this one's place."""
STREAMS = 100
"""Of one file, at most."""
PIXELS = 2**24
"""Of a frame at most, as 4096 x 4096: a decoder holds a few dozen of them."""


class Recording:
    """One file of moving or still pictures; nothing is opened before `frames`.

    `damaged` counts what the last `frames` had to leave out: packets that could not be decoded,
    frames that the decoder itself calls corrupt, and frames whose time does not go forward.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.damaged = 0

    def frames(self, start: float = 0.0, end: float | None = None) -> Iterator[tuple[float, Image]]:
        """Times and pictures from `start` up to (not with) `end`, in order of time.

        Both are in seconds from the file's first frame; the times that come are in seconds from
        `start`. A picture is one frame at time 0, whatever `start` and `end` are. Holds no more
        than the decoder's own few frames. Raises InputError where there is nothing to be read.
        """
        check(self.path)
        self.damaged = 0
        if self.path.suffix.casefold() in PICTURES:
            yield 0.0, read(self.path)
            return
        last = None
        for time, frame in self._decoded(start):
            if end is not None and time >= end:
                break
            if time < start:
                continue
            late = last is not None and time <= last
            image = None if late or frame.is_corrupt else upright(frame)
            if image is None:
                self.damaged += 1
                continue
            yield time - start, image
            last = time
        if last is None:
            raise InputError(self.path, _nothing(start, end))
        if self.damaged:
            log.warning("%s: %d damaged packets or frames left out", self.path, self.damaged)

    def _decoded(self, start: float) -> Iterator[tuple[float, "VideoFrame"]]:
        """Frames as the decoder gives them, from a key frame before `start` on."""
        if start > 0:
            frames = self._decoded_from(start)
            first = next(frames, None)
            if first is not None and first[0] <= start:
                yield first
                yield from frames
                return
            self.damaged = 0  # without an index a search may end too late
        yield from self._decoded_from(0)

    def _decoded_from(self, start: float) -> Iterator[tuple[float, "VideoFrame"]]:
        import av

        try:
            container = av.open(
                f"file:{self.path}",  # else a name with a colon may be an address
                metadata_errors="replace",
                container_options={
                    "format_whitelist": FORMATS,
                    "protocol_whitelist": "file",
                    "max_streams": str(STREAMS),
                },
            )
        except (av.error.InvalidDataError, av.error.ArgumentError):  # the latter: not of FORMATS
            raise InputError(
                self.path, "is not a video, or its beginning or index is lost"
            ) from None
        except (OSError, av.error.FFmpegError) as error:
            raise InputError(self.path, f"cannot be read ({reason(error)})") from None
        with container:
            stream = _moving(container)
            if stream is None:
                raise InputError(self.path, "has no video stream that can be decoded")
            stream.codec_context.options = {"max_pixels": str(PIXELS)}
            tick = float(stream.time_base or 1)
            first = stream.start_time or 0
            step = 1 / float(stream.average_rate or 25)
            if start > 0:
                self._seek(container, stream, first + int(start / tick))
            time = -step
            for frame in self._packets(container, stream):
                known = frame.pts is not None
                time = (frame.pts - first) * tick if known else time + step  # type: ignore[operator]
                # Times are whole ticks: rounding keeps a `start` of 0.36 from missing its frame.
                yield round(time, 6), frame

    def _seek(self, container: "InputContainer", stream: "VideoStream", offset: int) -> None:
        import av

        try:
            container.seek(offset, stream=stream)
        except av.error.FFmpegError:
            log.debug("%s: cannot be searched; decoded from its beginning", self.path)

    def _packets(
        self, container: "InputContainer", stream: "VideoStream"
    ) -> Iterator["VideoFrame"]:
        """The frames of all packets; a packet that fails is counted and left out."""
        import av

        packets = container.demux(stream)
        while True:
            try:
                packet = next(packets, None)
            except av.error.FFmpegError:  # the file breaks off here
                self.damaged += 1
                return
            if packet is None:
                return
            try:
                frames = packet.decode()
            except av.error.FFmpegError:
                self.damaged += 1
                continue
            yield from frames


def turned(image: Image, matrix: tuple[int, int, int, int]) -> Image:
    """An image turned and mirrored as a display matrix [[a, b], [c, d]] tells.

    The matrix takes a stored point (x, y) to the shown point (a x + c y, b x + d y), as in
    ISO/IEC 14496-12, 8.3.2; angles between are taken to the nearest quarter turn.

    >>> stored = np.array([[[1, 1, 1], [2, 2, 2]]], np.uint8)
    >>> turned(stored, (0, 1, -1, 0))[:, :, 0]  # a quarter turn, clockwise
    array([[1],
           [2]], dtype=uint8)
    >>> turned(stored, (-1, 0, 0, 1))[:, :, 0]  # mirrored
    array([[2, 1]], dtype=uint8)
    """
    a, b, c, d = matrix
    if abs(b) > abs(a):
        image, across, down = image.transpose(1, 0, 2), c, b
    else:
        across, down = a, d
    if across < 0:
        image = image[:, ::-1]
    if down < 0:
        image = image[::-1]
    return np.ascontiguousarray(image)


def upright(frame: "VideoFrame") -> Image | None:
    """A frame as RGB, turned as its display matrix says; None where its pixels make no picture."""
    from av.buffer import Buffer
    from av.error import FFmpegError

    # By default each frame would start threads of its own, which live until they are collected.
    try:
        image = np.asarray(frame.to_ndarray(format="rgb24", threads=1), np.uint8)
    except FFmpegError:
        return None
    matrix = frame.side_data.get("DISPLAYMATRIX")
    if not isinstance(matrix, Buffer):
        return image
    a, b, _, c, d = np.frombuffer(bytes(matrix), np.int32)[:5].tolist()
    return turned(image, (a, b, c, d))


def _moving(container: "InputContainer") -> "VideoStream | None":
    """The first stream of moving pictures in a known code (a song's cover is none)."""
    from av.stream import Disposition

    moving = (
        one
        for one in container.streams.video
        if one.codec_context is not None and not one.disposition & Disposition.attached_pic
    )
    return next(moving, None)


def _nothing(start: float, end: float | None) -> str:
    if start == 0 and end is None:
        return "no frame could be decoded"
    until = "the end" if end is None else f"{end:g} s"
    return f"no frame could be decoded from {start:g} s to {until}"
