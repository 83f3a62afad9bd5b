"""The tables as this version of affmem uses them; `migrations` says how they came to be."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    TypeDecorator,
)

REVISION = "0002"
"""The last of the migrations."""
VERSION_TABLE = "affmem_version"
PARTS = 32
"""Tables that PostgreSQL keeps memories in, `affmem_memory_0` and so on, a person's all in one."""


class Moment(TypeDecorator[datetime]):
    """A time with a zone, as ISO 8601 text in UTC of fixed length: it sorts as time does."""

    impl = String(32)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Any) -> str | None:  # noqa: ANN401
        """To text."""
        return None if value is None else value.astimezone(UTC).isoformat(timespec="microseconds")

    def process_result_value(self, value: Any | None, _dialect: Any) -> datetime | None:  # noqa: ANN401
        """From text."""
        return None if value is None else datetime.fromisoformat(value)


metadata = MetaData()

stores = Table(
    "affmem_store",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("proof", LargeBinary),
)
"""One row; `proof` is NULL where nothing is encrypted, and else opens with the right key alone."""

persons = Table(
    "affmem_person",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("handle", String(200), nullable=False, unique=True),
    Column("name", LargeBinary, nullable=False),
    Column("made", Moment, nullable=False),
    Column("changed", Moment, nullable=False),
    Column("consent", Moment),
    Column("expires", Moment),
)
"""`handle` finds a person: the name, or a keyed digest of it. `name` is sealed where there is a
key."""

memories = Table(
    "affmem_memory",
    metadata,
    Column("version", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("person", String(32), ForeignKey(persons.c.id), nullable=False, index=True),
    Column("saved", Moment, nullable=False),
    Column("faces", BigInteger, nullable=False),
    Column("units", BigInteger, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("content", LargeBinary, nullable=False),
    sqlite_autoincrement=True,  # a version is never given twice, also after an erasure
)
"""A row a person and version. `content` is a safetensors file, sealed where there is a key;
`digest` is its SHA-256 as it lies there. In PostgreSQL the primary key is (person, version), which
makes the index needless."""
