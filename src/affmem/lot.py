"""Random numbers for the rows of a batch, the same ones however many processes share it."""

from typing import final

import torch
from torch import Tensor


@final
class Lot:
    """Draws float32 on the CPU, of the shape asked for; rows are those of this process.

    Every process draws what one alone would for the whole batch, and takes its own rows of it:
    every `world`-th from number `rank` on.

    >>> whole = Lot(torch.Generator().manual_seed(1)).uniform(4, 2)
    >>> halves = [Lot(torch.Generator().manual_seed(1), rank, 2).uniform(2, 2) for rank in (0, 1)]
    >>> torch.equal(torch.stack(halves, 1).flatten(0, 1), whole)
    True
    """

    def __init__(self, generator: torch.Generator, rank: int = 0, world: int = 1) -> None:
        self._generator, self._rank, self._world = generator, rank, world

    def uniform(self, rows: int, *shape: int) -> Tensor:
        """[rows, *shape] in [0, 1)."""
        return self._mine(torch.rand((rows * self._world, *shape), generator=self._generator))

    def normal(self, rows: int, *shape: int) -> Tensor:
        """[rows, *shape] about 0, of deviation 1."""
        return self._mine(torch.randn((rows * self._world, *shape), generator=self._generator))

    def _mine(self, whole: Tensor) -> Tensor:
        return whole[self._rank :: self._world]
