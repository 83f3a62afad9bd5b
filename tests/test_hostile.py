"""A few hundred files made wrong, each reader: the long run is `python -m hostile`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from affmem.errors import LONGEST, ExperimentError, InputError, UserError, shown
from hostile.readers import READERS
from hostile.watch import flaws, watch

CASES = {"dlib": 5, "run": 40, "checkpoint": 40, "persons": 200, "picture": 250, "annotation": 250}


@pytest.mark.parametrize("name", READERS)
def test_a_file_made_wrong_is_read_or_refused_in_plain_lines(name):
    cases = CASES.get(name, 100)
    report = watch(READERS[name], 2, range(cases))
    assert report.faults == {}
    assert report.read + report.refused == report.cases == cases


def test_the_watch_sees_what_it_is_there_for():
    assert flaws("") == "says nothing"
    assert flaws("a\nb") == "says it in 2 lines"
    assert flaws("x" * 501) == "a line of 501 characters"
    assert flaws("\x1b[2J") == flaws("\u202e") == "control characters"
    assert flaws("a.mp4: is empty") == flaws("a\nb", lines=2) == ""


@given(st.text(), st.integers(1, 2000))
def test_what_is_shown_is_one_line_that_can_only_be_printed(text, times):
    line = shown(text * times)
    assert len(line) <= LONGEST
    assert line.isprintable()
    if len(text) <= LONGEST and text.isprintable():
        assert shown(text) == text


@given(st.text(min_size=1))
def test_every_mistake_of_a_user_is_shown_so(text):
    for error in (UserError(text), InputError(text, text), ExperimentError([text] * 1000)):
        assert not flaws(f"x{error}", lines=40)
