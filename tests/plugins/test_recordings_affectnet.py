"""AffectNet is read in both releases; what cannot be is said with file, row, field and value."""

import os

import numpy as np
import PIL.Image
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from affmem.check import inspect
from affmem.emotions import PLACES
from affmem.errors import InputError
from affmem.protocols import Dataset, Runtime
from affmem.values import Affect
from affmem_recordings.affectnet import annotated
from affmem_recordings.config import AffectNetConfig

HEADER = (
    "subDirectory_filePath,face_x,face_y,face_width,face_height,"
    "facial_landmarks,expression,valence,arousal"
)
ROWS = (
    "1/a.jpg,20,10,40,30,1.5;2.5,1,0.5,-0.25",
    "2/b.jpg,0,0,100,80,1;2,10,-2,-2",  # no face
    "2/b.jpg,NULL,NULL,NULL,NULL,NULL,8,0.1,0.1",
    "2/b.jpg,-1,-1,-1,-1,1;2,2,0.1,0.1",
    "2/b.jpg,90,70,40,40,1;2,6,-1,1",
    "2/b.jpg,0,0,20,20,1;2,0,0,0",
)


def dataset(root, split="train", **settings):
    return AffectNetConfig(root, split, **settings).build(Runtime())


def pixels(left=0, right=100):
    """A picture whose columns say where they are."""
    return np.broadcast_to(np.arange(left, right, dtype=np.uint8)[None, :, None] * 2, (80, 100, 3))


