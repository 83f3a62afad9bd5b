"""A person's memory, lent by the store to one session, and given back as it grows."""

from time import monotonic
from typing import Final, final

from affmem.keeping import Shelf
from affmem.protocols import MemoryStore
from affmem.road import Parts, Person, meet
from affmem.session import Session

EVERY: Final = 10.0
"""Seconds after which what was learnt is kept, while more is learnt."""


@final
class Loan:
    """Waits while the store works: not for the event loop's thread."""

    def __init__(self, person: str, session: Session, shelf: Shelf, parts: Parts) -> None:
        """Put the person's memory into the session: as it was kept, or a new one.

        Raises StoreError where what is kept is of other parts than these.
        """
        self.person, self._session, self._shelf = person, session, shelf
        self._session.people[person] = meet(person, parts, shelf.fetch(person))
        self._kept = self.known.seen
        self._at = monotonic()

    @property
    def known(self) -> Person:
        """The memory, and how many faces it has seen."""
        return self._session.people[self.person]

    def keep(self, *, now: bool = False) -> None:
        """Save what was learnt since, if it is time to, or `now`.

        Raises ConflictError where another has saved or erased it since: what was learnt here is
        void then. Raises StoreError where the store cannot be used.
        """
        person = self._session.people.get(self.person)
        if person is None or person.seen == self._kept:
            return
        if not now and monotonic() - self._at < EVERY:
            return
        self._at = monotonic()
        self._shelf.keep(self.person, person.kept())
        self._kept = person.seen

    def void(self) -> None:
        """Drop the memory from the session, unsaved."""
        if self.person in self._session.people:
            self._session.forget(self.person)

    def erase(self, store: MemoryStore) -> None:
        """Drop it, and all that the store keeps of the person; once begun, it is done."""
        self.void()
        if store.card(self.person) is not None:
            store.erase(self.person)
