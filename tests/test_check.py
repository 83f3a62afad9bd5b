"""A dataset is read through by its protocol alone; what is missing or looks wrong is told."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from affmem import Affect, Clip, Frame, InputError
from affmem.check import CELLS, inspect, plane, text
from affmem.page import cells, render


class Listed:
    """Clips of frames as they are given: (name, person, label of the clip, frames)."""

    def __init__(self, *clips, unit="utterance"):
        self.unit = unit
        self.given = {Clip(name, person, label): frames for name, person, label, frames in clips}

    def notes(self):
        return ("<one> is missing",)

    def clips(self):
        return [*self.given]

    def frames(self, clip):
        if self.given[clip] is None:
            raise InputError(clip.name, "is <not> a video")
        yield from self.given[clip]


def film(seconds, fps=10, seed=0, size=(64, 64), labels=()):
    rng = np.random.default_rng(seed)
    for n in range(round(seconds * fps)):
        label = labels[n % len(labels)] if labels else None
        yield Frame(n / fps, rng.integers(0, 255, (*size, 3), np.uint8), label)


def checked(*clips, unit="utterance", quick=False):
    told = []
    facts = inspect(Listed(*clips, unit=unit), lambda *one: told.append(one), quick=quick)
    assert told == [(done, len(clips)) for done in range(len(clips) + 1)]
    return facts


def test_what_is_there_is_counted():
    facts = checked(
        ("a/1", "a", Affect(0.5, -1), film(2)),
        ("a/2", "a", None, film(1, seed=1)),
        ("b/1", "b", Affect(1, 1), film(4, seed=2)),
        ("b/2", "b", Affect(0, 0), iter(())),
        ("b/3", "b", Affect(0, 0), None),
    )
    assert (facts["persons"], facts["clips"], facts["clips with a label"]) == (2, 5, 2)
    assert (facts["frames"], facts["labels"]) == (70, 2)
    assert facts["seconds"] == {"shortest": 1, "median": 2, "longest": 4, "in all": 7}
    assert facts["arousal of labels"] == "+0.50 to +1.00, mean +0.75"
    assert facts["clips without a frame"] == ["b/2"]
    assert facts["unreadable"] == ["b/3: is <not> a video"]
    assert (facts["suspicious"], facts["note"]) == ({}, ["<one> is missing"])


def test_what_looks_wrong_is_named():
    one = Affect(0.5, 0.5)
    facts = checked(
        ("short", "a", one, film(0.4, seed=1)),
        ("long", "a", one, film(61, fps=1, seed=2)),
        ("tiny", "a", one, film(1, seed=3, size=(64, 40))),
        ("twin", "b", one, film(2, seed=4)),
        ("other", "b", one, film(2, seed=4)),
        ("longer", "b", Affect(0.5, 0.4), film(3, seed=4)),
        ("black", "c", one, [Frame(n / 10, np.zeros((64, 64, 3), np.uint8)) for n in range(9)]),
    )
    assert facts["suspicious"] == {
        "short": ["short"],
        "long": ["long"],
        "small": ["tiny"],
        "flat": ["black"],
        "constant": ["a"],
        "twins": ["twin = other"],
    }


def test_labels_of_frames_are_all_counted_and_may_be_stuck():
    stuck, moving = Affect(0.1, 0.1), [Affect(0.1, 0.1), Affect(0.1, 0.2)]
    facts = checked(
        ("a", "a", None, film(3, seed=1, labels=[stuck])),
        ("b", "b", None, film(3, seed=2, labels=moving)),
        ("c", "c", None, film(2, seed=3, labels=[stuck])),
        unit="frame",
    )
    assert facts["labels"] == 80
    assert facts["suspicious"] == {"constant": ["a"]}


def test_a_quick_check_reads_a_second_and_tells_no_duration():
    facts = checked(("a", "a", Affect(0, 0), film(9)), quick=True)
    assert (facts["frames"], facts["seconds"], facts["suspicious"]) == (25, None, {})


def test_frames_in_which_somebody_is_out_of_sight_are_nothing_wrong():
    lost = [Frame(2.0, np.zeros((0, 0, 3), np.uint8))]
    assert checked(("a", "a", None, [*film(1), *lost]))["suspicious"] == {}
    assert checked(("a", "a", None, lost))["suspicious"] == {"small": ["a"], "flat": ["a"]}


def test_pictures_have_no_duration():
    facts = checked(("a", "a", Affect(0, 0), film(0.1)), ("b", "b", None, film(0.1, seed=1)))
    assert (facts["seconds"], facts["suspicious"]) == (None, {})
    assert not any(line.startswith("seconds") for line in text(facts))


affects = st.builds(Affect, *[st.floats(-1, 1, width=32)] * 2)


@given(st.lists(affects, min_size=1, max_size=30))
def test_every_label_is_in_one_cell_where_it_belongs(labels):
    facts = checked(*((str(n), "a", one, film(0.1)) for n, one in enumerate(labels)))
    counts = np.array(facts["labels over the plane"])
    assert counts.sum() == len(labels)
    edges = np.linspace(-1, 1, CELLS + 1)
    expected, *_ = np.histogram2d(
        [one.arousal for one in labels], [one.valence for one in labels], bins=(edges, edges)
    )
    assert np.array_equal(counts, expected)
    numbers = re.findall(r" (\d+)", "\n".join([*plane(counts.tolist())][2:]))
    assert sum(map(int, numbers)) == len(labels)
    assert sum(cell.count for cell in cells(counts.tolist())) == len(labels)


def test_text_says_few_names_and_the_plane_has_high_arousal_above():
    clips = [(f"clip{n}", "a", Affect(1, -1), film(0.3, seed=n)) for n in range(5)]
    lines = [*text(checked(*clips))]
    assert "suspicious: 5 clips shorter than 0.5 s: clip0, clip1, clip2, ..." in lines
    first = next(line for line in lines if line.startswith(" +0.75"))
    assert first.split() == ["+0.75", "5", *"......."]
    assert max(map(len, lines)) <= 80


def test_the_page_stands_alone_and_shows_names_as_they_are():
    facts = checked(("<b>", "a", Affect(0.1, 0.1), film(0.2)), ("broken", "b", None, None))
    empty = checked(("none", "a", None, None))
    page = render([{"dataset": "folder", **facts}, {"dataset": "omg", **empty}])
    assert "&lt;b&gt;" in page
    assert "<b>" not in page
    assert "&lt;one&gt; is missing" in page
    assert "1 of 2 clips cannot be read" in page
    assert "arousal 0 to 0.25, valence 0 to 0.25: 1" in page
    assert not re.search(r"https?:|<script|src=|@import|url\(", page)


def test_of_long_lists_the_page_shows_the_beginning():
    clips = [(f"clip{n}", "a", None, film(0.3, seed=n)) for n in range(14)]
    page = render([{"dataset": "folder", **checked(*clips)}])
    assert "clip11" in page
    assert "clip12" not in page
    assert "and 2 others" in page


@pytest.mark.parametrize("count", [1, 9_999, 1_234_567])
def test_the_darkest_cell_is_the_one_with_the_most(count):
    shown = cells([[0, count], [0, 1]])
    assert max(shown, key=lambda cell: cell.dark).count == count
