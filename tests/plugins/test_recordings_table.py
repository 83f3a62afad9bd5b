"""Tables are read by the names of their columns, and their mistakes are told with their lines."""

import csv
import io
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from affmem.errors import InputError
from affmem_recordings.table import Row, read

COLUMNS = ["video", "utterance", "start", "arousal", "valence"]
texts = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Z"]), min_size=1, max_size=12
)
in_one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def problem(path, *columns):
    with pytest.raises(InputError) as caught:
        read(path, *columns)
    assert "\n" not in str(caught.value)
    assert caught.value.path == path
    return caught.value.problem


def written(path: Path, content: bytes | str) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@in_one_folder
@given(
    rows=st.lists(st.lists(texts, min_size=5, max_size=5), min_size=1, max_size=5),
    order=st.permutations(COLUMNS),
    bom=st.sampled_from(["utf-8", "utf-8-sig"]),
    ends=st.sampled_from(["\n", "\r\n"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_what_was_written_is_read(tmp_path, rows, order, bom, ends, quoting):
    out = io.StringIO()
    writer = csv.writer(out, lineterminator=ends, quoting=quoting)
    writer.writerows([order, *rows])
    path = written(tmp_path / "a.csv", out.getvalue().encode(bom))
    got = read(path, ["valence", "video"], ["start"])
    asked = {"valence", "video", "start"}
    wanted = [dict(zip(order, row, strict=True)) for row in rows]
    assert [row.cells for row in got] == [
        {one: row[one] for one in row if one in asked} for row in wanted
    ]
    assert [row.line for row in got] == list(range(2, 2 + len(rows)))


@st.composite
def misspelt(draw):
    name = draw(st.sampled_from(COLUMNS))
    place = draw(st.integers(0, len(name) - 1))
    letter = draw(st.sampled_from("abcdefghijklmnopqrstuvwxyz"))
    kind = draw(st.sampled_from(["drop", "add", "change", "swap", "case"]))
    wrong = {
        "drop": name[:place] + name[place + 1 :],
        "add": name[:place] + letter + name[place:],
        "change": name[:place] + letter + name[place + 1 :],
        "swap": name[:place] + name[place : place + 2][::-1] + name[place + 2 :],
        "case": name.capitalize(),
    }[kind]
    assume(wrong != name)
    return name, wrong


@pytest.mark.parametrize("required", [True, False])
@in_one_folder
@given(names=misspelt())
def test_a_column_misspelt_by_a_letter_is_answered_with_its_right_name(tmp_path, required, names):
    name, wrong = names
    header = [wrong if one == name else one for one in COLUMNS]
    path = written(tmp_path / "a.csv", ",".join(header) + "\n1,2,3,4,5\n")
    said = problem(path, *([COLUMNS] if required else [[], COLUMNS]))
    assert said.startswith(f"has no column {name!r}")
    assert repr(wrong) in said
    assert said.endswith("it has: " + ", ".join(header))


def test_an_absent_optional_column_is_no_mistake(tmp_path):
    [row] = read(written(tmp_path / "a.csv", "video\nx\n"), ["video"], ["arousal", "valence"])
    assert row.affect() is None
    assert row.text("arousal") == ""


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty; its first line must name the columns"),
        (b"\n\n", "is empty; its first line must name the columns"),
        (b"file\n\n", "has no rows below its first line"),
        (b"file;arousal\na;1\n", "has columns between ';'; expected commas"),
        (b"file\tarousal\na\t1\n", "has columns between '\\t'; expected commas"),
        (b"file,file\na,b\n", "has column 'file' 2 times"),
        (b"file,b\na,b\n\na\n", "line 4: 1 cells, but the first line names 2 columns"),
        (b"file,b\na,b,c\n", "line 2: 3 cells, but the first line names 2 columns"),
        ("file\nbjörn\n".encode("latin-1"), "is not UTF-8 text; save it as CSV in UTF-8"),
        ("file\na\n".encode("utf-16"), "is not UTF-8 text; save it as CSV in UTF-8"),
        (b'file\n"a\n', "line 2: is not CSV (unexpected end of data)"),
    ],
)
def test_a_table_that_is_none_is_said(tmp_path, content, said):
    assert problem(written(tmp_path / "a.csv", content), ["file"]) == said


def test_a_table_that_is_not_there_is_said(tmp_path):
    assert problem(tmp_path / "a.csv", ["file"]) == "does not exist"
    assert problem(tmp_path, ["file"]).startswith("cannot be read (")


@given(st.floats(-1, 1))
def test_a_number_in_range_is_read_as_it_is(number):
    assert Row(Path("a.csv"), 7, {"arousal": repr(number)}).number("arousal", -1, 1) == number


@given(
    st.one_of(
        st.floats(1, exclude_min=True).map(repr),
        st.sampled_from(
            ["nan", "NaN", "inf", "-inf", "-1.01", "high", "0,5", "0.5.1", "0_1", "1 0"]
        ),
    )
)
def test_a_bad_number_is_told_with_its_line_and_column(cell):
    row = Row(Path("a.csv"), 7, {"arousal": cell, "valence": "0"})
    with pytest.raises(InputError) as caught:
        row.affect()
    assert str(caught.value) == f"a.csv: line 7: arousal {cell}: expected a number in [-1, 1]"


def test_half_an_affect_is_a_mistake():
    with pytest.raises(InputError, match=r"line 3: valence \(empty\): expected a number"):
        Row(Path("a.csv"), 3, {"arousal": "0.5", "valence": ""}).affect()


@pytest.mark.parametrize(
    "cell", ["a.mp4", "b/a.mp4", "b\\a.mp4", "./a.mp4", "..a.mp4", "12:30.mp4"]
)
def test_a_path_inside_the_folder_is_taken(tmp_path, cell):
    path = Row(Path("a.csv"), 2, {"file": cell}).inside(tmp_path, "file")
    assert path.resolve().is_relative_to(tmp_path.resolve())


@pytest.mark.parametrize(
    "cell",
    ["../a.mp4", "b/../../a.mp4", "..", "..\\a.mp4", "/etc/a", "C:\\a.mp4", "c:/a", "\\\\host\\a",
     "out/a.mp4", "loop/a", "a\0b"],
)  # fmt: skip
def test_a_path_that_leaves_the_folder_is_refused(tmp_path, cell):
    root = tmp_path / "root"
    root.mkdir()
    (root / "out").symlink_to(tmp_path)
    (root / "loop").symlink_to(root / "loop")
    with pytest.raises(InputError, match=r"line 2: file .*: expected a path inside"):
        Row(Path("a.csv"), 2, {"file": cell}).inside(root, "file")


@given(st.text(max_size=30))
def test_no_cell_leads_out_of_the_folder(cell):
    root = Path("/nowhere/root")
    row = Row(Path("a.csv"), 2, {"file": cell})
    with suppress(InputError):
        assert row.inside(root, "file").resolve().is_relative_to(root)
