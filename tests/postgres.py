"""A PostgreSQL of one's own, for as long as it is used: on a socket in a folder of its own."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
INITDB = ("-U", "affmem", "-A", "trust", "-E", "UTF8", "--locale=C")


def found() -> Path | None:
    """Where its programs are: what Debian installs, or what is on the path."""
    on_path = shutil.which("pg_ctl")
    return BINARIES[-1].parent if BINARIES else on_path and Path(on_path).parent


@contextmanager
def served(*settings: str) -> Iterator[tuple[str, Path]]:
    """Its URL, to which a database's name is added, and its data folder.

    Run by root, who may not, it is another user's.
    """
    home = Path(mkdtemp(prefix="affmem-"))
    user = {}
    if os.getuid() == 0:
        names = {one.pw_name for one in pwd.getpwall()}
        owner = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
        os.chown(home, owner.pw_uid, owner.pw_gid)
        user = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
    data = home / "data"

    def call(program: str, *words: str) -> None:
        environment = {**os.environ, "HOME": str(home), "TZ": "UTC"}
        command = [str(found() / program), "-D", str(data), *words]
        with (home / "log").open("a") as log:
            subprocess.run(
                command, check=True, cwd=home, env=environment, stdout=log, stderr=log, **user
            )

    try:
        call("initdb", *INITDB, "--no-sync")
        options = [f"-k {home}", "-c listen_addresses=", *(f"-c {one}" for one in settings)]
        call("pg_ctl", "-w", "-o", " ".join(options), "start")
        try:
            yield f"postgresql://affmem@/NAME?host={home}", data
        finally:
            call("pg_ctl", "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(home, ignore_errors=True)


def database(url: str, name: str) -> str:
    """A new, empty database on that server: its URL."""
    import psycopg

    with psycopg.connect(url.replace("NAME", "postgres"), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    return url.replace("NAME", name)
