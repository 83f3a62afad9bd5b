"""One store on SQLite and PostgreSQL: the same promises, also when killed, shared, or sealed."""

import base64
import hashlib
import os
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from attrs import evolve

import affmem_store
import postgres
from affmem import Kept, Runtime
from affmem.catalogue import catalogue
from affmem.conformance import CHECKS, Subject
from affmem.errors import InputError, UserError
from affmem.experiment import choose
from affmem.keeping import pack
from affmem_store.config import SqlConfig
from affmem_store.tables import REVISION, VERSION_TABLE, memories, metadata, persons

WORKER = Path(__file__).with_name("store_worker.py")
KEY = base64.b64encode(bytes(range(32))).decode()
OTHER = base64.urlsafe_b64encode(bytes([255] * 32)).decode()


@pytest.fixture(autouse=True)
def without_a_key(monkeypatch):
    monkeypatch.delenv("AFFMEM_STORE_KEY", raising=False)


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request, tmp_path):
    """Where a new store is to be: a file, or the URL of an empty database."""
    if request.param == "sqlite":
        return str(tmp_path / "store" / "memories.sqlite")
    url, _ = request.getfixturevalue("server")
    return postgres.database(url, uuid4().hex)


@pytest.fixture
def config(place):
    return SqlConfig(url=place) if place.startswith("postgresql:") else SqlConfig(file=Path(place))


def kept(seed=0, rows=20, **about):
    weights = np.random.default_rng(seed).normal(size=(rows, 50))
    return Kept({"weights": weights.astype(np.float32)}, seed, rows, about)


def opened(config):
    return config.build(Runtime())


def rows_of(config, statement, **values):
    """What a statement gives, said to the database past the store."""
    url = config.url or f"sqlite:///{config.file}"
    engine = sa.create_engine(url.replace("postgresql:", "postgresql+psycopg:", 1))
    with engine.begin() as connection:
        result = connection.execute(sa.text(statement), values)
        rows = result.all() if result.returns_rows else None
    engine.dispose()
    return rows


def told(call):
    """The line that a mistake is told in."""
    with pytest.raises(UserError) as error:
        call()
    assert "\n" not in str(error.value)
    return str(error.value)


# --- what every store promises ----------------------------------------------------------------


@pytest.mark.parametrize("check", CHECKS["store"], ids=lambda check: check.__name__)
@pytest.mark.parametrize("sealed", [False, True], ids=["plain", "sealed"])
def test_it_keeps_its_promises(check, sealed, config, monkeypatch):
    if sealed:
        monkeypatch.setenv("AFFMEM_STORE_KEY", KEY)
    check(Subject("store", "sql", config, examples=10))


@pytest.mark.parametrize("versions", [1, 3])
def test_the_last_versions_are_kept_and_no_more(config, versions):
    store = opened(evolve(config, versions=versions))
    base, given = 0, []
    for seed in range(5):
        base = store.save("anna", kept(seed), base)
        given.append(base)
    there = rows_of(config, "SELECT version FROM affmem_memory ORDER BY version")
    assert [version for (version,) in there] == given[-versions:]
    (card,) = store.people()
    assert card.size > versions * 20 * 50 * 4
    assert card.made < card.changed
    store.close()


def test_every_type_of_array_comes_back_as_it_was(config):
    state = {
        "scalar": np.array(3.5),
        "none": np.empty((0, 4), np.float32),
        "turned": np.arange(6, dtype=np.float32).reshape(2, 3).T,
        "every other": np.arange(10, dtype=np.int64)[::2],
        "half": np.array([1.5, np.nan, -np.inf], np.float16),
        "truth": np.array([True, False]),
        "bytes": np.frombuffer(b"gwr", np.uint8),
    }
    store = opened(config)
    store.save("anna", Kept(state, 0, 0), 0)
    back, _ = store.load("anna")
    assert {*back.state} == {*state}
    for name, array in state.items():
        assert (back.state[name].dtype, back.state[name].shape) == (array.dtype, array.shape)
        assert back.state[name].tobytes() == array.tobytes()
    store.close()


