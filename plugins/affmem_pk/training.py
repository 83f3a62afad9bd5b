"""Training the prior knowledge: eq. (6) as one visible loop."""

import math
import time
from collections.abc import Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import final

import numpy as np
import torch
from attrs import asdict
from torch import Tensor, nn
from torch.optim import Adam

from affmem.errors import UserError
from affmem.protocols import Runtime
from affmem.values import Affects, Pictures, Values
from affmem_pk import losses
from affmem_pk.augment import moved, relit, spoilt
from affmem_pk.checkpoint import save
from affmem_pk.config import TrainerConfig
from affmem_pk.losses import Pass
from affmem_pk.networks import Networks, Prior, Real, initialize

CHECKED = 1000
"""How many of the faces held out are read at each report, at most; a fifth of them is edited."""


def agreement(truth: Values, predicted: Values) -> float:
    """Concordance correlation (D10); 0 where one side is constant, NaN where both are and equal.

    >>> agreement(np.array([0.0, 1.0]), np.array([0.0, 1.0]))
    1.0
    """
    off = float(truth.mean() - predicted.mean()) ** 2
    both = float(((truth - truth.mean()) * (predicted - predicted.mean())).mean())
    whole = float(truth.var() + predicted.var()) + off
    return 2.0 * both / whole if whole > 0 else math.nan


def pace(step: int, config: TrainerConfig) -> float:
    """What the learning rates are multiplied by at `step` (from 0): up, level, and down to zero."""
    fall = math.ceil(config.steps * (1.0 - config.cooldown))
    rise = min(1.0, (step + 1) / (config.warmup + 1))
    if step < fall:
        return rise
    return rise * 0.5 * (1.0 + math.cos(math.pi * (step - fall + 1) / (config.steps - fall + 1)))


