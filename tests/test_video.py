"""Videos and pictures are read upright, by time, and what is wrong with them is said in a line."""

import os
from contextlib import suppress
from itertools import islice
from pathlib import Path

import av
import numpy as np
import PIL.Image
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from affmem.errors import InputError
from affmem.video import Recording, turned
from recordings_files import number_of, numbered, write_video


def read(path, *span):
    recording = Recording(path)
    frames = list(recording.frames(*span))
    return [round(time, 6) for time, _ in frames], [number_of(image) for _, image in frames]


def problem(path, *span):
    with pytest.raises(InputError) as caught:
        list(Recording(path).frames(*span))
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(f"{path}: ")
    return caught.value.problem


def test_each_frame_comes_with_its_time(tmp_path):
    times, numbers = read(write_video(tmp_path / "a.mp4"))
    assert numbers == list(range(50))
    assert times == pytest.approx([0.04 * k for k in range(50)])


def test_times_of_a_variable_frame_rate_are_kept(tmp_path):
    wanted = [0, 40, 80, 400, 410, 1000, 1500, 1504]
    times, numbers = read(write_video(tmp_path / "a.mp4", wanted))
    assert numbers == list(range(8))
    assert times == pytest.approx([t / 1000 for t in wanted], abs=1e-3)


def test_a_span_beyond_the_end_is_an_error(tmp_path):
    path = write_video(tmp_path / "a.mp4")
    assert problem(path, 7.0, 9.0) == "no frame could be decoded from 7 s to 9 s"
    assert problem(path, 7.0) == "no frame could be decoded from 7 s to the end"


def test_reading_may_stop_early_and_holds_no_file_open(tmp_path):
    path = write_video(tmp_path / "a.mp4")
    opened = Path("/proc/self/fd")
    if not opened.is_dir():
        pytest.skip("this system does not list the files that are open")
    before = len(list(opened.iterdir()))
    frames = Recording(path).frames()
    assert len(list(islice(frames, 3))) == 3
    frames.close()
    assert len(list(opened.iterdir())) == before


@pytest.mark.parametrize("rotation", [90, -90, 180])
def test_a_turned_video_is_shown_upright(tmp_path, rotation):
    path = write_video(tmp_path / "a.mp4", [0, 40], rotation=rotation)
    _, image = next(Recording(path).frames())
    # FFmpeg counts the angle counterclockwise, as numpy does.
    wanted = np.rot90(numbered(0), rotation // 90)
    assert image.shape == wanted.shape
    assert image.flags.c_contiguous
    assert np.abs(image.astype(int) - wanted).mean() < 12


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("quarters", range(4))
def test_every_display_matrix_does_to_a_picture_what_it_does_to_points(quarters, flip):
    image = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    turn = np.linalg.matrix_power(np.array([[0, 1], [-1, 0]]), quarters)
    matrix = (np.diag([-1, 1]) if flip else np.eye(2, dtype=int)) @ turn
    shown = turned(image, tuple(matrix.flatten().tolist()))
    points = np.array([(x, y) for y in range(2) for x in range(3)])
    placed = points @ matrix
    placed -= placed.min(axis=0)
    for (x, y), (column, row) in zip(points, placed, strict=True):
        assert (shown[row, column] == image[y, x]).all()


def test_a_video_that_breaks_off_gives_the_frames_before(tmp_path):
    path = write_video(tmp_path / "a.mkv", g="5")
    path.write_bytes(path.read_bytes()[:-600])
    _, numbers = read(path)
    assert 5 < len(numbers) < 50
    assert numbers == list(range(len(numbers)))


def test_a_sound_file_has_no_video(tmp_path):
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=8000)
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 16000), np.float32), "fltp", "mono")
        silence.rate = 8000
        container.mux(stream.encode(silence))
        container.mux(stream.encode())
    assert problem(path) == "has no video stream that can be decoded"


def test_what_cannot_be_read_is_said(tmp_path):
    missing, empty, text, folder = (tmp_path / f"{name}.mp4" for name in "metf")
    empty.touch()
    text.write_text("no video, but words\n" * 50)
    folder.mkdir()
    cut = write_video(tmp_path / "cut.mp4")
    cut.write_bytes(cut.read_bytes()[:1500])
    assert problem(missing) == "does not exist"
    assert problem(empty) == "is empty (0 bytes)"
    assert problem(text) == "is not a video, or its beginning or index is lost"
    assert problem(cut) == "is not a video, or its beginning or index is lost"
    assert problem(folder) == "is a folder, not a file"


