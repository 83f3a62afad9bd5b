"""A folder with a table is a dataset: clips in order, labels, and what is missing is said."""

import PIL.Image
import pytest

from affmem.catalogue import catalogue
from affmem.emotions import PLACES
from affmem.errors import InputError
from affmem.protocols import Dataset, Runtime
from affmem.values import Affect
from affmem_recordings.config import FolderConfig
from recordings_files import number_of, numbered, write_video


def dataset(root, *lines, **settings):
    (root / "labels.csv").write_text("\n".join(lines) + "\n")
    return FolderConfig(root, **settings).build(Runtime())


def problem(data):
    with pytest.raises(InputError) as caught:
        data.clips()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_videos_and_pictures_are_clips(tmp_path):
    write_video(tmp_path / "v" / "a.mp4")
    PIL.Image.fromarray(numbered(30)).save(tmp_path / "b.png")
    data = dataset(
        tmp_path,
        "valence,file,person,start,end,arousal",
        "0.5,v/a.mp4,anna,1.0,1.2,0.25",
        "-0.5,v/a.mp4,anna,0.2,0.36,-1",
        ",b.png,bea,,,",
    )
    clips = data.clips()
    assert data.unit == "utterance"
    assert data.notes() == ()
    assert [clip.name for clip in clips] == ["v/a.mp4@0.2", "v/a.mp4@1", "b.png"]
    assert [clip.person for clip in clips] == ["anna", "anna", "bea"]
    assert [clip.affect for clip in clips] == [Affect(-1, -0.5), Affect(0.25, 0.5), None]
    frames = [[(f.time, number_of(f.image)) for f in data.frames(clip)] for clip in clips]
    assert [[number for _, number in one] for one in frames] == [
        [5, 6, 7, 8],
        [25, 26, 27, 28, 29],
        [30],
    ]
    assert all(one[0][0] == 0 for one in frames)


def test_without_persons_each_file_is_a_person_of_its_own(tmp_path):
    for name in ("x/1.mp4", "y/1.mp4"):
        write_video(tmp_path / name, [0, 40])
    clips = dataset(tmp_path, "file", "x/1.mp4", "y/1.mp4").clips()
    assert [(clip.name, clip.person) for clip in clips] == [("x/1.mp4", "x/1"), ("y/1.mp4", "y/1")]


def test_nothing_is_opened_before_its_frames_are_asked_for(tmp_path):
    (tmp_path / "a.mp4").write_text("no video")
    data = dataset(tmp_path, "file", "a.mp4")
    [clip] = data.clips()
    with pytest.raises(InputError, match="is not a video"):
        list(data.frames(clip))


def test_missing_files_are_counted_and_named(tmp_path):
    write_video(tmp_path / "a.mp4", [0, 40])
    data = dataset(tmp_path, "file", *(f"{name}.mp4" for name in "abcdef"), "x" * 300)
    assert [clip.name for clip in data.clips()] == ["a.mp4"]
    assert data.notes() == (
        "6 of 7 clips of labels.csv are missing, left out: b.mp4, c.mp4, d.mp4, ...",
    )


def test_what_frames_left_out_is_noted(tmp_path):
    path = write_video(tmp_path / "a.mkv", g="5")
    content = bytearray(path.read_bytes())
    content[2000:2100] = bytes(100)
    path.write_bytes(content)
    data = dataset(tmp_path, "file", "a.mkv")
    [clip] = data.clips()
    assert list(data.frames(clip))
    assert len(data.notes()) <= 1


def test_a_word_for_an_emotion_is_a_label_where_there_is_no_other(tmp_path):
    for name in "abcd":
        PIL.Image.fromarray(numbered(30)).save(tmp_path / f"{name}.png")
    head = "file,arousal,valence,emotion"
    data = dataset(tmp_path, head, "a.png,,,Happy", "b.png,0.5,0,sad", "c.png,,,", "d.png,,,anger")
    assert [clip.affect for clip in data.clips()] == [
        PLACES["happy"], Affect(0.5, 0), None, PLACES["anger"],
    ]  # fmt: skip
    assert data.notes()[0].startswith("2 of 4 labels are places of words for emotions")
    said = problem(dataset(tmp_path, head, "a.png,,,contempt"))
    assert "line 2: emotion contempt: expected one of neutral, happy, sad" in said


def test_words_that_have_no_place_are_named(tmp_path):
    for name in "abcd":
        PIL.Image.fromarray(numbered(30)).save(tmp_path / f"{name}.png")
    rows = ("a.png,0,0,Hapy", "b.png,0,0,contempt", "c.png,0,0,hapy", "d.png,0,0,Happiness")
    data = dataset(tmp_path, "file,arousal,valence,emotion", *rows)
    assert [clip.emotion for clip in data.clips()] == ["hapy", "contempt", "hapy", "happy"]
    [note] = data.notes()
    assert note.startswith("labels.csv: emotion hapy, contempt: no words of affmem.emotions")


def test_mistakes_are_said_in_a_line(tmp_path):
    assert problem(FolderConfig(tmp_path / "no").build(Runtime())).endswith("no: no such folder")
    assert "labels.csv: does not exist" in problem(FolderConfig(tmp_path).build(Runtime()))
    said = problem(dataset(tmp_path, "file", "a.mp4", "b.mp4"))
    assert said == f"{tmp_path}: holds none of the 2 clips that labels.csv names"
    (tmp_path / "a.mp4").touch()
    said = problem(dataset(tmp_path, "file", "a.mp4"))
    assert said.endswith("that labels.csv names; 1 are empty files (0 bytes): a.mp4")
    header = "file,start,end,arousal,valence"
    said = problem(dataset(tmp_path, header, "a.mp4,2,1,0,0"))
    assert said.endswith("labels.csv: line 2: end 1: expected a number above start, 2")
    said = problem(dataset(tmp_path, header, "a.mp4,,,7,0"))
    assert said.endswith("line 2: arousal 7: expected a number in [-1, 1]")
    said = problem(dataset(tmp_path, header, "a.mp4,-1,,0,0"))
    assert said.endswith("line 2: start -1: expected a number in [0, 1e+07]")
    said = problem(dataset(tmp_path, header, "a.mp4,1,,0,0", "b,,,,", "a.mp4,1.0,,0,0"))
    assert said.endswith("labels.csv: lines 2 and 4 name the same clip: a.mp4 from 1 s")
    assert "has no column 'file' (is 'File' meant?)" in problem(dataset(tmp_path, "File", "a"))


def test_it_is_registered_and_keeps_the_protocol(tmp_path):
    assert catalogue().config("dataset", "folder") is FolderConfig
    PIL.Image.fromarray(numbered(30)).save(tmp_path / "b.png")
    assert isinstance(dataset(tmp_path, "file", "b.png"), Dataset)
