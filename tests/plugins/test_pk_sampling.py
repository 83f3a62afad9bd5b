"""Faces in an order: each once, or crowded places of the plane less often."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from affmem.errors import UserError
from affmem_pk.sampling import CELLS, MOST, cells, chances, groups, order

LABELS = st.lists(
    st.tuples(*[st.floats(-1, 1, width=32)] * 2), min_size=1, max_size=60
).map(torch.tensor)  # fmt: skip
WORDS = st.lists(st.sampled_from(["", "anger", "happy", "sad"]), min_size=1, max_size=60)
CROWDS = st.lists(st.integers(1, 400), min_size=1, max_size=12)
"""How many faces there are of each group."""


def of(crowds):
    """The group of each face, some numbers left out as cells that hold none are."""
    return torch.repeat_interleave(torch.arange(len(crowds)) * 3, torch.tensor(crowds))


@given(LABELS)
def test_a_face_s_cell_is_where_its_affect_lies(labels):
    for cell, (arousal, valence) in zip(cells(labels).tolist(), labels.tolist(), strict=True):
        for place, value in zip(divmod(cell, CELLS), (arousal, valence), strict=True):
            assert abs(value - ((place + 0.5) * 2 / CELLS - 1)) <= 1 / CELLS + 1e-6


@given(CROWDS)
def test_a_pass_has_so_many_faces_and_none_more_often_than_the_cap(crowds):
    drawn = chances(of(crowds))
    torch.testing.assert_close(drawn.mean(), torch.tensor(1.0))
    assert drawn.max() <= MOST


@given(CROWDS)
def test_every_group_is_seen_as_often_as_another_but_those_of_which_each_face_is_at_the_cap(crowds):
    drawn, where = chances(of(crowds)), of(crowds)
    shares = []
    for group in where.unique():
        several = drawn[where == group]
        assert len(several.unique()) == 1
        shares.append((float(several.sum()), bool(several[0] == MOST)))
    free = [share for share, capped in shares if not capped]
    assert max(free) - min(free) < 1e-3 * max(free)
    assert all(share <= max(free) * (1 + 1e-5) for share, _ in shares)


@given(WORDS)
def test_faces_are_in_one_group_just_where_they_have_the_same_word_or_none(words):
    if not any(words):
        with pytest.raises(UserError, match="none of the faces has a word"):
            groups(torch.zeros(len(words), 2), words, "class")
        return
    found = groups(torch.zeros(len(words), 2), words, "class").tolist()
    assert len(set(zip(found, words, strict=True))) == len(set(found)) == len(set(words))
    assert set(found) == set(range(len(set(words))))


@given(LABELS, st.integers(0, 9))
def test_without_balancing_and_of_a_single_class_a_pass_sees_each_face_once(labels, seed):
    words = ["sad"] * len(labels)
    for balance in ("none", "class"):
        lot = torch.Generator().manual_seed(seed)
        drawn = order(groups(labels, words, balance), lot)
        assert sorted(drawn.tolist()) == list(range(len(labels)))


def test_of_affects_crowded_around_neutral_all_cells_are_drawn_nearly_alike():
    lot = torch.Generator().manual_seed(0)
    labels = (torch.randn((30_000, 2), generator=lot) * 0.4).clamp(-1, 1)
    where = groups(labels, (), "plane")
    free = where[chances(where) < MOST].unique()
    assert len(free) > 45
    before, after = (
        torch.bincount(where[order(groups(labels, (), balance), lot)], minlength=CELLS**2)[free]
        for balance in ("none", "plane")
    )
    assert before.max() > 15 * before.min()
    assert after.max() < 1.4 * after.min()


def test_rare_words_are_drawn_as_often_as_common_ones():
    words = ["happy"] * 7000 + ["neutral"] * 2500 + ["fear"] * 400 + [""] * 100
    where = groups(torch.zeros(len(words), 2), words, "class")
    drawn = where[order(where, torch.Generator().manual_seed(0))]
    seen = torch.bincount(drawn)
    assert abs(int(seen[0]) - 1000) < 100  # no word: 100 faces, each at the cap
    assert (seen[1:] - 3000).abs().max() < 160


def test_a_single_face_is_not_seen_for_ever():
    labels = torch.tensor([[0.1, 0.1]] * 1900 + [[-0.9, 0.9]] * 99 + [[0.9, -0.9]])
    drawn = order(groups(labels, (), "plane"), torch.Generator().manual_seed(0))
    assert len(drawn) == 2000
    assert 1 <= int((drawn == 1999).sum()) <= 20  # of chances 10; uncapped, 667
