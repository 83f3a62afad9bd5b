"""The database that a store is in: found or made, brought to this version, and its errors told."""

import os
import sqlite3
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any, final

import platformdirs
from sqlalchemy import URL, Connection, create_engine, event, insert, inspect, select, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from affmem.errors import StoreError
from affmem_store.config import SqlConfig
from affmem_store.sealing import VARIABLE, Seal
from affmem_store.tables import PARTS, REVISION, VERSION_TABLE, memories, persons, stores

FILE = "memories.sqlite"
TOLD = {
    "SQLITE_NOTADB": "is no SQLite database",
    "SQLITE_CORRUPT": "is damaged",
    "SQLITE_CANTOPEN": "cannot be opened",
    "SQLITE_READONLY": "no permission to write it, or its folder",
    "SQLITE_PERM": "no permission",
    "SQLITE_FULL": "no space left on the disk",
    "SQLITE_IOERR": "cannot be read or written: the disk reports an error",
}
"""What SQLite's errors mean to a user, by the beginning of their names."""
BUSY = "another process has been writing all the time (setting `wait`)"
PART = text(
    "SELECT part FROM generate_series(0, :parts - 1) part WHERE EXISTS (SELECT 1 "
    "FROM unnest(CAST(:keys AS varchar[])) person WHERE satisfies_hash_partition("
    "'affmem_memory'::regclass, :parts, part, person))"
)
"""Which of PostgreSQL's parts have the memories of these persons."""
LOCK = 0x61666D656D
"""PostgreSQL's advisory lock that whoever makes or migrates the tables holds."""


class BusyError(StoreError):
    """Another process was in the way."""


@final
class Database:
    """SQLite in a file, or PostgreSQL; `name` stands for it in messages."""

    def __init__(self, config: SqlConfig, seal: Seal) -> None:
        self._wait = max(1, round(1000 * config.wait))
        if config.url is None:
            path = config.file or platformdirs.user_data_path("affmem") / FILE
            self.name = str(path)
            _touch(path)
            place = URL.create("sqlite", database=str(path))
            self._engine = create_engine(place, connect_args={"timeout": config.wait})
        else:
            self.name = config.url
            url = config.url.replace("postgresql:", "postgresql+psycopg:", 1)
            self._engine = create_engine(url, connect_args={"connect_timeout": 10})
        self._is_file = config.url is None
        event.listen(self._engine, "connect", self._prepare)
        event.listen(self._engine, "begin", self._begin)
        end = monotonic() + config.wait
        try:
            while not self._opened(seal, last=monotonic() > end):
                sleep(0.01)
        except BaseException:
            self.close()
            raise

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one moment, and that waits for nobody."""
        with self._told(), self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that is whole or absent; of SQLite there is one at a time."""
        with (
            self._told(),
            self._engine.connect().execution_options(begin="BEGIN IMMEDIATE") as connection,
            connection.begin(),
        ):
            yield connection

    def scour(self, keys: Collection[str]) -> None:
        """Take from the files what the rows of the persons with these keys have left there.

        SQLite: not a byte remains. PostgreSQL: the tables that had them are written anew; its log,
        and backups, are its owner's. Raises StoreError where another process keeps it from that for
        too long.
        """
        try:
            with self._told(), self._bare() as connection:
                if self._is_file:
                    connection.execute(text("VACUUM"))
                    log = connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
                    if log.one()[0]:
                        raise BusyError  # noqa: TRY301  (told as when it is raised)
                    return
                parts = connection.scalars(PART, {"parts": PARTS, "keys": [*keys]}).all()
                for table in (persons.name, *(f"{memories.name}_{part}" for part in parts)):
                    connection.execute(text(f"VACUUM (FULL) {table}"))
        except BusyError:
            raise StoreError(
                f"{self.name}: what was to go is gone, but bytes of it remain in the files as long "
                "as another process reads or writes; the next erasure removes them"
            ) from None

    def close(self) -> None:
        """Let go of every connection."""
        self._engine.dispose()

    def _opened(self, seal: Seal, *, last: bool) -> bool:
        """Whether it could be opened; unless it is the `last` time, another may be in the way.

        SQLite does not wait for who is making a new file, or closing the last connection to one.
        """
        try:
            with self.writing() as connection:
                _migrate(connection, alone=self._is_file)
                _recognise(connection, seal)
            if self._is_file:  # only now: another program's file stays as it was
                with self._told(), self._bare() as connection:
                    connection.exec_driver_sql("PRAGMA journal_mode=WAL")
        except BusyError:
            if last:
                raise
            return False
        return True

    def _bare(self) -> Connection:
        """A connection without a transaction."""
        options = {"begin": ""} if self._is_file else {"isolation_level": "AUTOCOMMIT"}
        return self._engine.connect().execution_options(**options)

    def _prepare(self, connection: Any, _record: object) -> None:  # noqa: ANN401
        """What each connection begins with; of SQLite the durable, rather than the fast."""
        if not self._is_file:
            connection.execute(f"SET lock_timeout = {self._wait}")
            # A plan for any person locks every part; one for this person locks theirs alone.
            connection.execute("SET plan_cache_mode = force_custom_plan")
            connection.commit()
            return
        connection.isolation_level = None  # `_begin` says when a transaction begins
        for pragma in ("synchronous=FULL", "secure_delete=ON", "foreign_keys=ON",
                       "temp_store=MEMORY"):  # fmt: skip
            connection.execute(f"PRAGMA {pragma}")

    def _begin(self, connection: Connection) -> None:
        begin = connection.get_execution_options().get("begin", "BEGIN")
        if self._is_file and begin:
            connection.exec_driver_sql(begin)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Tell what went wrong in a line that begins with the database's name."""
        try:
            yield
        except StoreError as error:
            if str(error).startswith(f"{self.name}: "):
                raise
            raise type(error)(f"{self.name}: {error}") from None
        except sqlite3.Error as error:
            raise self._error(error) from None
        except DBAPIError as error:
            raise self._error(error.orig) from error
        except SQLAlchemyError as error:
            raise self._error(error) from error

    def _error(self, error: BaseException | None) -> StoreError:
        code, state = (getattr(error, name, "") for name in ("sqlite_errorname", "sqlstate"))
        if code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")) or state == "55P03":
            return BusyError(f"{self.name}: {BUSY}")
        known = [words for name, words in TOLD.items() if code.startswith(name)]
        return StoreError(f"{self.name}: {known[0] if known else ' '.join(str(error).split())}")


