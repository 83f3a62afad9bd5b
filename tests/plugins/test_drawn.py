"""Drawn faces: expressions, manners, pictures."""

import numpy as np
import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from affmem import Affect
from affmem.alignment import TEMPLATE, similarity
from affmem.expression import (
    ACTIONS,
    COUNT,
    LEAST,
    MOST,
    actions_of,
    sample_manner,
    speaking,
)
from affmem_drawn.anatomy import pose_face
from affmem_drawn.drawing import draw_person
from affmem_drawn.look import sample_look
from affmem_drawn.portrait import Person, Scene, draw_face, sample_person, sample_scene
from affmem_drawn.scene import Backdrop, Light, Pose, draw_backdrop, take
from affmem_drawn.sheet import NAMED, draw_sheet

unit = st.floats(-1, 1, width=32)
seeds = st.integers(0, 10_000)
affects = st.builds(Affect, arousal=unit, valence=unit)
few = settings(max_examples=12, deadline=None)


def row(affect: Affect) -> np.ndarray:
    return np.array([[affect.arousal, affect.valence]], np.float32)


@given(affects)
def test_everyones_actions_lie_between_none_and_full(affect):
    shown = actions_of(row(affect))
    assert shown.dtype == np.float32
    assert shown.shape == (1, COUNT)
    assert ((shown >= 0) & (shown <= 1)).all()


@given(affects, unit, unit)
def test_a_small_change_of_affect_is_a_small_change_of_the_face(affect, da, dv):
    other = np.clip(row(affect) + 0.01 * np.array([[da, dv]], np.float32), -1, 1)
    assert np.abs(actions_of(row(affect)) - actions_of(other)).max() < 0.05


def test_every_move_on_the_plane_is_shown():
    """Nowhere is the map flat: one step of 0.2 in either direction changes the action units."""
    steps = np.linspace(-1, 1, 11, dtype=np.float32)
    grid = np.stack(np.meshgrid(steps, steps, indexing="ij"), -1)
    shown = actions_of(grid.reshape(-1, 2)).reshape(11, 11, COUNT)
    for axis in (0, 1):
        moved = np.linalg.norm(np.diff(shown, axis=axis), axis=-1)
        assert moved.min() > 0.04


@given(affects, seeds, st.floats(0, 1))
def test_a_manner_stays_within_what_a_face_can_do(affect, seed, strength):
    shown = sample_manner(np.random.default_rng(seed), strength).show(row(affect))
    assert shown.dtype == np.float32
    assert shown.shape == (1, 2, COUNT)
    assert (shown >= LEAST).all()
    assert (shown <= np.float32(MOST)).all()


@given(affects, seeds)
def test_at_strength_0_everyone_is_alike(affect, seed):
    shown = sample_manner(np.random.default_rng(seed), 0.0).show(row(affect))
    np.testing.assert_allclose(shown[:, 0], actions_of(row(affect)), atol=1e-6)
    np.testing.assert_array_equal(shown[:, 0], shown[:, 1])


def test_manners_spread_as_strength_says():
    for strength in (0.2, 0.35, 0.5):
        gains = [sample_manner(np.random.default_rng(i), strength).gain for i in range(300)]
        assert np.std(gains) == pytest.approx(strength, rel=0.15)


@given(affects, seeds)
def test_in_a_mirror_the_sides_change_places(affect, seed):
    manner = sample_manner(np.random.default_rng(seed), 0.5)
    shown, mirrored = manner.show(row(affect)), manner.mirrored().show(row(affect))
    np.testing.assert_array_equal(shown[:, ::-1], mirrored)
    look = sample_look(np.random.default_rng(seed))
    points = pose_face(look, shown[0], Pose(yaw=0.2)).landmarks()
    other = pose_face(look, mirrored[0], Pose(yaw=-0.2)).landmarks()
    np.testing.assert_allclose(points[[1, 0, 2, 4, 3]] * [-1, 1], other, atol=1e-6)


@given(affects, st.floats(0, 1), unit)
def test_speech_only_opens_the_mouth(affect, opening, rounding):
    manner = sample_manner(np.random.default_rng(1), 0.35)
    silent = manner.show(row(affect))
    spoken = speaking(silent, opening, rounding)
    mouth = [ACTIONS.index(name) for name in ("AU20", "AU23", "AU25", "AU26")]
    others = np.setdiff1d(np.arange(COUNT), mouth)
    np.testing.assert_array_equal(silent[..., others], spoken[..., others])
    assert (spoken[..., mouth] >= silent[..., mouth] - 1e-6).all()


@few
@given(affects, seeds)
def test_the_same_input_gives_the_same_bytes(affect, seed):
    def drawn():
        rng = np.random.default_rng(seed)
        return draw_face(sample_person(rng, 0.35), affect, sample_scene(rng), 96, rng)

    image = drawn()
    assert image.dtype == np.uint8
    assert image.shape == (96, 96, 3)
    assert image.flags.c_contiguous
    assert image.tobytes() == drawn().tobytes()


