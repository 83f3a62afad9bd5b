"""Where a tuning's trials are written down: a journal of one process, or a database of several.

Whoever takes a trial from a database holds a lock of PostgreSQL's for as long as they live: a
trial that runs and that nobody holds was left by a process that is gone.
"""

import tomllib
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, final
from zlib import crc32

import tomli_w

from affmem.directory import check_empty
from affmem.errors import InputError, UserError
from affmem.experiment import dumps
from affmem.files import write
from affmem.protocols import Metric
from affmem.settings import plain
from affmem.tuning import Range, Tuning

if TYPE_CHECKING:
    from optuna import Study
    from psycopg import Connection

ASKED = "asked"
"""What a study in a database was begun for, beside it."""

TABLES = 0x61666D65
"""The lock of whoever makes Optuna's tables."""
ALIVE: dict[str, Any] = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
"""Seconds, seconds, times: within a minute either side knows that the other has lost power or
network."""
PATIENCE = "1min"
"""How long a process waits for its turn; a turn is over at once."""


@final
class Journal:
    """A file of a process that is alone with it: whatever runs in it was left by another before."""

    shared = False
    """Whether others may take trials at the same time."""

    def __init__(self, path: Path) -> None:
        from optuna.storages import JournalStorage
        from optuna.storages.journal import JournalFileBackend

        if path.exists() and not (kept := path.read_bytes()).endswith(b"\n"):
            write(path, kept[: kept.rfind(b"\n") + 1])  # its last line was cut off
        self.storage = JournalStorage(JournalFileBackend(str(path)))

    def turn(self) -> AbstractContextManager[None]:
        """At once; see `Database`, as for the others."""
        return nullcontext()

    def hold(self, _number: int) -> None:
        """Nobody else would take it."""

    def abandoned(self, _number: int) -> bool:
        """Always: it is not this process's."""
        return True


@final
class Database:
    """A PostgreSQL. Locks are held by `connection`, and go with it."""

    shared = True
    """Whether others may take trials at the same time."""

    def __init__(self, url: str, name: str, connection: "Connection") -> None:
        from optuna.storages import RDBStorage

        self._connection = connection
        self._key = crc32(name.encode()) - 2**31
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (TABLES,))
            place = url.replace("postgresql:", "postgresql+psycopg:", 1)
            try:
                self.storage = RDBStorage(
                    place.replace("{", "{{").replace("}", "}}"),  # else Optuna fills in something
                    {"pool_pre_ping": True, "connect_args": {"connect_timeout": 10, **ALIVE}},
                )
            except RuntimeError as error:  # tables of another version of Optuna
                raise UserError(f"{url}: {error}") from None

    @contextmanager
    def turn(self) -> Iterator[None]:
        """While it lasts, nobody else takes a trial of this study or calls one failed."""
        with self._connection.transaction():
            self._connection.execute("SELECT pg_advisory_xact_lock(%s, 0)", (self._key,))
            yield

    def hold(self, number: int) -> None:
        """Take the trial of that number, in a turn, as long as this process lives, or until it
        takes another."""
        self._connection.execute("SELECT pg_advisory_unlock_all()")
        self._connection.execute("SELECT pg_advisory_lock(%s, %s)", (self._key, number + 1))

    def abandoned(self, number: int) -> bool:
        """Whether a trial that runs is held by no process that lives; in a turn."""
        asked = "SELECT pg_try_advisory_xact_lock(%s, %s)"
        found = self._connection.execute(asked, (self._key, number + 1)).fetchone()
        return found == (True,)


Ledger = Journal | Database


@contextmanager
def opened(tuning: Tuning, metric: Metric, out: Path) -> Iterator[tuple["Study", Ledger]]:
    """The study, and the ledger that it is in; `out` then holds what is asked.

    A folder, or a study in a database, that asks for the same but for more trials, goes on.
    Raises InputError and UserError where another is there, before anything is written.
    """
    texts = {"experiment.toml": dumps(tuning.experiment, where=False), "tune.toml": _text(tuning)}
    if not (out / "tune.toml").is_file():
        check_empty(out)
    elif any(_asks((out / name).read_text("utf-8")) != _asks(texts[name]) for name in texts):
        raise InputError(out, "holds another tuning; expected the very same, or a new folder")
    if tuning.storage is None:
        _say(texts, out)
        journal = Journal(out / "optuna.journal")
        yield _study(journal, tuning, metric), journal
        return
    with joined(tuning.storage, tuning.name) as database:
        with database.turn():
            study = _study(database, tuning, metric)
            _agree(study, _of_all(texts), tuning)
        _say(texts, out)
        yield study, database


