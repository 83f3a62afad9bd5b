"""Only ordinary files are opened, and no more of them than their reader can hold."""

import os
import struct
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from affmem.errors import InputError
from affmem.files import HEADER, check, check_tensors, content, from_json

posix = pytest.mark.skipif(sys.platform == "win32", reason="no pipes among Windows' files")


def problem(read, *args):
    with pytest.raises(InputError) as caught:
        read(*args)
    return caught.value.problem


@posix
def test_a_pipe_is_refused_and_never_waited_for(tmp_path):
    pipe = tmp_path / "a.mp4"
    os.mkfifo(pipe)
    assert problem(check, pipe) == "is no ordinary file, but a device or a pipe"
    assert problem(content, pipe, 10) == "is no ordinary file, but a device or a pipe"


@posix
def test_a_device_is_refused_also_behind_a_link(tmp_path):
    (tmp_path / "a.csv").symlink_to("/dev/zero")
    assert problem(check, tmp_path / "a.csv") == "is no ordinary file, but a device or a pipe"
    assert problem(content, Path("/dev/zero"), 10) == "is no ordinary file, but a device or a pipe"


def test_a_larger_file_is_not_read(tmp_path):
    path = tmp_path / "a"
    with path.open("wb") as file:
        file.truncate(1 << 40)  # a hole: nothing of it is on the disk
    assert problem(content, path, 1 << 20) == "is larger than any such file (1 MiB)"
    path.write_bytes(b"abc")
    assert content(path, 3) == b"abc"


def test_what_is_no_name_of_a_file_is_said(tmp_path):
    assert problem(check, tmp_path / "a\0b") == "cannot be read (embedded null byte)"
    assert problem(content, tmp_path / "a\0b", 10) == "embedded null byte"
    assert problem(check, tmp_path / ("x" * 5000)) == "cannot be read (File name too long)"


@posix
def test_links_in_a_circle_are_said(tmp_path):
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    assert problem(check, tmp_path / "a").startswith("cannot be read (Too many levels")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[" * 100_000, "broken JSON: nested too deeply"),
        ('{"a":' * 100_000, "broken JSON: nested too deeply"),
        ("9" * 5000, "broken JSON: Exceeds the limit (4300 digits)"),
        ("{", "broken JSON: "),
    ],
)
def test_broken_json_is_said_in_a_line(tmp_path, text, said):
    (tmp_path / "a.json").write_text(text)
    assert problem(from_json, tmp_path / "a.json", 1 << 20).startswith(said)


def test_a_safetensors_header_may_not_be_a_bomb(tmp_path):
    path = tmp_path / "a.safetensors"
    save_file({"a": np.zeros(3, np.float32)}, path)
    check_tensors(path)
    for length in (HEADER + 1, 2**63, 2**64 - 1):
        path.write_bytes(struct.pack("<Q", length) + b"{")
        assert problem(check_tensors, path) == "is no safetensors file, or not a whole one"
