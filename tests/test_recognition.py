"""Who agreed to be recognised goes on with their own memory; all others stay nobody."""

import csv
import json
import zipfile
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from affmem import Kept, Runtime, pictures
from affmem.catalogue import catalogue
from affmem.cli import main
from affmem.errors import StoreError, UserError
from affmem.keeping import LIKENESS, Shelf, restore
from affmem.known import Known
from affmem.recognition import APART, CLEARLY, FACES, FIRST, NEAR, Recognition, nearest
from affmem.session import Session
from affmem.values import Likeness
from affmem_drawn.corpus import write_video
from strategies import Flat, beside, stations

PHOTOS = Path(__file__).parents[2] / "shared" / "faces"
ENROLLED = (FACES - 1) * APART + 1
"""Pictures after which a likeness is whole."""
ANNA, BEN, CLEO = (0.5, 0.1), (-0.5, 0.2), (0.5, -0.9)
"""Persons of a flat world, who always look the same: their colour is their affect."""


class Other(Flat):
    """An encoder that tells the same persons apart by other numbers."""

    def encode(self, faces):
        return 1 - super().encode(faces)


def session(people=None, encoder=None):
    return Session(stations(Flat()), people, recognition=Recognition(encoder or Flat()))


def shelf(folder, memory="gwr"):
    store = catalogue().config("store", "sql")(file=folder / "memories.sqlite").build(Runtime())
    return Shelf(store, memory, catalogue().config("memory", memory)(), Flat())


def enrol(live, **persons):
    """All of them are in view, side by side, until their likenesses are whole."""
    live.see(beside(*persons.values()), 0.0)
    for track, name in enumerate(persons):
        live.start(track, name, recognise=True)
    for step in range(ENROLLED):
        live.see(beside(*persons.values()), step / 25)


def known(folder, *agreed, memory="gwr"):
    """The people of a store; these have agreed to be in it."""
    one = shelf(folder, memory)
    for name in agreed:
        one.agreed(name)
    return closing(Known(one, stations(Flat(), memory)))


def named(live, *shows, pictures=FIRST):
    """Who is said to be in view, when these have newly been there for a while."""
    live.see(beside(None), 9.0)
    for _picture in range(pictures):
        sightings = live.see(beside(*shows), 10.0)
    return [one.person for one in sightings]


def test_who_comes_back_is_known_and_their_memory_goes_on():
    live = session()
    enrol(live, anna=ANNA, ben=BEN)
    units = {name: len(live.memory(name)) for name in ("anna", "ben")}
    assert named(live, BEN, CLEO, ANNA, pictures=FIRST - 1) == [None] * 3
    assert named(live, BEN, CLEO, ANNA) == ["ben", None, "anna"]
    for one in live.see(beside(BEN, CLEO, ANNA), 11.0):
        assert one.units == units.get(one.person, 0)
        assert one.learnt == (one.person is not None)


def test_who_agreed_to_a_memory_alone_is_not_recognised():
    live = session()
    live.see(beside(ANNA), 0.0)
    live.start(0, "anna")
    for step in range(ENROLLED):
        live.see(beside(ANNA), step / 25)
    assert live.people["anna"].likeness is None
    assert named(live, ANNA) == [None]
    assert not live.recognises("anna")


def test_one_person_cannot_be_in_view_twice():
    live = session()
    enrol(live, anna=ANNA)
    assert named(live, ANNA, ANNA) == ["anna", None]


def test_who_is_forgotten_is_not_recognised():
    live = session()
    enrol(live, anna=ANNA)
    live.forget("anna")
    assert named(live, ANNA) == [None]


def test_a_likeness_goes_with_the_memory_into_a_store_and_out_of_it(tmp_path):
    with known(tmp_path, "anna", "ben") as people:
        enrol(session(people), anna=ANNA, ben=BEN)
    with known(tmp_path) as people:
        blind = Session(stations(Flat()), people)  # recognises nobody, and keeps what is kept
        blind.see(beside(ANNA), 0.0)
        blind.start(0, "anna")
        blind.see(beside(ANNA), 0.1)
    with known(tmp_path) as people:
        live = session(people)
        assert named(live, ANNA, BEN) == ["anna", "ben"]
        live.forget("ben")
        assert named(live, ANNA, BEN) == ["anna", None]
        assert named(session(people, Other()), ANNA) == [None]  # codes of another encoder