@contextmanager
def joined(url: str, name: str) -> Iterator[Database]:
    """The database, as long as it is needed, with the locks of the study of that name.

    Raises UserError, in a line, whatever happens to it meanwhile.
    """
    try:
        import psycopg
    except ImportError:
        raise UserError("storage needs psycopg: pip install affmem[tune,postgres]") from None
    from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError
    from sqlalchemy.exc import SQLAlchemyError

    try:
        with psycopg.connect(url, autocommit=True, connect_timeout=10, **ALIVE) as connection:
            here = {f"tcp_{name}": str(value) for name, value in ALIVE.items()}
            for setting in {**here, "lock_timeout": PATIENCE}.items():
                connection.execute("SELECT set_config(%s, %s, false)", setting)
            database = Database(url, name, connection)
            try:
                yield database
            finally:
                database.storage.remove_session()
                database.storage.engine.dispose()
    except UpdateFinishedTrialError:
        raise UserError(f"{url}: this process was taken for dead, and its trial for another's; "
                        "the same command goes on") from None  # fmt: skip
    except (psycopg.Error, SQLAlchemyError, StorageInternalError) as error:
        raise UserError(f"{url}: {' '.join(str(_first(error)).split())}") from error


def _first(error: BaseException) -> BaseException:
    """What it all began with: the server's own words."""
    return _first(error.__cause__) if error.__cause__ else error


def _text(tuning: Tuning) -> str:
    """What is asked, as TOML."""
    keys = ("trials", "seed", "goal", "prune")
    shared = ("storage", "name") if tuning.storage else ()
    asked = {
        **{key: getattr(tuning, key) for key in (*keys, *shared)},
        "dataset": {"use": tuning.dataset.use, **plain(tuning.dataset.config)},
        "settings": {
            one.name: plain(one.values) if isinstance(one.values, Range) else list(one.values)
            for one in tuning.settings
        },
    }
    return tomli_w.dumps(asked)


def _asks(text: str) -> dict[str, Any]:
    return {**tomllib.loads(text), "trials": "any number"}


def _say(texts: Mapping[str, str], out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        write(out / name, text)


def _study(ledger: Ledger, tuning: Tuning, metric: Metric) -> "Study":
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna.create_study(
        study_name=tuning.name,
        storage=ledger.storage,
        direction="maximize" if metric.better == "higher" else "minimize",
        pruner=optuna.pruners.MedianPruner() if tuning.prune else optuna.pruners.NopPruner(),
        load_if_exists=True,
    )


def _agree(study: "Study", asked: Mapping[str, Any], tuning: Tuning) -> None:
    """Raise UserError where the study was begun for something else; in a turn of one's own."""
    there = study.user_attrs.get(ASKED)
    where = f"{tuning.storage}: study {tuning.name!r}"
    if there is None and study.get_trials(deepcopy=False):
        raise UserError(f"{where} is another program's; give another `name`")
    if there is None:
        study.set_user_attr(ASKED, asked)
    elif there != asked:
        mine, theirs = dict(_flat(asked)), dict(_flat(there))
        key = min(key for key in mine | theirs if mine.get(key) != theirs.get(key))
        raise UserError(
            f"{where} is another tuning ({key} is {theirs.get(key)!r} there, {mine.get(key)!r} "
            "here); expected the very same, or another `name`"
        )


def _of_all(texts: Mapping[str, str]) -> dict[str, Any]:
    """What is asked, as every process that shares the study must ask for it."""
    asked = _asks(texts["tune.toml"])
    settings = asked.pop("settings")  # Optuna compares them too, and knows of no folders
    here = {key: value for key, value in asked.items() if key not in ("storage", "name")}
    experiment = tomllib.loads(texts["experiment.toml"])
    return {**_anywhere({**here, "experiment": experiment}), "settings": settings}


def _anywhere(tables: Mapping[str, Any]) -> dict[str, Any]:
    """The same on every machine: of files and folders the names alone.

    >>> _anywhere({"dataset": {"root": "/home/anna/faces", "split": "validation"}})
    {'dataset': {'root': 'faces', 'split': 'validation'}}
    """
    return {
        key: _anywhere(value) if isinstance(value, dict)
        else Path(value).name if isinstance(value, str) and Path(value).is_absolute()
        else value
        for key, value in tables.items()
    }  # fmt: skip


def _flat(tables: Mapping[str, Any], where: str = "") -> Iterator[tuple[str, Any]]:
    """Each key with the names of the tables that it stands in.

    >>> dict(_flat({"seed": 1, "dataset": {"use": "drawn"}}))
    {'seed': 1, 'dataset.use': 'drawn'}
    """
    for key, value in tables.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{where}{key}.")
        else:
            yield f"{where}{key}", value
