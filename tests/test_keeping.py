"""Memories go on from one run to the next as if they had never been put away."""

import json
from contextlib import closing
from datetime import UTC, datetime

import numpy as np
import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from affmem import Kept, Runtime
from affmem.catalogue import catalogue
from affmem.conformance.store import kepts
from affmem.consent import Consent, admit, pseudonym
from affmem.errors import ConflictError, StoreError
from affmem.experiment import Experiment, Part, dumps, load
from affmem.keeping import LIKENESS, MADE, OF, Shelf, fingerprint, pack, unpack
from affmem.known import Known
from affmem.road import learn, meet, walk
from affmem.run import run
from affmem.timing import Clock
from strategies import Flat, said, shown, stations

MEMORIES = sorted(catalogue().parts["memory"])


def shelf(folder, world, memory="gwr"):
    store = catalogue().config("store", "sql")(file=folder / "memories.sqlite").build(Runtime())
    one = Shelf(store, memory, catalogue().config("memory", memory)(), world)
    for person in ("anna", "bela", "ben", *(clip.person for clip in world.clips())):
        one.agreed(person)
    return one


def shelved(road, one):
    """A walk of persons who are fetched from a shelf, and kept there at its end."""
    people = {clip.person: None for clip in road.dataset.clips()}
    people = {name: meet(name, road, one.fetch(name)) for name in people}
    yield from walk(road, people)
    for name, person in people.items():
        one.keep(name, person.kept())


def steps(world, one=None, memory="gwr"):
    """A walk with a shelf, which is then closed."""
    road = stations(world, memory)
    if one is None:
        return said(walk(road, {}))
    with closing(one):
        return said(shelved(road, one))


@given(kepts())
def test_what_is_packed_is_unpacked_bit_for_bit(kept):
    back = unpack(pack(kept))
    assert (back.faces, back.units, back.about) == (kept.faces, kept.units, kept.about)
    for name, array in kept.state.items():
        assert back.state[name].dtype == array.dtype
        assert back.state[name].tobytes() == array.tobytes()


@pytest.mark.parametrize(
    "content",
    [b"", b"12345678", pack(Kept({}, 1, 1))[:-1], b"\xff" * 64],
    ids=["empty", "no head", "cut", "a head without end"],
)
def test_what_is_no_memory_is_not_unpacked(content):
    with pytest.raises(ValueError, match="no memory that affmem kept"):
        unpack(content)


class Wide(Flat):
    """A world with codes as wide as the bundled encoder's, which one memory asks for."""

    def encode(self, faces):
        return np.tile(super().encode(faces), (1, 25))

    def read(self, codes):
        return super().read(codes[:, :2])


def walked(shows, cut, memory, folder):
    """All clips in one walk; and the same, put away after `cut` of them and taken up again."""
    names = [*shows]
    parts = [{name: shows[name] for name in part} for part in (names[:cut], names[cut:])]
    whole = steps(Wide(shows), memory=memory)
    apart = [
        row for part in parts for row in steps(Wide(part), shelf(folder, Wide(), memory), memory)
    ]
    return whole, apart


@pytest.mark.parametrize("memory", MEMORIES)
def test_put_away_and_taken_up_again_it_reads_as_if_it_never_was(memory, tmp_path_factory):
    some = st.lists(shown, min_size=1, max_size=8)

    @settings(max_examples=3)
    @given(st.tuples(some, some, some), st.integers(0, 3))
    def holds(seen, cut):
        shows = dict(zip(("anna/1", "ben/1", "anna/2"), seen, strict=True))
        whole, apart = walked(shows, cut, memory, tmp_path_factory.mktemp("store"))
        assert apart == whole

    holds()


def test_what_is_done_for_one_person_lists_nobody(tmp_path, monkeypatch):
    one, parts = shelf(tmp_path, Flat()), stations(Flat())
    anna = meet("anna", parts, one.fetch("anna"))
    one.keep("anna", anna.kept())
    monkeypatch.delattr(type(one._store), "people")
    people = Known(one, parts)
    assert ("anna" in people, "ben" in people) == (True, False)  # he agreed, and has no memory
    assert people["anna"].seen == anna.seen
    one.keep("anna", anna.kept())
    one.agreed("cleo")
    assert admit(one._store, ["anna", "dora"], Consent(1)).names.keys() == {"anna", "dora"}
    del people["anna"]
    with pytest.raises(KeyError):
        people["anna"]
    people.close()


