"""How much a client may ask for, and the bucket that counts it."""

from collections.abc import Callable
from time import monotonic

from attrs import define, field, frozen
from attrs.validators import and_, ge, gt, le


@frozen
class Limits:
    """What one client, and all of them together, may ask for."""

    connections: int = field(default=16, validator=and_(ge(1), le(1024)))
    """Cameras watched at a time; one more is answered 503."""
    frame_bytes: int = field(default=512_000, validator=ge(1024))
    """The largest message; a larger one ends its connection (1009)."""
    frame_side: int = field(default=1280, validator=ge(64))
    """The longer side of a picture, in pixels."""
    frames: float = field(default=30.0, validator=gt(0.0))
    """Frames a second that a camera may send; more are dropped, as stale ones are."""
    messages: float = field(default=200.0, validator=gt(0.0))
    """Messages of any kind a second; more end the connection (1008)."""
    requests: float = field(default=20.0, validator=gt(0.0))
    """Requests a second from one address; more are answered 429."""
    mistakes: int = field(default=20, validator=ge(1))
    """Messages in a connection that say nothing; one more ends it (1008)."""
    idle: float = field(default=60.0, validator=gt(0.0))
    """Seconds without a message until a connection is ended (1000)."""


@define
class Bucket:
    """A token bucket: `rate` a second, and a burst of `size` at once.

    >>> now = 0.0
    >>> bucket = Bucket(rate=2.0, size=2.0, clock=lambda: now)
    >>> [bucket.take() for _ in range(3)]
    [True, True, False]
    >>> now = 0.5
    >>> bucket.take(), bucket.take()
    (True, False)
    """

    rate: float
    size: float
    clock: Callable[[], float] = monotonic
    _level: float = field(init=False)
    _at: float = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._level, self._at = self.size, self.clock()

    def take(self) -> bool:
        """Whether there was one left; it is gone now."""
        now = self.clock()
        self._level = min(self.size, self._level + (now - self._at) * self.rate)
        self._at = now
        if self._level < 1.0:
            return False
        self._level -= 1.0
        return True
