"""Faces are found where they are and followed while they move; no picture is too odd."""

from pathlib import Path

import cv2
import numpy as np
import PIL.Image
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from affmem.alignment import TEMPLATE, similarity
from affmem.catalogue import catalogue
from affmem.protocols import FaceFinder, Follower, Runtime
from affmem_drawn.drawing import draw_person
from affmem_drawn.portrait import as_image, sample_person
from affmem_drawn.scene import Light, Pose, draw_backdrop, sample_backdrop
from affmem_faces.cascade import Cascade
from affmem_faces.config import CroppedConfig, MTCNNConfig
from affmem_faces.crop import SIDE, back, upright
from affmem_faces.following import CORNERS, Following

PHOTOS = Path(__file__).parents[3] / "shared" / "faces"
photographs = pytest.mark.skipif(not PHOTOS.exists(), reason="needs ../shared/faces")
images = st.tuples(st.integers(1, 80), st.integers(1, 80)).flatmap(
    lambda shape: arrays(np.uint8, (*shape, 3))
)
RIGHT = np.array([160, 0])
few = settings(max_examples=40)


def finder(**settings):
    return MTCNNConfig(**settings).build(Runtime())


def photo(name):
    with PIL.Image.open(PHOTOS / f"{name}.jpg") as opened:
        return np.asarray(opened.convert("RGB"))


def scene(seed, unit=20.0, height=240, width=320, at=None):
    """A drawn person in a larger picture, and where the landmarks truly are (pixel middles)."""
    rng = np.random.default_rng(seed)
    person = sample_person(rng, 0.5)
    picture = draw_backdrop(sample_backdrop(rng), height, width)
    x, y = at or (rng.uniform(110, 210), rng.uniform(95, 125))
    actions = person.manner.show(np.array([[0.2, 0.3]], np.float32))[0]
    place = np.array([[unit, 0, x], [0, unit, y]], np.float64)
    truth = draw_person(picture, person.look, actions, Pose(), Light(), place)
    return as_image(picture), truth - 0.5


def tracked(images, **settings):
    """The landmarks of each picture's one face that is followed, or None."""
    following = Following(MTCNNConfig(**settings), most=1)
    for image in images:
        found = following.track(image)
        yield found[0].landmarks if found else None


def landmarks(image, **settings):
    [found] = tracked([image], **settings)
    return found


def error(found, truth):
    """Largest distance of a landmark from its place, in distances between the eyes."""
    return np.linalg.norm(found - truth, axis=1).max() / np.linalg.norm(truth[0] - truth[1])


def test_they_are_registered_and_keep_the_protocol():
    for name, config in (("mtcnn", MTCNNConfig), ("none", CroppedConfig)):
        assert catalogue().config("faces", name) is config
        assert isinstance(config().build(Runtime()), FaceFinder)


@few
@given(st.lists(images, max_size=4), st.sampled_from([MTCNNConfig(), CroppedConfig()]))
def test_any_pictures_have_an_answer_each(pictures, config):
    answers = list(config.build(Runtime()).find(pictures))
    assert len(answers) == len(pictures)
    for face in answers:
        if face is not None:
            assert (face.shape, face.dtype) == ((3, SIDE, SIDE), np.float32)
            assert face.min() >= -1
            assert face.max() <= 1


@pytest.mark.parametrize("grey", [0, 128, 255])
def test_an_empty_picture_has_no_face(grey):
    assert list(finder().find([np.full((200, 300, 3), grey, np.uint8)])) == [None]


@pytest.mark.parametrize("seed", range(8))
def test_landmarks_lie_where_they_were_drawn(seed):
    image, truth = scene(seed)
    assert error(landmarks(image), truth) < 0.2


@photographs
@pytest.mark.parametrize("name", ["001_neutral", "036_smiling", "090_neutral", "143_smiling"])
def test_a_photographed_face_is_put_on_the_template(name):
    [face] = finder().find([photo(name)])
    shown = ((face + 1) * 127.5).round().astype(np.uint8).transpose(1, 2, 0)
    large = cv2.resize(shown, (384, 384), interpolation=cv2.INTER_CUBIC)
    found = (landmarks(large) + 0.5) / 384
    assert error(found, TEMPLATE) < 0.25


