"""One stream of pictures, watched as it comes: every face in view is read, who agreed is learnt.

    with Session(parts) as session:
        for image, time in pictures:
            for sighting in session.see(image, time):
                ...                                  # who is where, and what is read of them
            session.start(sighting.track, "anna")    # she agreed: from now on, a memory of hers

With a `Recognition`, those who agreed to that too are known again when they come back into view.
Each picture is predicted before it is learnt, as on the road (`affmem.road`), and is done with when
`see` returns: nothing waits, and nothing of a picture is kept.
"""

from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType

import numpy as np
from attrs import frozen

from affmem.errors import PluginError, StoreError, UserError, unknown
from affmem.known import Met, People
from affmem.protocols import Follower, Memory
from affmem.recognition import APART, Recognition, due
from affmem.road import Parts, Person, affect, learn, meet
from affmem.timing import Clock
from affmem.values import Affect, Corners, Found, Image


@frozen(eq=False)
class Sighting:
    """One face of one picture, and what is said of it before it is learnt.

    `track` is the face's number as long as it is followed. `person` is who it is; of nobody who
    agreed (None), only the prior knowledge is asked: `memory` is None, and nothing is learnt or
    kept. As long as a memory knows nothing, it says what the prior knowledge does.
    """

    track: int
    person: str | None
    time: float
    """Of the picture, in seconds."""
    corners: Corners
    pk: Affect | None
    memory: Affect | None
    activation: float
    """Of the best-matching unit, as in `Reading`; 0 without a memory."""
    units: int
    """How many the memory held, as it was asked."""
    learnt: bool
    """Whether the memory learnt it, after it was asked."""
    unit: int = -1
    """Which of the units matched best, as in `Reading`; -1 without one."""


class Session:
    """Watches one stream. Not for several threads at once."""

    def __init__(
        self,
        parts: Parts,
        people: People | None = None,
        clock: Clock | None = None,
        recognition: Recognition | None = None,
    ) -> None:
        """`people` are those who may be known; it is filled as others agree.

        Without `recognition`, who comes into view is nobody until `start` says who it is.

        Raises PluginError where the face finder cannot follow faces.
        """
        if not isinstance(parts.faces, Follower):
            raise PluginError(
                "faces: this face finder cannot follow faces; expected one that can, as mtcnn"
            )
        self.people: People = Met() if people is None else people
        self.clock = clock or Clock()
        self._parts = parts
        self._following = parts.faces.follow()
        self._known: dict[int, str | None] = {}
        self._paused: set[str] = set()
        self._recognition = recognition
        self._recognisable: set[str] = set()
        """Who agreed, in this session, to be recognised."""
        self._pictures: dict[int, int] = {}
        """How many each face has been in view for."""
        if recognition is not None:
            self.people.likenesses()  # those that a store keeps are read now, not amid pictures

    def see(self, image: Image, time: float) -> Sequence[Sighting]:
        """The faces of the next picture, the largest first: all are read, and only then learnt."""
        with self.clock("find"):
            found = self._following.see(image)
        self._known = {one.track: self._known.get(one.track) for one in found}
        self._pictures = {one.track: self._pictures.get(one.track, 0) + 1 for one in found}
        if not found:
            return ()
        if self._recognition is not None:
            with self.clock("recognise"):
                self._recognise(found, self._recognition)
        with self.clock("encode"):
            codes = self._parts.encoder.encode(np.stack([one.face for one in found]))
        with self.clock("read"):
            priors = self._parts.reader.read(codes)
        sightings = [
            self._sighting(one, time, codes[row : row + 1], affect(priors[row]))
            for row, one in enumerate(found)
        ]
        for row, (one, sighting) in enumerate(zip(found, sightings, strict=True)):
            if sighting.person is not None and sighting.learnt:
                person = self.people[sighting.person]
                if sighting.person in self._recognisable and person.seen % APART == 0:
                    self._resemble(one, person)
                learn(one.face, codes[row : row + 1], person, self._parts, self.clock)
        return sightings

    def start(self, track: int, name: str, *, recognise: bool = False) -> None:
        """This face's person agreed to be known as `name`: a memory learns them from now on.

        It goes on with the memory of that name where there is one. `recognise`: they agreed to
        that too, and a likeness is made of their first faces. Raises UserError where no such face
        is in view, the name is that of another one in view, or nothing here can recognise.
        """
        if recognise and self._recognition is None:
            raise UserError(f"{name!r} cannot be recognised: the session has no recognition")
        if track not in self._known:
            raise UserError(f"face {track} is not in view; in view: {sorted(self._known)}")
        if not name.strip():
            raise UserError("a person's name: expected some text, got none")
        other = next((one for one, known in self._known.items() if known == name), track)
        if other != track:
            raise UserError(f"{name!r} is face {other} already")
        if name not in self.people:
            self.people[name] = meet(name, self._parts)
        self.people[name].memory.begin()
        self._known[track] = name
        if recognise:
            self._recognisable.add(name)

    def recognises(self, name: str) -> bool:
        """Whether this person is known again by their face, and need not be named."""
        if self._recognition is None or name not in self.people:
            return False
        return self._recognition.fits(self.people[name].likeness)

    def pause(self, name: str) -> None:
        """Read this person, and learn nothing of them, until `resume`. UserError: unknown."""
        self.memory(name)
        self._paused.add(name)

    def resume(self, name: str) -> None:
        """Learn this person again. UserError: unknown."""
        self.memory(name)
        self._paused.discard(name)

    def forget(self, name: str) -> None:
        """Drop all that is known of this person; their face is nobody's. UserError: unknown."""
        self.memory(name)
        del self.people[name]
        self._paused.discard(name)
        self._recognisable.discard(name)
        for track, known in self._known.items():
            if known == name:
                self._known[track] = None

    def memory(self, name: str) -> Memory:
        """The memory of this person. UserError: unknown."""
        if name not in self.people:
            raise UserError(unknown("person", name, self.people))
        return self.people[name].memory

    def close(self) -> None:
        """The stream has ended."""
        self._known = {}

    def __enter__(self) -> "Session":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    def _recognise(self, found: Sequence[Found], recognition: Recognition) -> None:
        """Go on with the memory of whoever is recognised; of the others, no code is kept."""
        for one in found:
            if self._known[one.track] is None and due(self._pictures[one.track]):
                name = recognition.who(one.face, self.people.likenesses())
                if name is not None and name not in self._known.values():
                    with suppress(StoreError, KeyError):  # cannot be taken, or was erased meanwhile
                        self.people[name]  # `start` alone would begin one anew
                        self.start(one.track, name)

    def _resemble(self, found: Found, person: Person) -> None:
        """Make a likeness of the person's first faces."""
        if self._recognition is not None:
            with self.clock("recognise"):
                person.likeness = self._recognition.more(person.likeness, found.face)

    def _sighting(
        self, found: Found, time: float, code: np.ndarray, prior: Affect | None
    ) -> Sighting:
        name = self._known[found.track]
        if name is None:
            return Sighting(
                found.track, None, time, found.corners, prior, None, 0.0, 0, learnt=False
            )
        memory = self.people[name].memory
        with self.clock("predict"):
            reading = memory.predict(code)
        return Sighting(
            track=found.track,
            person=name,
            time=time,
            corners=found.corners,
            pk=prior,
            memory=affect(reading.affects[0]) or prior,
            activation=float(reading.activations[0]),
            units=len(memory),
            learnt=name not in self._paused,
            unit=int(reading.units[0]),
        )
