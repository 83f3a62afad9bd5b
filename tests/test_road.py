"""The road keeps its promises: one step a frame, nothing of the future, nothing of the answers."""

import numpy as np
import pytest
from attrs import evolve, frozen
from hypothesis import given, settings
from hypothesis import strategies as st

from affmem import Affect, PluginError
from affmem.catalogue import catalogue
from affmem.road import rehearse, walk
from affmem.timing import Clock
from strategies import Flat, clips, said, shown, stations, worlds


def steps(world, **options):
    return list(walk(stations(world, **options), {}))


@settings(max_examples=40)
@given(worlds)
def test_every_frame_has_one_step_in_order(shows):
    rows = steps(Flat(shows))
    assert [(s.clip.name, s.time) for s in rows] == [
        (name, i / 25) for name, frames in shows.items() for i in range(len(frames))
    ]
    assert [s.face for s in rows] == [f is not None for frames in shows.values() for f in frames]


@settings(max_examples=40)
@given(clips, clips, clips)
def test_the_future_never_changes_an_earlier_reading(past, one, other):
    a, b = (steps(Flat({"anna/1": [*past, *future]})) for future in (one, other))
    assert said(a)[: len(past)] == said(b)[: len(past)]


@settings(max_examples=25)
@given(worlds, st.integers(0, 2**32 - 1))
def test_labels_never_change_a_reading(shows, seed):
    rng = np.random.default_rng(seed)
    labels = {name: Affect(*rng.uniform(-1, 1, 2)) for name in shows}
    assert said(steps(Flat(shows))) == said(steps(Flat(shows, labels)))


@settings(max_examples=25)
@given(worlds)
def test_persons_do_not_know_of_one_another(shows):
    whole = said(steps(Flat(shows)))
    for person in {name.partition("/")[0] for name in shows}:
        alone = {name: f for name, f in shows.items() if name.startswith(person)}
        assert said(steps(Flat(alone))) == [row for row in whole if row[0] in alone]


@settings(max_examples=25)
@given(worlds)
def test_without_a_memory_the_prior_knowledge_stands(shows):
    assert all(s.memory == s.pk for s in steps(Flat(shows), memory="none"))


@settings(max_examples=25)
@given(worlds)
def test_one_seed_one_result(shows):
    assert said(steps(Flat(shows), seed=4)) == said(steps(Flat(shows), seed=4))


@given(st.lists(shown, min_size=1, max_size=60))
@settings(max_examples=40)
def test_a_lost_face_is_bridged_by_the_last_reading_of_its_clip(frames):
    last = None
    for row, frame in zip(steps(Flat({"anna/1": frames})), frames, strict=True):
        if frame is not None:
            last = row
        assert row.pk == (last and last.pk)
        assert row.memory == (last and last.memory)


def test_readings_do_not_cross_from_clip_to_clip():
    rows = steps(Flat({"anna/1": [(0.5, 0.5)], "anna/2": [None, (0.1, 0.1)]}))
    assert rows[1].pk is None
    assert rows[1].memory is None


def test_the_memory_is_taught_by_edits_and_then_reads_what_was_asked():
    rows = steps(Flat({"anna/1": [(0.8, -0.4)] * 8}), edits=200, frames=5, epochs=10)
    assert rows[0].memory == rows[0].pk  # an empty memory: prior knowledge stands
    assert rows[-1].pk.arousal == pytest.approx(0.4, abs=0.01)  # which reads half of it
    assert rows[-1].memory.arousal == pytest.approx(0.8, abs=0.15)  # the edits said so
    assert rows[-1].memory.valence == pytest.approx(-0.4, abs=0.15)


def test_only_the_first_faces_are_edited():
    class Counted(Flat):
        edited = 0

        def edit(self, face, affects):
            type(self).edited += 1
            return super().edit(face, affects)

    steps(Counted({"anna/1": [(0, 0)] * 10, "anna/2": [(0, 0)] * 10, "ben/1": [(0, 0)] * 2}))
    assert Counted.edited == 3 + 2


