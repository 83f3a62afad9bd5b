"""Memories kept in a database: SQLite in a file, or PostgreSQL; encrypted where there is a key."""

from collections.abc import Mapping

from affmem import hookimpl
from affmem.protocols import StoreConfig
from affmem_store.config import SqlConfig


@hookimpl
def affmem_stores() -> Mapping[str, type[StoreConfig]]:
    """Store "sql"."""
    return {"sql": SqlConfig}
