"""Corpora whose frames have labels: AFEW-VA, Aff-Wild2 and OMG-Empathy, in their own files."""

import json

import numpy as np
import PIL.Image
import pytest

from affmem.catalogue import catalogue
from affmem.errors import InputError
from affmem.protocols import Dataset, Runtime
from affmem.values import Affect
from affmem_recordings.config import AFEWVAConfig, AffWild2Config, OMGEmpathyConfig
from affmem_recordings.empathy import VALENCE_ALONE
from recordings_files import number_of, write_video


def built(config):
    return config.build(Runtime())


def save(folder, name, value=100):
    folder.mkdir(parents=True, exist_ok=True)
    PIL.Image.fromarray(np.full((80, 100, 3), value, np.uint8)).save(folder / name)


def seen(data, clip):
    return [(round(frame.time, 4), frame.affect) for frame in data.frames(clip)]


def refused(call):
    with pytest.raises(InputError) as caught:
        call()
    assert "\n" not in str(caught.value)
    return str(caught.value)


# --- AFEW-VA ------------------------------------------------------------------------------------

SQUARE = [[20, 10], [60, 10], [60, 40], [20, 40]]


def afew(root, clip="001", frames=(), pictures=(), actor="Some Actor", folder=""):
    place = root / folder / clip
    for number in pictures:
        save(place, f"{number:05}.png", 10 * number)
    table = {
        f"{number:05}": {"arousal": arousal, "valence": valence, "landmarks": landmarks}
        for number, arousal, valence, landmarks in frames
    }
    place.mkdir(parents=True, exist_ok=True)
    annotation = {"actor": actor, "frames": table, "video_id": clip}
    (place / f"{clip}.json").write_text(json.dumps(annotation))
    return root


def test_afew_frames_are_scaled_and_timed_and_a_person_is_an_actor(tmp_path):
    frames = [(0, 10, -10, []), (1, -3.0, 5, []), (2, 0, 0, [])]
    afew(tmp_path, "002", frames[:1], range(1), folder="01")
    afew(tmp_path, "010", frames[:1], range(1), folder="01", actor="Other")
    afew(tmp_path, "051", frames, range(3), folder="02")
    afew(tmp_path, "052", frames[:1], range(1), folder="02", actor=None)
    data = built(AFEWVAConfig(tmp_path, fps=20))
    assert isinstance(data, Dataset)
    assert (data.unit, data.notes()) == ("frame", ())
    assert [(clip.name, clip.person) for clip in data.clips()] == [
        ("002", "Some Actor"), ("010", "Other"), ("051", "Some Actor"), ("052", "052"),
    ]  # fmt: skip
    assert seen(data, data.clips()[2]) == [
        (0, Affect(1, -1)), (0.05, Affect(-0.3, 0.5)), (0.1, Affect(0, 0)),
    ]  # fmt: skip


def test_afew_faces_are_cut_out_around_their_points(tmp_path):
    frames = [(0, 0, 0, SQUARE), (1, 0, 0, []), (2, 0, 0, [[5, 5], [5, 5]])]
    data = built(AFEWVAConfig(afew(tmp_path, frames=frames, pictures=range(3))))
    shapes = [frame.image.shape for frame in data.frames(data.clips()[0])]
    assert shapes == [(55, 80, 3), (80, 100, 3), (80, 100, 3)]


def test_what_is_missing_or_damaged_is_counted_and_named(tmp_path):
    frames = [(n, 0, 0, []) for n in range(4)]
    afew(tmp_path, "001", frames, [0, 2, 3, 4, 5])
    afew(tmp_path, "002", frames)
    empty = tmp_path / "001" / "00003.png"
    empty.write_bytes(b"")
    data = built(AFEWVAConfig(tmp_path))
    assert seen(data, data.clips()[0]) == [
        (0, Affect(0, 0)), (0.08, Affect(0, 0)), (0.16, None), (0.2, None),
    ]  # fmt: skip
    assert data.notes() == (
        "1 of 2 clips have no pictures, left out: 002",
        "2 frames have no label, in 1 clips: 001",
        "1 labelled frames have no picture, in 1 clips: 001",
        f"1 pictures cannot be read, left out: {empty}: is empty (0 bytes)",
    )
    assert seen(data, data.clips()[0])
    assert len(data.notes()) == 4


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "line 1: is not JSON"),
        ("[]", "expected a table with actor and frames"),
        ("{}", "frames: expected a table of frames by number"),
        ('{"frames": {"x": {}}}', "frame x: expected a number"),
        ('{"frames": {"0": 3}}', "frame 0: expected a table"),
        ('{"frames": {"0": {"arousal": 1}}}', "frame 0: has no valence"),
        ('{"frames": {"0": {"arousal": 11, "valence": 0}}}',
         "frame 0: arousal 11: expected a number in [-10, 10]"),
        ('{"frames": {"0": {"arousal": true, "valence": 0}}}', "arousal True: expected a number"),
        ('{"frames": {"0": {"arousal": NaN, "valence": 0}}}', "arousal nan: expected a number"),
        ('{"frames": {"0": {"arousal": 0, "valence": 0, "landmarks": [[1]]}}}',
         "frame 0: landmarks: expected pairs of numbers"),
        ('{"frames": {"0": {"arousal": 0, "valence": 0, "landmarks": [[1, "2"]]}}}',
         "frame 0: landmarks: expected pairs of numbers"),
        (f'{{"frames": {{"0": {{"arousal": 1{"0" * 400}, "valence": 0}}}}}}', "expected a number"),
    ],
)  # fmt: skip
def test_a_mistake_in_an_afew_annotation_is_a_line(tmp_path, text, told):
    afew(tmp_path, pictures=[0])
    (tmp_path / "001" / "001.json").write_text(text)
    data = built(AFEWVAConfig(tmp_path))
    said = refused(lambda: seen(data, data.clips()[0]))
    assert said.startswith(str(tmp_path / "001" / "001.json"))
    assert told in said


