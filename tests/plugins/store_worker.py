"""Processes that use one store at once, and processes that are killed while they do.

python store_worker.py hammer|kill FILE_OR_URL TIMES: a process that imports once, and forks the
others, so that they are cheap. What went wrong is raised.
"""

import os
import random
import signal
import sys
import time
from pathlib import Path

import numpy as np

from affmem import Kept, Runtime
from affmem.errors import ConflictError
from affmem_store.config import SqlConfig

PROCESSES = 8
PERSONS = ("anna", "ben", "cleo")


def opened(place):
    where = {"url": place} if place.startswith("postgresql:") else {"file": Path(place)}
    return SqlConfig(**where).build(Runtime())


def kept(number):
    """A memory all of whose numbers are this one."""
    state = {"weights": np.full((60, 50), number, np.float32), "count": np.array([number])}
    return Kept(state, number, number, {"memory": str(number)})


def number(loaded):
    """The number that all of a memory is; 0 for none."""
    if loaded is None:
        return 0
    back, _ = loaded
    values = {*np.unique(back.state["weights"]), *back.state["count"], back.faces, back.units,
              int(back.about["memory"])}  # fmt: skip
    assert len(values) == 1, f"half of one memory, half of another: {values}"
    assert back.state["weights"].shape == (60, 50)
    return int(values.pop())


def forked(work):
    """A process that does it, and ends."""
    child = os.fork()
    if child:
        return child
    try:
        work()
    except BaseException:  # noqa: BLE001
        sys.excepthook(*sys.exc_info())
        os._exit(1)
    os._exit(0)


def hammer(place, times):
    """Each process adds 1 so many times; a refused save is tried again from what is there."""

    def add(first):
        store = opened(place)
        for turn in range(first, first + times):
            person = PERSONS[turn % 3]
            while True:
                loaded = store.load(person)
                try:
                    base = loaded[1] if loaded else 0
                    store.save(person, kept(number(loaded) + 1), base)
                    break
                except ConflictError:
                    continue
        store.close()

    children = [forked(lambda n=n: add(n)) for n in range(PROCESSES)]
    codes = [os.waitpid(child, 0)[1] for child in children]
    assert codes == [0] * PROCESSES, codes
    store = opened(place)
    total = sum(number(store.load(person)) for person in PERSONS)
    assert total == PROCESSES * times, f"{PROCESSES * times - total} updates were lost"
    store.close()


def kill(place, times):
    """A process saves and erases until it is killed; what is there then is what it was before the
    call that it was in, or after it. Now and then there is no store yet when it begins."""
    rng = random.Random(7)  # noqa: S311
    file = not place.startswith("postgresql:")
    expected = dict.fromkeys(PERSONS, 0)
    amid = 0
    for turn in range(times):
        if file and turn % 10 == 9:
            for path in Path(place).parent.glob(f"{Path(place).name}*"):
                path.unlink()
            expected = dict.fromkeys(PERSONS, 0)
        ear, mouth = os.pipe()
        child = forked(lambda m=mouth, e=dict(expected): live(place, m, e))
        os.close(mouth)
        if turn % 10 != 9:
            os.read(ear, 1)  # it is open
        time.sleep(rng.uniform(0, 0.03))
        os.kill(child, signal.SIGKILL)
        assert os.WIFSIGNALED(os.waitpid(child, 0)[1]), "it ended by itself"
        with os.fdopen(ear) as file_:
            lines = file_.read().split("\n")
        under_way = None
        for line in filter(None, lines):  # the empty one says that it is open
            word, *rest = line.split()
            if word == "begin":
                under_way = rest[0], int(rest[1])
            elif word == "end":
                expected[under_way[0]] = under_way[1]
                under_way = None
        amid += under_way is not None
        store = opened(place)
        for person in PERSONS:
            possible = {expected[person]}
            if under_way and under_way[0] == person:
                possible.add(under_way[1])
            there = number(store.load(person))
            assert there in possible, f"{person}: {there} is kept, not {possible}"
            expected[person] = there
        assert sorted(one.person for one in store.people()) == [
            person for person in PERSONS if expected[person]
        ]
        store.close()
    sys.stdout.write(f"killed {times} times, {amid} of them amid a call\n")


def live(place, mouth, numbers):
    """Save and erase for ever, telling what begins and what has ended."""
    store = opened(place)
    os.write(mouth, b"\n")
    versions = {}
    for person in PERSONS:
        loaded = store.load(person)
        versions[person] = loaded[1] if loaded else 0
    while True:
        for person in PERSONS:
            gone = person == "cleo" and versions[person] and numbers[person] % 3 == 0
            new = 0 if gone else numbers[person] + 1 if numbers[person] else random_start()
            os.write(mouth, f"begin {person} {new}\n".encode())
            if gone:
                store.erase(person)
                versions[person] = 0
            else:
                versions[person] = store.save(person, kept(new), versions[person])
            numbers[person] = new
            os.write(mouth, b"end\n")


def random_start():
    """So that what was erased is not taken for what came after."""
    return random.randrange(1, 10**6)  # noqa: S311


if __name__ == "__main__":
    what, place, times = sys.argv[1:]
    {"hammer": hammer, "kill": kill}[what](place, int(times))