def test_it_is_shown_exported_and_imported(tmp_path):
    with known(tmp_path, "anna") as people:
        enrol(session(people), anna=ANNA)
        code = people["anna"].likeness.code.tobytes()
    assert [one for one in tmp_path.glob("memories*") if code in one.read_bytes()]
    where = ["--store", str(tmp_path / "memories.sqlite")]
    people = lambda *words: CliRunner().invoke(main, ["people", *map(str, words), *where])  # noqa: E731
    assert LIKENESS in people("show", "anna").output
    export = tmp_path / "anna.zip"
    assert people("export", "anna", export).exit_code == 0
    with zipfile.ZipFile(export) as archive:
        assert json.loads(archive.read("person.json"))["arrays"][LIKENESS]["shape"] == [1, 2]
        assert LIKENESS in archive.read("README.txt").decode()
    (tmp_path / "runs").mkdir()
    assert people("erase", "anna", "--yes", "--runs", tmp_path / "runs").exit_code == 0
    assert not [one for one in tmp_path.glob("memories*") if code in one.read_bytes()]
    assert people("import", export, "--as", "ann").exit_code == 0
    with known(tmp_path) as again:
        assert named(session(again), ANNA) == ["ann"]


def test_who_withdrew_is_not_looked_for(tmp_path):
    with known(tmp_path, "anna") as people:
        enrol(session(people), anna=ANNA)
    words = ["people", "consent", "anna", "--withdraw", "--store"]
    said = CliRunner().invoke(main, [*words, str(tmp_path / "memories.sqlite")])
    assert said.exit_code == 0, said.output
    with known(tmp_path) as people:
        live = session()
        live.people = people
        assert named(live, ANNA) == [None]


def test_nor_who_withdraws_while_they_are_watched(tmp_path):
    with known(tmp_path, "anna", "ben") as people:
        enrol(session(people), anna=ANNA, ben=BEN)
    with known(tmp_path) as people:
        live = session(people)
        assert named(live, ANNA, BEN) == ["anna", "ben"]
        people.keep()
        with closing(shelf(tmp_path)) as other:
            other._store.consent("anna", None, datetime.now(UTC))
        assert named(live, ANNA, BEN) == [None, "ben"]
        with closing(shelf(tmp_path)) as other, pytest.raises(StoreError, match="anna: expired"):
            other.fetch("anna")


def test_a_memory_is_read_for_its_likeness_once_a_version(tmp_path, monkeypatch):
    with known(tmp_path, "anna", "ben") as people:
        enrol(session(people), anna=ANNA, ben=BEN)
    read = []
    with known(tmp_path) as people:
        store = people._shelf._store
        load = type(store).load
        monkeypatch.setattr(
            type(store), "load", lambda self, who: read.append(who) or load(self, who)
        )
        live = session(people)
        assert sorted(read) == ["anna", "ben"]  # before any picture
        for _ in range(3):
            assert named(live, CLEO) == [None]
        assert len(read) == 2
        with closing(shelf(tmp_path)) as other:
            other.keep("ben", other.fetch("ben"))
            read.clear()
        assert named(live, CLEO) == [None]
        assert named(live, BEN) == ["ben"]
        assert read == ["ben", "ben"]  # a new version; and his memory, as he is known


def test_who_cannot_be_taken_from_the_store_is_not_looked_for(tmp_path):
    with known(tmp_path, "zoe", memory="knn") as people:
        enrol(session(people), zoe=CLEO)
    with known(tmp_path, "anna") as people:
        live = session()
        live.people = people
        enrol(live, anna=ANNA)
        assert named(live, CLEO, ANNA) == [None, "anna"]


@pytest.mark.parametrize(
    "arrays",
    [
        {LIKENESS: np.float32([[np.nan, 0]])},
        {LIKENESS: np.float32([0, 0])},
        {LIKENESS: np.float64([[0, 0]])},
        {f"{LIKENESS}.faces": np.array([0])},
        {f"{LIKENESS}.faces": np.array(["a"]).view(np.uint32)},
    ],
)
def test_a_likeness_that_is_none_is_said(arrays, tmp_path):
    with known(tmp_path, "anna") as people:
        enrol(session(people), anna=ANNA)
    one = shelf(tmp_path)
    kept, version = one._store.load("anna")
    one._store.save("anna", Kept({**kept.state, **arrays}, 1, 1, kept.about), version)
    with pytest.raises(StoreError, match="anna: what is kept does not fit"):
        restore("anna", one.fetch("anna"), catalogue().config("memory", "gwr")().build(Runtime()))
    one.close()


