"""Who is known: each person's memory, taken from a store when it is asked for."""

from abc import abstractmethod
from collections import UserDict
from collections.abc import Iterator, Mapping, MutableMapping
from typing import final

from affmem.errors import StoreError
from affmem.keeping import Shelf
from affmem.road import Parts, Person, meet
from affmem.values import Likeness


class People(MutableMapping[str, Person]):
    """Those whom a `Session` may know, by name."""

    @abstractmethod
    def likenesses(self) -> Mapping[str, Likeness]:
        """Of everyone who has one, as it is now."""


@final
class Met(UserDict[str, Person], People):
    """People of whom nothing is kept."""

    def likenesses(self) -> Mapping[str, Likeness]:
        return _likenesses(self.data)


@final
class Known(People):
    """The people of a store as a `Session` takes them; `keep` puts back what was learnt.

    To delete one is to erase all that the store keeps of them, at once.
    """

    def __init__(self, shelf: Shelf, parts: Parts) -> None:
        self._shelf, self._parts = shelf, parts
        self._met: dict[str, Person] = {}
        self._seen: dict[str, int] = {}
        self._read: dict[str, tuple[int, Likeness | None]] = {}
        """Each person's likeness, and the version that it was read from."""

    def likenesses(self) -> Mapping[str, Likeness]:
        """A memory is read for it once a version, and let go of again. Whoever cannot be taken from
        the store has none, nor has who was erased, or withdrew, since they were met."""
        versions = self._shelf.versions()
        self._read = {
            name: self._read[name] if self._has_read(name, version) else (version, self._of(name))
            for name, version in versions.items()
            if name not in self._met
        }
        kept = {name: one for name, (_, one) in self._read.items() if one is not None}
        return kept | _likenesses(
            {
                name: one
                for name, one in self._met.items()
                if name in versions or not self._shelf.version(name)
            }
        )

    def _has_read(self, name: str, version: int) -> bool:
        return name in self._read and self._read[name][0] == version

    def _of(self, name: str) -> Likeness | None:
        try:
            return self._shelf.likeness(name)
        except StoreError:
            return None

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


def _likenesses(people: Mapping[str, Person]) -> dict[str, Likeness]:
    return {name: one.likeness for name, one in people.items() if one.likeness is not None}
