"""A person's memory, lent by the store to one session, and given back as it grows."""

from datetime import UTC, datetime
from time import monotonic
from typing import Final, final

from affmem.errors import UserError
from affmem.protocols import MemoryStore
from affmem.road import Parts, Person, meet
from affmem.session import Session
from affmem.values import Kept

EVERY: Final = 10.0
"""Seconds after which what was learnt is kept, while more is learnt."""


@final
class Loan:
    """Blocks while the store works: not for the event loop's thread."""

    def __init__(
        self, person: str, session: Session, store: MemoryStore, about: dict[str, str]
    ) -> None:
        self.person, self._session, self._store, self._about = person, session, store, about
        self._version = 0
        self._kept = 0
        self._at = monotonic()

    def take(self, parts: Parts) -> None:
        """Put the memory into the session: as it was kept, or a new one.

        Raises UserError where it was made by parts that these are not, or the store refuses.
        """
        person = meet(self.person, parts)
        found = self._store.load(self.person)
        if found is not None:
            kept, self._version = found
            if dict(kept.about) != self._about:
                raise UserError(
                    f"the memory of {self.person!r} was made by other parts or settings than are "
                    "served here: erase it, or serve the experiment that made it"
                )
            person.memory.restore(kept.state)
            person.seen = self._kept = kept.faces
        self._session.people[self.person] = person

    @property
    def known(self) -> Person:
        """The memory, and how many faces it has seen."""
        return self._session.people[self.person]

    def keep(self, *, now: bool = False) -> None:
        """Save what was learnt since, if it is time to, or `now`.

        Raises ConflictError where another has saved or erased it since: what was learnt here is
        void then. Raises StoreError where the store cannot be used.
        """
        person = self.known
        if person.seen == self._kept or (not now and monotonic() - self._at < EVERY):
            return
        self._at = monotonic()
        kept = Kept(person.memory.state(), person.seen, len(person.memory), self._about)
        self._version = self._store.save(self.person, kept, self._version)
        self._kept = person.seen

    def void(self) -> None:
        """Drop the memory from the session, unsaved."""
        if self.person in self._session.people:
            self._session.forget(self.person)

    def erase(self) -> None:
        """Drop it, and all that the store keeps of the person."""
        self.void()
        if any(one.person == self.person for one in self._store.people()):
            self._store.erase(self.person)


def agreed(person: str, store: MemoryStore, until: datetime) -> None:
    """Note that this person agreed, now, that their memory is kept until then."""
    store.erase_expired()
    store.consent(person, datetime.now(UTC), until)