def test_for_a_memory_that_takes_no_edits_none_is_made():
    class Unedited(Flat):
        def edit(self, face, affects):
            raise AssertionError("it was asked for an edit")

    world = Unedited({"anna/1": [(0.2, 0)] * 10})
    rows = steps(world, memory="none")
    assert [row.memory for row in rows] == [row.pk for row in rows]
    with pytest.raises(AssertionError, match="asked for an edit"):
        steps(world)


class Latent(Flat):
    """Says the codes of its edits: the affects asked for, as E(G(x, y)) is here; draws nothing."""

    def check_encoder(self, encoder):
        assert encoder is self

    def edit_codes(self, code, affects):
        return affects.copy()

    def edit(self, face, affects):
        raise AssertionError("it was asked for an edit")


@settings(max_examples=25)
@given(worlds, st.sampled_from(["each", "mean"]), st.integers(0, 3))
def test_by_codes_a_memory_learns_what_it_learns_by_pixels(shows, of, frames):
    pixels = said(steps(Flat(shows), of=of, frames=frames))
    assert said(steps(Latent(shows), by="codes", of=of, frames=frames)) == pixels


def test_by_codes_an_editor_that_says_none_is_a_users_mistake():
    with pytest.raises(PluginError, match="cannot say the codes of its edits"):
        steps(Flat({"anna/1": [(0.2, 0)]}), by="codes")


def test_the_mean_of_the_first_faces_is_redrawn_once():
    redrawn = []

    class Kept(Flat):
        def edit(self, face, affects):
            redrawn.append(face[:2, 0, 0])
            return super().edit(face, affects)

    shows = [(0.2, 0.4), (0.4, 0.0), None, (0.6, -0.4), (0.9, 0.9)]
    rows = steps(Kept({"anna/1": shows}), of="mean", frames=3)
    assert np.array(redrawn) == pytest.approx(np.array([[0.4, 0.0]]), abs=0.01)
    assert [row.memory == row.pk for row in rows] == [True, True, True, True, False]
    assert [row.units > 0 for row in rows] == [False, False, False, False, True]


def test_the_clock_counts_each_station_once():
    clock = Clock()
    list(walk(stations(Flat({"anna/1": [(0, 0), None]})), {}, clock))
    expected = {"decode", "find", "encode", "read", "predict", "edit", "encode edits", "learn"}
    assert set(clock.seconds) == expected
    assert all(seconds >= 0 for seconds in clock.seconds.values())


def test_frames_are_read_no_further_than_a_second_ahead():
    class Endless(Flat):
        made = 0

        def frames(self, clip):
            while True:
                for frame in super().frames(clip):
                    type(self).made += 1
                    yield frame

    walking = walk(stations(Endless({"anna/1": [(0.1, 0.1)] * 5})), {})
    for _ in range(60):
        next(walking)
    assert Endless.made <= 60 + 2 * 25


@frozen
class Followed:
    """Memory "gwr", and what is asked of it."""

    told: list

    def build(self, runtime):
        memory, told = catalogue().config("memory", "gwr")().build(runtime), self.told

        class Listening(type(memory)):
            def partial_fit(self, codes, affects=None):
                told.append("edits" if affects is not None else "faces")
                super().partial_fit(codes, affects)

            def predict(self, codes):
                told.append("read")
                return super().predict(codes)

        return Listening(memory.config)


@pytest.mark.parametrize("start", [{}, {"frames": 0}, {"of": "mean"}, {"spread": "grid"}])
def test_a_rehearsal_asks_what_a_person_will_and_changes_nothing_for_them(start):
    told = []
    parts = stations(Flat({"anna/1": [(0.1, 0.3)] * 5}), **start)
    expected = said(walk(parts, {}))
    followed = evolve(parts, memory=Followed(told))
    rehearse(followed)
    assert {*told} == {"faces", "read"} | ({"edits"} if parts.start.frames else set())
    assert said(walk(followed, {})) == expected