def test_what_is_kept_is_loaded_anew_for_a_likeness_alone(tmp_path, monkeypatch):
    one = shelf(tmp_path, Flat())
    load, loads = one._store.load, []

    def counted(name):
        loads.append(name)
        return load(name)

    monkeypatch.setattr(one._store, "load", counted)
    memory = Kept({"weights": np.float32([[1, 2]])}, 1, 1)
    likeness = {LIKENESS: np.float32([[3, 4]]), OF: np.array([5])}
    known = evolve(memory, state={**memory.state, **likeness}, about={MADE: "1 2"})
    one.fetch("anna")
    one.keep("anna", memory)
    one.keep("anna", memory)
    assert loads == ["anna"]
    one.keep("anna", known)
    assert loads == ["anna"]
    for _ in range(2):
        one.keep("anna", memory)
        assert one.likeness("anna").faces == 5
    assert len(loads) == 1 + 2 * 2
    other = shelf(tmp_path, Flat())
    monkeypatch.setattr(other._store, "load", counted)
    loads.clear()
    other.settle("anna", memory, one.version("anna"), one.since("anna"))
    assert loads == ["anna"]
    assert other.likeness("anna").faces == 5
    for each in (one, other):
        each.close()


def test_also_when_it_was_put_away_amid_its_first_faces(tmp_path):
    shows = {"anna/1": [(0.5, -0.5)], "anna/2": [(0.4, -0.2)] * 9}  # of 3 faces that are edited
    whole, apart = walked(shows, 1, "gwr", tmp_path)
    assert apart == whole
    assert whole[-1][-1] > 2  # units


def test_no_mean_of_faces_is_kept_but_awaited_anew(tmp_path):
    shows = {"anna/1": [(0.5, -0.5)] * 2, "anna/2": [(0.4, -0.2)] * 9}
    for name, frames in shows.items():  # the mean of 3 faces is redrawn
        one, world = shelf(tmp_path, Flat()), Flat({name: frames})
        rows = said(shelved(stations(world, of="mean"), one))
        one.close()
    assert rows == said(walk(stations(Flat({"anna/2": shows["anna/2"]}), of="mean"), {}))
    assert rows[-1][-1] > 2  # units


def test_nor_by_who_is_watched_live(tmp_path):
    one = shelf(tmp_path, Flat())
    parts = stations(Flat({"anna/1": [(0.5, -0.5)]}), of="mean")
    people = Known(one, parts)
    people["anna"] = anna = meet("anna", parts)
    for _ in range(2):  # of 3 whose mean is redrawn
        learn(np.zeros((3, 96, 96), np.float32), np.zeros((1, 2), np.float32), anna, parts, Clock())
    assert (anna.seen, anna.mean is None) == (2, False)
    people.close()
    assert meet("anna", parts, shelf(tmp_path, Flat()).fetch("anna")).seen == 0


def test_who_was_saved_by_another_meanwhile_is_not_overwritten(tmp_path):
    world = Flat({"anna/1": [(0.5, 0)] * 5})
    one = shelf(tmp_path, world)
    walking = shelved(stations(world), one)
    next(walking)
    steps(world, shelf(tmp_path, world))
    with pytest.raises(ConflictError, match="anna: saved by another since version 0"):
        list(walking)
    one.close()


def test_nor_who_was_erased_meanwhile_and_agreed_anew(tmp_path):
    one = shelf(tmp_path, Flat())
    anna, since = meet("anna", stations(Flat())), one.since("anna")
    one.erase("anna")
    for _ in range(2):  # erased, and then there again
        with pytest.raises(ConflictError, match="anna: erased by another"):
            one.keep("anna", anna.kept(), since)
        one.agreed("anna")
    one.keep("anna", anna.kept(), one.since("anna"))
    one.close()


# --- what does not go together ----------------------------------------------------------------


class Other(Flat):
    """A world whose encoder was trained otherwise."""

    def encode(self, faces):
        return super().encode(faces)[:, ::-1].copy()


class Rounder(Flat):
    """One whose arithmetic is rounder."""

    def encode(self, faces):
        return super().encode(faces).astype(np.float16).astype(np.float32)


SHOWS = {"anna/1": [(0.5, 0.1)] * 5}


def test_another_encoders_memory_is_refused(tmp_path):
    steps(Flat(SHOWS), shelf(tmp_path, Flat(SHOWS)))
    with pytest.raises(StoreError, match="anna: what is kept was learnt with another encoder"):
        steps(Other(SHOWS), shelf(tmp_path, Other(SHOWS)))
    assert steps(Rounder(SHOWS), shelf(tmp_path, Rounder(SHOWS)))


