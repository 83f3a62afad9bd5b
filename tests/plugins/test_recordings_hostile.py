"""Videos and tables that nobody made in good faith, each by hand: one clear line, and no wait."""

import os
import sys
import threading
from io import BytesIO
from pathlib import Path

import av
import numpy as np
import pytest

from affmem import Runtime
from affmem.errors import InputError
from affmem.video import PIXELS, Recording
from affmem_recordings.affectnet import annotated
from affmem_recordings.config import AffectNetConfig, FolderConfig, OMGConfig
from affmem_recordings.table import LONGEST, read
from recordings_files import write_video

ENDLESS = f"has a row of {LONGEST} characters or more"
posix = pytest.mark.skipif(sys.platform == "win32", reason="no pipes among Windows' files")


def problem(path, *span):
    with pytest.raises(InputError) as caught:
        list(Recording(path).frames(*span))
    assert str(caught.value).isprintable()
    return caught.value.problem


def said(config):
    with pytest.raises(InputError) as caught:
        config.build(Runtime()).clips()
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) <= 500
    return str(caught.value)


def encoded(kind, codec, size=(32, 32), count=5, streams=1):
    """A video of grey frames as bytes."""
    out = BytesIO()
    with av.open(out, "w", format=kind) as container:
        all_of_them = [container.add_stream(codec, rate=25) for _ in range(streams)]
        for stream in all_of_them:
            stream.width, stream.height = size
            stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        for stream in all_of_them:
            for level in range(count):
                image = np.full((size[1], size[0], 3), 40 * level, np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(image, "rgb24")))
            container.mux(stream.encode())
    return out.getvalue()


# --- videos -----------------------------------------------------------------------------------


def test_a_video_whose_size_changes_midway_is_read_to_its_end(tmp_path):
    path = tmp_path / "a.ts"
    path.write_bytes(encoded("mpegts", "libx264") + encoded("mpegts", "libx264", (64, 48)))
    sizes = [image.shape[:2] for _, image in Recording(path).frames()]
    assert sizes[0] == (32, 32)
    assert set(sizes) <= {(32, 32), (48, 64)}


@pytest.mark.parametrize(("kind", "codec"), [("h264", "libx264"), ("matroska", "libx264")])
def test_a_video_that_does_not_say_how_long_it_is_is_read(tmp_path, kind, codec):
    data = encoded(kind, codec)
    if kind == "matroska":  # as it comes through a pipe: the duration is not known
        data = data.replace(b"\x44\x89\x88", b"\xec\x81\x00" + b"\xec", 1)
    (tmp_path / "a.mp4").write_bytes(data)
    assert len(list(Recording(tmp_path / "a.mp4").frames())) == 5


def test_many_streams_take_no_time(tmp_path):
    (tmp_path / "a.mkv").write_bytes(encoded("matroska", "mjpeg", (16, 16), 1, streams=126))
    assert len(list(Recording(tmp_path / "a.mkv").frames())) == 1


@pytest.mark.parametrize(
    "text",
    [
        "a text\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nother.ts\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile other.ts\n",
        (
            "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 9 RTP/AVP 96\n"
            "a=rtpmap:96 H264/90000\n"
        ),
        (
            '<?xml version="1.0"?><MPD><Period><AdaptationSet><Representation><BaseURL>other.ts'
            "</BaseURL></Representation></AdaptationSet></Period></MPD>"
        ),
    ],
    ids=["text", "hls", "concat", "sdp", "dash"],
)
def test_a_list_of_other_files_or_addresses_is_not_followed(tmp_path, text):
    (tmp_path / "other.ts").write_bytes(encoded("mpegts", "libx264"))
    (tmp_path / "a.mp4").write_text(text)
    assert problem(tmp_path / "a.mp4") == "is not a video, or its beginning or index is lost"


