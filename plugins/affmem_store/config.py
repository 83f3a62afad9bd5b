"""Settings of the store. Light: nothing here imports SQLAlchemy."""

from pathlib import Path

from attrs import field, frozen
from attrs.validators import and_, ge, instance_of, le, optional

from affmem.errors import PluginError
from affmem.postgresql import is_url
from affmem.protocols import MemoryStore, Runtime


@frozen
class SqlConfig:
    """Settings of store "sql"."""

    file: Path | None = field(default=None, validator=optional(instance_of(Path)))
    """The SQLite file; without it, `memories.sqlite` in the user's data folder."""
    url: str | None = field(default=None, validator=optional(is_url))
    """A PostgreSQL database in place of a file: "postgresql://USER@HOST/DATABASE"."""
    key_file: Path | None = field(default=None, validator=optional(instance_of(Path)))
    """A file with the key that all is encrypted with: 32 bytes in base64. Without it, the key in
    the environment's AFFMEM_STORE_KEY; without that, nothing is encrypted."""
    versions: int = field(default=2, validator=and_(instance_of(int), ge(1), le(1000)))
    """How many versions of a person's memory are kept, the newest among them."""
    wait: float = field(default=30.0, validator=and_(ge(0.0), le(3600.0)))
    """Seconds to wait for another process that is writing."""

    def __attrs_post_init__(self) -> None:
        if self.file and self.url:
            raise ValueError("'file' and 'url': expected one of them")

    def build(self, _runtime: Runtime) -> MemoryStore:
        """Open it; raises StoreError where that cannot be done, PluginError without an extra."""
        try:
            from affmem_store.store import SqlStore

            return SqlStore(self)
        except ModuleNotFoundError as error:
            extra = {"psycopg": "postgres", "cryptography": "encryption"}.get(
                str(error.name).partition(".")[0]
            )
            if not extra:
                raise
            raise PluginError(
                f"store 'sql' needs {error.name} for this: pip install affmem[{extra}]"
            ) from None
