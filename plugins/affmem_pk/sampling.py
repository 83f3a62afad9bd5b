"""In which order a training sees its faces."""

from collections.abc import Sequence

import torch
from torch import Tensor

from affmem.errors import UserError
from affmem_pk.config import Balance

CELLS = 8
"""Cells of the grid over the plane, along each side."""
MOST = 10.0
"""How many times as often as without balancing a face may be drawn."""


def groups(labels: Tensor, emotions: Sequence[str], balance: Balance) -> Tensor:
    """In which of the groups that are to be seen alike each of n faces is, from 0, [n].

    Faces have `labels` [n, 2] and words, n `emotions`. With "none" all are in one group, with
    "plane" those of a cell of a grid over the plane, with "class" those of a word: faces without
    one are a group too. Raises UserError where there is no word at all.
    """
    if balance == "plane":
        return cells(labels)
    if balance == "class":
        if not any(emotions):
            raise UserError("balance = 'class': none of the faces has a word for its emotion")
        number = {word: place for place, word in enumerate(sorted(set(emotions)))}
        return torch.tensor([number[word] for word in emotions])
    return torch.zeros(len(labels), dtype=torch.long)


def order(of: Tensor, lot: torch.Generator) -> Tensor:
    """The faces of one pass over the data, as rows [n] of the groups `of` them [n].

    Of a single group each comes once; of several, each is drawn by its `chances`, with replacement.
    """
    if of.min() == of.max():
        return torch.randperm(len(of), generator=lot)
    return torch.multinomial(chances(of), len(of), replacement=True, generator=lot)


def chances(of: Tensor) -> Tensor:
    """How often each of n faces in the groups `of` them [n] is to be drawn in a pass, [n]: in all
    n times, none more than MOST times, and within that every group as often as another.

    One face, seen hundreds of times, would be learnt by heart: so of a group too small for its
    share each is drawn MOST times, and the other groups share the rest.

    >>> chances(torch.tensor([5, 5, 5, 7])).tolist()
    [0.6666666865348816, 0.6666666865348816, 0.6666666865348816, 2.0]
    """
    crowd = torch.bincount(of).double()
    most = (MOST * crowd[crowd > 0]).sort().values
    rest = len(of) - (most.cumsum(0) - most)  # what is left when all smaller groups have theirs
    shares = rest / torch.arange(len(most), 0, -1)
    share = shares[most >= shares][0]
    return (share / crowd).clamp(max=MOST)[of].float()


def cells(labels: Tensor) -> Tensor:
    """In which cell of the grid each of `labels` [n, 2] lies: 0 to CELLS^2 - 1, [n].

    >>> cells(torch.tensor([[-1.0, -1.0], [-1.0, 1.0], [1.0, 1.0]])).tolist()
    [0, 7, 63]
    """
    places = ((labels + 1) / 2 * CELLS).long().clamp(0, CELLS - 1)
    return places[:, 0] * CELLS + places[:, 1]