def test_a_name_with_a_colon_is_a_name_and_no_address(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = Path("concat:other.ts")
    path.write_bytes(encoded("mp4", "libx264")) if sys.platform != "win32" else None
    Path("other.ts").write_bytes(encoded("mpegts", "libx264", count=2))
    if path.exists():
        assert len(list(Recording(path).frames())) == 5


@pytest.mark.parametrize("codec", ["mjpeg", "mpeg4"])
def test_enormous_frames_are_not_decoded(tmp_path, codec):
    size = (4112, 4096)
    assert size[0] * size[1] > PIXELS
    (tmp_path / "a.mkv").write_bytes(encoded("matroska", codec, size, 1))
    assert problem(tmp_path / "a.mkv") == "no frame could be decoded"


def test_frames_leave_no_thread_behind(tmp_path):
    before = Path("/proc/self/task")
    if not before.is_dir():
        pytest.skip("this system does not list threads so")
    path = write_video(tmp_path / "a.mp4", [0, 40, 80], 320, 240)
    count = len(list(before.iterdir()))
    for _ in range(5):
        list(Recording(path).frames())
    assert len(list(before.iterdir())) <= count + 1


@pytest.mark.parametrize("start", [1e7, 1e300])
def test_a_start_beyond_every_end_is_said(tmp_path, start):
    path = write_video(tmp_path / "a.mp4", [0, 40])
    if start > 1e7:
        (tmp_path / "labels.csv").write_text(f"file,start\na.mp4,{start}\n")
        assert "expected a number in [0, 1e+07]" in said(FolderConfig(root=tmp_path))
    else:
        assert problem(path, start).startswith("no frame could be decoded from")


@posix
def test_a_pipe_called_a_video_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.mp4")
    assert problem(tmp_path / "a.mp4") == "is no ordinary file, but a device or a pipe"
    (tmp_path / "labels.csv").write_text("file\na.mp4\n")
    assert "is no ordinary file" in said(FolderConfig(root=tmp_path))


# --- tables -----------------------------------------------------------------------------------


def table(folder, data):
    path = folder / "labels.csv"
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


@pytest.mark.parametrize(
    "data",
    ["file,person\r\na.mp4,anna\r\n", "\ufefffile,person\na.mp4,anna\n",
     '"file","person"\n"a.mp4","anna"\n', "person,file\nanna,a.mp4", "file,person\ra.mp4,anna\r"],
    ids=["crlf", "bom", "quotes", "no last end", "cr"],
)  # fmt: skip
def test_tables_of_every_program_say_the_same(tmp_path, data):
    (row,) = read(table(tmp_path, data), ["file", "person"])
    assert row.cells == {"file": "a.mp4", "person": "anna"}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("file,person\na.mp4,zoé\n".encode("latin-1"), "is not UTF-8 text"),
        ("file\na.mp4\n".encode("utf-16"), "is not UTF-8 text"),
        (b"file\n\0\0\0\n", "expected a path inside"),
        (b"," * 600_000, "is empty; its first line must name the columns"),
        (b"file" + b",x" * 400_000, "names 400001 columns; expected 1000 at most"),
        (b"file,x" + b"y" * (LONGEST + 1), ENDLESS),
        (b"file,b\n" + (b'"' + b"x" * 9000 + b'\n",') * 200, ENDLESS),
        (b'file\n"' + b"x" * 200_000, "is not CSV (field larger than field limit"),
        (b'file\n"a.mp4', "is not CSV (unexpected end of data)"),
        (b"file\n", "has no rows below its first line"),
        (b"", "is empty; its first line must name the columns"),
    ],
    ids=["latin-1", "utf-16", "nul", "commas", "columns", "line", "lines", "cell", "quote",
         "header", "empty"],
)  # fmt: skip
def test_a_table_that_is_none_is_said_in_a_line(tmp_path, data, words):
    table(tmp_path, data)
    assert words in said(FolderConfig(root=tmp_path))


def test_a_line_without_end_is_not_read_to_its_end(tmp_path):
    path = tmp_path / "labels.csv"
    with path.open("wb") as file:
        file.truncate(100 << 30)  # 100 GiB of NUL, of which the disk holds nothing
    assert ENDLESS in said(FolderConfig(root=tmp_path))


