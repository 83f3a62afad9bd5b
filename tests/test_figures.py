"""A training's figures in a terminal: every one is there, and none is cut off."""

import os
import pty
import re
import subprocess
import sys
from io import StringIO

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from affmem.figures import WIDTH, Reports, cell, plain, tables

NAMES = st.text("abcdefgh_", min_size=1, max_size=14)
REPORTS = st.lists(st.dictionaries(NAMES, st.floats(), max_size=12), max_size=6).map(
    lambda some: [{"step": 100.0 * i, "of": 900.0, **one} for i, one in enumerate(some, 1)]
)


def drawn(reports, width):
    console = Console(file=StringIO(), width=width, color_system=None)
    console.print(Reports(reports), end="")
    return console.file.getvalue()


@given(REPORTS, st.integers(40, 160))
def test_every_figure_stands_in_its_report_s_row_and_no_line_is_too_wide(reports, width):
    text = drawn(reports, width)
    assert all(len(line) <= width for line in text.splitlines())
    blocks = len(tables(reports, width))
    rows = [line.split() for line in text.splitlines()]
    for one in reports:
        told = [word for row in rows if row[:1] == [f"{one['step']:.0f}"] for word in row[1:]]
        expected = [cell(value) for name, value in one.items() if name not in ("step", "of")]
        assert sorted(told) == sorted(expected)
    assert blocks <= len({name for one in reports for name in one})


@given(REPORTS)
def test_in_a_pipe_every_figure_stands_beside_its_name_and_no_line_is_too_wide(reports):
    for one in reports:
        _, *lines = plain(one, 60).splitlines()
        assert all(len(line) <= WIDTH for line in lines)
        told = [pair for line in lines for pair in line.strip().split("  ")]
        expected = [f"{k} {cell(v)}" for k, v in one.items() if k not in ("step", "of")]
        assert told == expected


def test_where_there_is_room_it_is_one_table_and_nothing_is_no_table():
    reports = [{"step": 100.0, "of": 200.0, "emotion": 0.25, "ccc_arousal": 0.5}]
    assert drawn(reports, 80).splitlines() == [
        "                     ccc",
        "  step  emotion  arousal",
        "   100    0.250    0.500",
    ]
    assert drawn([], 80) == ""


SHOWN = """
from affmem.terminal import Bar
with Bar(silent=False) as bar:
    bar.told("gathering faces", 3, 3)
    for step in range(10, 80, 10):
        bar.figures({"step": step, "of": 80, "emotion": step / 1000, "faces_per_second": 12.5})
"""


def test_in_a_terminal_the_last_reports_stay_and_in_a_pipe_each_has_its_line():
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80"}
    with os.fdopen(ours, "rb") as terminal:
        subprocess.run(
            [sys.executable, "-c", SHOWN], stderr=theirs, env=environment, check=True, timeout=60
        )
        os.close(theirs)
        seen = b""
        try:
            while read := terminal.read1(4096):
                seen += read
        except OSError:  # the way Linux says that the other side is closed
            pass
    after = seen.decode().rpartition("\x1b[2K")[2]
    rows = [line.split() for line in after.splitlines() if line.strip()]
    assert [words[:2] for words in rows if words[0].isdigit()] == [
        [f"{step}", f"0.0{step}"] for step in (30, 40, 50, 60, 70)
    ]
    piped = subprocess.run(
        [sys.executable, "-c", SHOWN], capture_output=True, text=True, check=True, timeout=60
    )
    first, *others = piped.stderr.split("step ")[1:]
    assert first == "10 of 80\n  emotion 0.010  faces/s 12.5\n"
    assert [re.match(r"(\d+) of 80, 0:00:0\d left\n", one)[1] for one in others] == [
        "20", "30", "40", "50", "60", "70",
    ]  # fmt: skip
