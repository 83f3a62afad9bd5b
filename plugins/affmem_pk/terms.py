"""The terms of eq. (6), each a function of one pass over a batch; two of them with critics.

Identity loss (eq. 2) is not here yet: it needs a face network with weights of its own.
"""

from typing import final

import torch
from torch import Tensor, nn
from torch.nn.functional import l1_loss, mse_loss, relu, softplus

from affmem.lot import Lot
from affmem.terms import Pass, Shape
from affmem_pk.config import Form, NetworkConfig, PriorConfig, RealConfig
from affmem_pk.networks import Prior, Real


class Plain:
    """A term without a critic."""

    critic: nn.Module | None = None

    def duel(self, batch: Pass) -> Tensor:
        return torch.zeros((), device=batch.codes.device)


@final
class Reconstruction(Plain):
    """Mean absolute error of the rebuilt faces (eq. 1, with D12's reading)."""

    def cost(self, batch: Pass) -> Tensor:
        return l1_loss(batch.rebuilt, batch.faces[: len(batch.rebuilt)])


@final
class Emotion(Plain):
    """Mean squared error of arousal plus that of valence (eq. 3)."""

    def cost(self, batch: Pass) -> Tensor:
        return 2.0 * mse_loss(batch.read, batch.affects)


@final
class Edit(Plain):
    """Squared error of the affect read from an edited face: ||D_em(E(G(z, y'))) - y'||^2."""

    def cost(self, batch: Pass) -> Tensor:
        return 2.0 * mse_loss(batch.judge(batch.edited), batch.asked)


@final
class Variation(Plain):
    """Mean absolute step between neighbouring pixels of edited faces, down plus across."""

    def cost(self, batch: Pass) -> Tensor:
        x = batch.edited
        down, across = x[:, :, 1:] - x[:, :, :-1], x[..., 1:] - x[..., :-1]
        return torch.abs(down).mean() + torch.abs(across).mean()


@final
class PriorDuel:
    """D_prior against E: codes are to look drawn from a uniform distribution (eq. 4)."""

    def __init__(self, config: PriorConfig, shape: Shape) -> None:
        self._form, self._penalty = config.form, config.penalty
        self.critic = Prior(NetworkConfig(width=shape.width, code=shape.code), config.spectral)

    def duel(self, batch: Pass) -> Tensor:
        codes = batch.codes.detach()
        drawn = (batch.lot.uniform(*codes.shape) * 2 - 1).to(codes.device)
        paid = judged(self._form, self.critic(drawn), self.critic(codes))
        if self._form == "wasserstein":
            between = mixed(drawn, codes, batch.lot)
            paid = paid + self._penalty * steepness(between, self.critic(between))
        return paid

    def cost(self, batch: Pass) -> Tensor:
        return fooled(self._form, self.critic(batch.codes))


@final
class RealDuel:
    """D_real against G: edited faces are to look like photographs showing y' (eq. 5)."""

    def __init__(self, config: RealConfig, shape: Shape) -> None:
        self._form, self._penalty = config.form, config.penalty
        network = NetworkConfig(width=shape.width, code=shape.code)
        self.critic = Real(network, config.affect, config.spectral)

    def duel(self, batch: Pass) -> Tensor:
        m = len(batch.edited)
        faces, affects, edited = batch.faces[:m], batch.affects[:m], batch.edited.detach()
        paid = judged(self._form, self.critic(faces, affects), self.critic(edited, batch.asked))
        if self._form == "wasserstein":
            between = mixed(faces, edited, batch.lot)
            paid = paid + self._penalty * steepness(between, self.critic(between, affects))
        return paid

    def cost(self, batch: Pass) -> Tensor:
        return fooled(self._form, self.critic(batch.edited, batch.asked))


def judged(form: Form, true: Tensor, fake: Tensor) -> Tensor:
    """What a critic pays whose scores [n] these are."""
    match form:
        case "logistic":  # -log of the chance of being right (Goodfellow et al. 2014)
            return softplus(-true).mean() + softplus(fake).mean()
        case "hinge":  # Lim & Ye 2017
            return relu(1.0 - true).mean() + relu(1.0 + fake).mean()
        case "squares":  # Mao et al. 2017
            return ((true - 1.0) ** 2).mean() + (fake**2).mean()
        case "wasserstein":  # Arjovsky et al. 2017
            return fake.mean() - true.mean()


def fooled(form: Form, fake: Tensor) -> Tensor:
    """What is paid by what made the fakes; "logistic" in the form that does not saturate."""
    match form:
        case "logistic":
            return softplus(-fake).mean()
        case "squares":
            return ((fake - 1.0) ** 2).mean()
        case "hinge" | "wasserstein":
            return -fake.mean()


def mixed(one: Tensor, other: Tensor, lot: Lot) -> Tensor:
    """Points by lot on the ways between the rows of both, ready to be differentiated by."""
    share = lot.uniform(len(one)).to(one.device)
    share = share.reshape(-1, *[1] * (one.ndim - 1))
    return torch.lerp(one.detach(), other.detach(), share).requires_grad_()


def steepness(points: Tensor, scores: Tensor) -> Tensor:
    """Mean squared distance of the gradient's norm from 1 (Gulrajani et al. 2017, eq. 3)."""
    (slope,) = torch.autograd.grad(scores.sum(), points, create_graph=True)
    norms: Tensor = torch.linalg.vector_norm(slope.flatten(1), dim=1)
    return ((norms - 1.0) ** 2).mean()
