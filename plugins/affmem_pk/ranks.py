"""Several processes that train one model: each takes its rows of a batch, gradients are shared.

Under `torchrun` every process runs the same command, draws the same random numbers and keeps the
same weights; only the first one writes.
"""

import os
from collections.abc import Iterable

import torch
from attrs import frozen
from torch import Tensor, distributed, nn

from affmem.errors import UserError


@frozen
class Ranks:
    """This process among all."""

    rank: int = 0
    world: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the one that writes."""
        return self.rank == 0

    def mine(self, rows: Tensor) -> Tensor:
        """This process' rows of a batch: every `world`-th."""
        return rows[self.rank :: self.world]

    def share(self, parameters: Iterable[nn.Parameter]) -> None:
        """Put the mean over all processes in place of each gradient, so that they stay alike.

        Costs are means over rows and every process has as many, so this is the whole batch's.
        """
        if self.world == 1:
            return
        graded = [one.grad for one in parameters if one.grad is not None]
        if not graded:
            return
        flat = torch.cat([one.flatten() for one in graded])
        distributed.all_reduce(flat)
        flat /= self.world
        for one, part in zip(
            graded, torch.split(flat, [one.numel() for one in graded]), strict=True
        ):
            one.copy_(part.view_as(one))


def joined(device: torch.device) -> Ranks:
    """This process' place among those that `torchrun` started; alone without it."""
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        return Ranks()
    if not distributed.is_initialized():
        distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    return Ranks(distributed.get_rank(), world)


def check_divides(world: int, batch: int, redrawn: int) -> None:
    """Raise UserError unless every process can have as many rows as the others."""
    for name, rows in (("batch", batch), ("redrawn faces of a batch", redrawn)):
        if rows % world:
            raise UserError(f"{world} processes cannot share {name} of {rows} evenly")
