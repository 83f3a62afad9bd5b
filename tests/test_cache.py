"""Faces are gathered once and kept, whole or not at all, until what they depend on changes."""

import json
import logging
import os
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread

import numpy as np
import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from affmem import cache
from affmem.cache import ABOUT
from affmem.errors import InputError
from affmem.protocols import Runtime
from affmem.values import Affect
from test_gathering import drawn, folder, listed, seen  # noqa: F401  (one is a fixture)

SOURCE = drawn()
FACES, LABELS = seen(SOURCE)
SHOWN = [
    (clip.affect.arousal, clip.affect.valence)
    for clip in SOURCE.datasets[0].build(SOURCE.runtime).clips()
]


def gathered(place, told=lambda *_: None, source=SOURCE):
    """Whether the faces had to be gathered; asserts that they are right."""
    stages = set()

    def hear(stage, done, of):
        stages.add(stage)
        told(stage, done, of)

    found = cache.gathered(source, place, hear, workers=1)
    assert found.faces.tobytes() == FACES.tobytes()
    assert found.affects.tobytes() == LABELS.affects.tobytes()
    assert [clip.affect for clip in found.clips] == [Affect(*row) for row in SHOWN]
    return bool(stages)


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A folder with one set of faces, which no test may change."""
    place = tmp_path_factory.mktemp("cache") / "deep" / "kept"
    assert gathered(place)
    return place


@pytest.fixture
def copy(kept, tmp_path):
    return Path(shutil.copytree(kept, tmp_path / "copy"))


def names(place):
    return sorted(one.name for one in place.iterdir() if one.suffix != ".lock")


def test_faces_are_kept_as_they_are_gathered_and_not_gathered_again(kept):
    assert not gathered(kept)
    (name,) = names(kept)
    assert (kept / name).stat().st_mode & 0o77 == 0  # they are for no one else to see
    assert np.load(kept / name / "faces.npy", allow_pickle=False).tobytes() == FACES.tobytes()


def test_words_for_emotions_are_kept_too(folder, tmp_path):  # noqa: F811
    place, source = tmp_path / "kept", listed(folder)
    first, again = (cache.gathered(source, place, lambda *_: None, workers=1) for _ in range(2))
    assert first.emotions == again.emotions == ["fear", "", "contempt"]


def test_they_are_mapped_and_what_is_written_to_them_stays_in_memory(kept):
    faces = cache.gathered(SOURCE, kept, lambda *_: None, workers=1).faces
    assert isinstance(faces, np.memmap)
    faces[:] = 0
    assert not gathered(kept)


def test_without_a_folder_nothing_is_kept(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert gathered(None)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "other",
    [
        drawn(seed=2), drawn(persons=4), drawn(strength=0.5),
        evolve(SOURCE, datasets=SOURCE.datasets * 2), evolve(SOURCE, runtime=Runtime(1, "cuda")),
    ],
)  # fmt: skip
def test_other_faces_have_another_key(other):
    assert cache._key(other) != cache._key(SOURCE)
    assert cache._key(drawn()) == cache._key(SOURCE)


def test_whatever_changes_in_the_files_is_seen(folder):  # noqa: F811
    keys = [cache._key(listed(folder))]

    def changed():
        keys.append(cache._key(listed(folder)))
        return keys[-1] not in keys[:-1]

    os.utime(folder / "0.png", ns=(1, 1))
    assert changed()
    (folder / "1.png").rename(folder / "one.png")
    assert changed()
    (folder / "deep").mkdir()
    (folder / "deep" / "new").write_text("")
    assert changed()
    (folder / ".hidden").write_text("")
    assert not changed()


def test_the_code_that_makes_faces_is_part_of_it(monkeypatch, tmp_path):
    import affmem_drawn

    code = tmp_path / "affmem_drawn"
    shutil.copytree(affmem_drawn.__path__[0], code)
    monkeypatch.setattr(affmem_drawn, "__path__", [str(code)])
    before = cache._key(SOURCE)
    assert before == cache._key(SOURCE)
    with (code / "hair.py").open("a") as file:
        file.write("# red\n")
    assert cache._key(SOURCE) != before


damage = st.tuples(
    st.sampled_from([*cache.ARRAYS, ABOUT]),
    st.floats(0, 0.999),
    st.one_of(st.none(), st.integers(0, 255)),
)


@settings(max_examples=15, deadline=None)
@given(damage)
def test_damaged_faces_are_gathered_anew(kept, damage):
    name, where, byte = damage
    with TemporaryDirectory() as place:
        copy = Path(shutil.copytree(kept, f"{place}/copy"))
        path = copy / names(copy)[0] / name
        content = bytearray(path.read_bytes())
        at = int(where * len(content))
        content[at : len(content) if byte is None else at + 1] = b"" if byte is None else [byte]
        path.write_bytes(content)
        gathered(copy)
        assert not gathered(copy)
        assert len(names(copy)) == 1


@pytest.mark.parametrize("name", ["faces.npy", ABOUT])
def test_damage_is_told_and_nothing_is_ever_unpickled(copy, tmp_path, caplog, monkeypatch, name):
    monkeypatch.setattr(logging.getLogger("affmem"), "propagate", True)
    entry = copy / names(copy)[0]

    class Bomb:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "exploded"),))

    np.save(tmp_path / "bomb.npy", np.array([Bomb()]), allow_pickle=True)
    (tmp_path / "bomb.npy").replace(entry / name)
    if name != ABOUT:  # even one that vouches for it
        about = json.loads((entry / ABOUT).read_text())
        about["digests"][name] = cache._digest(entry / name)
        (entry / ABOUT).write_text(json.dumps(about))
    assert gathered(copy)
    assert f"{entry} is damaged" in caplog.text
    assert not (tmp_path / "exploded").exists()


def test_cut_off_it_keeps_nothing(tmp_path):
    def interrupted(_stage, done, _of):
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        gathered(tmp_path, interrupted)
    assert names(tmp_path) == []


def test_what_a_killed_process_left_is_cleared_away(kept, tmp_path):
    part = tmp_path / f".{names(kept)[0]}.part"
    part.mkdir()
    (part / "faces.npy").write_bytes(b"half")
    assert gathered(tmp_path)
    assert names(tmp_path) == names(kept)


def test_of_several_at_once_one_gathers_and_the_others_wait(tmp_path):
    found = []
    threads = [Thread(target=lambda: found.append(gathered(tmp_path))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [False, False, True]


def test_a_folder_that_cannot_be_written_is_a_users_mistake(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"file/kept: cannot be written \(Not a directory\)$"):
        gathered(tmp_path / "file" / "kept")
