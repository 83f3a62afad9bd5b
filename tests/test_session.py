"""Who is in view is read; who agreed is learnt, after they were read; nothing else is kept."""

import numpy as np
import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from affmem.errors import PluginError, UserError
from affmem.road import walk
from affmem.session import Session
from strategies import Flat, beside, level, shown, stations

pairs = st.lists(st.tuples(shown, shown), min_size=1, max_size=25)


def session(**options):
    return Session(stations(Flat(), **options))


def said(sighting):
    return sighting.pk, sighting.memory, sighting.activation, sighting.units


@settings(max_examples=25)
@given(st.lists(st.tuples(level, level), min_size=1, max_size=30))
def test_a_person_alone_is_read_as_on_the_road(shows):
    rows = list(walk(stations(Flat({"anna/1": shows})), {}))
    live = session()
    [first] = live.see(beside(shows[0]), 0.0)
    live = session()
    live.see(beside(shows[0]), 0.0)
    live.start(0, "anna")
    again = [live.see(beside(one), i / 25)[0] for i, one in enumerate(shows)]
    assert first.pk == rows[0].pk
    assert [said(one) for one in again] == [
        (row.pk, row.memory, row.activation, row.units) for row in rows
    ]
    assert [one.time for one in again] == [row.time for row in rows]


@settings(max_examples=25)
@given(pairs)
def test_nobody_who_did_not_agree_is_learnt(shows):
    live = session()
    for time, pair in enumerate(shows):
        for one in live.see(beside(*pair), time):
            assert (one.person, one.memory, one.units, one.learnt) == (None, None, 0, False)
            assert one.unit == -1
            assert one.pk is not None
    assert not live.people


@settings(max_examples=15)
@given(pairs)
def test_two_in_view_know_nothing_of_one_another(shows):
    both, alone = session(), session()
    for live, names in ((both, ("anna", "ben")), (alone, ("anna",))):
        live.see(beside((0, 0), (0, 0)), 0.0)
        for track, name in enumerate(names):
            live.start(track, name)
    for time, (one, other) in enumerate(shows):
        together = both.see(beside(one, other), time)
        single = alone.see(beside(one), time)
        assert [said(x) for x in together if x.track == 0] == [said(x) for x in single]
        if one is None:  # she is out of view; when she is back, somebody must say who it is
            break


def test_whoever_is_paused_is_read_and_not_learnt():
    live = session()
    live.see(beside((0.3, 0.3)), 0.0)
    live.start(0, "anna")
    live.see(beside((0.3, 0.3)), 0.0)
    before = live.memory("anna").state()
    live.pause("anna")
    [one] = live.see(beside((-0.3, 0.1)), 0.1)
    assert not one.learnt
    assert one.memory is not None
    code = np.float32([[-0.3, 0.1]])  # as the flat world encodes it
    assert one.unit == live.memory("anna").predict(code).units[0] >= 0
    after = live.memory("anna").state()
    assert all(np.array_equal(before[key], after[key]) for key in before)
    live.resume("anna")
    assert live.see(beside((-0.3, 0.1)), 0.2)[0].learnt


def test_whoever_is_forgotten_is_nobody_and_can_begin_anew():
    live = session()
    live.see(beside((0.3, 0.3)), 0.0)
    live.start(0, "anna")
    live.see(beside((0.3, 0.3)), 0.1)
    live.forget("anna")
    assert not live.people
    assert live.see(beside((0.3, 0.3)), 0.2)[0].person is None
    live.start(0, "anna")
    assert live.see(beside((0.3, 0.3)), 0.3)[0].units == 0


def test_who_leaves_the_view_is_nobody_until_somebody_says_who_it_is():
    live = session()
    live.see(beside((0.3, 0.3)), 0.0)
    live.start(0, "anna")
    live.see(beside((0.3, 0.3)), 0.1)
    assert live.see(beside(None), 0.2) == ()
    assert live.see(beside((0.3, 0.3)), 0.3)[0].person is None
    live.start(0, "anna")
    assert live.see(beside((0.3, 0.3)), 0.4)[0].units > 0  # her memory goes on


def test_mistakes_are_told():
    live = session()
    live.see(beside((0.3, 0.3), (0.1, 0.1)), 0.0)
    live.start(0, "anna")
    with pytest.raises(UserError, match="face 7 is not in view"):
        live.start(7, "ben")
    with pytest.raises(UserError, match="'anna' is face 0 already"):
        live.start(1, "anna")
    with pytest.raises(UserError, match="expected some text"):
        live.start(1, " ")
    for call in (live.pause, live.resume, live.forget, live.memory):
        with pytest.raises(UserError, match="did you mean 'anna'"):
            call("ana")
    faces = evolve(stations(Flat()), faces=Unfollowing())
    with pytest.raises(PluginError, match="cannot follow"):
        Session(faces)


class Unfollowing:
    def find(self, images):
        yield from ()
