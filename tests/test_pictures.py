"""Pictures of every kind come upright and RGB; what is none, or is a bomb, is said in a line."""

import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from PIL import Image

from affmem.errors import InputError
from affmem.pictures import read


def problem(path):
    with pytest.raises(InputError) as caught:
        read(path)
    assert str(caught.value).isprintable()
    return caught.value.problem


def png(width, height):
    """A file of under 100 bytes that says it is so large."""

    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(9)))
        + chunk(b"IEND", b"")
    )  # fmt: skip


@pytest.mark.parametrize("size", [(60_000, 60_000), (8193, 8193), (2**31 - 1, 1), (2**31 - 1,) * 2])
def test_a_picture_that_says_it_is_enormous_takes_no_memory(tmp_path, size):
    (tmp_path / "a.png").write_bytes(png(*size))
    problem(tmp_path / "a.png")  # Pillow is loaded
    tracemalloc.start()
    said = problem(tmp_path / "a.png")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert said.startswith("is larger than any picture")
    assert peak < 1 << 20


def test_the_largest_picture_is_still_read(tmp_path, monkeypatch):
    monkeypatch.setattr("affmem.pictures.PIXELS", 100)
    for width in (10, 11):
        Image.new("RGB", (width, 10)).save(tmp_path / f"{width}.png")
    assert read(tmp_path / "10.png").shape == (10, 10, 3)
    assert problem(tmp_path / "11.png") == "is larger than any picture (11 x 10 pixels)"


@pytest.mark.parametrize("ending", ["gif", "webp"])
def test_of_a_moving_picture_the_first_is_read(tmp_path, ending):
    frames = [Image.new("RGB", (16, 12), (250, 0, 0)), Image.new("RGB", (16, 12), (0, 0, 250))]
    path = tmp_path / f"a.{ending}"
    frames[0].save(path, save_all=True, append_images=frames[1:])
    assert read(path).shape == (12, 16, 3)
    assert read(path)[0, 0, 0] > 200


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16", "CMYK", "I", "F"])
def test_every_kind_of_pixel_becomes_rgb(tmp_path, mode):
    grey = np.linspace(0, 255, 12 * 16).astype(np.uint8).reshape(12, 16)
    image = Image.fromarray(grey)
    image = Image.fromarray(grey.astype(np.uint16) * 257) if mode == "I;16" else image.convert(mode)
    path = tmp_path / ("a.tif" if mode in ("CMYK", "F", "I") else "a.png")
    image.save(path)
    found = read(path)
    assert found.shape == (12, 16, 3)
    assert found.dtype == np.uint8
    if mode != "1":
        assert np.abs(found[..., 0].astype(int) - grey).max() < 3


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_exif_turns_it_and_broken_exif_does_not_stop_it(tmp_path):
    image = Image.new("RGB", (16, 12), (250, 0, 0))
    turned = Image.Exif()
    turned[0x0112] = 6
    image.save(tmp_path / "a.jpg", exif=turned)
    assert read(tmp_path / "a.jpg").shape == (16, 12, 3)
    image.save(tmp_path / "b.jpg", exif=b"Exif\0\0" + b"II*\0\xff\xff\xff\x7f" + bytes(20))
    assert read(tmp_path / "b.jpg").shape == (12, 16, 3)


def test_a_program_called_a_picture_is_not_run(tmp_path):
    # Pillow gives PostScript to Ghostscript, whatever the file's ending.
    (tmp_path / "a.jpg").write_bytes(
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n"
    )
    assert problem(tmp_path / "a.jpg") == "is not a picture"


def test_what_is_no_picture_is_said(tmp_path):
    (tmp_path / "a.png").write_text("no")
    assert problem(tmp_path / "a.png") == "is not a picture"
    (tmp_path / "b.png").write_bytes(b"")
    assert problem(tmp_path / "b.png") == "is empty (0 bytes)"
    assert problem(tmp_path) == "is a folder, not a file"
    assert problem(tmp_path / "gone.png") == "does not exist"
    Image.new("RGB", (64, 64)).save(tmp_path / "c.png")
    (tmp_path / "c.png").write_bytes((tmp_path / "c.png").read_bytes()[:-40])
    assert problem(tmp_path / "c.png").startswith("cannot be decoded")
