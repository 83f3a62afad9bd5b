"""Training the prior knowledge: eq. (6) as one visible loop."""

import math
import time
from collections.abc import Iterator, Mapping
from copy import deepcopy
from itertools import islice
from pathlib import Path
from typing import final

import numpy as np
import torch
from attrs import asdict, frozen
from torch import Tensor, nn
from torch.nn.functional import mse_loss
from torch.optim import Adam, AdamW

from affmem import gallery
from affmem.errors import UserError
from affmem.gallery import SHOWN
from affmem.lot import Lot
from affmem.protocols import Runtime
from affmem.settings import plain
from affmem.terms import Examples, Fresh, Pass, Shape, TermConfig, sample
from affmem.values import Affect, Affects, Image, Pictures, Values
from affmem_pk.augment import afar, moved, relit, spoilt
from affmem_pk.checkpoint import fingerprint, save
from affmem_pk.config import TrainerConfig
from affmem_pk.learning import Learning
from affmem_pk.networks import Networks, initialize
from affmem_pk.origin import origin_of
from affmem_pk.ranks import advance, check_alike, check_divides, launched, means, mine, of_the_first
from affmem_pk.sampling import groups, order

BEST, LAST, STATE = "best.safetensors", "last.safetensors", "state.safetensors"
FITTED = 4000
"""Faces to whose codes D_em is fitted afterwards, at most, where no term trains it."""
FITTINGS = 400
"""Updates of that."""
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
    """Trainer "pk". On a CPU the same faces, settings and seed give the same weights.

    Into its folder go `best.safetensors` and `last.safetensors`, the running mean of the weights at
    the best CCC on the faces held out and at the end, `samples/`, and while it lasts
    `state.safetensors`.
    """

    shared = True

    def __init__(self, config: TrainerConfig, runtime: Runtime) -> None:
        self._config = config
        self._runtime = runtime
        self._origin = origin_of(config)
        self.by_emotion = "balance = 'class'" if config.balance == "class" else ""

    def train(
        self, examples: Examples, terms: Mapping[str, TermConfig], out: Path
    ) -> Iterator[Mapping[str, float]]:
        """Learn, as the protocol says; also yields, as means since the last report, what each term
        costs and how long each network's gradient is ("encoder_gradient", "real_gradient"); and the
        agreement (CCC) on the faces held out, of D_em ("ccc_arousal") and of D_em on edited
        faces with the affect asked for ("ccc_edit_arousal").

        Raises UserError, at once, where there are too few faces, or the labels or settings do not
        fit; and where a term stops being finite: `last.safetensors` is then the last good one.
        """
        config, fresh = self._config, examples.fresh
        pictures, labels = _checked(examples.faces, examples.affects)
        held = len(pictures) if fresh else round(len(pictures) * config.validation)
        count = len(pictures) - held
        if fresh and "emotion" not in terms:
            raise UserError(
                "endless: D_em has no faces to be fitted to afterwards; expected the term 'emotion'"
            )
        if fresh and config.balance != "none":
            raise UserError(
                f"endless: no face comes twice; expected balance = 'none', not {config.balance!r}"
            )
        grouped = groups(labels[:count], examples.emotions[:count], config.balance)
        return self._learn(_Faces(pictures, labels, grouped, held, fresh), terms, out)

    def _learn(  # noqa: PLR0912, PLR0915  (the loop is one piece on purpose)
        self, faces: "_Faces", terms: Mapping[str, TermConfig], out: Path
    ) -> Iterator[Mapping[str, float]]:
        config, origin = self._config, self._origin
        pictures, labels, grouped = faces.pictures, faces.labels, faces.grouped
        held, fresh = faces.held, faces.fresh
        count = len(pictures) - held
        size = config.batch if fresh else min(config.batch, count)
        redrawn = max(1, round(size * config.redrawn))

        # --- what is to be learnt -----------------------------------------------------------
        fabric = launched(self._runtime.device, config.precision)
        device, first = fabric.device, fabric.is_global_zero
        check_divides(fabric.world_size, size, redrawn)
        lot = torch.Generator().manual_seed(int(self._runtime.rng("trainer").integers(1 << 62)))
        shape = Shape(code=config.code, width=config.width)
        with torch.random.fork_rng(devices=[]):  # torch's own first weights are replaced at once
            torch.manual_seed(0)
            networks = Networks(config.network)
            sum_of = {name: one.build(self._runtime, shape) for name, one in terms.items()}
        critics = nn.ModuleDict(
            {name: term.critic for name, term in sum_of.items() if term.critic is not None}
        )
        initialize((networks, critics), config.init, lot)
        if origin:
            networks.load_state_dict(origin.networks.state_dict())
        for module in (networks, critics):
            module.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        learning = Learning(
            networks=networks,
            average=deepcopy(networks).requires_grad_(requires_grad=False).eval(),
            critics=critics,
            makers=_optimizer(networks, config.learning_rate, config),
            judges=_optimizer(critics, config.critic_rate, config) if len(critics) else None,
            precision=fabric.strategy.precision,
            lot=lot,
            origin=fingerprint(origin.networks, reader=True) if origin else None,
        )
        learning.resume(out / STATE)
        check_alike(fabric, len(pictures), learning.step)
        average, judges, makers = learning.average, learning.judges, learning.makers
        clip = math.inf if config.clip is None else config.clip
        parts = (*dict(networks.named_children()), *critics)
        told = (*terms, *(f"{name}_gradient" for name in parts))
        rank, world = fabric.global_rank, fabric.world_size
        rows = Lot(lot, rank, world)
        made = fresh(learning.step * size + rank, world) if fresh else None
        begun, seen = time.perf_counter(), 0

        def judge(faces: Tensor) -> Tensor:
            # It learns nothing from what G draws, so that the two cannot agree on a secret sign,
            # and sees it from afar, so that the finest grain hardly counts.
            shown = afar(faces, rows) if config.augment else faces
            affects: Tensor = average.reader(average.encoder(shown)).float()
            return affects

        for step in range(learning.step, config.steps):
            # --- this process' rows of a batch: `x` as it is to be rebuilt, seen by E spoilt ----
            if made:
                x, y = (one.to(device) for one in _next(made, size // world))
            else:
                if len(learning.order) < size:
                    learning.order = order(grouped, lot)
                chosen = mine(fabric, learning.order[:size])
                learning.order = learning.order[size:]
                x, y = _batch(pictures, chosen).to(device), labels[chosen].to(device)
            shown = x
            if config.augment:
                x = relit(moved(x, rows), rows)
                shown = spoilt(x, rows)
            m = redrawn // world
            asked = (rows.uniform(m, 2) * 2 - 1).to(device)
            weights = {name: one.weighs(step, config.steps) for name, one in terms.items()}
            due = [name for name, weight in weights.items() if weight > 0]
            for optimizer, rate in ((makers, config.learning_rate), (judges, config.critic_rate)):
                for group in optimizer.param_groups if optimizer else ():
                    group["lr"] = rate * pace(step, config)

            with fabric.autocast():
                # --- forward: E once, G once for what it rebuilds and what it edits -----------
                codes = networks.encoder(shown)
                pictured = networks.generator(
                    torch.cat([codes[:m], codes[:m]]), torch.cat([y[:m], asked])
                ).float()
                codes = codes.float()
                batch = Pass(
                    faces=x, affects=y, codes=codes, read=networks.reader(codes).float(),
                    rebuilt=pictured[:m], asked=asked, edited=pictured[m:],
                    judge=judge, lot=rows,
                )  # fmt: skip

                # --- 1. the critics -----------------------------------------------------------
                duels = [sum_of[name].duel(batch) for name in due if name in critics]
                norms: dict[str, float] = {}
                if judges is not None and duels:
                    judges.zero_grad()
                    fabric.backward(torch.stack(duels).sum())
                    norms |= advance(fabric, critics, judges, clip)

                # --- 2. E, G and D_em ---------------------------------------------------------
                critics.requires_grad_(requires_grad=False)
                costs = {name: sum_of[name].cost(batch) for name in due}
                loss = sum(
                    (weights[name] * cost for name, cost in costs.items()),
                    torch.zeros((), device=device),
                )
            makers.zero_grad()
            if loss.requires_grad:
                fabric.backward(loss)
            critics.requires_grad_(requires_grad=True)
            paid = means(fabric, costs)
            _check_finite(paid, step, out)
            if loss.requires_grad:
                norms |= advance(fabric, networks, makers, clip)

            # --- keep count -------------------------------------------------------------------
            _follow(average, networks, min(config.average, (step + 1) / (step + 10)))
            learning.step, seen = step + 1, seen + size
            learning.note(paid)
            learning.note({f"{k}_gradient": v for k, v in norms.items() if math.isfinite(v)})
            if learning.step % config.report == 0 or learning.step == config.steps:
                if "emotion" not in terms:
                    _read_afterwards(average, pictures[:count], labels[:count], config, device)
                figures = learning.figures(told)
                figures |= self._validate(average, pictures[count:], labels[count:], device)
                figures = of_the_first(fabric, figures)
                facts = {
                    "trainer": {**asdict(config), "checkpoint": origin.name if origin else None},
                    "began_from": origin.facts if origin else None,
                    "terms": {name: plain(one) for name, one in terms.items()},
                    "seed": self._runtime.seed,
                    "faces": learning.step * size if fresh else count,
                    "held_out": held,
                    "steps_done": learning.step,
                    "figures": {k: v for k, v in figures.items() if math.isfinite(v)},
                }
                better = learning.judge(figures)
                if first:
                    save(out / LAST, average, facts, half=config.half)
                    if better:
                        save(out / BEST, average, facts, half=config.half)
                    if config.samples:
                        path = sample(out, learning.step)
                        path.parent.mkdir(exist_ok=True)
                        unseen = pictures[count if held else 0 :]
                        gallery.save(_sheet(average, unseen, config.samples, device), path)
                speed = seen / (time.perf_counter() - begun)
                begun, seen = time.perf_counter(), 0
                yield {
                    "step": learning.step, "of": config.steps, **figures, "faces_per_second": speed
                }  # fmt: skip
                if config.patience and learning.worse >= config.patience:
                    break
            between = learning.step % config.save_every == 0 and learning.step < config.steps
            if between and first:
                learning.save(out / STATE)
        if first:
            (out / STATE).unlink(missing_ok=True)

    def _validate(
        self, networks: Networks, pictures: Tensor, labels: Tensor, device: torch.device
    ) -> dict[str, float]:
        if len(pictures) < 2:
            return {}
        # The same faces and the same edits each time, spread over all that is held out.
        rows = _spread(len(pictures), CHECKED)
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
        for prefix, truth, parts in (("ccc_", labels[rows], read), ("ccc_edit_", asked, back)):
            predicted = torch.cat(parts).cpu().numpy()
            for column, name in enumerate(("arousal", "valence")):
                figures[prefix + name] = agreement(truth[:, column].numpy(), predicted[:, column])
        return figures


@frozen(eq=False)
class _Faces:
    """What is learnt from: n faces uint8 [n, 96, 96, 3] and their labels [n, 2], on the CPU."""

    pictures: Tensor
    labels: Tensor
    grouped: Tensor
    """The group in which each of those is that are not held out"""
    held: int
    """How many are held out, the last ones"""
    fresh: Fresh | None


def _sheet(networks: Networks, pictures: Tensor, most: int, device: torch.device) -> Image:
    """A row for each of some pictures, from all over: itself, then G's edits of it, at `SHOWN`."""
    faces = _batch(pictures, _spread(len(pictures), most)).to(device)
    y = torch.tensor(SHOWN, device=device)
    with torch.inference_mode():
        rows = [
            torch.cat([face[None], networks.generator(code.expand(len(y), -1), y)])
            for face, code in zip(faces, networks.encoder(faces), strict=True)
        ]
    return gallery.sheet(torch.cat(rows).cpu().numpy(), 1 + len(SHOWN))


def _spread(count: int, most: int) -> Tensor:
    """Places of at most `most` of `count` things, evenly over all of them."""
    return torch.linspace(0, count - 1, min(count, most)).long()


def _optimizer(module: nn.Module, rate: float, config: TrainerConfig) -> Adam:
    kind = AdamW if config.optimizer == "adamw" else Adam
    return kind(module.parameters(), rate, betas=config.betas, weight_decay=config.weight_decay)


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


def _next(made: Iterator[tuple[Image, Affect]], size: int) -> tuple[Tensor, Tensor]:
    """So many faces from a stream, as `_batch` gives them, and their labels."""
    faces, affects = zip(*islice(made, size), strict=True)
    labels = [(one.arousal, one.valence) for one in affects]
    return _batch(torch.from_numpy(np.stack(faces)), torch.arange(size)), torch.tensor(labels)


def _check_finite(costs: Mapping[str, float], step: int, out: Path) -> None:
    """Raise UserError that names the term which is not finite any more."""
    for name, cost in costs.items():
        if not math.isfinite(cost):
            last = f"; {out / LAST} is the last good one" if (out / LAST).exists() else ""
            raise UserError(
                f"training came apart at step {step + 1}: term {name!r} is {cost}; "
                f"a smaller learning_rate, or weight of that term, may help{last}"
            )


def _read_afterwards(
    networks: Networks,
    pictures: Tensor,
    labels: Tensor,
    config: TrainerConfig,
    device: torch.device,
) -> None:
    """The separate classifier of P§3.2: D_em fitted to frozen codes, where no term trains it."""
    rows = _spread(len(pictures), FITTED)
    with torch.inference_mode():
        codes = torch.cat(
            [networks.encoder(_batch(pictures, part).to(device)) for part in torch.split(rows, 100)]
        )
    z, y = codes.clone(), labels[rows].to(device)
    lot = torch.Generator().manual_seed(0)
    initialize((networks.reader,), config.init, lot)
    networks.reader.requires_grad_(requires_grad=True)
    optimizer = Adam(networks.reader.parameters(), 3e-3)
    for _ in range(FITTINGS):
        chosen = torch.randint(len(z), (min(256, len(z)),), generator=lot)
        optimizer.zero_grad()
        torch.autograd.backward(mse_loss(networks.reader(z[chosen]), y[chosen]))
        optimizer.step()
    networks.reader.requires_grad_(requires_grad=False)


@torch.no_grad()
def _follow(average: Networks, networks: Networks, keep: float) -> None:
    """Move the running mean of the weights on by one step."""
    for mean, now in zip(average.parameters(), networks.parameters(), strict=True):
        mean.lerp_(now, 1.0 - keep)
