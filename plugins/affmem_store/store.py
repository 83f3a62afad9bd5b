"""The store: a row a person and version, each call one transaction."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, final
from uuid import uuid4

from sqlalchemy import Connection, Select, and_, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from affmem.errors import ConflictError, StoreError
from affmem.keeping import pack, unpack
from affmem.values import Card, Kept
from affmem_store.config import SqlConfig
from affmem_store.database import Database
from affmem_store.sealing import seal
from affmem_store.tables import memories, persons

LONGEST = 200
"""Characters of a name."""
AT_ONCE = 10_000
"""Values that a statement takes; of both databases, neither takes 70,000."""


@final
class SqlStore:
    """Store "sql"."""

    def __init__(self, config: SqlConfig) -> None:
        self._versions = config.versions
        self._seal = seal(config.key_file)
        self._database = Database(config, self._seal)
        self._unscoured: set[str] = set()

    def people(self) -> Sequence[Card]:
        """Names are opened here: the database cannot sort what is sealed."""
        with self._database.reading() as connection:
            rows = connection.execute(_told())
            return sorted(map(self._card, rows), key=lambda card: card.person)

    def card(self, person: str) -> Card | None:
        """Of one person the same."""
        if not _is_name(person):
            return None
        with self._database.reading() as connection:
            who = self._find(connection, person)
            row = who and connection.execute(_told(who.id)).one_or_none()
            return None if row is None else self._card(row)

    def load(self, person: str) -> tuple[Kept, int] | None:
        """The newest version."""
        with self._database.reading() as connection:
            who = self._find(connection, person)
            if who is None:
                return None
            _check_time(who.expires, person)
            mine = select(memories).where(memories.c.person == who.id)
            newest = mine.order_by(memories.c.version.desc()).limit(1)
            row = connection.execute(newest).one_or_none()
            return None if row is None else (self._opened(row, person), row.version)

    def save(self, person: str, kept: Kept, base: int) -> int:
        """A new row, and the oldest away."""
        content, moment = pack(kept), datetime.now(UTC)
        with self._database.writing() as connection:
            who = self._find(connection, person, writes=True)
            if who is None and base:
                raise ConflictError(f"{person}: erased or renamed by another since version {base}")
            if who is not None:
                _check_time(who.expires, person)
            key = self._enter(connection, person, moment) if who is None else who.id
            mine = select(memories.c.version).where(memories.c.person == key)
            versions = sorted(connection.scalars(mine))
            if base != (versions[-1] if versions else 0):
                raise ConflictError(f"{person}: saved by another since version {base}")
            told = {"person": key, "saved": moment, "faces": kept.faces, "units": kept.units}
            blank = insert(memories).values(**told, digest=b"", content=b"")
            version: int = connection.scalars(blank.returning(memories.c.version)).one()
            closed = self._seal.closed(content, _place(key, version))
            theirs, row = memories.c.person == key, memories.c.version == version
            filled = {"content": closed, "digest": hashlib.sha256(closed).digest()}
            connection.execute(update(memories).where(theirs, row).values(filled))
            old = [*versions, version][: -self._versions]
            connection.execute(delete(memories).where(theirs, memories.c.version.in_(old)))
            _change(connection, key, changed=moment)
        return version

    def erase(self, person: str) -> None:
        """The rows, and then what they left in the files."""
        with self._database.writing() as connection:
            key = self._known(connection, person).id
            _erase(connection, [key])
        self._scour(key)

    def erase_expired(self) -> Sequence[str]:
        """As `erase`; the files are written anew only if there was someone, or it failed before."""
        over = persons.c.expires <= datetime.now(UTC)
        with self._database.writing() as connection:
            rows = connection.execute(select(persons).where(over).with_for_update()).all()
            names = sorted(self._name(row) for row in rows)
            _erase(connection, [row.id for row in rows])
        self._scour(*(row.id for row in rows))
        return names

    def rename(self, old: str, new: str) -> None:
        """Another name in the person's row; the old one leaves the files too."""
        with self._database.writing() as connection:
            who = self._known(connection, old)
            if self._find(connection, new) is not None:
                raise StoreError(f"{new}: is kept already")
            _change(connection, who.id, **self._named(who.id, new), changed=datetime.now(UTC))
        self._scour(who.id)

    def consent(self, person: str, given: datetime | None, expires: datetime | None) -> None:
        """In the person's row."""
        for moment in (given, expires):
            if moment is not None and moment.tzinfo is None:
                raise ValueError(f"expected a time with a zone: {moment}")
        now = datetime.now(UTC)
        with self._database.writing() as connection:
            who = self._find(connection, person, writes=True)
            key = self._enter(connection, person, now) if who is None else who.id
            _change(connection, key, consent=given, expires=expires, changed=now)

    def close(self) -> None:
        """Close every connection."""
        self._database.close()

    def _scour(self, *keys: str) -> None:
        """Take from the files what is left of these, and of those of whom that failed before."""
        self._unscoured |= {*keys}
        if self._unscoured:
            self._database.scour(self._unscoured)
            self._unscoured.clear()

    def _find(self, connection: Connection, person: str, *, writes: bool = False) -> Any | None:  # noqa: ANN401
        """The person's row, held until the transaction ends if it `writes`."""
        if not _is_name(person):
            raise StoreError(f"{person!r}: expected a name of 1 to {LONGEST} printable characters")
        where = persons.c.handle == self._seal.handle(person)
        found = select(persons).where(where)
        row = connection.execute(found.with_for_update() if writes else found).one_or_none()
        if row is not None and self._name(row) != person:
            raise StoreError(f"{person}: the row found is another person's; it was changed by hand")
        return row

    def _card(self, row: Any) -> Card:  # noqa: ANN401
        return Card(
            self._name(row), row.version or 0, row.made, row.changed, row.faces or 0,
            row.units or 0, int(row.size or 0), row.consent, row.expires,
        )  # fmt: skip

    def _known(self, connection: Connection, person: str) -> Any:  # noqa: ANN401
        row = self._find(connection, person, writes=True)
        if row is None:
            raise StoreError(f"{person}: nobody of this name is kept")
        return row

    def _enter(self, connection: Connection, person: str, moment: datetime) -> str:
        """A row for someone new."""
        key = uuid4().hex
        values = {"id": key, "made": moment, "changed": moment}
        try:
            connection.execute(insert(persons).values(**values, **self._named(key, person)))
        except IntegrityError:
            raise ConflictError(f"{person}: saved by another at the same moment") from None
        return key

    def _named(self, key: str, name: str) -> dict[str, Any]:
        closed = self._seal.closed(name.encode(), f"name {key}")
        return {"handle": self._seal.handle(name), "name": closed}

    def _name(self, row: Any) -> str:  # noqa: ANN401
        return self._seal.opened(row.name, f"name {row.id}").decode()

    def _opened(self, row: Any, person: str) -> Kept:  # noqa: ANN401
        """What a row of `memories` holds. Raises StoreError where it is not what was saved."""
        try:
            if hashlib.sha256(row.content).digest() != row.digest:
                raise ValueError("its digest is another")  # noqa: TRY301  (told as all others)
            kept = unpack(self._seal.opened(row.content, _place(row.person, row.version)))
        except (StoreError, ValueError) as error:
            raise StoreError(f"{person}: version {row.version} is damaged: {error}") from None
        return kept