def test_another_memorys_is_refused(tmp_path):
    steps(Flat(SHOWS), shelf(tmp_path, Flat(SHOWS)))
    with pytest.raises(StoreError, match="anna: is kept in a memory 'gwr'; this one is 'knn'"):
        steps(Flat(SHOWS), shelf(tmp_path, Flat(SHOWS), "knn"), "knn")


def test_a_state_that_does_not_fit_is_refused(tmp_path):
    one = shelf(tmp_path, Flat(SHOWS))
    about = {"memory": 'use = "gwr"\n', "encoder": fingerprint(Flat())}
    one._store.save("anna", Kept({"strange": np.zeros(3)}, 3, 3, about), 0)
    with pytest.raises(StoreError, match="anna: what is kept does not fit this memory: no state"):
        steps(Flat(SHOWS), one)


# --- a whole run ------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """The key of pseudonyms is made there."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    """Two drawn persons, a second of each."""
    folder = tmp_path_factory.mktemp("experiment")
    (folder / "mine.toml").write_text(
        'resamples = 10\ngallery = 0\n[dataset]\nuse = "acted"\npersons = 2\nseconds = 1\n'
        '[memory]\nuse = "personal"\n[store]\nuse = "sql"\nfile = "memories.sqlite"\n'
        "[consent]\ndays = 9\n"
    )
    return load(folder / "mine.toml")


def test_an_experiment_names_its_store(experiment, tmp_path):
    assert isinstance(experiment.store, Part)
    (tmp_path / "again.toml").write_text(dumps(experiment))
    assert load(tmp_path / "again.toml") == experiment
    assert "[store]" not in dumps(evolve(experiment, store=None))


def test_a_second_run_goes_on_from_the_first(experiment, tmp_path):
    first, second = (run(experiment, tmp_path / name) for name in ("first", "second"))
    alone = run(evolve(experiment, store=None), tmp_path / "alone")
    frames = [(tmp_path / one / "frames.csv").read_bytes() for one in ("first", "alone", "second")]
    assert frames[0] == frames[1]
    assert frames[0] != frames[2]
    assert not [note for note in first.notes if "store" in note]
    assert "2 of 2 persons were known from the store" in second.notes[-1]
    assert "keep" in second.timing["seconds"]
    assert "keep" not in alone.timing["seconds"]
    store = experiment.store.config.build(Runtime())
    faces = second.metrics["faces"]
    assert sum(card.faces for card in store.people()) == 2 * faces
    store.close()
    assert json.loads((tmp_path / "second" / "run.json").read_text())["parts"]["store"] == "sql"


def test_without_consent_a_run_neither_reads_nor_keeps_anyone_and_says_so(experiment, tmp_path):
    config = evolve(experiment.store.config, file=tmp_path / "s.sqlite")
    known = evolve(experiment, store=evolve(experiment.store, config=config))
    store = config.build(Runtime())

    def kept():
        return {card.person: card.version for card in store.people()}

    unasked = run(evolve(known, consent=Consent()), tmp_path / "unasked")
    names = [one.person for one in experiment.dataset.build(Runtime()).clips()]
    assert kept() == {}
    assert [one for one in unasked.notes if "no consent" in one] == [
        f"{name}: no consent is on record: met anew, and not kept in the store" for name in names
    ]
    run(known, tmp_path / "asked")
    assert [*kept()] == sorted(map(pseudonym, names))
    before = kept()
    store.consent(pseudonym(names[0]), None, datetime.now(UTC))  # withdrawn
    third = run(known, tmp_path / "third")
    assert {name for name in before if kept()[name] == before[name]} == {pseudonym(names[0])}
    assert f"{names[0]}: consent was withdrawn on" in "".join(third.notes)
    rows = [(tmp_path / one / "frames.csv").read_text().splitlines() for one in ("asked", "third")]
    assert rows[0][1:5] == rows[1][1:5]  # met anew
    store.close()


def test_a_store_that_cannot_be_opened_leaves_no_run_directory(experiment, tmp_path):
    store = evolve(experiment.store, config=evolve(experiment.store.config, file=tmp_path))
    with pytest.raises(StoreError, match="is a folder; expected a file"):
        run(evolve(experiment, store=store), tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert isinstance(experiment, Experiment)