@few
@given(seeds)
def test_the_picture_changes_with_affect(seed):
    person = sample_person(np.random.default_rng(seed), 0.2)
    images = [draw_face(person, affect, Scene(), 96).astype(int) for affect in NAMED.values()]
    for i, image in enumerate(images):
        for other in images[:i]:
            assert (np.abs(image - other).max(axis=-1) > 24).sum() > 30


@few
@given(affects, seeds)
def test_a_picture_of_twice_the_size_shows_the_same(affect, seed):
    person = sample_person(np.random.default_rng(seed), 0.35)
    small = draw_face(person, affect, Scene(), 96).astype(float)
    large = draw_face(person, affect, Scene(), 192).astype(float)
    shrunk = large.reshape(96, 2, 96, 2, 3).mean(axis=(1, 3))
    assert np.abs(shrunk - small).mean() < 3.0


@few
@given(affects, seeds, st.floats(-0.3, 0.3), st.floats(-0.2, 0.2), st.floats(-0.3, 0.3))
def test_landmarks_match_the_drawing(affect, seed, yaw, pitch, roll):
    """Around an eye's landmark the picture holds an eye: what changes there is its blink."""
    rng = np.random.default_rng(seed)
    person = sample_person(rng, 0.2)
    actions = person.manner.show(np.array([[0.2, affect.valence]], np.float32))[0]
    placement = np.array([[40.0, 0.0, 100.0], [0.0, 40.0, 90.0]])
    pictures, points = [], np.zeros((5, 2))
    look = evolve(person.look, glasses_style="none")
    for blink in (0.0, 1.0):
        picture = draw_backdrop(Backdrop(), 200, 200)
        pose = Pose(yaw, pitch, roll, blink=blink)
        points = draw_person(picture, look, actions, pose, Light(), placement)
        pictures.append(picture)
    changed = np.abs(pictures[0] - pictures[1]).sum(axis=0)
    rows, columns = np.nonzero(changed > 0.4)
    along = (points[1] - points[0]) / np.linalg.norm(points[1] - points[0])
    place = np.stack([columns, rows], 1) + 0.5
    first = (place - points[:2].mean(axis=0)) @ along < 0
    for mine, point in zip((first, ~first), points[:2], strict=True):
        assert mine.sum() > 20
        assert np.linalg.norm(place[mine].mean(axis=0) - point) < 0.16 * 40


@given(affects, seeds)
def test_faces_are_aligned_to_the_template(affect, seed):
    """An aligned crop's landmarks lie at the template, as near as a similarity can take them."""
    person = sample_person(np.random.default_rng(seed), 0.35)
    actions = person.manner.show(row(affect))[0]
    points = pose_face(person.look, actions, Pose()).landmarks()
    matrix = similarity(points, TEMPLATE)
    away = points @ matrix[:, :2].T + matrix[:, 2] - TEMPLATE
    assert np.abs(away).max() < 0.12


@pytest.mark.parametrize("kind", ["plain", "gradient", "blobs", "stripes", "bokeh", "room"])
def test_backdrops_fill_pictures_of_any_size(kind):
    numbers = tuple(np.random.default_rng(0).random(24).tolist())
    for height, width in ((96, 96), (60, 110), (110, 60)):
        picture = draw_backdrop(Backdrop(kind, numbers=numbers), height, width)
        assert picture.shape == (3, height, width)
        assert np.isfinite(picture).all()
        assert picture.min() >= 0
        assert picture.max() <= 1


@few
@given(seeds, st.integers(17, 40), st.integers(17, 40))
def test_a_camera_keeps_a_pictures_shape(seed, height, width):
    rng = np.random.default_rng(seed)
    picture = rng.random((3, height, width), np.float32)
    taken = take(picture, sample_scene(rng).camera, rng)
    assert taken.shape == picture.shape
    assert taken.dtype == np.float32


def test_a_face_outside_the_picture_leaves_it_as_it_was():
    person = sample_person(np.random.default_rng(2), 0.35)
    picture = draw_backdrop(Backdrop(), 64, 64)
    before = picture.copy()
    far = np.array([[20.0, 0.0, 900.0], [0.0, 20.0, -900.0]])
    actions = person.manner.show(np.zeros((1, 2), np.float32))[0]
    draw_person(picture, person.look, actions, Pose(), Light(), far)
    np.testing.assert_array_equal(picture, before)


def test_a_sheet_has_persons_by_rows_and_affects_by_columns():
    persons = [sample_person(np.random.default_rng(i), 0.35) for i in range(2)]
    sheet = draw_sheet(persons, size=32)
    assert sheet.shape == (2 * 32, 9 * 32, 3)
    alone = draw_face(Person(persons[1].look, persons[1].manner), NAMED["neutral"], Scene(), 32)
    np.testing.assert_array_equal(sheet[32:, :32], alone)
