"""The identity-preserving loss (eq. 2)."""

from collections.abc import Sequence
from typing import final

import torch
from torch import Tensor, nn
from torch.nn.functional import l1_loss

from affmem.terms import Pass
from affmem_identity.networks import Network


@final
class IdentityTerm:
    """Mean absolute difference of each stage's maps of x and of G(E(x), y), summed over stages."""

    critic: nn.Module | None = None

    def __init__(self, network: Network, stages: Sequence[str], device: str) -> None:
        network.to(device)
        self._network, self._stages = network, frozenset(stages)

    def duel(self, batch: Pass) -> Tensor:
        """There is no critic."""
        return torch.zeros((), device=batch.codes.device)

    def cost(self, batch: Pass) -> Tensor:
        """Gradients go to what rebuilt the faces, and nowhere else."""
        with torch.no_grad():
            wanted = self._maps(batch.faces[: len(batch.rebuilt)])
        found = self._maps(batch.rebuilt)
        paid = [l1_loss(found[name].float(), wanted[name].float()) for name in found]
        return torch.stack(paid).sum()

    def _maps(self, faces: Tensor) -> dict[str, Tensor]:
        maps = {}
        for name, x in self._network.walk(faces):
            if name in self._stages:
                maps[name] = x
            if len(maps) == len(self._stages):
                break
        return maps
