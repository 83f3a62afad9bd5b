"""The terms of eq. (6), each a pure function of one pass over a batch.

Identity loss (eq. 2) is not here yet: it needs a face network with weights of its own.
The adversarial terms are in their non-saturating form (Goodfellow et al. 2014, §3): what fools a
critic maximizes the log of its answer, as the printed form hardly has a gradient at first.
"""

from collections.abc import Callable

import torch
from attrs import frozen
from torch import Tensor
from torch.nn.functional import l1_loss, mse_loss, softplus

CodeReader = Callable[[Tensor], Tensor]
"""Codes [n, d] to affects [n, 2]."""
FaceReader = Callable[[Tensor], Tensor]
"""Faces [n, 3, 96, 96] to affects [n, 2]."""
CodeCritic = Callable[[Tensor], Tensor]
"""Codes [n, d] to the log-odds [n] that they were drawn from the prior."""
FaceCritic = Callable[[Tensor, Tensor], Tensor]
"""Faces and affects to the log-odds [n] that they are real."""


@frozen(eq=False)
class Pass:
    """One pass over a batch of n faces, of which G has redrawn the first m <= n."""

    faces: Tensor
    """[n, 3, 96, 96], [-1, 1]"""
    affects: Tensor
    """[n, 2], theirs"""
    codes: Tensor
    """[n, d], E(x)"""
    rebuilt: Tensor
    """[m, 3, 96, 96], G(E(x), y)"""
    asked: Tensor
    """[m, 2], y', by lot"""
    edited: Tensor
    """[m, 3, 96, 96], G(E(x), y')"""


def reconstruction(batch: Pass) -> Tensor:
    """Mean absolute error of the rebuilt faces (eq. 1, with D12's reading)."""
    return l1_loss(batch.rebuilt, batch.faces[: len(batch.rebuilt)])


def emotion(batch: Pass, read: CodeReader) -> Tensor:
    """Mean squared error of arousal plus that of valence (eq. 3)."""
    return 2.0 * mse_loss(read(batch.codes), batch.affects)


def prior(batch: Pass, critic: CodeCritic) -> Tensor:
    """What E pays for codes that D_prior tells from uniform ones (eq. 4)."""
    return softplus(-critic(batch.codes)).mean()


def prior_critic(batch: Pass, drawn: Tensor, critic: CodeCritic) -> Tensor:
    """What D_prior pays for taking uniform codes `drawn` and E's for one another (eq. 4)."""
    fake = critic(batch.codes.detach())
    return softplus(-critic(drawn)).mean() + softplus(fake).mean()


def real(batch: Pass, critic: FaceCritic) -> Tensor:
    """What G pays for edited faces that D_real sees through (eq. 5)."""
    return softplus(-critic(batch.edited, batch.asked)).mean()


def real_critic(batch: Pass, critic: FaceCritic) -> Tensor:
    """What D_real pays for taking real faces and edited ones for one another (eq. 5)."""
    m = len(batch.edited)
    true = critic(batch.faces[:m], batch.affects[:m])
    fake = critic(batch.edited.detach(), batch.asked)
    return softplus(-true).mean() + softplus(fake).mean()


def edit_consistency(batch: Pass, read: FaceReader) -> Tensor:
    """Squared error of the affect read from an edited face: ||D_em(E(G(z, y'))) - y'||^2."""
    return 2.0 * mse_loss(read(batch.edited), batch.asked)


def total_variation(batch: Pass) -> Tensor:
    """Mean absolute step between neighbouring pixels of edited faces, down plus across."""
    x = batch.edited
    down, across = x[:, :, 1:] - x[:, :, :-1], x[..., 1:] - x[..., :-1]
    return torch.abs(down).mean() + torch.abs(across).mean()
