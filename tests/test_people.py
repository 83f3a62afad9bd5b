"""`affmem people` as a stranger meets it: what is kept of whom, and what they may ask for."""

import io
import json
import os
import resource
import subprocess
import sys
import zipfile
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load

from affmem import Runtime
from affmem.catalogue import catalogue
from affmem.consent import Consent, admit, pseudonym, refusal
from affmem.directory import held
from affmem.erasing import erase, mentions, traces
from affmem.errors import InputError
from affmem.keeping import pack, unpack
from affmem.portable import packed, unpacked
from affmem.values import Card, Kept
from plugins.fake_run import make

NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)


def memory(faces, seed=0):
    rng = np.random.default_rng(seed)
    state = {"weights": rng.normal(size=(3, 5)).astype(np.float32), "counts": np.arange(4)}
    return Kept(state, faces, 3, {"memory": 'use = "gwr"\n'})


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def store(home):
    made = catalogue().config("store", "sql")(file=home / "s.sqlite").build(Runtime())
    made.save("anna", memory(12), 0)
    made.save("ben", memory(7, 1), 0)
    made.consent("anna", NOW, NOW + DAY)
    made.consent("ben", NOW, NOW + 2 * DAY)
    yield made
    made.close()


def people(home, *words, answer=None, store="s.sqlite"):
    done = subprocess.run(
        [sys.executable, "-m", "affmem", "people", *map(str, words), "--store", store],
        capture_output=True, text=True, cwd=home, check=False, input=answer,
        env={**os.environ, "XDG_DATA_HOME": str(home)},
    )  # fmt: skip
    assert "Traceback" not in done.stderr, done.stderr
    return done


def cards(store):
    return {card.person: card for card in store.people()}


def test_who_is_kept_is_listed_and_shown_in_plain_words(home, store):
    listed = people(home, "list").stdout.splitlines()
    assert listed[1].split()[:3] == ["anna", "12", "3"]
    assert listed[-1] == "2 persons in s.sqlite"
    found = json.loads(people(home, "list", "--json").stdout)
    assert [one["person"] for one in found] == ["anna", "ben"]
    assert found[0]["expires"] == (NOW + DAY).isoformat()
    shown = people(home, "show", "anna").stdout
    assert "learnt from 12 faces: 3 units" in shown
    assert 'use = "gwr"' in shown
    assert "float32 [3, 5]" in shown


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["show", "ana"], "nobody is kept as 'ana'; did you mean 'anna'?"),
        (["export", "benn", "x.zip"], "nobody is kept as 'benn'; did you mean 'ben'?"),
        (["erase", "bem", "--yes"], "did you mean 'ben'?"),
        (["rename", "anna", "ben"], "ben: is kept already"),
        (["merge", "anna", "anna", "--yes"], "anna is one entry already"),
        (["consent", "anna"], "give either --until DATE or --withdraw"),
        (["consent", "anna", "--until", "2020-01-01"], "2020-01-01: expected a day to come"),
        (["consent", "carl", "--until", "2999-01-01"], "nobody is kept as 'carl'"),
        (["import", "none.zip"], "none.zip: does not exist"),
        (["erase", "anna", "--runs", "none", "--yes"], "none: no such folder"),
        (["shwo", "anna"], "no command 'shwo'; did you mean 'show'?"),
    ],
)
def test_a_mistake_is_one_line_and_changes_nothing(home, store, words, told):
    before = store.people()
    done = people(home, *words)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert told in done.stderr
    assert store.people() == before
    assert not (home / "x.zip").exists()


def test_a_store_that_is_not_there_is_told_and_not_made(home):
    done = people(home, "list")
    assert (done.returncode, done.stderr) == (2, "error: s.sqlite: no such store\n")
    assert not (home / "s.sqlite").exists()


def test_unless_yes_is_said_nothing_is_erased(home, store):
    assert people(home, "erase", "anna", answer="n\n").returncode == 130
    assert "anna" in cards(store)
    assert people(home, "erase", "anna", answer="y\n").returncode == 0
    assert "anna" not in cards(store)


