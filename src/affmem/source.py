"""Where watched pictures come from: a video file, walked whole; a camera or a stream, as it is now.

A file waits for whoever reads it. A camera does not: of what it shows, the newest picture alone is
kept, and those before it that nobody took are dropped and counted.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any, Final, final
from urllib.parse import urlsplit, urlunsplit

import numpy as np

from affmem.errors import InputError
from affmem.values import Frame, Image
from affmem.video import Recording, upright

PATIENCE: Final = 10.0
"""Seconds within which a stream must answer."""

Made = tuple[float, Callable[[], Image | None]]
"""The time of a picture, and what makes it, if it can be: none is converted that nobody takes."""


@final
class Source:
    """What SOURCE of `affmem watch` names; nothing is opened before `frames`."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.camera = text.isdecimal() or text.startswith("/dev/video")
        self.stream = "://" in text
        self.dropped = 0
        """Pictures of a camera or a stream that nobody took"""

    def __str__(self) -> str:
        """Its name, without the password that may stand in an address."""
        if not self.stream:
            return f"camera {self._text}" if self.camera else self._text
        parts = urlsplit(self._text)
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))

    @property
    def live(self) -> bool:
        """Whether it goes on whether or not anyone looks."""
        return self.camera or self.stream

    def frames(self) -> Iterator[Frame]:
        """Its pictures in order of time, in seconds from the first. Raises InputError."""
        if not self.live:
            for time, image in Recording(Path(self._text)).frames():
                yield Frame(time, image)
            return
        made = self._filmed() if self.camera else self._streamed()
        with closing(Newest(made)) as newest:
            for time, make in newest:
                self.dropped = newest.dropped
                picture = make()
                if picture is not None:
                    yield Frame(time, picture)

    def _filmed(self) -> Iterator[Made]:
        import cv2

        cv2.utils.logging.setLogLevel(0)  # it would say at length what is said in a line here
        camera = cv2.VideoCapture(int(self._text) if self._text.isdecimal() else self._text)
        try:
            if not camera.isOpened():
                raise InputError(str(self), "no camera is there, or another program has it")
            began = perf_counter()
            while camera.grab():
                _, picture = camera.retrieve()
                yield perf_counter() - began, partial(_rgb, picture)
        finally:
            camera.release()

    def _streamed(self) -> Iterator[Made]:
        import av

        options = {"rtsp_transport": "tcp"} if self._text.startswith("rtsp") else {}
        try:
            with av.open(self._text, options=options, timeout=(PATIENCE, PATIENCE)) as container:
                if not container.streams.video:
                    raise InputError(str(self), "has no video stream")
                began = perf_counter()
                for picture in container.decode(container.streams.video[0]):
                    yield perf_counter() - began, partial(upright, picture)
        except (OSError, av.error.FFmpegError) as error:
            said = getattr(error, "strerror", None) or type(error).__name__
            raise InputError(str(self), f"cannot be read ({said})") from None


@final
class Newest:
    """The newest of what is made in a thread; whoever takes slowly misses some."""

    def __init__(self, made: Iterator[Made]) -> None:
        self.dropped = 0
        self._made = made
        self._waiting: Made | None = None
        self._error: BaseException | None = None
        self._ended = self._closed = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._take, name="affmem source", daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[Made]:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting is not None or self._ended)
                taken, self._waiting = self._waiting, None
            if taken is not None:
                yield taken
            elif self._error is not None:
                raise self._error
            else:
                return

    def close(self) -> None:
        """Take no more; a source that hangs is left to end with the process."""
        self._closed = True
        self._thread.join(timeout=1.0)

    def _take(self) -> None:
        try:
            for one in self._made:
                with self._changed:
                    if self._closed:
                        break
                    self.dropped += self._waiting is not None
                    self._waiting = one
                    self._changed.notify()
        except BaseException as error:  # noqa: BLE001  (told to whoever takes)
            self._error = error
        finally:
            close: Any = getattr(self._made, "close", None)
            if close is not None:
                close()
            with self._changed:
                self._ended = True
                self._changed.notify()


def _rgb(picture: np.ndarray) -> Image:
    import cv2

    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8)