def save(path, image=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    PIL.Image.fromarray(np.array(pixels() if image is None else image)).save(path, quality=100)


@pytest.fixture
def old(tmp_path):
    images = tmp_path / "Manually_Annotated" / "Manually_Annotated_Images"
    save(images / "1" / "a.jpg")
    save(images / "2" / "b.jpg")
    (tmp_path / "training.csv").write_text("\n".join((HEADER, *ROWS)) + "\n")
    return tmp_path


def annotate(folder, name, arousal, valence):
    save(folder / "images" / f"{name}.jpg")
    (folder / "annotations").mkdir(exist_ok=True)
    for what, value in (("aro", arousal), ("val", valence), ("exp", "1")):
        np.save(folder / "annotations" / f"{name}_{what}.npy", np.array(value))


@pytest.fixture
def new(tmp_path):
    for name, arousal, valence in (
        (10, "0.25", "-0.5"), (9, "-2", "-2"), (2, np.float64(-1), np.array([1.0])),
    ):  # fmt: skip
        annotate(tmp_path / "train_set", name, arousal, valence)
    annotate(tmp_path / "val_set", 0, "1", "0")
    return tmp_path


def problem(ask):
    with pytest.raises(InputError) as caught:
        ask()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def frames(data):
    return [list(data.frames(clip)) for clip in data.clips()]


def test_the_old_release_has_a_clip_for_each_face_with_its_label(old):
    data = dataset(old)
    assert isinstance(data, Dataset)
    assert [(clip.name, clip.affect) for clip in data.clips()] == [
        ("1/a.jpg", Affect(-0.25, 0.5)), ("2/b.jpg", Affect(1, -1)), ("2/b.jpg@7", Affect(0, 0)),
    ]  # fmt: skip
    assert [clip.emotion for clip in data.clips()] == ["happy", "anger", "neutral"]
    assert len({clip.person for clip in data.clips()}) == 3
    assert data.notes()[1] == "3 of 6 rows of training.csv have no label or no face, left out"


def test_a_face_of_the_old_release_is_cut_out_with_half_a_box_around_it(old):
    first, second, third = ([one.image for one in several] for several in frames(dataset(old)))
    assert first[0].shape == (55, 80, 3)  # y from -5 to 55, x from 0 to 80
    assert second[0].shape == (30, 30, 3)  # x from 70 to 130, of a picture 100 wide
    assert third[0].shape == (30, 30, 3)
    assert abs(int(second[0][10, 0, 0]) - 140) < 10
    assert int(third[0][10, 0, 0]) < 10


@pytest.mark.parametrize("place", ["", "Manually_Annotated", "Manually_Annotated_file_lists"])
def test_tables_are_found_where_they_are_unpacked(old, place):
    (old / place).mkdir(exist_ok=True)
    (old / "training.csv").rename(old / place / "validation.csv")
    assert len(dataset(old, "validation").clips()) == 3


def test_the_new_release_is_labelled_by_its_arrays(new):
    data = dataset(new)
    assert isinstance(data, Dataset)
    assert [clip.name for clip in data.clips()] == ["2.jpg", "9.jpg", "10.jpg"]
    assert [one.affect for (one,) in frames(data)] == [Affect(-1, 1), None, Affect(0.25, -0.5)]
    assert [one.affect for (one,) in frames(dataset(new, "validation"))] == [Affect(1, 0)]
    annotations = new / "train_set" / "annotations"
    np.save(annotations / "2_exp.npy", np.array("7"))
    np.save(annotations / "9_exp.npy", np.array("8"))
    assert [one.emotion for (one,) in frames(data)] == ["contempt", None, "happy"]
    (annotations / "10_exp.npy").unlink()  # not needed for arousal and valence
    assert [one.emotion for (one,) in frames(data)] == ["contempt", None, None]
    assert inspect(data, lambda *_: None)["clips with a label"] == 2


@pytest.mark.parametrize("said", ["11", "3.5", "happy", None])
def test_an_expression_that_is_none_fails_nothing_unless_it_is_to_be_the_label(new, said):
    for name in (2, 9):
        path = new / "train_set" / "annotations" / f"{name}_exp.npy"
        path.unlink() if said is None else np.save(path, np.array(said))
    assert [(one.affect, one.emotion) for (one,) in frames(dataset(new))] == [
        (Affect(-1, 1), None), (None, None), (Affect(0.25, -0.5), "happy"),
    ]  # fmt: skip
    data = dataset(new, emotions=True)
    labelled, unlabelled, _ = data.clips()
    assert [one.affect for one in data.frames(labelled)] == [Affect(-1, 1)]
    assert "9_exp.npy: " in problem(lambda: list(data.frames(unlabelled)))


def test_an_expression_between_two_is_neither(old):
    rows = ("2/b.jpg,0,0,9,9,,3.5,0,0", "2/b.jpg,0,0,9,9,,3.5,-2,-2")
    (old / "training.csv").write_text("\n".join((HEADER, *rows)) + "\n")
    assert [(clip.affect, clip.emotion) for clip in dataset(old).clips()] == [(Affect(0, 0), None)]
    said = problem(lambda: dataset(old, emotions=True).clips())
    assert "line 3: expression 3.5: expected a whole number in [0, 10]" in said


def test_where_asked_for_an_expression_stands_in_for_a_label(old, new):
    rows = ("2/b.jpg,0,0,9,9,,2,-2,-2", "2/b.jpg,0,0,9,9,,7,-2,-2", "2/b.jpg,0,0,9,9,,9,-2,-2")
    (new / "train_set").rename(new / "new")
    (old / "training.csv").write_text("\n".join((HEADER, ROWS[0], *rows)) + "\n")
    assert len(dataset(old).clips()) == 1
    data = dataset(old, emotions=True)
    assert [clip.affect for clip in data.clips()] == [Affect(-0.25, 0.5), PLACES["sad"]]
    assert data.notes()[1].startswith("2 of 4 rows")
    assert data.notes()[2].startswith("1 of 2 labels are places of words for emotions")
    (new / "new").rename(new / "train_set")
    data = dataset(new, emotions=True)
    assert [one.affect for (one,) in frames(data)] == [
        Affect(-1, 1), PLACES["happy"], Affect(0.25, -0.5),
    ]  # fmt: skip
    assert data.notes()[1].startswith("1 of 3 labels are places of words for emotions")
    np.save(new / "train_set" / "annotations" / "9_exp.npy", np.array("11"))
    assert "holds 11; expected a number in [0, 10]" in problem(lambda: frames(data))


def test_a_folder_without_either_says_what_was_looked_for(tmp_path):
    assert problem(lambda: dataset(tmp_path / "no")) == (
        f"{tmp_path / 'no'}: holds neither train_set nor training.csv of AffectNet"
    )


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("a.jpg,1,1,9,9,,1,0.5,1.5", "arousal 1.5: expected a number in [-1, 1]"),
        ("a.jpg,1,1,9,9,,1,nan,0", "valence nan: expected a number"),
        ("a.jpg,1,1,9,9,,1,,0", "valence (empty): expected a number"),
        ("a.jpg,1,x,9,9,,1,0,0", "face_y x: expected a number"),
        ("a.jpg,1,1,9,9,,12,0,0", "expression 12: expected a number in [0, 10]"),
        (",1,1,9,9,,1,0,0", "subDirectory_filePath (empty): expected a name"),
        ("a.jpg,1,1", "3 cells, but the first line names 9 columns"),
    ],
)
def test_a_bad_row_is_told_with_its_line_field_and_value(old, row, said):
    (old / "training.csv").write_text(f"{HEADER}\n{ROWS[0]}\n{row}\n")
    told = problem(lambda: dataset(old).clips())
    assert told.startswith(f"{old / 'training.csv'}: line 3: {said}")


