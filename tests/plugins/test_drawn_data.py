"""Drawn faces as a dataset, and the corpus of videos."""

import csv
import hashlib
import os
from pathlib import Path

import av
import numpy as np
import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from affmem import Clip, InputError, Runtime
from affmem.catalogue import catalogue
from affmem.protocols import Dataset, Maker
from affmem_drawn import corpus
from affmem_drawn.acted import _temper, lived, stretches
from affmem_drawn.config import ActedConfig, DrawnConfig, OMGMakerConfig
from affmem_drawn.corpus import COLUMNS, SPLITS, split_of, write_person
from affmem_drawn.film import film, sample_shot
from affmem_drawn.performance import RATE, perform, sample_temper
from affmem_drawn.portrait import sample_person
from affmem_drawn.scene import sample_backdrop, sample_light

SMALL = OMGMakerConfig(persons=3, utterances=2, seconds=0.4, width=160, height=120, seed=7)


def quiet(_done: int, _of: int) -> None:
    pass


def test_the_dataset_lists_a_labelled_clip_a_face():
    data = DrawnConfig(persons=3, faces_per_person=4).build(Runtime(seed=1))
    assert isinstance(data, Dataset)
    clips = data.clips()
    assert len(clips) == 12
    assert len({clip.name for clip in clips}) == 12
    assert len({clip.person for clip in clips}) == 3
    (frame,) = data.frames(clips[5])
    assert frame.image.shape == (96, 96, 3)
    assert frame.affect == clips[5].affect


def test_the_dataset_is_the_same_again_and_another_at_another_seed():
    def bytes_of(seed: int, order: int) -> list[bytes]:
        data = DrawnConfig(persons=2, faces_per_person=3).build(Runtime(seed=seed))
        images = [next(data.frames(clip)).image.tobytes() for clip in data.clips()[::order]]
        return images[::order]

    assert bytes_of(4, 1) == bytes_of(4, -1)
    assert bytes_of(4, 1) != bytes_of(5, 1)


def acted(seed=1, **settings):
    data = ActedConfig(**({"persons": 2, "seconds": 4.0, "size": 16} | settings)).build(
        Runtime(seed=seed)
    )
    assert isinstance(data, Dataset)
    return data


def test_acted_persons_are_the_same_again_in_any_order_and_others_at_another_seed():
    def bytes_of(seed, order):
        data = acted(seed, lost=0.0, every=25)
        seen = {clip.name: [*data.frames(clip)] for clip in data.clips()[::order]}
        return {name: [one.image.tobytes() for one in frames] for name, frames in seen.items()}

    assert bytes_of(4, 1) == bytes_of(4, -1)
    assert bytes_of(4, 1) != bytes_of(5, 1)


def test_everyone_comes_once_and_then_again_in_other_light_with_the_same_face():
    data = acted(visits=2, lost=0.0, stir=0.0, rest=0.0, spread=0.0, reach=0.0, arousal=0.0)
    clips = data.clips()
    assert [clip.person for clip in clips] == ["person_0000", "person_0001"] * 2
    first, again = (next(data.frames(clips[place])) for place in (0, 2))
    assert first.affect == again.affect
    assert not np.array_equal(first.image, again.image)
    with pytest.raises(InputError, match="no clip of dataset 'acted'"):
        next(data.frames(Clip("anna", "anna")))


@pytest.mark.parametrize("every", [1, 5, 40])
def test_of_25_frames_a_second_every_so_many_is_drawn(every):
    frames = [*acted(every=every).frames(acted().clips()[0])]
    assert [frame.time for frame in frames] == [i / 25 for i in range(0, 100, every)]
    assert all(frame.affect is not None for frame in frames)


def test_a_lost_face_is_found_by_no_one_and_all_others_are():
    finder = catalogue().config("faces", "none")().build(Runtime())
    data = acted(seconds=20.0, lost=0.5, every=25)
    frames = [frame for clip in data.clips() for frame in data.frames(clip)]
    faces = [*finder.find(frame.image for frame in frames)]
    lost = [frame.image.size == 0 for frame in frames]
    assert [face is None for face in faces] == lost
    assert 0 < sum(lost) < len(lost)


@given(st.floats(0.0, 0.8), st.integers(0, 2**32))
def test_stretches_take_the_share_of_the_time_that_they_are_to(share, seed):
    track = stretches(np.random.default_rng(seed), 100_000, share, 2.0)
    assert track.min() >= 0
    assert track.max() <= 1
    assert track.mean() == pytest.approx(share, abs=0.08)


def test_persons_have_means_and_ranges_as_the_settings_say():
    config = ActedConfig(arousal=0.1, valence=-0.1, spread=0.15, reach=0.3, rest=0.0)
    lives = []
    for person in range(300):
        rng = np.random.default_rng([7, person])
        lives.append(lived(rng, _temper(rng, config), config))
    means = np.array([one.mean(axis=0) for one in lives])
    assert means.mean(axis=0) == pytest.approx([0.1, -0.1], abs=0.03)
    assert means.std(axis=0) == pytest.approx([0.15, 0.15], abs=0.03)
    assert np.mean([one.std(axis=0) for one in lives], axis=0) == pytest.approx(0.3, abs=0.03)
    resting = evolve(config, rest=0.6, arousal=0.5)
    rng = np.random.default_rng(1)
    still = [lived(rng, _temper(rng, resting), resting)[:, 0].mean() for _ in range(100)]
    assert 0.15 < np.mean(still) < 0.35  # pulled to rest


