"""How fast a store is when eight processes are at it at once, and what many persons cost it.

`python benchmarks/store.py [--seconds 60] [--persons 40] [--only sqlite|postgresql] [--memory gwr]
[--faces 600] [--autovacuum 0.2]`; the last line is JSON. PostgreSQL is started from its programs,
with its own durable defaults, where they are installed. Both lie in the folder for temporary files.

The persons are put there past `save`, for speed: the same rows, a few hundred in a transaction, and
as many versions of each as a store comes to hold. Then each process takes a person by lot, loads
their memory (of 50-wide codes, `--faces` of which it has learnt), learns a clip of 50 codes, and
saves; where another was first, it loads and learns anew. In the end every save that was granted
must be there. Besides: what it takes to list everyone, to look at one card, to vacuum (PostgreSQL)
and to erase one person, and how long others wait meanwhile who load and save one after another.
"""

import argparse
import hashlib
import json
import multiprocessing
import os
import platform
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread
from time import perf_counter
from typing import Any
from uuid import uuid4

import numpy as np
import sqlalchemy as sa
from attrs import frozen

from affmem import Kept, Runtime
from affmem.catalogue import catalogue
from affmem.errors import ConflictError, StoreError
from affmem.keeping import pack
from affmem_store.config import SqlConfig
from affmem_store.tables import PARTS, memories, persons

sys.path.append(str(Path(__file__).parents[1] / "tests"))
import postgres

PROCESSES = 8
CLIP = 50
"""Codes that are learnt between loading and saving."""
DIFFERENT = 64
"""Memories that differ; persons share them."""
AT_ONCE = 200
"""Persons who are put there in one transaction."""
CARDS = 1000


@frozen
class Asked:
    """What is measured; `faces`: how many a memory has learnt before."""

    persons: int
    seconds: float
    memory: str
    faces: int
    autovacuum: float | None


def grown(asked: Asked, seed: int = 0) -> Any:  # noqa: ANN401
    """A memory that has learnt `faces` codes."""
    rng = np.random.default_rng(seed)
    memory = catalogue().config("memory", asked.memory)().build(Runtime())
    codes = rng.normal(size=(asked.faces, 50)).astype(np.float32)
    labels = rng.uniform(-1, 1, (asked.faces, 2)).astype(np.float32)
    memory.partial_fit(codes, labels if asked.memory == "gwr" else None)
    return memory


def fill(config: SqlConfig, engine: sa.Engine, asked: Asked) -> Mapping[str, float]:
    """Put all persons there: as `SqlStore.save` would write them, in fewer transactions."""
    config.build(Runtime()).close()  # which makes the tables
    grew = [grown(asked, seed) for seed in range(min(DIFFERENT, asked.persons))]
    rows = []
    for memory in grew:
        content = pack(Kept(memory.state(), 0, len(memory)))
        digest = hashlib.sha256(content).digest()
        rows.append({"units": len(memory), "faces": 0, "content": content, "digest": digest})
    begin = perf_counter()
    for first in range(0, asked.persons, AT_ONCE):
        who, what = [], []
        for number in range(first, min(first + AT_ONCE, asked.persons)):
            key, name, now = uuid4().hex, f"person {number}", datetime.now(UTC)
            who.append(
                {"id": key, "handle": name, "name": name.encode(), "made": now, "changed": now}
            )
            row = {"person": key, "saved": now, **rows[number % len(rows)]}
            what += [row] * config.versions
        with engine.begin() as connection:
            connection.execute(sa.insert(persons), who)
            connection.execute(sa.insert(memories), what)
    took = perf_counter() - begin
    size = float(np.mean([len(row["content"]) for row in rows]))
    return {
        "units": round(float(np.mean([row["units"] for row in rows]))),
        "bytes a version": round(size),
        "fill s": round(took, 1),
        "fill persons/s": round(asked.persons / took),
        "fill MB/s": round(size * asked.persons * config.versions / took / 1e6, 1),
    }


