"""How soon does a server answer? `OMP_NUM_THREADS=1 python benchmarks/rehearsal.py`.

Starts `affmem serve` with an empty store, and asks for a reading of a first face and for the first
one that is learnt: of a machine where affmem never ran (an empty NUMBA_CACHE_DIR), and again where
it did. Seconds of the wall from the start of the process until it says its address; milliseconds
from the sending of a picture to its reading. The last line is JSON.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

from soak import filmed
from websockets.sync.client import ClientConnection, connect


def waited(socket: ClientConnection, picture: bytes) -> float:
    """Milliseconds until a picture is read."""
    begun = perf_counter()
    socket.send(picture)
    while json.loads(socket.recv())["type"] != "reading":
        pass
    return 1000.0 * (perf_counter() - begun)


def served(folder: Path, settings: list[str], pictures: list[bytes]) -> dict[str, float]:
    """One server's life."""
    file = json.dumps(str(folder / "memories.sqlite"))
    words = [sys.executable, "-m", "affmem", "serve", "--port", "0", "--set", f"store.file={file}"]
    words += [word for one in settings for word in ("--set", one)]
    compiled = {**os.environ, "NUMBA_CACHE_DIR": str(folder.parent / "compiled")}
    begun = perf_counter()
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=compiled) as serving:  # noqa: S603
        try:
            line = serving.stdout.readline() if serving.stdout else ""
            ready = perf_counter() - begun
            port = int(line.rstrip("/\n").rpartition(":")[2])
            with connect(f"ws://127.0.0.1:{port}/api/watch") as socket:
                read = waited(socket, pictures[0])
                socket.send(json.dumps({"type": "start", "person": "someone"}))
                learnt = [waited(socket, picture) for picture in pictures[1:]]
        finally:
            serving.terminate()
    return {
        "address_s": ready,
        "first_read_ms": read,
        "first_learnt_ms": learnt[0],
        "slowest_ms": max(learnt),
    }


def main() -> None:
    """Measure, print and sum up."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    asked = parser.parse_args()
    pictures = filmed(0)[:25]
    lives: dict[str, list[dict[str, float]]] = {"first": [], "later": []}
    for _round in range(asked.rounds):
        with tempfile.TemporaryDirectory() as folder:
            for name, of_it in lives.items():
                place = Path(folder) / name
                place.mkdir()
                of_it.append(served(place, asked.set, pictures))
    found = {
        name: {key: round(statistics.median(one[key] for one in of_it), 1) for key in of_it[0]}
        for name, of_it in lives.items()
    }
    for name, figures in found.items():
        print(name, *(f"{key} {value}" for key, value in figures.items()), sep="  ")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