def test_a_file_that_may_not_be_read_is_said(tmp_path, monkeypatch):
    path = write_video(tmp_path / "a.mp4", [0, 40])
    monkeypatch.setattr(os, "access", lambda *_: False)  # the superuser may read everything
    assert problem(path) == "may not be read (permission denied)"


def test_a_video_without_a_sound_frame_is_said(tmp_path):
    path = write_video(tmp_path / "a.avi", codec="mpeg4")
    content = path.read_bytes()
    begin = content.index(b"movi") + 4
    path.write_bytes(content[:begin])
    assert problem(path) == "no frame could be decoded"


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "bmp", "tiff", "JPG"])
def test_a_picture_is_a_clip_of_one_frame(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    PIL.Image.fromarray(numbered(20)).save(path)
    [(time, image)] = Recording(path).frames()
    assert time == 0
    assert (image.shape, image.dtype) == ((48, 64, 3), np.uint8)
    assert number_of(image) == 20


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "1", "I;16"])
def test_a_picture_of_any_kind_becomes_rgb(tmp_path, mode):
    path = tmp_path / "a.png"
    if mode == "I;16":
        PIL.Image.fromarray(np.full((20, 30), 100 * 256, np.uint16)).save(path)
    else:
        PIL.Image.new("RGB", (30, 20), (100, 100, 100)).convert(mode).save(path)
    [(_, image)] = Recording(path).frames()
    assert image.shape == (20, 30, 3)
    assert abs(image.mean() - 100) < 5


def test_a_picture_is_turned_as_its_exif_says(tmp_path):
    path = tmp_path / "a.png"
    exif = PIL.Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    PIL.Image.fromarray(numbered(20)).save(path, exif=exif)
    [(_, image)] = Recording(path).frames()
    assert (image == np.rot90(numbered(20), -1)).all()


def test_broken_pictures_are_said(tmp_path):
    text, cut = tmp_path / "a.jpg", tmp_path / "b.jpg"
    text.write_text("words")
    PIL.Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)).save(cut)
    cut.write_bytes(cut.read_bytes()[:1500])
    assert problem(text) == "is not a picture"
    assert problem(cut).startswith("cannot be decoded (")


CONTAINERS = [("mp4", "libx264"), ("mov", "libx264"), ("mkv", "libx264"), ("ts", "libx264"),
              ("avi", "mpeg4"), ("webm", "libvpx")]  # fmt: skip


@pytest.mark.parametrize(("suffix", "codec"), CONTAINERS)
def test_any_container_is_read_from_zero_on(tmp_path, suffix, codec):
    times, numbers = read(write_video(tmp_path / f"a.{suffix}", codec=codec))
    assert numbers == list(range(50))
    assert times == pytest.approx([0.04 * k for k in range(50)], abs=1e-3)


@pytest.mark.parametrize(("suffix", "codec"), CONTAINERS)
@pytest.mark.parametrize(("start", "end", "first", "count"), [(0.4, 0.6, 10, 5), (1, 1.2, 25, 5)])
def test_a_span_holds_its_start_but_not_its_end(tmp_path, suffix, codec, start, end, first, count):
    path = write_video(tmp_path / f"a.{suffix}", codec=codec)
    times, numbers = read(path, start, end)
    assert numbers == list(range(first, first + count))
    assert times == pytest.approx([0.04 * k for k in range(count)], abs=1e-3)


def test_damaged_packets_are_left_out_and_counted(tmp_path, caplog):
    path = write_video(tmp_path / "a.mp4", g="5")
    content = bytearray(path.read_bytes())
    content[2000:2100] = b"\xff" * 100
    path.write_bytes(content)
    recording = Recording(path)
    times = [time for time, _ in recording.frames()]
    assert times == sorted(set(times))
    assert recording.damaged > 0
    assert len(times) + recording.damaged == 50
    assert f"{recording.damaged} damaged packets" in caplog.text


@pytest.mark.parametrize(("suffix", "codec"), CONTAINERS)
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1), damage=st.binary(min_size=1, max_size=200))
def test_damage_anywhere_gives_fewer_frames_or_one_line(tmp_path, suffix, codec, place, damage):
    path = tmp_path / f"a.{suffix}"
    if not path.exists():
        write_video(path, codec=codec, g="5")
    content = bytearray(path.read_bytes())
    at = int(place * len(content))
    content[at : at + len(damage)] = damage
    hurt = tmp_path / f"hurt.{suffix}"
    hurt.write_bytes(content)
    times = []
    with suppress(InputError):
        for time, image in Recording(hurt).frames():
            assert (image.dtype, image.shape[2]) == (np.uint8, 3)
            times.append(time)
    assert times == sorted(set(times))