def work(config: SqlConfig, asked: Asked, seed: int) -> dict[str, Any]:
    """What one process does; the seconds that each turn took, and how many were refused."""
    rng = np.random.default_rng(seed)
    store, memory = config.build(Runtime()), grown(asked)
    turns: list[float] = []
    refused = 0
    end = perf_counter() + asked.seconds
    while perf_counter() < end:
        person = f"person {rng.integers(asked.persons)}"
        codes = rng.normal(size=(CLIP, 50)).astype(np.float32)
        begin = perf_counter()
        while True:
            loaded = store.load(person)
            if loaded is None:
                raise SystemExit(f"{person} was lost")
            kept, base = loaded
            memory.restore(kept.state)
            memory.partial_fit(codes)
            try:
                store.save(person, Kept(memory.state(), kept.faces + CLIP, len(memory)), base)
            except ConflictError:
                refused += 1
            else:
                break
        turns.append(perf_counter() - begin)
    store.close()
    return {"turns": turns, "refused": refused}


def stretch(config: SqlConfig, asked: Asked, seeds: range) -> tuple[int, Mapping[str, float]]:
    """Eight processes at it: how many saves there were, and the figures."""
    with multiprocessing.get_context("spawn").Pool(PROCESSES) as pool:
        done = pool.starmap(work, [(config, asked, seed) for seed in seeds], chunksize=1)
    turns = np.concatenate([one["turns"] for one in done]) * 1000
    return len(turns), {
        "saves": len(turns),
        "saves a second": round(len(turns) / asked.seconds, 1),
        "refused and tried again": sum(one["refused"] for one in done),
        "load-learn-save ms, median": round(float(np.median(turns)), 1),
        "load-learn-save ms, p99": round(float(np.percentile(turns, 99)), 1),
    }


def timed(call: Callable[[], object]) -> float:
    """Seconds that it takes."""
    begin = perf_counter()
    call()
    return round(perf_counter() - begin, 2)


def looked(config: SqlConfig, asked: Asked) -> Mapping[str, float]:
    """What it takes to list everyone, in this process and by the command, and to look at one."""
    store = config.build(Runtime())
    listing = timed(store.people)
    rng, cards = np.random.default_rng(0), []
    for number in rng.integers(asked.persons, size=CARDS):
        begin = perf_counter()
        store.card(f"person {number}")
        cards.append(1000 * (perf_counter() - begin))
    store.close()
    command = [sys.executable, "-m", "affmem", "people", "list", "--store"]
    command.append(config.url or str(config.file))
    begin = perf_counter()
    listed = subprocess.Popen(command, stdout=subprocess.DEVNULL)  # noqa: S603
    _, status, used = os.wait4(listed.pid, 0)
    took = round(perf_counter() - begin, 2)
    if status:
        raise SystemExit(f"{' '.join(command)}: failed")
    return {
        "people s": listing,
        "card ms, median": round(float(np.median(cards)), 2),
        "card ms, p99": round(float(np.percentile(cards, 99)), 2),
        "affmem people list s": took,
        "affmem people list MB": round(used.ru_maxrss / 1000),
    }


def erased(config: SqlConfig, asked: Asked) -> Mapping[str, float]:
    """What it takes to erase one person, and to load and save others meanwhile."""
    ended, waits, refused = Event(), [0.0], []

    def others() -> None:
        store, number = config.build(Runtime()), 0
        while not ended.wait(0.01):
            number = number % (asked.persons - 1) + 1
            begin = perf_counter()
            try:
                if loaded := store.load(f"person {number}"):
                    store.save(f"person {number}", *loaded)
            except StoreError as error:
                refused.append(str(error))
            waits.append(perf_counter() - begin)
        store.close()

    other, store = Thread(target=others), config.build(Runtime())
    other.start()
    told, begin = {}, perf_counter()
    try:
        store.erase("person 0")
    except StoreError:  # they are gone, but the files could not be written anew beside the others
        told["files anew, alone s"] = 0.0
    told["erase s"] = round(perf_counter() - begin, 2)
    ended.set()
    other.join()
    if "files anew, alone s" in told:
        told["files anew, alone s"] = timed(store.erase_expired)
    store.close()
    return {
        **told,
        "others meanwhile": len(waits) - 1,
        "longest of them s": round(max(waits), 2),
        "refused": len(refused),
    }