def test_a_run_that_begins_during_the_question_is_refused_too(home, store):
    """And one that was at its end by then is erased from, although it was not there before."""
    one, two = (home / "runs" / name for name in ("one", "two"))
    make(one, persons=("anna",), clips=1, seconds=1.0, edits=0)
    make(two, persons=("anna", "ben"), clips=1, seconds=1.0, edits=0)
    before = {path: path.read_bytes() for path in (home / "runs").rglob("*") if path.is_file()}
    words = [sys.executable, "-m", "affmem", "people", "erase", "anna", "--store", "s.sqlite"]

    def asked():
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        going = subprocess.Popen(words, cwd=home, bufsize=0, **pipes)
        told = b""
        while b"Go on?" not in told:
            told += going.stderr.read(1)
            assert going.poll() is None, told
        return going

    going = asked()
    with held(two):
        _, told = going.communicate(b"y\n")
    assert (going.returncode, b"two: the run is still going on" in told) == (2, True), told
    assert before == {
        path: path.read_bytes() for path in (home / "runs").rglob("*") if path.is_file()
    }
    assert "anna" in cards(store)
    going = asked()
    make(home / "runs" / "three", persons=("anna",), clips=1, seconds=1.0, edits=0)
    going.communicate(b"y\n")
    assert "anna" not in cards(store)
    assert traces(home / "runs", "anna") == []


def test_an_export_explains_itself_and_comes_back_bit_for_bit(home, store):
    assert people(home, "export", "anna", "anna.zip").returncode == 0
    with zipfile.ZipFile(home / "anna.zip") as archive:
        assert "safetensors format" in archive.read("README.txt").decode()
        about = json.loads(archive.read("person.json"))
        state = load(archive.read("memory.safetensors"))
    assert about["arrays"]["weights"] == {"type": "float32", "shape": [3, 5]}
    assert all(np.array_equal(state[name], one) for name, one in memory(12).state.items())
    assert people(home, "export", "anna", "anna.zip").returncode == 2  # never written over
    assert people(home, "import", "anna.zip").returncode == 2
    assert people(home, "import", "anna.zip", "--as", "carla").returncode == 0
    assert cards(store)["carla"].expires == NOW + DAY
    kept, _ = store.load("carla")
    assert kept.state["weights"].tobytes() == memory(12).state["weights"].tobytes()


def test_of_two_entries_the_memory_of_more_faces_stays_with_what_both_agreed_to(home, store):
    assert people(home, "merge", "anna", "ben", "--yes").returncode == 0
    assert [*cards(store)] == ["ben"]
    assert (cards(store)["ben"].faces, cards(store)["ben"].expires) == (12, NOW + DAY)
    kept, _ = store.load("ben")
    assert np.array_equal(kept.state["weights"], memory(12).state["weights"])


def test_withdrawn_nothing_reads_it_and_expire_erases_it(home, store):
    assert people(home, "consent", "anna", "--withdraw").returncode == 0
    shown = people(home, "show", "anna").stdout
    assert f"consent was withdrawn on {NOW:%Y-%m-%d}" in shown
    assert [*admit(store, ["anna"], Consent(days=9)).names] == []
    assert people(home, "expire", "--yes").returncode == 0
    assert [*cards(store)] == ["ben"]


def test_without_consent_no_one_is_admitted_and_a_note_says_so(store):
    found = admit(store, ["anna", "carl"], Consent())
    assert found.names == {"anna": "anna"}
    assert found.notes == ["carl: no consent is on record: met anew, and not kept in the store"]
    assert len(store.people()) == 2


def test_a_run_that_goes_on_asks_nobody_anew(store):
    store.consent("ben", None, NOW - DAY)
    found = admit(store, ["anna", "ben", "carl"], Consent(days=9), again=True)
    assert found.names == {"anna": "anna"}
    assert found.notes == [
        f"ben: consent was withdrawn on {NOW - DAY:%Y-%m-%d}: not kept in the store",
        "carl: not in the store as the run went on: not kept there",
    ]
    assert [*cards(store)] == ["anna", "ben"]


def test_whoever_is_new_is_kept_by_pseudonym_and_found_again(home, store):
    found = admit(store, ["carl"], Consent(days=9))
    name = found.names["carl"]
    assert name == pseudonym("carl") != pseudonym("carla")
    assert "carl" not in name
    assert timedelta(days=8) < cards(store)[name].expires - NOW <= timedelta(days=9, minutes=5)
    assert admit(store, ["carl"], Consent()).names == {"carl": name}
    assert f"{name}, kept in" in people(home, "show", "carl").stdout


def test_the_key_of_pseudonyms_is_the_users_alone_and_another_gives_other_names(home, monkeypatch):
    name = pseudonym("anna")
    assert (home / "affmem" / "pseudonyms.key").stat().st_mode & 0o077 == 0
    monkeypatch.setenv("XDG_DATA_HOME", str(home / "other"))
    assert pseudonym("anna") != name
    (home / "other" / "affmem" / "pseudonyms.key").write_bytes(b"short")
    with pytest.raises(InputError, match="expected 32 bytes, got 5"):
        pseudonym("anna")