def _touch(path: Path) -> None:
    """Make the file where there is none, for its user's eyes alone. Raises StoreError."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.is_dir():
            raise StoreError(f"{path}: is a folder; expected a file")
        if not path.exists():
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
    except OSError as error:
        raise StoreError(f"{path}: cannot be made: {error.strerror}") from None


def _migrate(connection: Connection, *, alone: bool) -> None:
    """Bring the tables to this version. Raises StoreError where they are of a later one."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SELECT pg_advisory_xact_lock({LOCK})"))
    there = inspect(connection).get_table_names()
    found = None
    if VERSION_TABLE in there:
        found = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608
    elif alone and there:
        raise StoreError(f"is another program's database: it has a table {there[0]!r}")
    if found == REVISION:
        return
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    config.attributes["connection"] = connection
    known = [one.revision for one in ScriptDirectory.from_config(config).walk_revisions()]
    if found is not None and found not in known:
        raise StoreError(
            f"was made by a newer affmem (revision {found}); this one knows {known[0]}"
        )
    command.upgrade(config, "head")


def _recognise(connection: Connection, seal: Seal) -> None:
    """Raise StoreError where the key is not the one that the store was made with."""
    row = connection.execute(select(stores.c.proof)).one_or_none()
    if row is None:
        connection.execute(insert(stores).values(id=1, proof=seal.proof))
    elif row.proof is None and seal.proof is not None:
        raise StoreError(f"is not encrypted, but there is a key: leave out key_file and {VARIABLE}")
    elif row.proof is not None and seal.proof is None:
        raise StoreError(f"is encrypted: its key is needed, in key_file or {VARIABLE}")
    elif row.proof is not None:
        try:
            seal.opened(row.proof, "store")
        except StoreError:
            raise StoreError("the key is not the one that it was encrypted with") from None