@photographs
@pytest.mark.parametrize("turn", [-15, 0, 20])
@pytest.mark.parametrize("size", [0.5, 1.0, 1.6])
def test_a_picture_turned_and_sized_moves_its_landmarks_with_it(turn, size):
    image = photo("005_smiling")
    middle = (image.shape[1] / 2, image.shape[0] / 2)
    way = cv2.getRotationMatrix2D(middle, turn, size)
    moved = cv2.warpAffine(image, way, image.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)
    expected = np.c_[landmarks(image), np.ones(5)] @ way.T
    assert error(landmarks(moved), expected) < 0.15


@photographs
def test_every_photographed_person_has_a_face():
    names = sorted(PHOTOS.glob("*.jpg"))
    found = [landmarks(photo(path.stem)) is not None for path in names]
    assert sum(found) >= 0.99 * len(names)


def test_of_two_faces_the_larger_is_taken():
    small, _ = scene(1, unit=12, width=160, at=(80, 100))
    large, truth = scene(2, unit=26, width=160, at=(80, 105))
    assert error(landmarks(np.hstack([small, large])), truth + RIGHT) < 0.2
    assert error(landmarks(np.hstack([large, small])), truth) < 0.2


def test_a_face_is_followed_without_searching_anew(monkeypatch):
    searched = []
    detect = Cascade.detect
    monkeypatch.setattr(Cascade, "detect", lambda *words: searched.append(1) or detect(*words))
    frames, truths = zip(*(scene(3, at=(120 + 2 * k, 100 + k % 3)) for k in range(30)), strict=True)
    for found, truth in zip(tracked(frames, every=1000), truths, strict=True):
        assert error(found, truth) < 0.2
    assert len(searched) == 1
    searched.clear()
    assert len(list(tracked(frames, every=10))) == 30
    assert len(searched) == 3


def test_a_face_that_leaves_is_let_go_and_found_again_when_it_returns():
    image, truth = scene(4)
    away = np.full_like(image, 127)
    found = list(tracked([image, image, away, away, image]))
    assert [one is not None for one in found] == [True, True, False, False, True]
    assert error(found[-1], truth) < 0.2


def test_the_followed_face_stays_unless_another_dwarfs_it():
    left, truth = scene(5, unit=18, width=160, at=(80, 105))
    like, _ = scene(6, unit=20, width=160, at=(80, 105))
    huge, huge_truth = scene(6, unit=30, width=160, at=(80, 105))
    alone = np.hstack([left, np.full_like(left, 127)])
    for other, expected in ((like, truth), (huge, huge_truth + RIGHT)):
        *_, found = tracked([alone, np.hstack([left, other])], every=1)
        assert error(found, expected) < 0.2


def test_streams_do_not_mix():
    one, truth = scene(7)
    other, other_truth = scene(8)
    first, second = tracked([one] * 3), tracked([other] * 3)
    for _ in range(3):
        assert error(next(first), truth) < 0.2
        assert error(next(second), other_truth) < 0.2


def test_a_face_smaller_than_asked_for_is_not_found():
    image, _ = scene(9, unit=9)
    assert landmarks(image) is not None
    assert landmarks(image, smallest=0.5) is None


@given(
    st.floats(-3, 3), st.floats(0.2, 60), st.floats(-200, 400), st.floats(-200, 400),
    st.integers(0, 2**16),
)  # fmt: skip
@few
def test_a_crop_leads_back_to_where_it_came_from(angle, size, x, y, seed):
    turn = size * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    marks = TEMPLATE @ turn.T + [x, y]
    image = np.random.default_rng(seed).integers(0, 256, (40, 60, 3), np.uint8)
    crop, way = upright(image, marks, TEMPLATE * 24, 24)
    assert (crop.shape, crop.dtype) == ((24, 24, 3), np.uint8)
    assert np.allclose(back(TEMPLATE * 24, way), marks, atol=1e-6 * (1 + np.abs(marks).max()))