@final
class PKTrainer:
    """Trainer "pk". On a CPU the same faces, settings and seed give the same weights."""

    def __init__(self, config: TrainerConfig, runtime: Runtime) -> None:
        self._config = config
        self._runtime = runtime

    def train(  # noqa: PLR0912, PLR0915  (the loop is one piece on purpose)
        self, faces: Pictures, affects: Affects, out: Path
    ) -> Iterator[Mapping[str, float]]:
        """Learn, as the protocol says; also yields each loss term and the agreement (CCC) on the
        faces held out, of D_em ("arousal", "valence") and of D_em on edited faces with the affect
        asked for ("edit_arousal", "edit_valence").

        Raises UserError where there are too few faces, the labels do not fit, or the loss stops
        being finite.
        """
        config = self._config
        pictures, labels = _checked(faces, affects)
        held = round(len(pictures) * config.validation)
        count = len(pictures) - held

        # --- what is to be learnt -----------------------------------------------------------
        lot = torch.Generator().manual_seed(int(self._runtime.rng("trainer").integers(1 << 62)))
        device = torch.device(self._runtime.device)
        with torch.random.fork_rng(devices=[]):  # torch's own first weights are replaced at once
            networks, prior, real = (
                Networks(config.network),
                Prior(config.network),
                Real(config.network),
            )
        initialize((networks, prior, real), config.init, lot)
        for module in (networks, prior, real):
            module.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        average = deepcopy(networks).requires_grad_(requires_grad=False).eval()
        weights = config.weights
        makers = Adam(networks.parameters(), config.learning_rate, betas=config.betas)
        critics = Adam(
            [*prior.parameters(), *real.parameters()], config.critic_rate, betas=config.betas
        )
        redrawn = max(1, round(min(config.batch, count) * config.redrawn))
        real_from = round(config.steps * config.real_from)
        edit_from = round(config.steps * config.edit_from)
        order, begun, seen = torch.empty(0, dtype=torch.long), time.perf_counter(), 0
        sums: dict[str, float] = {}

        for step in range(config.steps):
            # --- one batch: `x` as it is to be rebuilt, seen by E as a worse picture of it ------
            if len(order) < min(config.batch, count):
                order = torch.randperm(count, generator=lot)
            chosen, order = order[: config.batch], order[config.batch :]
            x, y = _batch(pictures, chosen).to(device), labels[chosen].to(device)
            shown = x
            if config.augment:
                x = relit(moved(x, lot), lot)
                shown = spoilt(x, lot)
            asked = (torch.rand((min(redrawn, len(x)), 2), generator=lot) * 2 - 1).to(device)
            drawn = (torch.rand((len(x), config.code), generator=lot) * 2 - 1).to(device)
            with_real = weights["real"] > 0 and step >= real_from and step % config.real_every == 0
            for group in (*makers.param_groups, *critics.param_groups):
                group["lr"] = group.setdefault("initial_lr", group["lr"]) * pace(step, config)

            with torch.autocast(device.type, torch.bfloat16, enabled=config.precision == "bf16"):
                # --- forward: E once, G once for what it rebuilds and what it edits -----------
                codes = networks.encoder(shown)
                m = len(asked)
                pictured = networks.generator(
                    torch.cat([codes[:m], codes[:m]]), torch.cat([y[:m], asked])
                ).float()
                codes = codes.float()
                batch = Pass(x, y, codes, pictured[:m], asked, pictured[m:])

                # --- 1. D_prior and D_real ----------------------------------------------------
                critics.zero_grad()
                duel = torch.zeros((), device=device)
                if weights["prior"] > 0:
                    duel = duel + losses.prior_critic(batch, drawn, prior)
                if with_real:
                    duel = duel + losses.real_critic(batch, real)
                if duel.requires_grad:
                    torch.autograd.backward(duel)
                    critics.step()

                # --- 2. E, G and D_em ---------------------------------------------------------
                def slow_reading(edited: Tensor) -> Tensor:
                    # The running mean of E and D_em judges: it learns nothing from what G draws,
                    # so that the two cannot agree on a secret sign.
                    seen = spoilt(edited, lot) if config.augment else edited
                    affects: Tensor = average.reader(average.encoder(seen)).float()
                    return affects

                terms = {
                    "reconstruction": losses.reconstruction(batch),
                    "emotion": losses.emotion(batch, networks.reader),
                }
                _freeze(prior, real)
                if weights["prior"] > 0:
                    terms["prior"] = losses.prior(batch, prior)
                if with_real:
                    terms["real"] = losses.real(batch, real)
                if weights["edit"] > 0 and step >= edit_from:
                    terms["edit"] = losses.edit_consistency(batch, slow_reading)
                if weights["variation"] > 0:
                    terms["variation"] = losses.total_variation(batch)
                loss = sum(
                    (weights[name] * term for name, term in terms.items()),
                    torch.zeros((), device=device),
                )
            makers.zero_grad()
            torch.autograd.backward(loss)
            makers.step()
            _freeze(prior, real, frozen=False)

            # --- keep count -------------------------------------------------------------------
            if not math.isfinite(loss.item()):
                raise UserError(
                    f"training came apart at step {step + 1}: the loss is {loss.item()};"
                    " a smaller learning_rate may help"
                )
            _follow(average, networks, min(config.average, (step + 1) / (step + 10)))
            seen += len(x)
            for name, term in terms.items():
                sums[name] = sums.get(name, 0.0) + term.item()
                sums[f"#{name}"] = sums.get(f"#{name}", 0.0) + 1
            done = step + 1
            if done % config.report and done < config.steps:
                continue
            figures = {name: sums[name] / sums[f"#{name}"] for name in weights if name in sums}
            figures |= self._validate(average, pictures[count:], labels[count:], device)
            if done == config.steps or (config.save_every and done % config.save_every == 0):
                facts = {
                    "trainer": asdict(config),
                    "seed": self._runtime.seed,
                    "faces": count,
                    "held_out": held,
                    "steps_done": done,
                    "figures": {k: v for k, v in figures.items() if math.isfinite(v)},
                }
                save(out, average, facts, half=config.half)
            speed = seen / (time.perf_counter() - begun)
            yield {"step": done, "of": config.steps, **figures, "faces_per_second": speed}
            begun, seen, sums = time.perf_counter(), 0, {}

    def _validate(
        self, networks: Networks, pictures: Tensor, labels: Tensor, device: torch.device
    ) -> dict[str, float]:
        if len(pictures) < 2:
            return {}
        # The same faces and the same edits each time, spread over all that is held out.
        rows = torch.linspace(0, len(pictures) - 1, min(len(pictures), CHECKED)).long()
        some = rows[::5]
        lot = torch.Generator().manual_seed(0)
        asked = torch.rand((len(some), 2), generator=lot) * 2 - 1
        read, back = [], []
        with torch.inference_mode():
            for part in torch.split(rows, 50):
                codes = networks.encoder(_batch(pictures, part).to(device))
                read.append(networks.reader(codes))
            for part, y in zip(torch.split(some, 50), torch.split(asked, 50), strict=True):
                codes = networks.encoder(_batch(pictures, part).to(device))
                edited = networks.generator(codes, y.to(device))
                back.append(networks.reader(networks.encoder(edited)))
        figures = {}
        for prefix, truth, parts in (("", labels[rows], read), ("edit_", asked, back)):
            predicted = torch.cat(parts).cpu().numpy()
            for column, name in enumerate(("arousal", "valence")):
                figures[prefix + name] = agreement(truth[:, column].numpy(), predicted[:, column])
        return figures


def _checked(pictures: Pictures, affects: Affects) -> tuple[Tensor, Tensor]:
    """The same as tensors; pictures go through without a copy."""
    if len(pictures) < 2:
        raise UserError(f"training needs at least 2 faces, and there are {len(pictures)}")
    if pictures.shape[1:] != (96, 96, 3) or pictures.dtype != np.uint8:
        raise UserError(
            f"faces must be uint8 (96, 96, 3), not {pictures.dtype} {pictures.shape[1:]}"
        )
    labels = np.asarray(affects, np.float32)
    if labels.shape != (len(pictures), 2):
        raise UserError(f"{len(pictures)} faces need as many labels of 2, not {labels.shape}")
    if not (np.abs(labels) <= 1.0).all():
        raise UserError("every face to train with needs its arousal and valence in [-1, 1]")
    if not pictures.flags.writeable:  # torch warns of what it could write to and must not
        pictures = pictures.copy()
    return torch.from_numpy(pictures), torch.from_numpy(labels.copy())


def _batch(pictures: Tensor, rows: Tensor) -> Tensor:
    """Faces float32 [n, 3, 96, 96] in [-1, 1], in the order of memory that convolutions like."""
    return pictures[rows].permute(0, 3, 1, 2).float() / 127.5 - 1.0


def _freeze(*modules: nn.Module, frozen: bool = True) -> None:
    for module in modules:
        module.requires_grad_(requires_grad=not frozen)


@torch.no_grad()
def _follow(average: Networks, networks: Networks, keep: float) -> None:
    """Move the running mean of the weights on by one step."""
    for mean, now in zip(average.parameters(), networks.parameters(), strict=True):
        mean.lerp_(now, 1.0 - keep)
