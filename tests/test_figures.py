"""A training's figures in a terminal: every one is there, and none is cut off."""

import math
import os
import pty
import re
import subprocess
import sys
from io import StringIO

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from affmem.figures import GAP, WIDTH, Reports, cell, plain, title

NAMES = st.from_regex(r"[a-h]{1,7}(_[a-h]{1,7})?", fullmatch=True)
REPORTS = st.lists(st.dictionaries(NAMES, st.floats(), max_size=12), max_size=6).map(
    lambda some: [{"step": 100.0 * i, "of": 900.0, **one} for i, one in enumerate(some, 1)]
)


def drawn(reports, width):
    console = Console(file=StringIO(), width=width, color_system=None)
    console.print(Reports(reports), end="")
    return console.file.getvalue()


@given(REPORTS, st.integers(40, 160))
def test_the_last_reports_stand_side_by_side_as_many_as_fit(reports, width):
    lines = drawn(reports, width).splitlines()
    assert all(len(line) <= width for line in lines)
    names = {name for one in reports for name in one if name not in ("step", "of")}
    first = GAP + max(map(len, ["step", *names]))
    ends = [found.end() for found in re.finditer(r"\d+", lines[0])] if lines else []
    assert len(ends) == len(reports) or len(ends) >= (width - first) // (GAP + len("-1e+308"))
    rows = {line[:first].strip(): line for line in lines}
    assert set(rows) == ({"step", *map(title, names)} if reports else set())
    for one, begin, end in zip(
        reports[len(reports) - len(ends) :], [first, *ends], ends, strict=False
    ):
        for name in names:
            told = rows[title(name)][begin:end].strip()
            assert told == (cell(one[name]) if name in one else "")


@given(REPORTS)
def test_in_a_pipe_every_figure_stands_beside_its_name_and_no_line_is_too_wide(reports):
    for one in reports:
        _, *lines = plain(one, 60).splitlines()
        assert all(len(line) <= WIDTH for line in lines)
        told = [pair for line in lines for pair in line.strip().split("  ")]
        expected = [f"{title(k)} {cell(v)}" for k, v in one.items() if k not in ("step", "of")]
        assert told == expected


def test_figures_are_rows_in_the_last_report_s_order_and_no_report_is_no_table():
    early, late = (
        {"step": 100.0, "of": 200.0, "emotion": 12.0, "ccc_arousal": 0.5, "gone": 0.0},
        {"step": 200.0, "of": 200.0, "emotion": 0.25, "real": 3e-5, "ccc_arousal": math.nan},
    )
    assert [line.rstrip() for line in drawn([early, late], 80).splitlines()] == [
        "  step           100    200",
        "  emotion       12.0  0.250",
        "  real                3e-05",
        "  ccc arousal  0.500      -",
        "  gone         0.000",
    ]
    assert drawn([], 80) == ""


SHOWN = """
from affmem.terminal import Bar
with Bar(silent=False) as bar:
    bar.told("gathering faces", 3, 3)
    for step in range(10, 80, 10):
        bar.figures({"step": step, "of": 80, "emotion": step / 1000, "faces_per_second": 12.5})
"""


def test_in_a_terminal_the_last_reports_stay_and_in_a_pipe_each_is_told():
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
    plainly = re.sub(r"\x1b\[\d*m", "", after)
    rows = [line.split() for line in plainly.splitlines() if line.strip()]
    assert rows == [
        ["step", "30", "40", "50", "60", "70"],
        ["emotion", "0.030", "0.040", "0.050", "0.060", "0.070"],
        ["faces/s", *["12.5"] * 5],
    ]
    piped = subprocess.run(
        [sys.executable, "-c", SHOWN], capture_output=True, text=True, check=True, timeout=60
    )
    first, *others = piped.stderr.split("step ")[1:]
    assert first == "10 of 80\n  emotion 0.010  faces/s 12.5\n"
    assert [re.match(r"(\d+) of 80, 0:00:0\d left\n", one)[1] for one in others] == [
        "20", "30", "40", "50", "60", "70",
    ]  # fmt: skip