# --- killed, and shared -----------------------------------------------------------------------


def worked(what, place, times):
    command = [sys.executable, str(WORKER), what, place, str(times)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_killed_at_any_moment_it_has_lost_nothing_and_written_nothing_by_half(place):
    times = 20 if place.startswith("postgresql:") else 200
    words = worked("kill", place, times).split()
    assert int(words[3]) >= times / 10, "hardly ever amid a call: nothing was tested"


def test_eight_processes_at_once_lose_no_update(place):
    worked("hammer", place, 6)


# --- erased -----------------------------------------------------------------------------------


def traces(folder, *marks):
    """Which marks stand in any file there."""
    files = [one.read_bytes() for one in Path(folder).rglob("*") if one.is_file()]
    return [mark for mark in marks if any(mark in content for content in files)]


@pytest.mark.parametrize("rows", [2, 2000], ids=["small", "large"])
@pytest.mark.parametrize("how", ["erase", "erase_expired", "rename"])
def test_not_a_byte_of_who_was_erased_is_left_in_the_files(tmp_path, rows, how):
    config = SqlConfig(file=tmp_path / "memories.sqlite")
    store, other = opened(config), opened(config)  # which keeps the log from being removed
    version = store.save("Rosalind", kept(1, rows), 0)
    store.save("Rosalind", kept(2, rows), version)
    store.save("ben", kept(3, 30), 0)
    assert other.load("Rosalind")
    first, last, bens = (kept(seed, rows).state["weights"].tobytes()[:40] for seed in (1, 2, 3))
    assert traces(tmp_path, b"Rosalind", first, last, bens) == [b"Rosalind", first, last, bens]
    if how == "rename":
        store.rename("Rosalind", "p-1")
        assert traces(tmp_path, b"Rosalind", bens) == [bens]
    else:
        if how == "erase_expired":
            store.consent("Rosalind", None, datetime.now(UTC) - timedelta(days=1))
        store.erase("Rosalind") if how == "erase" else store.erase_expired()
        assert traces(tmp_path, b"Rosalind", first, last, bens) == [bens]
        assert [card.person for card in other.people()] == ["ben"]
    store.close()
    other.close()


def test_of_who_was_erased_nothing_is_left_in_the_tables_of_postgresql(server):
    url, data = server
    store = opened(SqlConfig(url=(one := postgres.database(url, uuid4().hex))))
    store.save("Rosalind", kept(901, 100), 0)
    store.save("ben", kept(903, 100), 0)
    first, bens = (kept(seed).state["weights"].tobytes()[:40] for seed in (901, 903))
    rows_of(SqlConfig(url=one), "CHECKPOINT")
    assert traces(data / "base", b"Rosalind", first, bens) == [b"Rosalind", first, bens]
    store.erase("Rosalind")
    rows_of(SqlConfig(url=one), "CHECKPOINT")
    assert traces(data / "base", b"Rosalind", first, bens) == [bens]
    store.close()


def test_postgresql_writes_anew_the_part_alone_where_who_was_erased_lay(server):
    config = SqlConfig(url=postgres.database(server[0], uuid4().hex))
    store = opened(config)
    for number in range(20):
        store.save(f"person {number}", kept(number), 0)
    files = (
        "SELECT relname, pg_relation_filenode(oid) FROM pg_class "
        "WHERE relname LIKE 'affmem_memory%' AND relkind = 'r'"
    )
    before, where = dict(rows_of(config, files)), "SELECT DISTINCT tableoid FROM affmem_memory"
    assert len(rows_of(config, where)) > 1
    ((part,),) = rows_of(
        config,
        "SELECT relname FROM affmem_person p JOIN affmem_memory m ON m.person = p.id "
        "JOIN pg_class c ON c.oid = m.tableoid WHERE p.handle = 'person 7'",
    )
    store.erase("person 7")
    after = dict(rows_of(config, files))
    assert {name for name in after if after[name] != before[name]} == {part}
    store.close()


def test_what_postgresql_could_not_write_anew_it_does_the_next_time(server):
    url, data = server
    config = SqlConfig(url=postgres.database(url, uuid4().hex), wait=0.05)
    store = opened(config)
    store.save("Rosalind", kept(905, 100), 0)
    first = kept(905).state["weights"].tobytes()[:40]
    engine = sa.create_engine(config.url.replace("postgresql:", "postgresql+psycopg:", 1))
    with engine.begin() as reader:
        reader.execute(sa.text("SELECT * FROM affmem_memory")).all()
        assert "bytes of it remain" in told(lambda: store.erase("Rosalind"))
    engine.dispose()
    rows_of(config, "CHECKPOINT")
    assert traces(data / "base", b"Rosalind", first) == [first]
    assert store.erase_expired() == []
    rows_of(config, "CHECKPOINT")
    assert traces(data / "base", b"Rosalind", first) == []
    store.close()


def test_while_another_reads_on_an_erasure_says_what_remains(tmp_path):
    config = SqlConfig(file=tmp_path / "memories.sqlite", wait=0.05)
    store = opened(config)
    store.save("anna", kept(), 0)
    with sqlite3.connect(config.file) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM affmem_person").fetchall()
        line = told(lambda: store.erase("anna"))
    reader.close()
    assert line == f"{config.file}: {line.partition(': ')[2]}"
    assert "what was to go is gone, but bytes of it remain" in line
    assert store.load("anna") is None
    store.erase_expired()
    assert traces(tmp_path, b"anna") == []
    store.close()


def test_any_number_expire_at_once(config):
    store = opened(config)
    store.consent("anna", None, None)
    ended = datetime(2020, 1, 1, tzinfo=UTC).isoformat(timespec="microseconds")
    rows_of(
        config,
        "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 70000) "
        "INSERT INTO affmem_person (id, handle, name, made, changed, expires) "
        "SELECT 'k' || n, 'n' || n, CAST('n' || n AS BLOB), made, changed, :ended "
        "FROM n, affmem_person".replace("AS BLOB", "AS BYTEA" if config.url else "AS BLOB"),
        ended=ended,
    )
    assert len(store.erase_expired()) == 70_000
    assert [card.person for card in store.people()] == ["anna"]
    assert store.erase_expired() == []
    store.close()


# --- sealed -----------------------------------------------------------------------------------


@pytest.fixture
def key_file(tmp_path):
    path = tmp_path / "key"
    path.write_text(f"{KEY}\n")
    return path


def test_sealed_neither_names_nor_memories_can_be_read_in_the_files(tmp_path, key_file):
    config = SqlConfig(file=tmp_path / "store" / "memories.sqlite", key_file=key_file)
    store = opened(config)
    store.save("Rosalind", kept(memory="gwr-of-hers"), 0)
    weights = kept().state["weights"].tobytes()
    marks = (b"Rosalind", weights[:40], b"weights", b"gwr-of-hers", bytes(range(32)), KEY.encode())
    assert traces(tmp_path / "store", *marks) == []
    back, _ = store.load("Rosalind")
    assert back.state["weights"].tobytes() == weights
    store.close()


def test_the_key_in_the_environment_is_the_same_key(tmp_path, key_file, monkeypatch):
    sealed = SqlConfig(file=tmp_path / "memories.sqlite", key_file=key_file)
    store = opened(sealed)
    store.save("anna", kept(), 0)
    store.close()
    monkeypatch.setenv("AFFMEM_STORE_KEY", KEY)
    store = opened(evolve(sealed, key_file=None))
    assert store.load("anna")
    store.close()


def test_another_key_or_none_or_one_too_many_is_told(config, key_file, monkeypatch):
    where = config.url or str(config.file)
    sealed = evolve(config, key_file=key_file)
    opened(sealed).close()
    assert told(lambda: opened(config)) == (
        f"{where}: is encrypted: its key is needed, in key_file or AFFMEM_STORE_KEY"
    )
    monkeypatch.setenv("AFFMEM_STORE_KEY", OTHER)
    assert told(lambda: opened(config)) == (
        f"{where}: the key is not the one that it was encrypted with"
    )
    opened(sealed).close()  # the file is asked first
    monkeypatch.delenv("AFFMEM_STORE_KEY")


def test_a_key_for_a_store_without_one_is_told(config, key_file):
    opened(config).close()
    line = told(lambda: opened(evolve(config, key_file=key_file)))
    assert "is not encrypted, but there is a key" in line


@pytest.mark.parametrize("text", ["", "secret", KEY[:-5], KEY + KEY, "ä" * 44])
def test_what_is_no_key_is_told_and_not_shown(tmp_path, key_file, text):
    key_file.write_text(text)
    line = told(lambda: opened(SqlConfig(file=tmp_path / "m.sqlite", key_file=key_file)))
    assert line == f"{key_file}: is no key; expected 32 bytes in base64, 44 characters"
    assert not (tmp_path / "m.sqlite").exists()


def test_no_key_file_is_told(tmp_path):
    with pytest.raises(InputError, match="no such file; expected a key"):
        opened(SqlConfig(file=tmp_path / "m.sqlite", key_file=tmp_path / "none"))


@pytest.mark.parametrize("sealed", [False, True])
def test_a_memory_that_was_changed_is_not_loaded(config, key_file, sealed):
    config = evolve(config, key_file=key_file if sealed else None)
    store = opened(config)
    store.save("anna", kept(), 0)
    ((content,),) = rows_of(config, "SELECT content FROM affmem_memory")
    changed = bytes(content)[:-1] + bytes([content[-1] ^ 1])
    rows_of(config, "UPDATE affmem_memory SET content = :content", content=changed)
    line = told(lambda: store.load("anna"))
    assert "anna: version 1 is damaged: its digest is another" in line
    store.close()


def test_sealed_memories_cannot_be_put_in_anothers_place_nor_old_ones_in_the_newests(
    config, key_file
):
    config = evolve(config, key_file=key_file)
    store = opened(config)
    old = store.save("anna", kept(1), 0)
    new = store.save("anna", kept(2), old)
    bens = store.save("ben", kept(3), 0)
    move = (
        "UPDATE affmem_memory SET (content, digest) = "
        "(SELECT content, digest FROM affmem_memory WHERE version = :source) WHERE version = :to"
    )
    rows_of(config, move, source=old, to=new)
    assert "is damaged: is not what was sealed there" in told(lambda: store.load("anna"))
    rows_of(config, move, source=old, to=bens)
    assert "is damaged: is not what was sealed there" in told(lambda: store.load("ben"))
    handles = dict(rows_of(config, "SELECT id, handle FROM affmem_person"))
    (one, first), (other, second) = handles.items()
    swap = "UPDATE affmem_person SET handle = :handle WHERE id = :id"
    for key, handle in ((one, "x"), (other, first), (one, second)):
        rows_of(config, swap, id=key, handle=handle)
    assert "another person's" in told(lambda: store.load("anna"))
    store.close()


# --- what can be wrong ------------------------------------------------------------------------


def test_the_file_and_its_folder_are_their_users_alone(tmp_path):
    config = SqlConfig(file=tmp_path / "new?mode=ro%20" / "memories.sqlite")
    store = opened(config)
    store.save("anna", kept(), 0)
    modes = {one.name: one.stat().st_mode & 0o777 for one in config.file.parent.iterdir()}
    assert modes == dict.fromkeys(
        ("memories.sqlite", "memories.sqlite-wal", "memories.sqlite-shm"), 0o600
    )
    assert config.file.parent.stat().st_mode & 0o777 == 0o700
    store.close()


def test_unless_told_it_is_in_the_users_data_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    opened(SqlConfig()).close()
    assert (tmp_path / "affmem" / "memories.sqlite").is_file()


def foreign(path):
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE places (url TEXT)")
    connection.close()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (Path.mkdir, "is a folder; expected a file"),
        (lambda path: path.write_text("seed = 1\n" * 200), "is no SQLite database"),
        (foreign, "is another program's database: it has a table 'places'"),
    ],
    ids=["folder", "text", "foreign"],
)
def test_what_is_no_store_is_told_and_left_as_it_was(tmp_path, make, words):
    path = tmp_path / "there"
    make(path)
    before = path.read_bytes() if path.is_file() else None
    assert told(lambda: opened(SqlConfig(file=path))) == f"{path}: {words}"
    assert before is None or path.read_bytes() == before