def _is_name(person: str) -> bool:
    return 0 < len(person) <= LONGEST and person.isprintable()


def _told(key: str | None = None) -> Select[Any]:
    """What cards say: everyone's, or that of the person with this key."""
    each = select(
        memories.c.person,
        func.max(memories.c.version).label("version"),
        func.sum(func.length(memories.c.content)).label("size"),
    ).group_by(memories.c.person)
    who = select(persons)
    if key is not None:
        each, who = each.where(memories.c.person == key), who.where(persons.c.id == key)
    sums = each.subquery()
    return (
        who.add_columns(sums.c.version, sums.c.size, memories.c.faces, memories.c.units)
        .outerjoin(sums, sums.c.person == persons.c.id)
        .outerjoin(
            memories,
            and_(memories.c.person == sums.c.person, memories.c.version == sums.c.version),
        )
    )


def _place(key: str, version: int) -> str:
    return f"memory {key} {version}"


def _check_time(expires: datetime | None, person: str) -> None:
    if expires is not None and expires <= datetime.now(UTC):
        raise StoreError(f"{person}: expired on {expires:%Y-%m-%d %H:%M} UTC")


def _change(connection: Connection, key: str, **values: Any) -> None:  # noqa: ANN401
    connection.execute(update(persons).where(persons.c.id == key).values(**values))


def _erase(connection: Connection, keys: Sequence[str]) -> None:
    for first in range(0, len(keys), AT_ONCE):
        some = keys[first : first + AT_ONCE]
        connection.execute(delete(memories).where(memories.c.person.in_(some)))
        connection.execute(delete(persons).where(persons.c.id.in_(some)))
