"""A walk from a tape is the walk itself, to the last bit, and asks for nothing twice."""

from itertools import islice

import pytest
from attrs import evolve, field, frozen
from hypothesis import given, settings
from hypothesis import strategies as st

from affmem import Runtime
from affmem.catalogue import catalogue
from affmem.errors import UserError
from affmem.road import Stations, walk
from affmem.start import Start
from affmem.tape import Tape, _pixel
from strategies import Flat, stations, worlds


@frozen(eq=False)
class Counted(Flat):
    """A flat world that counts what it is asked for."""

    asked: list = field(factory=list)

    def frames(self, clip):
        self.asked.append(("frames", clip.name))
        return super().frames(clip)

    def encode(self, faces):
        self.asked.append(("encode", len(faces)))
        return super().encode(faces)

    def edit(self, face, affects):
        self.asked.append(("edit", len(affects)))
        return super().edit(face, affects)


def taped(road, edited=3):
    tape = Tape(road.dataset, road.faces, road.encoder, road.editor, edited)
    return evolve(road, dataset=tape, faces=tape, encoder=tape, editor=tape)


def steps(road):
    return list(walk(road, {}))


@settings(max_examples=40)
@given(worlds)
def test_steps_from_a_tape_are_those_of_the_stations(shows):
    road = stations(Flat(shows))
    replay = taped(road)
    assert steps(replay) == steps(road)
    assert steps(replay) == steps(road)


@settings(max_examples=20)
@given(worlds, st.sampled_from(["gng", "knn", "gamma-gwr"]), st.integers(0, 3))
def test_another_memory_or_start_walks_from_the_same_tape(shows, memory, frames):
    world = Flat(shows)
    replay = taped(stations(world))
    steps(replay)
    other = stations(world, memory=memory, frames=frames, edits=7, epochs=1)
    assert steps(evolve(replay, memory=other.memory, start=other.start)) == steps(other)


def test_nothing_is_asked_for_twice():
    world = Counted({"anna/1": [(0.1, 0.2)] * 30, "anna/2": [None, (0.5, 0)], "ben/1": [None]})
    replay = taped(stations(world))
    steps(replay)
    before = list(world.asked)
    assert before.count(("edit", 20)) == 3
    steps(replay)
    assert world.asked == before
    steps(evolve(replay, start=evolve(replay.start, edits=8)))
    assert world.asked[len(before) :] == [("edit", 8), ("encode", 8)] * 3


@settings(max_examples=40)
@given(worlds, st.integers(0, 60))
def test_a_walk_broken_off_anywhere_leaves_the_tape_sound(shows, length):
    road = stations(Flat(shows))
    replay = taped(road)
    walking = walk(replay, {})
    list(islice(walking, length))
    walking.close()
    assert steps(replay) == steps(road)


@pytest.mark.parametrize("by", ["pixels", "codes"])
def test_steps_of_the_real_parts_are_the_same_to_the_last_bit(by):
    runtime = Runtime(seed=3)
    part = catalogue().config
    pk = part("encoder", "pk")().build(runtime)
    drawn = part("dataset", "drawn")(persons=2, faces_per_person=4).build(runtime)
    faces = part("faces", "none")().build(runtime)
    start = Start(edits=20, frames=2, epochs=2, by=by)
    memory = part("memory", "gwr")()
    road = Stations(faces, pk, pk, pk, memory, start, runtime, drawn)
    replay = taped(road, edited=2)
    assert steps(replay) == steps(road) == steps(replay)


def test_frames_beyond_what_can_be_told_apart_are_refused():
    assert _pixel(2**24 - 1).tolist() == [[[255, 255, 255]]]
    with pytest.raises(UserError, match="16777216 frames at most"):
        _pixel(2**24)