def test_affects_cover_the_plane_evenly():
    data = DrawnConfig(persons=5, faces_per_person=80).build(Runtime())
    points = np.array([(c.affect.arousal, c.affect.valence) for c in data.clips()])
    counts, _, _ = np.histogram2d(*points.T, bins=4, range=[[-1, 1], [-1, 1]])
    assert counts.min() > 0.6 * 400 / 16


def test_a_clip_of_elsewhere_is_a_users_mistake():
    with pytest.raises(InputError, match="stranger"):
        next(DrawnConfig(persons=1).build(Runtime()).frames(Clip("stranger", "x")))


@given(st.integers(0, 10_000), st.floats(0.2, 8), st.floats(-1, 1), st.floats(-1, 1))
def test_a_performance_stays_on_its_half_of_the_plane(seed, seconds, arousal, valence):
    rng = np.random.default_rng(seed)
    person = sample_person(rng, 0.35)
    shown = perform(rng, person.manner, sample_temper(rng), (arousal, valence), seconds)
    frames = round(seconds * RATE)
    assert len(shown.affects) == len(shown.actions) == len(shown.poses) == frames
    assert shown.affects[:, 0].min() >= np.float32(-0.1)
    assert np.abs(shown.affects).max() <= 1
    assert np.abs(np.diff(shown.affects, axis=0)).max(initial=0) < 0.15
    assert all(0 <= pose.blink <= 1 for pose in shown.poses)


def test_a_filmed_face_stays_in_the_picture():
    for seed in range(6):
        rng = np.random.default_rng(seed)
        person = sample_person(rng, 0.35)
        shot = sample_shot(rng, 640, 360, sample_light(rng), sample_backdrop(rng))
        assert 90 <= shot.face <= 200
        shown = perform(rng, person.manner, sample_temper(rng), (0.2, 0.4), 0.2)
        for image, landmarks in film(rng, person.look, shown, shot):
            assert image.shape == (360, 640, 3)
            assert (landmarks > 0).all()
            assert (landmarks < [640, 360]).all()


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("corpora") / "omg"
    told: list[tuple[int, int]] = []
    maker = SMALL.build(Runtime())
    assert isinstance(maker, Maker)
    maker.make(folder, lambda done, of: told.append((done, of)))
    assert told == [(0, 3), (1, 3), (2, 3), (3, 3)]
    return folder


def test_the_corpus_has_the_challenges_files(made: Path):
    assert [path.name for path in made.parent.iterdir()] == ["omg"]
    videos = 0
    for split in SPLITS:
        with (made / f"omg_{split}Videos.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        for row in rows:
            assert tuple(row) == COLUMNS
            assert 0 <= float(row["arousal"]) <= 1
            assert -1 <= float(row["valence"]) <= 1
            assert row["EmotionMaxVote"] in "0123456"
            with av.open(str(made / split / row["video"] / row["utterance"])) as container:
                stream = container.streams.video[0]
                assert stream.codec_context.name == "h264"
                assert stream.pix_fmt == "yuv420p"
                assert stream.average_rate == RATE
                pictures = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
            length = float(row["end"]) - float(row["start"])
            assert len(pictures) == pytest.approx(length * RATE, abs=0.51)
            assert pictures[0].shape == (120, 160, 3)
            videos += 1
    assert videos == 6
    assert len(list(made.rglob("*.mp4"))) == 6


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_the_corpus_is_the_same_whoever_writes_it(made: Path, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(corpus, "FEWEST_FOR_SEVERAL", 2)
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    SMALL.build(Runtime(seed=99)).make(tmp_path / "again", quiet)
    assert digests(tmp_path / "again") == digests(made)


def test_labels_are_means_over_the_utterances_frames(tmp_path: Path):
    rows = write_person(SMALL, tmp_path, 1)
    assert [row.utterance for row in rows] == ["utterance_1.mp4", "utterance_2.mp4"]
    assert rows[0].end < rows[1].start
    assert rows == write_person(SMALL, tmp_path / "again", 1)


def test_labels_spread_over_the_plane(monkeypatch, tmp_path: Path):
    monkeypatch.setattr(corpus, "write_video", lambda *_: None)
    config = OMGMakerConfig(persons=12, utterances=5, seconds=2.0)
    rows = [row for person in range(12) for row in write_person(config, tmp_path, person)]
    labels = np.array([(row.arousal, row.valence) for row in rows])
    assert labels.min(axis=0) @ [1, 0] < 0.2
    assert labels.max(axis=0) @ [1, 0] > 0.8
    assert (labels.std(axis=0) > [0.2, 0.3]).all()
    assert len({row.cells()[-1] for row in rows}) >= 5


def test_a_corpus_broken_off_leaves_nothing(tmp_path: Path):
    def interrupted(done: int, _of: int) -> None:
        if done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        SMALL.build(Runtime()).make(tmp_path / "omg", interrupted)
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_maker_left_is_cleared_away_but_not_a_living_ones(tmp_path: Path):
    dead, alive = tmp_path / ".corpus.999999999.part", tmp_path / f".corpus.{os.getppid()}.part"
    for folder in (dead, alive):
        folder.mkdir()
    evolve(SMALL, persons=1).build(Runtime()).make(tmp_path / "corpus", quiet)
    assert {path.name for path in tmp_path.iterdir()} == {"corpus", alive.name}


def test_a_corpus_never_overwrites(tmp_path: Path):
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(InputError, match="exists already"):
        SMALL.build(Runtime()).make(tmp_path, quiet)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@given(st.integers(1, 60), st.floats(0, 1), st.floats(0, 1))
def test_splits_follow_one_another(persons, train, validation):
    config = OMGMakerConfig(persons=persons, train=train, validation=validation)
    order = [SPLITS.index(split_of(config, person)) for person in range(persons)]
    assert order == sorted(order)
