"""In which order a training sees its faces."""

import torch
from torch import Tensor

from affmem_pk.config import Balance

CELLS = 8
"""Cells of the grid over the plane, along each side."""
MOST = 10.0
"""How many times as often as without balancing a face may be drawn."""


def order(labels: Tensor, balance: Balance, lot: torch.Generator) -> Tensor:
    """The faces of one pass over the data, as rows [n] of `labels` [n, 2].

    With "none" each comes once; with "plane" each is drawn by its `chances`, with replacement.
    """
    if balance == "none":
        return torch.randperm(len(labels), generator=lot)
    return torch.multinomial(chances(labels), len(labels), replacement=True, generator=lot)


def chances(labels: Tensor) -> Tensor:
    """How often each of n faces is to be drawn beside the others, [n]: min(n / (k c), MOST), where
    k cells of a grid over the plane hold any and its own holds c.

    Every cell that holds any is drawn as often as another, but for the few whose faces the cap
    holds back: one face, seen hundreds of times, would be learnt by heart.

    >>> chances(torch.tensor([[-1.0, -1.0], [-0.9, -0.9], [-0.8, -1.0], [1.0, 1.0]])).tolist()
    [0.6666666865348816, 0.6666666865348816, 0.6666666865348816, 2.0]
    """
    crowd = torch.bincount(cells(labels), minlength=CELLS**2)
    filled = int((crowd > 0).sum())
    return (len(labels) / (filled * crowd[cells(labels)].float())).clamp(max=MOST)


def cells(labels: Tensor) -> Tensor:
    """In which cell of the grid each of `labels` [n, 2] lies: 0 to CELLS^2 - 1, [n].

    >>> cells(torch.tensor([[-1.0, -1.0], [-1.0, 1.0], [1.0, 1.0]])).tolist()
    [0, 7, 63]
    """
    places = ((labels + 1) / 2 * CELLS).long().clamp(0, CELLS - 1)
    return places[:, 0] * CELLS + places[:, 1]
