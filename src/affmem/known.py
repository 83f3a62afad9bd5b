"""Who is known: each person's memory, taken from a store when it is asked for."""

from collections.abc import Iterator, MutableMapping
from typing import final

from affmem.errors import StoreError
from affmem.keeping import Shelf
from affmem.road import Parts, Person, meet


@final
class Known(MutableMapping[str, Person]):
    """The people of a store as a `Session` takes them; `keep` puts back what was learnt.

    To delete one is to erase all that the store keeps of them, at once.
    """

    def __init__(self, shelf: Shelf, parts: Parts) -> None:
        self._shelf, self._parts = shelf, parts
        self._met: dict[str, Person] = {}
        self._seen: dict[str, int] = {}

    def keep(self) -> None:
        """Put back each memory that has learnt; then raise what `Shelf.keep` first raised."""
        refused: list[StoreError] = []
        for name, person in self._met.items():
            if person.seen != self._seen.get(name, 0):
                try:
                    self._shelf.keep(name, person.kept())
                    self._seen[name] = person.seen
                except StoreError as error:
                    refused.append(error)
        if refused:
            raise refused[0]

    def close(self) -> None:
        """Keep what was learnt, and let go of the store."""
        try:
            self.keep()
        finally:
            self._shelf.close()

    def __getitem__(self, name: str) -> Person:
        """Raises StoreError where what is kept is of other parts (`Shelf.fetch`)."""
        if name not in self._met:
            if not self._shelf.knows(name):
                raise KeyError(name)
            self._met[name] = meet(name, self._parts, self._shelf.fetch(name))
            self._seen[name] = self._met[name].seen
        return self._met[name]

    def __setitem__(self, name: str, person: Person) -> None:
        self._met[name] = person

    def __delitem__(self, name: str) -> None:
        if name not in self:
            raise KeyError(name)
        self._met.pop(name, None)
        self._seen.pop(name, None)
        self._shelf.erase(name)

    def __contains__(self, name: object) -> bool:
        return name in self._met or (isinstance(name, str) and self._shelf.knows(name))

    def __iter__(self) -> Iterator[str]:
        return iter({**dict.fromkeys(self._shelf.people()), **self._met})

    def __len__(self) -> int:
        return len({*self._shelf.people(), *self._met})