MOMENTS = st.none() | st.integers(-3, 3).filter(bool).map(lambda days: NOW + days * DAY)


@given(consent=MOMENTS, expires=MOMENTS)
def test_who_is_admitted_gave_consent_that_has_not_ended(consent, expires):
    card = Card("anna", 1, NOW, NOW, 1, 1, 1, consent, expires)
    allowed = consent is not None and (expires is None or expires > NOW)
    assert (refusal(card, NOW) == "") == allowed


@given(cut=st.integers(0, 2000), flip=st.integers(0, 255))
def test_a_damaged_export_is_refused_or_gives_what_was_packed(tmp_path_factory, cut, flip):
    card = Card("anna", 1, NOW, NOW, 12, 3, 60, NOW, None)
    whole = packed(card, memory(12))
    broken = bytearray(whole)
    broken[cut % len(whole)] ^= flip
    path = tmp_path_factory.mktemp("zip") / "a.zip"
    path.write_bytes(broken)
    try:
        found = unpacked(path)
    except InputError:
        return
    weights = memory(12).state["weights"]
    assert found.kept is None or np.array_equal(found.kept.state["weights"], weights)


@pytest.mark.parametrize("how", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
def test_a_zip_that_lies_of_its_size_is_not_unpacked(tmp_path, how):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", how) as archive:
        archive.writestr("person.json", b" " * (64 << 20))
    content = bytearray((tmp_path / "a.zip").read_bytes())
    size = (64 << 20).to_bytes(4, "little")
    while (at := content.find(size)) >= 0:
        content[at : at + 4] = (10).to_bytes(4, "little")
    (tmp_path / "a.zip").write_bytes(content)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InputError, match="is no export of a person"):
        unpacked(tmp_path / "a.zip")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 16 << 10  # KiB


@pytest.mark.parametrize(
    "change",
    [
        {"expires": "2030-01-01T00:00:00"}, {"consent": "2030-01-01T00:00:00"},
        {"faces": "9" * 5000}, {"made": 3}, {"person": None, "format": 2},
    ],
)  # fmt: skip
def test_an_export_that_was_changed_by_hand_is_a_line(home, store, change):
    people(home, "export", "anna", "a.zip")
    with zipfile.ZipFile(home / "a.zip") as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    files["person.json"] = json.dumps({**json.loads(files["person.json"]), **change})
    with zipfile.ZipFile(home / "b.zip", "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    done = people(home, "import", "b.zip", "--as", "cleo")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert {card.person for card in store.people()} == {"anna", "ben"}


@pytest.mark.parametrize("about", [[1, 2], {"memory": 5}, "x"])
def test_a_memory_that_says_not_what_made_it_is_refused(about):
    content = pack(memory(3))
    head = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    head["__metadata__"]["about"] = json.dumps(about)
    text = json.dumps(head).encode()
    rest = content[8 + int.from_bytes(content[:8], "little") :]
    with pytest.raises(ValueError, match="no memory that affmem kept"):
        unpack(len(text).to_bytes(8, "little") + text + rest)


def test_nothing_outside_a_run_is_erased_whatever_the_run_says(home):
    run = make(home / "runs" / "one", persons=("anna", "ben"), clips=2, seconds=2.0, edits=1)
    precious = home / "precious.txt"
    precious.write_text("mine")
    (run / "memories").mkdir(exist_ok=True)
    (run / "memories" / "people.json").write_text('{"anna": "../../../precious.txt"}')
    with pytest.raises(InputError, match="leads out of"):
        erase(next(one for one in traces(home / "runs", "anna")), "anna")
    assert precious.read_text() == "mine"


def test_a_name_is_found_also_as_json_and_html_write_it(home):
    (home / "a.json").write_text(json.dumps({"who": "José"}))
    (home / "b.html").write_text("<b>O&#x27;Hara</b>")
    assert [one.name for one in mentions(home, "José", [])] == ["a.json"]
    assert [one.name for one in mentions(home, "O'Hara", [])] == ["b.html"]


def test_a_store_whose_name_is_misspelt_is_not_made_by_an_erasure(home, store):
    (home / "runs").mkdir()
    done = people(home, "erase", "anna", "--runs", "runs", "--yes", store="reel.sqlite")
    assert (done.returncode, (home / "reel.sqlite").exists()) == (2, False)


def test_a_zip_of_other_things_is_no_export(tmp_path):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("person.json", "[]")
    (tmp_path / "a.zip").write_bytes(buffer.getvalue())
    with pytest.raises(InputError, match="is no export of a person"):
        unpacked(tmp_path / "a.zip")