@pytest.mark.parametrize(
    "cell",
    ["../../etc/passwd", "/etc/passwd", "a/../../b.mp4", "..\\b.mp4", "C:\\b.mp4", "//host/b.mp4",
     "\\\\host\\b.mp4", "a\0.mp4", "x/" * 3000],
)  # fmt: skip
def test_no_cell_leads_out_of_the_folder(tmp_path, cell):
    table(tmp_path, f"file\n{cell}\n")
    words = said(FolderConfig(root=tmp_path))
    assert "expected a path inside" in words or "holds none of the 1 clips" in words


@posix
def test_no_link_leads_out_of_the_folder(tmp_path):
    outside = write_video(tmp_path / "outside" / "a.mp4", [0])
    root = tmp_path / "root"
    root.mkdir()
    (root / "a.mp4").symlink_to(outside)
    (root / "folder").symlink_to(outside.parent)
    for cell in ("a.mp4", "folder/a.mp4"):
        table(root, f"file\n{cell}\n")
        assert "expected a path inside" in said(FolderConfig(root=root))


@posix
def test_a_link_of_affectnets_pictures_out_of_the_folder_is_not_followed(tmp_path):
    (tmp_path / "secret.jpg").write_bytes(b"x")
    images = tmp_path / "root" / "train_set" / "images"
    images.mkdir(parents=True)
    (images / "1.jpg").symlink_to(tmp_path / "secret.jpg")
    dataset = AffectNetConfig(root=tmp_path / "root").build(Runtime())
    with pytest.raises(InputError, match="leads out of"):
        list(dataset.frames(dataset.clips()[0]))


def test_a_folder_called_as_a_file_is_said(tmp_path):
    (tmp_path / "a.mp4").mkdir()
    table(tmp_path, "file\na.mp4\n")
    assert said(FolderConfig(root=tmp_path)).endswith("a.mp4: is a folder, not a file")
    (tmp_path / "labels.csv").unlink()
    (tmp_path / "labels.csv").mkdir()
    assert "labels.csv: cannot be read (Is a directory)" in said(FolderConfig(root=tmp_path))


def test_control_characters_of_a_cell_do_not_reach_the_terminal(tmp_path):
    table(tmp_path, "file\n\x1b[2J\x1b]0;owned\x07.mp4\n")
    assert "\\x1b[2J" in said(FolderConfig(root=tmp_path)).replace("1 clips", "\\x1b[2J")
    table(tmp_path, "file,start\na.mp4,\x1b[31mred\n")
    assert "start \\x1b[31mred" in said(FolderConfig(root=tmp_path))


def test_a_number_of_thousands_of_digits_orders_no_utterance(tmp_path):
    (tmp_path / "Test" / "one").mkdir(parents=True)
    name = f"u{'9' * 200}.mp4"
    (tmp_path / "Test" / "one" / name).write_bytes(b"x")
    rows = f"video,utterance\none,{name}\none,{'9' * 5000}\n"
    (tmp_path / "omg_TestVideos.csv").write_text(rows)
    assert len(OMGConfig(root=tmp_path).build(Runtime()).clips()) == 1


# --- annotations ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "shape", ["(99999999999,)", "(2147483647, 2147483647)", "(-1,)", "(" * 200, "()" * 200]
)
def test_an_annotation_whose_header_lies_is_refused(tmp_path, shape):
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}}}".encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    path = tmp_path / "1_aro.npy"
    path.write_bytes(b"\x93NUMPY\x01\0" + len(header).to_bytes(2, "little") + header + bytes(8))
    with pytest.raises(InputError, match="expected an array of one number"):
        annotated(path)


def test_reading_in_threads_is_as_reading_alone(tmp_path):
    path = write_video(tmp_path / "a.mp4", [0, 40, 80])
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(len(list(Recording(path).frames()))))
        for _ in range(4)
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert found == [3] * 4
