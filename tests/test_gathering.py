"""Labelled faces are gathered in order, by however many processes, and what is left out is said."""

import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import time

import numpy as np
import PIL.Image
import psutil
import pytest
from attrs import evolve

from affmem.catalogue import catalogue
from affmem.errors import ExperimentError, InputError, UserError
from affmem.experiment import Part
from affmem.gathering import Source, gather, mixed, whose
from affmem.protocols import Runtime
from affmem.values import Clip
from affmem.workers import spread


def part(kind, use, **settings):
    return Part(kind, use, catalogue().config(kind, use)(**settings))


def drawn(persons=3, faces=2, seed=1, **settings):
    """The source of a few drawn faces."""
    one = part("dataset", "drawn", persons=persons, faces_per_person=faces, **settings)
    return Source((one,), part("faces", "none"), Runtime(seed=seed))


def listed(root, *more):
    return Source((part("dataset", "folder", root=root), *more), part("faces", "none"), Runtime())


def seen(source, workers=1, told=lambda *_: None):
    faces = []
    labels = gather(source, faces.append, told, workers)
    return np.concatenate(faces), labels


@pytest.fixture
def folder(tmp_path):
    """Pictures of one colour each, with a label; one that has none, and one that is no picture."""
    for value in range(4):
        image = np.full((120, 100, 3), 40 * value, np.uint8)
        PIL.Image.fromarray(image).save(tmp_path / f"{value}.png")
    (tmp_path / "broken.png").write_text("no picture")
    (tmp_path / "labels.csv").write_text(
        "file,arousal,valence,emotion\n0.png,0.5,-0.5,Fearful\n1.png,,,\nbroken.png,0,0,\n"
        "2.png,-1,1,\n3.png,0.25,0,contempt\n"
    )
    return tmp_path


def test_datasets_are_mixed_evenly_and_each_keeps_its_order():
    few, many = (
        [Clip(f"{name}{i}", name) for i in range(n)] for name, n in (("few", 3), ("many", 9))
    )
    placed = mixed([few, many])
    assert [clip for place, clip in placed if place == 0] == few
    assert [clip for place, clip in placed if place == 1] == many
    thirds = [placed[start : start + 4] for start in (0, 4, 8)]
    assert all(sum(place == 0 for place, _ in third) == 1 for third in thirds)


def test_rows_are_the_clips_in_order_with_what_is_left_out_said(folder):
    faces, labels = seen(listed(folder))
    assert faces[:, 0, 0, 0].tolist() == [0, 80, 120]
    assert faces.shape == (3, 96, 96, 3)
    assert labels.affects.tolist() == [[0.5, -0.5], [-1, 1], [0.25, 0]]
    assert labels.emotions == ["fear", "", "contempt"]
    broken = f"{folder / 'broken.png'}: is not a picture"
    assert labels.notes[1:] == (f"1 of 5 clips cannot be read, left out: {broken}",)


def test_each_face_has_its_clip_and_several_datasets_keep_their_persons_apart(folder):
    source = listed(folder)
    assert [one.name for one in whose(source, [1, 0, 0, 2, 1])] == [
        f"{i}.png" for i in (0, 2, 2, 3)
    ]
    twice = evolve(source, datasets=source.datasets * 2)
    clips = whose(twice, seen(twice)[1].counts)
    assert {clip.person for clip in clips} == {f"{i}/{j}" for i in (0, 1) for j in (0, 2, 3)}
    with pytest.raises(ValueError, match="zip"):
        whose(source, [1, 1])


def test_no_two_drawn_datasets_draw_the_same_persons():
    twice = evolve(drawn(), datasets=drawn().datasets * 2)
    faces, labels = seen(twice)
    places = np.array([clip.person.partition("/")[0] for clip in whose(twice, labels.counts)])
    assert np.array_equal(faces[places == "0"], seen(drawn())[0])
    same = (faces[places == "0"][:, None] == faces[places == "1"]).all(axis=(2, 3, 4))
    assert not same.any()


def test_nothing_to_learn_from_is_a_users_mistake(folder):
    (folder / "labels.csv").write_text("file,arousal,valence\n0.png,,\n")
    with pytest.raises(UserError, match=r"'folder': no frame has both a face and a label$"):
        seen(listed(folder))
    (folder / "labels.csv").write_text("file,arousal,valence\nbroken.png,0,0\n")
    with pytest.raises(UserError, match=r"a label; .*broken\.png: is not a picture$"):
        seen(listed(folder))


def test_however_many_processes_gather_the_faces_are_the_same(folder):
    source = listed(folder, *drawn(4, 3).datasets)
    told = []
    alone = seen(source, told=lambda *args: told.append(args))
    several = seen(source, workers=2)
    assert alone[0].tobytes() == several[0].tobytes()
    assert alone[1].affects.tobytes() == several[1].affects.tobytes()
    assert alone[1].counts == several[1].counts
    assert alone[1].emotions == several[1].emotions
    assert alone[1].notes == several[1].notes
    assert told == [("gathering faces", done, 17) for done in range(18)]


def halve(number):
    if number == 13:
        raise InputError("thirteen", "is odd")
    if number == 66:
        os.kill(os.getpid(), signal.SIGKILL)
    return number / 2


def test_results_come_in_order_and_mistakes_come_through():
    assert list(spread(halve, range(13), 3)) == [number / 2 for number in range(13)]
    with pytest.raises(InputError, match=r"^thirteen: is odd$"):
        list(spread(halve, range(40), 2))
    with pytest.raises(UserError, match="was killed"):
        list(spread(halve, range(60, 70), 2))


def test_one_that_is_left_while_answers_come_in_ends_at_once():
    """An answer of 4 MB is on its way for longer than it takes to make."""
    for _ in range(5):
        begun = spread(bytes, [4_000_000] * 64, 2)
        next(begun)
        begun.close()
    assert multiprocessing.active_children() == []


def test_errors_survive_the_way_between_processes():
    for error in (InputError("a b", "is empty"), ExperimentError(["one", "two"])):
        again = pickle.loads(pickle.dumps(error))  # noqa: S301  (our own)
        assert (str(again), vars(again)) == (str(error), vars(error))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_no_process_outlives_the_one_that_gathers(number, tmp_path):
    """Interrupted, it ends the others at once and keeps nothing; killed, they end by themselves."""
    kept = tmp_path / "kept"
    words = ["train", "examples/pk-drawn.toml", "--set", "workers=2", "--set", f"cache='{kept}'",
             "--out", str(tmp_path / "out")]  # fmt: skip
    with subprocess.Popen(
        [sys.executable, "-m", "affmem", *words], stderr=subprocess.PIPE, text=True
    ) as process:
        crew = []
        while len(crew) < 3 and process.poll() is None:  # two, and what tracks their resources
            time.sleep(0.02)
            crew = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(number)
        said = process.stderr.read()
    assert process.returncode == (130 if number == signal.SIGINT else -number)
    assert psutil.wait_procs(crew, timeout=30)[1] == []
    if number == signal.SIGINT:
        assert said.splitlines()[-1] == "interrupted"
        assert "Traceback" not in said
        assert not [one for one in kept.iterdir() if one.suffix != ".lock"]