@frozen
class Disk:
    """What the database takes of it."""

    config: SqlConfig
    engine: sa.Engine

    def row(self, query: str) -> Any:  # noqa: ANN401
        """The only row of an answer."""
        with self.engine.connect() as connection:
            return connection.execute(sa.text(query)).one()

    def done(self, *statements: str) -> None:
        """Each outside of a transaction."""
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for one in statements:
                connection.execute(sa.text(one))

    def megabytes(self) -> float:
        """Of everything."""
        if self.config.file is not None:
            files = self.config.file.parent.glob(f"{self.config.file.name}*")
            size = sum(one.stat().st_size for one in files)
        else:
            (size,) = self.row("SELECT pg_database_size(current_database())")
        return round(size / 1e6, 1)

    def told(self) -> Mapping[str, float]:
        """Size, and of PostgreSQL the rows that no one sees any more."""
        told = {"MB": self.megabytes()}
        if self.config.url is not None:
            for what, key in (("rows", "oid"), ("chunks", "reltoastrelid")):
                row = self.row(
                    "SELECT sum(n_dead_tup), sum(autovacuum_count) FROM pg_stat_all_tables s "  # noqa: S608
                    f"JOIN pg_class c ON s.relid = c.{key} WHERE c.relname ~ '^affmem_memory' "
                    "AND c.relkind = 'r'"
                )
                told[f"dead {what}"], told[f"autovacuums of {what}"] = map(int, row)
        return told

    def tune(self, share: float) -> None:
        """Vacuum each table after this share of its rows is dead."""
        to = f"autovacuum_vacuum_scale_factor = {share}"
        for part in range(PARTS):
            self.done(f"ALTER TABLE {memories.name}_{part} SET ({to}, toast.{to})")


def measured(name: str, config: SqlConfig, asked: Asked) -> dict[str, Any]:
    """The figures of one database."""
    place = (config.url or "").replace("postgresql:", "postgresql+psycopg:", 1)
    engine = sa.create_engine(place or f"sqlite:///{config.file}")
    disk = Disk(config, engine)
    figures: dict[str, Any] = {}

    def note(what: str, **told: Any) -> None:  # noqa: ANN401
        figures[what] = told
        print(f"{name}, {what}: {told}", flush=True)

    note("fill", **fill(config, engine, asked))
    if config.url:
        if asked.autovacuum is not None:
            disk.tune(asked.autovacuum)
        took = timed(lambda: disk.done("VACUUM (ANALYZE)", "CHECKPOINT"))
        note("first vacuum", s=took)
    size = disk.megabytes()
    note("filled", **disk.told(), **{"bytes a person": round(size * 1e6 / asked.persons)})
    note("look", **looked(config, asked))
    saves, told = stretch(config, asked, range(PROCESSES))
    note("at once", **told, **disk.told())
    if config.url:
        # Else it leaves rows alone that are on less than 2 % of the pages, and frees nothing.
        took = timed(lambda: disk.done("VACUUM (INDEX_CLEANUP ON)"))
        note("vacuum", s=took, **disk.told())
        more, told = stretch(config, asked, range(PROCESSES, 2 * PROCESSES))
        note("at once, vacuumed", **told, **disk.told())
        saves += more
    store = config.build(Runtime())
    lost = saves - sum(card.faces for card in store.people()) // CLIP
    store.close()
    note("erase", **erased(config, asked), **disk.told(), lost=lost)
    engine.dispose()
    if lost:
        raise SystemExit(f"{name}: {lost} updates were lost")
    return figures


@contextmanager
def database(name: str) -> Iterator[SqlConfig]:
    """A new store's settings."""
    if name == "postgresql":
        with postgres.served() as (url, _data):
            yield SqlConfig(url=postgres.database(url, "affmem"))
    else:
        with tempfile.TemporaryDirectory() as folder:
            yield SqlConfig(file=Path(folder) / "memories.sqlite")


def main() -> None:
    """Measure, print, and end in a line of JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--persons", type=int, default=40)
    parser.add_argument("--memory", default="gwr")
    parser.add_argument("--faces", type=int, default=600)
    parser.add_argument("--autovacuum", type=float)
    parser.add_argument("--only", choices=("sqlite", "postgresql"))
    given = parser.parse_args()
    asked = Asked(given.persons, given.seconds, given.memory, given.faces, given.autovacuum)
    names = [given.only] if given.only else ["sqlite", "postgresql"]
    results: dict[str, Mapping[str, Any]] = {}
    for name in names:
        if name == "postgresql" and postgres.found() is None:
            print("postgresql: is not installed")
            continue
        with database(name) as config:
            results[name] = measured(name, config, asked)
    machine = {"cores": os.cpu_count(), "python": platform.python_version()}
    machine["sqlite"] = sqlite3.sqlite_version
    print(json.dumps({**vars(given), "processes": PROCESSES, **machine, **results}))


if __name__ == "__main__":
    main()
