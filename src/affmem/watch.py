"""Watching: pictures from a source, each seen by a session and shown to whoever keeps of it.

for look in watch(source, session, person="anna"):
    for one in shown_to:
        one.see(look)
"""

from collections import deque
from collections.abc import Iterator
from time import perf_counter
from typing import Final, Protocol

import numpy as np
from attrs import frozen

from affmem.session import Session, Sighting
from affmem.source import Source
from affmem.values import Affect, Image

TRAIL: Final = 50
"""How many of a face's last readings are drawn: two seconds."""


@frozen(eq=False)
class Look:
    """A picture, and what was seen in it."""

    image: Image
    time: float
    sightings: tuple[Sighting, ...]
    seconds: float
    """That it took from the picture to what was seen, and learnt, in it."""


class Onlooker(Protocol):
    """Keeps, or shows, something of each look."""

    def see(self, look: Look) -> None: ...

    def close(self) -> None:
        """No more is seen; what is kept is whole."""
        ...


def watch(
    source: Source, session: Session, person: str | None = None, *, recognise: bool = False
) -> Iterator[Look]:
    """See all that comes, one picture at a time, until it ends.

    `person`, who agreed, and to be recognised where `recognise` says so, is whoever's face is the
    largest and nobody's, if not in view already; once they can be recognised, they are. Raises
    InputError where the source cannot be read.
    """
    for frame in source.frames():
        began = perf_counter()
        sightings = session.see(frame.image, frame.time)
        known = {one.person for one in sightings}
        nobodys = [one.track for one in sightings if one.person is None]
        unnamed = nobodys and person not in known
        if person is not None and unnamed and not session.recognises(person):
            session.start(nobodys[0], person, recognise=recognise)
        yield Look(frame.image, frame.time, tuple(sightings), perf_counter() - began)


class Trails:
    """The last readings of each face in view, for drawing."""

    def __init__(self) -> None:
        self._trails: dict[int, deque[Affect]] = {}

    def see(self, look: Look) -> None:
        """Add a look; whoever is out of view is dropped."""
        tracks = {one.track for one in look.sightings}
        self._trails = {track: one for track, one in self._trails.items() if track in tracks}
        for one in look.sightings:
            said = one.memory or one.pk
            if said is not None:
                self._trails.setdefault(one.track, deque(maxlen=TRAIL)).append(said)

    def of(self, track: int) -> list[Affect]:
        """The last readings of a face, the newest at the end."""
        return [*self._trails.get(track, ())]


class Pace:
    """Pictures a second, and how long each took."""

    def __init__(self, last: int = 250) -> None:
        self._at: deque[float] = deque(maxlen=last)
        self._took: deque[float] = deque(maxlen=last)

    def see(self, look: Look) -> None:
        """Add a look."""
        self._at.append(perf_counter())
        self._took.append(look.seconds)

    def __str__(self) -> str:
        if len(self._at) < 2:
            return ""
        rate = (len(self._at) - 1) / (self._at[-1] - self._at[0])
        p50, p99 = np.quantile(self._took, (0.5, 0.99)) * 1e3
        return f"{rate:.1f} frames/s, latency {p50:.0f} ms (99 %: {p99:.0f} ms)"