def test_a_store_of_a_later_version_is_told(config):
    opened(config).close()
    rows_of(config, f"UPDATE {VERSION_TABLE} SET version_num = '9999'")  # noqa: S608
    line = told(lambda: opened(config))
    assert f"was made by a newer affmem (revision 9999); this one knows {REVISION}" in line


def test_where_it_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").touch()
    line = told(lambda: opened(SqlConfig(file=tmp_path / "file" / "m.sqlite")))
    assert line.endswith("m.sqlite: cannot be made: File exists")


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
def test_no_permission_is_told(tmp_path):
    config = SqlConfig(file=tmp_path / "m.sqlite")
    opened(config).close()
    config.file.chmod(0o400)
    assert told(lambda: opened(config)).endswith("no permission to write it, or its folder")


def test_one_that_writes_all_the_time_is_told(tmp_path):
    config = SqlConfig(file=tmp_path / "m.sqlite", wait=0.05)
    store = opened(config)
    writer = sqlite3.connect(config.file, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    assert "another process has been writing all the time" in told(
        lambda: store.save("anna", kept(), 0)
    )
    assert store.load("anna") is None  # reading waits for nobody
    writer.close()
    store.close()


def test_one_that_holds_a_person_all_the_time_is_told_by_postgresql(server):
    url, _ = server
    config = SqlConfig(url=postgres.database(url, uuid4().hex), wait=0.1)
    store = opened(config)
    version = store.save("anna", kept(), 0)
    engine = sa.create_engine(config.url.replace("postgresql:", "postgresql+psycopg:", 1))
    with engine.begin() as connection:
        connection.execute(sa.text("SELECT * FROM affmem_person FOR UPDATE"))
        assert "another process has been writing" in told(
            lambda: store.save("anna", kept(), version)
        )
        assert store.load("anna")[1] == version
    engine.dispose()
    store.close()


def test_a_full_disk_is_told_and_what_was_kept_stays(tmp_path):
    store = opened(SqlConfig(file=tmp_path / "m.sqlite"))
    version = store.save("anna", kept(1), 0)
    with store._database._engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 30")
    line = told(lambda: store.save("anna", kept(2, rows=5000), version))
    assert line == f"{tmp_path / 'm.sqlite'}: no space left on the disk"
    assert store.load("anna")[1] == version
    store.close()


def test_a_server_that_is_not_there_is_told(tmp_path):
    url = f"postgresql://affmem@/memories?host={tmp_path}"
    line = told(lambda: opened(SqlConfig(url=url)))
    assert line.startswith(f"{url}: ")
    assert "No such file or directory" in line


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"url": "sqlite:///m.sqlite"}, "store: 'url' must be postgresql://USER@HOST/DATABASE"),
        ({"url": "postgresql://a:secret@h/d"}, "store: 'url' holds a password"),
        ({"url": "postgresql://a@h/d?password=secret"}, "store: 'url' holds a password"),
        ({"url": "postgresql://a@h/d?p%61ssword=secret"}, "store: 'url' holds a password"),
        (
            {"url": "postgres://a:secret@h/d"},
            "store: 'url' must be postgresql://USER@HOST/DATABASE",
        ),
        ({"url": "//a:secret@h/d"}, "store: 'url' must be postgresql://USER@HOST/DATABASE"),
        (
            {"url": "postgresql://a@h/d", "file": "m.sqlite"},
            "expected one of them",
        ),
        ({"versions": 0}, "'versions' must be >= 1"),
        ({"fil": "m.sqlite"}, "did you mean 'file'?"),
    ],
)
def test_a_mistake_in_its_settings_is_told_without_a_secret(table, words):
    line = told(lambda: choose("store", {"use": "sql", **table}, "store", catalogue()))
    assert words in line
    assert "secret" not in line