def test_a_folder_that_is_no_afew_is_told(tmp_path):
    assert "no such folder" in refused(built(AFEWVAConfig(tmp_path / "no")).clips)
    assert "holds no annotation" in refused(built(AFEWVAConfig(tmp_path)).clips)
    afew(tmp_path, frames=[(0, 0, 0, [])])
    assert "none of its 1 clips has pictures" in refused(built(AFEWVAConfig(tmp_path)).clips)
    afew(tmp_path, folder="01")
    assert "clip 001 is also in" in refused(built(AFEWVAConfig(tmp_path)).clips)


# --- Aff-Wild2 ----------------------------------------------------------------------------------


def wild(root, name, lines, pictures, folder="cropped_aligned", track="VA_Estimation_Challenge"):
    annotations = root / track / "Validation_Set"
    annotations.mkdir(parents=True, exist_ok=True)
    (annotations / f"{name}.txt").write_text("\n".join(["valence,arousal", *lines]) + "\n")
    for number in pictures:
        save(root / folder / name, f"{number:05}.jpg")
    return root


def test_wild_lines_are_frames_and_faces_not_found_are_gaps(tmp_path):
    wild(tmp_path, "10-25-1280x720_left", ["0.5,-0.25", "-5,-5", "0.1,-5.0", "1,1"], [1, 2, 3, 4])
    wild(tmp_path, "10-25-1280x720_right", ["0,0", "0,0", "0,0"], [1, 3, 4])
    wild(tmp_path, "video63", ["0,1", "1,0"], [1, 2], "cropped_aligned_new_50_vids")
    wild(tmp_path, "137", ["0,0"], [])
    data = built(AffWild2Config(tmp_path, fps=20))
    assert data.unit == "frame"
    left, right, video = data.clips()
    assert (left.person, right.person) == ("10-25-1280x720_left", "10-25-1280x720_right")
    assert seen(data, left) == [
        (0, Affect(arousal=-0.25, valence=0.5)), (0.04, None), (0.08, None), (0.12, Affect(1, 1)),
    ]  # fmt: skip
    assert seen(data, right) == [(0, Affect(0, 0)), (0.08, Affect(0, 0)), (0.12, None)]
    assert seen(data, video) == [(0, Affect(1, 0)), (0.05, Affect(0, 1))]
    assert data.notes() == (
        "1 of 4 clips have no pictures, left out: 137",
        "3 frames have no label, in 2 clips: 10-25-1280x720_left, 10-25-1280x720_right",
        "1 labelled frames have no picture, in 1 clips: 10-25-1280x720_right",
    )


@pytest.mark.parametrize(
    ("track", "folder"),
    [
        ("6th ABAW Annotations/VA_Estimation_Challenge", "cropped_aligned"),
        ("annotations/VA_Set", "cropped_aligned/cropped_aligned"),
        ("a/b/VA_Estimation_Challenge", "cropped_aligned_images"),
    ],
)
def test_wild_is_found_as_its_archives_unpack(tmp_path, track, folder):
    wild(tmp_path, "134", ["0,0"], [1], folder, track)
    data = built(AffWild2Config(tmp_path))
    assert seen(data, data.clips()[0]) == [(0, Affect(0, 0))]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is empty (0 bytes)"),
        ("arousal,valence\n0,0", "line 1: arousal,valence: expected valence,arousal"),
        ("valence,arousal\n0,0\n0.5", "line 3: 0.5: expected valence,arousal"),
        ("valence,arousal\n0,0,0", "line 2: 0,0,0: expected valence,arousal"),
        ("valence,arousal\n\n0,0", "line 2: : expected valence,arousal"),
        ("valence,arousal\n0,1.5", "line 2: arousal 1.5: expected a number in [-1, 1], or -5"),
        ("valence,arousal\nnan,0", "line 2: valence nan: expected a number in [-1, 1], or -5"),
    ],
)
def test_a_mistake_in_a_wild_annotation_is_a_line(tmp_path, text, told):
    wild(tmp_path, "134", [], [1])
    file = tmp_path / "VA_Estimation_Challenge" / "Validation_Set" / "134.txt"
    file.write_text(text)
    data = built(AffWild2Config(tmp_path))
    assert refused(lambda: seen(data, data.clips()[0])).startswith(f"{file}: {told}")