@pytest.mark.parametrize("path", ["../../secret.jpg", "/etc/passwd", "1/../../../secret.jpg"])
def test_a_table_cannot_name_what_lies_outside(old, path):
    save(old / "secret.jpg")
    (old / "training.csv").write_text(f"{HEADER}\n{path},1,1,9,9,,1,0,0\n")
    assert "line 2: subDirectory_filePath" in problem(lambda: frames(dataset(old)))


def test_a_box_outside_of_its_picture_is_told(old):
    (old / "training.csv").write_text(f"{HEADER}\n1/a.jpg,500,1,9,9,,1,0,0\n")
    told = problem(lambda: frames(dataset(old)))
    assert told.endswith("line 2: face_x, face_y: the face is outside of a picture of 100x80")


def test_pictures_that_are_cut_off_missing_or_far_too_large_are_told(new, monkeypatch):
    data = dataset(new)
    first, _, last = data.clips()
    path = new / "train_set" / "images" / first.name
    path.write_bytes(path.read_bytes()[:400])
    assert "cannot be decoded" in problem(lambda: list(data.frames(first)))
    monkeypatch.setattr(PIL.Image, "MAX_IMAGE_PIXELS", 100)  # the picture has 8000
    assert "decompression bomb" in problem(lambda: list(data.frames(last)))
    path.unlink()
    assert "does not exist" in problem(lambda: list(data.frames(first)))


@pytest.mark.parametrize("value", ["1.5", "-3", "nan", "happy", [0.1, 0.2], 1j])
def test_an_annotation_that_is_no_such_number_is_told_with_its_file(tmp_path, value):
    np.save(tmp_path / "0_aro.npy", np.array(value))
    told = problem(lambda: annotated(tmp_path / "0_aro.npy"))
    assert told.startswith(f"{tmp_path / '0_aro.npy'}: ")


def test_an_annotation_is_never_unpickled(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "exploded"),))

    np.save(tmp_path / "0_aro.npy", np.array([Bomb()]), allow_pickle=True)
    problem(lambda: annotated(tmp_path / "0_aro.npy"))
    assert not (tmp_path / "exploded").exists()


@settings(max_examples=100)
@given(st.data())
def test_whatever_bytes_an_annotation_holds_it_is_a_number_or_a_users_mistake(
    tmp_path_factory, data
):
    path = tmp_path_factory.getbasetemp() / "0_aro.npy"
    np.save(path, np.array("0.5"))
    content = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    content[at:] = data.draw(st.binary(max_size=4)) + content[at + data.draw(st.integers(0, 4)) :]
    path.write_bytes(content)
    try:
        number = annotated(path)
    except InputError:
        return
    assert number == -2 or -1 <= number <= 1
