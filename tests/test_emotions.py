"""Words for emotions have places in the plane, and every place has a word."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from affmem import Affect
from affmem.emotions import ALIKE, PLACES, nearest, place

affects = st.builds(Affect, *[st.floats(-1, 1)] * 2)


@pytest.mark.parametrize("word", [*PLACES, *ALIKE])
def test_each_word_reads_back_to_itself(word):
    assert nearest(place(word)) == ALIKE.get(word, word)
    assert place(word.upper()) == place(word)


@given(affects)
def test_every_point_has_the_word_that_is_nearest(affect):
    point = np.array([affect.arousal, affect.valence])
    apart = {word: np.linalg.norm(point - (at.arousal, at.valence)) for word, at in PLACES.items()}
    assert apart[nearest(affect)] == pytest.approx(min(apart.values()))


@given(st.text())
def test_a_word_that_is_no_emotion_has_no_place(word):
    assert (place(word) is None) == (word.casefold() not in {*PLACES, *ALIKE})


def test_no_two_words_have_one_place():
    assert len(set(PLACES.values())) == len(PLACES)