@given(st.integers(2, 9), st.integers(0, 40), st.integers(0, 40))
@few
def test_a_large_face_is_averaged_not_sampled(factor, x, y):
    """A fine checker is grey from afar: no crop shows its black and white fields."""
    board = np.indices((96 * factor + 80, 96 * factor + 80)).sum(axis=0) % 2 * 255
    image = np.repeat(board.astype(np.uint8)[..., None], 3, axis=2)
    marks = TEMPLATE * 96 * factor + [x, y]
    crop, _ = upright(image, marks, TEMPLATE * 96, 96)
    inner = crop[4:-4, 4:-4].astype(int)
    assert np.abs(inner - 127).max() <= (1 if factor % 2 == 0 else 128 / factor**2 + 1)


def test_none_takes_the_picture_for_the_face():
    image = np.arange(96 * 96 * 3, dtype=np.uint32).reshape(96, 96, 3).astype(np.uint8)
    [face] = CroppedConfig().build(Runtime()).find([image])
    assert np.array_equal(((face + 1) * 127.5).round().astype(np.uint8).transpose(1, 2, 0), image)


def test_points_that_coincide_are_no_face():
    sure, _ = Cascade().follow(np.zeros((50, 50, 3), np.uint8), np.full((5, 2), 20.0))
    assert sure == 0
    with pytest.raises(ValueError, match="coincide"):
        similarity(np.full((5, 2), 20.0), TEMPLATE)


# --- several faces at once --------------------------------------------------------------------


def pair(left=5, right=6, at=80):
    """Two drawn persons side by side, the left one larger, and where both truly are."""
    one, truth = scene(left, unit=24, width=160, at=(at, 105))
    other, other_truth = scene(right, unit=14, width=160, at=(80, 105))
    return np.hstack([one, other]), truth, other_truth + RIGHT


def test_a_face_finder_of_ours_can_follow_several():
    for config in (MTCNNConfig(), CroppedConfig()):
        assert isinstance(config.build(Runtime()), Follower)


def test_each_face_keeps_its_number_while_it_moves_and_the_largest_comes_first():
    following = Following(MTCNNConfig(every=7), most=4)
    for step in range(20):
        image, truth, other = pair(at=70 + step)
        first, second = following.track(image)
        assert (first.number, second.number) == (0, 1)
        assert error(first.landmarks, truth) < 0.25
        assert error(second.landmarks, other) < 0.25


def test_who_leaves_gives_up_the_number_and_disturbs_nobody():
    both, *_ = pair()
    alone = both.copy()
    alone[:, 160:] = 127
    following = Following(MTCNNConfig(), most=4)
    seen = [[one.number for one in following.track(image)] for image in (both, alone, both, both)]
    assert seen == [[0, 1], [0], [0], [0]]  # and is met again when the picture is next searched
    following = Following(MTCNNConfig(every=1), most=4)
    seen = [[one.number for one in following.track(image)] for image in (both, alone, both)]
    assert seen == [[0, 1], [0], [0, 2]]


def test_no_more_faces_are_followed_than_asked_for():
    both, *_ = pair()
    assert len(MTCNNConfig(most=1).build(Runtime()).follow().see(both)) == 1


def test_the_one_face_found_is_the_first_of_those_followed():
    images = [pair(at=at)[0] for at in (70, 72, 74)]
    following = finder().follow()
    for face, image in zip(finder().find(images), images, strict=True):
        assert np.array_equal(face, following.see(image)[0].face)


@pytest.mark.parametrize("config", [MTCNNConfig(), CroppedConfig()])
def test_corners_show_where_in_the_picture_a_face_was_taken_from(config):
    image, _truth = scene(3)
    [found] = config.build(Runtime()).follow().see(image)
    way = cv2.getPerspectiveTransform(found.corners.astype(np.float32), CORNERS.astype(np.float32))
    cut = cv2.warpPerspective(image, way, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE)
    shown = ((found.face + 1) * 127.5).transpose(1, 2, 0)
    assert np.abs(shown - cut).mean() < 12