# --- its tables -------------------------------------------------------------------------------


def test_migrations_lead_to_the_tables_that_the_store_uses(config):
    opened(config).close()
    url = config.url or f"sqlite:///{config.file}"
    engine = sa.create_engine(url.replace("postgresql:", "postgresql+psycopg:", 1))
    with engine.connect() as connection:
        aside = ("affmem_memory_", "ix_affmem_memory_person") if config.url else ()
        told = lambda _object, name, *_: not str(name).startswith(aside)  # noqa: E731
        options = {"version_table": VERSION_TABLE, "include_object": told}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []
        assert context.get_current_revision() == REVISION
    engine.dispose()
    scripts = Config()
    folder = Path(affmem_store.__file__).with_name("migrations")
    scripts.set_main_option("script_location", str(folder))
    assert ScriptDirectory.from_config(scripts).get_heads() == [REVISION]


def test_what_an_older_affmem_kept_is_there_after_the_migrations(config):
    url = config.url or f"sqlite:///{config.file}"
    if config.file:
        config.file.parent.mkdir()
    engine = sa.create_engine(url.replace("postgresql:", "postgresql+psycopg:", 1))
    scripts = Config()
    folder = Path(affmem_store.__file__).with_name("migrations")
    scripts.set_main_option("script_location", str(folder))
    content, moment = pack(kept(7)), datetime(2026, 1, 1, tzinfo=UTC)
    row = {"saved": moment, "faces": 7, "units": 20, "content": content}
    with engine.begin() as connection:
        scripts.attributes["connection"] = connection
        command.upgrade(scripts, "0001")
        for key in "ab":
            times = {"made": moment, "changed": moment}
            who = {"id": key, "handle": f"{key}nna", "name": f"{key}nna".encode()}
            connection.execute(sa.insert(persons).values(**who, **times))
            digest = hashlib.sha256(content).digest()
            connection.execute(sa.insert(memories).values(person=key, digest=digest, **row))
    engine.dispose()
    store = opened(config)
    assert [(card.person, card.faces) for card in store.people()] == [("anna", 7), ("bnna", 7)]
    loaded, version = store.load("bnna")
    assert loaded.state["weights"].tobytes() == kept(7).state["weights"].tobytes()
    assert store.save("anna", kept(8), store.card("anna").version) > version
    store.close()


def test_naming_it_imports_no_database():
    code = (
        "import sys; from affmem.catalogue import catalogue; catalogue().config('store', 'sql')();"
        "sys.exit(bool({'sqlalchemy', 'alembic', 'cryptography'} & {*sys.modules}))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_without_its_extra_it_says_what_to_install(tmp_path, key_file, monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    line = told(lambda: opened(SqlConfig(url="postgresql://affmem@/memories")))
    assert line == "store 'sql' needs psycopg for this: pip install affmem[postgres]"
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.ciphers.aead", None)
    with pytest.raises(UserError, match=r"pip install affmem\[encryption\]"):
        opened(SqlConfig(file=tmp_path / "m.sqlite", key_file=key_file))