@settings(max_examples=50)
@given(st.lists(st.floats(0, 1.5, width=32), min_size=1, max_size=6))
def test_only_who_is_near_and_clearly_the_nearest_is_taken(apart):
    row = nearest(np.array(apart))
    others = sorted(apart)
    clear = len(apart) == 1 or others[1] - others[0] >= CLEARLY
    assert (row is None) == (others[0] >= NEAR or not clear)
    assert row is None or apart[row] == others[0]


@settings(max_examples=25)
@given(st.lists(st.tuples(*[st.integers(-9, 9)] * 2), min_size=1, max_size=2 * FACES))
def test_a_likeness_is_the_mean_of_the_first_faces(shows):
    faces = [np.full((3, 96, 96), 0, np.float32) for _ in shows]
    for face, (a, b) in zip(faces, shows, strict=True):
        face[0], face[1] = a / 10, b / 10
    recognition, likeness = Recognition(Flat()), None
    for face in faces:
        likeness = recognition.more(likeness, face)
    first = Flat().encode(np.stack(faces))[:FACES]
    assert isinstance(likeness, Likeness)
    assert likeness.faces == len(first)
    np.testing.assert_allclose(likeness.code[0], first.mean(axis=0), atol=1e-6)


def test_nothing_recognises_in_a_session_without_recognition():
    live = Session(stations(Flat()))
    live.see(beside(ANNA), 0.0)
    with pytest.raises(UserError, match="'anna' cannot be recognised"):
        live.start(0, "anna", recognise=True)


def watch(*words):
    return CliRunner().invoke(main, ["watch", *map(str, words)])


def test_mistakes_are_told_in_a_line(monkeypatch):
    said = watch("film.mp4", "--recognise")
    assert (said.exit_code, said.output.count("\n")) == (2, 1)
    assert "expected --person NAME --consent too, or a store" in said.output
    monkeypatch.setattr("affmem_identity.config.PACKAGE", "no_such_package")
    said = watch(__file__, "--recognise", "--person", "anna", "--consent")
    assert (said.exit_code, said.output.count("\n")) == (2, 1)
    assert "pip install affmem[identity]" in said.output


@pytest.fixture(scope="module")
def photographed():
    """Two persons' neutral and smiling photographs, half as large; and films of them."""
    if not PHOTOS.is_dir():
        pytest.skip("needs the photographs in ../shared/faces")
    try:
        catalogue().config("encoder", "identity")().build(Runtime())
    except UserError as error:
        pytest.skip(str(error))
    return {
        (person, look): np.ascontiguousarray(pictures.read(path)[::3, ::3][:448, :448])
        for person in ("001", "002")
        for look in ("neutral", "smiling")
        for path in [PHOTOS / f"{person}_{look}.jpg"]
    }


def film(path, image, count):
    write_video(path, (image for _ in range(count)), image.shape[1], image.shape[0])
    return path


def test_two_persons_in_one_picture_each_get_their_own_memory(photographed, tmp_path):
    store = ["--set", f'store={{use="sql",file="{tmp_path}/store.db"}}', "--recognise"]
    for person in ("001", "002"):
        alone = film(tmp_path / f"{person}.mp4", photographed[person, "neutral"], ENROLLED + 2)
        said = watch(alone, "--person", person, "--consent", *store)
        assert said.exit_code == 0, said.output or str(said.exception)
    both = np.hstack([photographed[person, "smiling"] for person in ("001", "002")])
    table = tmp_path / "both.csv"
    said = watch(film(tmp_path / "both.mp4", both, FIRST + 2), *store, "--csv", table)
    assert said.exit_code == 0, said.output or str(said.exception)
    with table.open(newline="") as file:
        seen = list(csv.DictReader(file))
    last = [row for row in seen if row["time"] == seen[-1]["time"]]
    assert {row["person"] for row in last} == {"001", "002"}
    assert all(int(row["learnt"]) and float(row["activation"]) > 0 for row in last)