def test_a_folder_that_is_no_wild_is_told(tmp_path):
    assert "no such folder" in refused(built(AffWild2Config(tmp_path / "no")).clips)
    assert "has no folder VA_Est" in refused(built(AffWild2Config(tmp_path)).clips)
    wild(tmp_path, "134", ["0,0"], [])
    assert "has no folder cropped_aligned" in refused(built(AffWild2Config(tmp_path)).clips)
    (tmp_path / "cropped_aligned").mkdir()
    assert "none of its 1 clips has pictures" in refused(built(AffWild2Config(tmp_path)).clips)
    (tmp_path / "VA_Estimation_Challenge" / "Validation_Set" / "134.txt").unlink()
    assert "holds no annotation NAME.txt" in refused(built(AffWild2Config(tmp_path)).clips)


# --- OMG-Empathy --------------------------------------------------------------------------------


def story(root, name, valence, frames, split="Validation"):
    folder = root / split
    (folder / "Annotations").mkdir(parents=True, exist_ok=True)
    (folder / "Annotations" / f"{name}.csv").write_text("\n".join(["valence", *valence]) + "\n")
    if frames:
        write_video(folder / "Videos" / f"{name}.mp4", [40 * n for n in range(frames)], width=128)
    return root


def test_listeners_come_by_number_and_each_frame_has_its_valence(tmp_path):
    for name in ("Subject_10_Story_2", "Subject_2_Story_8", "Subject_2_Story_1"):
        story(tmp_path, name, ["0.5", "-0.25", "1"], 3)
    data = built(OMGEmpathyConfig(tmp_path))
    assert data.unit == "frame"
    assert [(clip.name, clip.person) for clip in data.clips()] == [
        ("Subject_2_Story_1", "Subject_2"),
        ("Subject_2_Story_8", "Subject_2"),
        ("Subject_10_Story_2", "Subject_10"),
    ]
    assert seen(data, data.clips()[0]) == [
        (0, Affect(0, 0.5)), (0.04, Affect(0, -0.25)), (0.08, Affect(0, 1)),
    ]  # fmt: skip
    assert data.notes() == (VALENCE_ALONE,)


def test_the_listener_is_on_the_right_and_the_speaker_on_the_left(tmp_path):
    story(tmp_path, "Subject_1_Story_1", ["0", "0"], 2)
    for side, red in (("listener", False), ("speaker", True)):
        data = built(OMGEmpathyConfig(tmp_path, side=side))
        frames = list(data.frames(data.clips()[0]))
        assert [frame.image.shape for frame in frames] == [(48, 64, 3)] * 2
        assert (frames[1].image[4, 4, 0] > 200) == red  # only the upper left of all is red
    assert number_of(frames[1].image) == 1


def test_frames_and_labels_of_other_numbers_are_told(tmp_path):
    story(tmp_path, "Subject_1_Story_1", ["0.5"], 3)
    story(tmp_path, "Subject_2_Story_1", ["0.5"] * 4, 2)
    story(tmp_path, "Subject_3_Story_1", ["0.5"], 0)
    data = built(OMGEmpathyConfig(tmp_path))
    one, two = data.clips()
    assert [affect for _, affect in seen(data, one)] == [Affect(0, 0.5), None, None]
    assert len(seen(data, two)) == 2
    missing, uneven = data.notes()[1:]
    assert missing == "1 of 3 clips of Annotations are missing, left out: Subject_3_Story_1"
    assert uneven.startswith("2 clips have other numbers of frames and labels: Subject_1_Story_1 3")
    assert uneven.endswith("Subject_2_Story_1 2 frames, 4 labels")


def test_mistakes_in_stories_are_lines(tmp_path):
    assert "no such folder" in refused(built(OMGEmpathyConfig(tmp_path / "no")).clips)
    assert "has no folder Validation" in refused(built(OMGEmpathyConfig(tmp_path)).clips)
    (tmp_path / "Validation").mkdir()
    assert "has no folder Annotations" in refused(built(OMGEmpathyConfig(tmp_path)).clips)
    story(tmp_path, "Subject_1_Story_1", ["0.5", "2"], 1)
    data = built(OMGEmpathyConfig(tmp_path))
    assert refused(lambda: seen(data, data.clips()[0])).endswith(
        "Subject_1_Story_1.csv: line 3: valence 2: expected a number in [-1, 1]"
    )
    story(tmp_path, "Subject1", ["0"], 0)
    assert "expected a name such as" in refused(built(OMGEmpathyConfig(tmp_path)).clips)


def test_they_are_registered_by_the_names_that_users_type():
    for name, config in (
        ("afew-va", AFEWVAConfig),
        ("aff-wild2", AffWild2Config),
        ("omg-empathy", OMGEmpathyConfig),
    ):
        assert catalogue().config("dataset", name) is config
