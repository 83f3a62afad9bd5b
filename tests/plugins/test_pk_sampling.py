"""Faces in an order: each once, or crowded places of the plane less often."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from affmem_pk.sampling import CELLS, MOST, cells, chances, order

LABELS = st.lists(
    st.tuples(*[st.floats(-1, 1, width=32)] * 2), min_size=1, max_size=60
).map(torch.tensor)  # fmt: skip


@given(LABELS)
def test_a_face_s_cell_is_where_its_affect_lies(labels):
    for cell, (arousal, valence) in zip(cells(labels).tolist(), labels.tolist(), strict=True):
        for place, value in zip(divmod(cell, CELLS), (arousal, valence), strict=True):
            assert abs(value - ((place + 0.5) * 2 / CELLS - 1)) <= 1 / CELLS + 1e-6


@given(LABELS)
def test_every_filled_cell_has_the_same_chance_unless_a_face_s_would_pass_the_cap(labels):
    drawn, where = chances(labels), cells(labels)
    share = len(labels) / len(where.unique())
    for cell in where.unique():
        one = drawn[where == cell].tolist()
        assert len(set(one)) == 1
        assert abs(one[0] - min(share / len(one), MOST)) < 1e-4


@given(LABELS, st.integers(0, 9))
def test_without_balancing_a_pass_sees_each_face_once(labels, seed):
    lot = torch.Generator().manual_seed(seed)
    assert sorted(order(labels, "none", lot).tolist()) == list(range(len(labels)))


def test_of_affects_crowded_around_neutral_all_cells_are_drawn_nearly_alike():
    lot = torch.Generator().manual_seed(0)
    labels = (torch.randn((30_000, 2), generator=lot) * 0.4).clamp(-1, 1)
    free = cells(labels[chances(labels) < MOST]).unique()
    assert len(free) > 50
    before, after = (
        torch.bincount(cells(labels[order(labels, balance, lot)]), minlength=CELLS**2)[free]
        for balance in ("none", "plane")
    )
    assert before.max() > 15 * before.min()
    assert after.max() < 1.4 * after.min()


def test_a_single_face_is_not_seen_for_ever():
    labels = torch.tensor([[0.1, 0.1]] * 1900 + [[-0.9, 0.9]] * 99 + [[0.9, -0.9]])
    drawn = order(labels, "plane", torch.Generator().manual_seed(0))
    assert len(drawn) == 2000
    assert 3 <= int((drawn == 1999).sum()) <= 35  # of weights 667 : 667 : 10; uncapped, 667
