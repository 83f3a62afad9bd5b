"""Teaching how persons differ: many persons, each known by a random stretch of their frames."""

import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import final

import numpy as np
import torch
from attrs import asdict, frozen
from torch import Tensor, nn
from torch.nn.functional import gaussian_nll_loss, mse_loss
from torch.optim import AdamW

from affmem.errors import UserError
from affmem.protocols import Runtime
from affmem.terms import Examples, TermConfig
from affmem.values import DIMENSIONS, Affects, Clip, Codes
from affmem_pk.acquaintance import LAGS, Doubles, context, effective
from affmem_pk.checkpoint import load, save
from affmem_pk.config import BUNDLED, PersonalTrainerConfig, PKConfig
from affmem_pk.gathered import Places, by_person, coded
from affmem_pk.persons import PersonsNetwork
from affmem_pk.pk import PK
from affmem_pk.training import BEST, LAST, agreement

DOUBT = 0.1
"""Weight of the doubt's likelihood beside the squared error."""
MET = 32
"""By so many codes of a stretch its mean features are estimated while they are learnt."""


@frozen(eq=False)
class Lives:
    """The frames of all persons in one row after the other, and sums over them.

    A sum has a row more than there are frames, so that that over [a, b) is sums[b] - sums[a].
    """

    codes: Doubles
    """[n, d], standardised"""
    affects: Affects
    """[n, 2]"""
    begins: Places
    """[p + 1]: where each person's frames begin; the last is n"""
    totals: Doubles
    """[n + 1, d] sums of the codes"""
    squares: Doubles
    """[n + 1, d] sums of their squares"""
    changes: Doubles
    """By lag, [2, n + 1] sums of the changes, each at the later of its two frames"""
    pairs: Doubles
    """By lag, [2, n + 1] how many changes"""
    usual: Doubles
    """[d] deviation of a person's codes about the person's own mean"""
    half: float
    """At so many looks, a person is known by half"""

    def contexts(self, first: Places, last: Places, features: Doubles) -> Doubles:
        """What is known of a person by each of the stretches [first, last), given the means of
        their features, [s, k]: [s, 2 d + k + 1]."""
        count = (last - first).astype(np.float64)
        n = np.maximum(1.0, count)[:, None]
        centre = (self.totals[last] - self.totals[first]) / n
        variance = (self.squares[last] - self.squares[first]) / n - centre**2
        # The change at `first` would reach out of the stretch.
        inner = [(place, np.minimum(first + lag, last)) for place, lag in enumerate(LAGS)]
        changes = np.stack([self.changes[at, last] - self.changes[at, low] for at, low in inner])
        pairs = np.stack([self.pairs[at, last] - self.pairs[at, low] for at, low in inner])
        looks = effective(count, changes, pairs)
        spread = np.sqrt(variance.clip(0.0))
        return context(looks, centre, spread, features, self.usual, self.half)


@final
class PersonalTrainer:
    """Trainer "personal". On a CPU the same faces, settings and seed give the same network.

    Into its folder go `best.safetensors` and `last.safetensors`: the prior knowledge as it was, and
    the persons' network at the best CCC on the persons held out and at the end. Its codes are what
    takes long; they are kept in `codes.npy` until it is finished, so that one that was cut off
    begins again with them.
    """

    def __init__(self, config: PersonalTrainerConfig, runtime: Runtime) -> None:
        self._config = config
        self._runtime = runtime

    def train(  # noqa: PLR0915  (the loop is one piece on purpose)
        self, examples: Examples, _terms: Mapping[str, TermConfig], out: Path
    ) -> Iterator[Mapping[str, float]]:
        """Learn, as the protocol says; terms play no part. Yields the CCC on the persons held out,
        each frame read before it is seen: of the network that knows the person ("ccc_arousal",
        "ccc_valence"), that knows nobody ("ccc_alone_...") and of the prior knowledge
        ("ccc_pk_...").

        Raises UserError where there are fewer than two persons.
        """
        config = self._config
        path = config.checkpoint or BUNDLED
        pk, kept = PK(PKConfig(config.checkpoint), self._runtime), load(path)
        order, begins = by_person(examples.clips)
        affects = np.asarray(examples.affects, np.float32)[order]
        codes = coded(pk, examples, out / "codes.npy")[order]
        clips = [examples.clips[place] for place in order]
        persons = len(begins) - 1
        held = min(persons - 1, round(persons * config.validation))
        if persons < 2:
            raise UserError("a persons' network needs at least 2 persons to learn from")

        # --- what is to be learnt -----------------------------------------------------------
        lot = torch.Generator().manual_seed(int(self._runtime.rng("trainer").integers(1 << 62)))
        draws = self._runtime.rng("stretches")
        network = _Network(codes.shape[1], config, lot)
        taught = begins[: persons - held + 1]
        network.measure(codes[: taught[-1]], taught)
        lives = _lives(codes, affects, clips, begins, network.frozen())
        unseen = slice(int(taught[-1]), None) if held else slice(0, None)
        optimiser = AdamW(network.parameters(), config.learning_rate, weight_decay=config.decay)
        prior = pk.read(codes[unseen])
        best, begun, loss_of = -np.inf, time.perf_counter(), []

        for step in range(config.steps):
            for group in optimiser.param_groups:
                group["lr"] = config.learning_rate * (1.0 - step / config.steps)
            # --- persons, a stretch by which each is known, and other faces of theirs -----------
            who = draws.integers(len(taught) - 1, size=config.batch)
            start, size = taught[who], np.diff(taught)[who]
            length = (draws.random(config.batch) * (size + 1)).astype(np.int64)
            first = start + (draws.random(config.batch) * (size - length + 1)).astype(np.int64)
            known = lives.contexts(first, first + length, np.empty((config.batch, 0)))
            met = lives.codes[_spread(draws, first, length, len(codes))].astype(np.float32)
            shown = start[:, None] + (
                draws.random((config.batch, config.faces)) * size[:, None]
            ).astype(np.int64)
            z, seen = (
                one + config.noise * torch.randn(one.shape, generator=lot)
                for one in map(torch.from_numpy, (lives.codes[shown].astype(np.float32), met))
            )
            c = network.context(torch.from_numpy(known.astype(np.float32)), seen)
            c = c[:, None].expand(-1, config.faces, -1)
            y = torch.from_numpy(lives.affects[shown])

            # --- the affect, and how far off it is ----------------------------------------------
            read, doubt = network(z, c, lot)
            error = mse_loss(read, y)
            loss = error + DOUBT * gaussian_nll_loss(read.detach(), y, doubt.exp())
            optimiser.zero_grad()
            torch.autograd.backward(loss)
            optimiser.step()
            loss_of.append(error.item())

            if (step + 1) % config.report == 0 or step + 1 == config.steps:
                now = network.frozen()
                truth = affects[unseen]
                systems = {
                    "": _met(now, lives, unseen),
                    "alone_": now.read(codes[unseen], now.biases(now.nobody()))[0],
                    "pk_": prior,
                }  # fmt: skip
                figures = {
                    f"ccc_{prefix}{dimension}": agreement(truth[:, column], said[:, column])
                    for prefix, said in systems.items()
                    for column, dimension in enumerate(DIMENSIONS)
                }
                about = {
                    "trainer": {**asdict(config), "checkpoint": path.name},
                    "seed": self._runtime.seed,
                    "persons": persons - held,
                    "held_out": held,
                    "faces": int(taught[-1]),
                    "steps_done": step + 1,
                    "figures": figures,
                }
                told = {**kept.facts, "persons": about}
                save(out / LAST, kept.networks, told, now, half=config.half)
                reached = figures["ccc_arousal"] + figures["ccc_valence"]
                if not reached <= best:  # an undefined one is better than none
                    best = reached
                    save(out / BEST, kept.networks, told, now, half=config.half)
                speed = len(loss_of) * config.batch * config.faces / (time.perf_counter() - begun)
                yield {
                    "step": step + 1, "of": config.steps, "error": float(np.mean(loss_of)),
                    **figures, "faces_per_second": speed,
                }  # fmt: skip
                begun, loss_of = time.perf_counter(), []
        (out / "codes.npy").unlink(missing_ok=True)


class _Network(nn.Module):
    """The persons' network (`PersonsNetwork` has its equations) while it learns."""

    def __init__(self, width: int, config: PersonalTrainerConfig, lot: torch.Generator) -> None:
        super().__init__()
        self._drop, self._half = config.dropout, config.looks
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(torch.randint(1 << 62, (), generator=lot)))
            self.feature = nn.Linear(width, config.features)
            self.hidden = nn.Linear(3 * width + config.features + 1, config.hidden)
            self.affect = nn.Linear(config.hidden, 2)
            self.doubt = nn.Linear(config.hidden, 2)
        self._mean = self._deviation = self._within = np.ones(width, np.float32)

    def measure(self, codes: Codes, begins: Places) -> None:
        """Mean and deviation of the codes, and how much of it is within persons."""
        self._mean = codes.mean(0)
        self._deviation = codes.std(0) + np.float32(1e-4)
        own = [codes[a:b].var(0) for a, b in pairwise(begins)]
        within = np.mean(own, axis=0) / self._deviation**2
        self._within = np.maximum(within, 1e-4).astype(np.float32)

    def context(self, known: Tensor, seen: Tensor) -> Tensor:
        """Contexts without features [s, 2 d + 1], with those of some codes of each stretch."""
        w = known[:, -1:] + 0.5
        means = torch.relu(self.feature(seen)).mean(1)
        return torch.cat([known[:, :-1], w * means, known[:, -1:]], dim=-1)

    def forward(self, z: Tensor, c: Tensor, lot: torch.Generator) -> tuple[Tensor, Tensor]:
        hidden = torch.relu(self.hidden(torch.cat([z, c], dim=-1)))
        kept = torch.rand(hidden.shape, generator=lot) >= self._drop
        hidden = hidden * kept / (1.0 - self._drop)
        return self.affect(hidden), self.doubt(hidden)

    def frozen(self) -> PersonsNetwork:
        """As it is now."""
        width = self._mean.size
        weights = self.hidden.weight.detach().numpy().copy()
        return PersonsNetwork(
            mean=self._mean,
            deviation=self._deviation,
            within=self._within,
            feature=self.feature.weight.detach().numpy().copy(),
            feature_bias=self.feature.bias.detach().numpy().copy(),
            code=np.ascontiguousarray(weights[:, :width]),
            person=np.ascontiguousarray(weights[:, width:]),
            bias=self.hidden.bias.detach().numpy().copy(),
            affect=self.affect.weight.detach().numpy().copy(),
            affect_bias=self.affect.bias.detach().numpy().copy(),
            doubt=self.doubt.weight.detach().numpy().copy(),
            doubt_bias=self.doubt.bias.detach().numpy().copy(),
            half=self._half,
        )


def _lives(
    codes: Codes, affects: Affects, clips: Sequence[Clip], begins: Places, network: PersonsNetwork
) -> Lives:
    z = network.standardised(codes)
    numbers = np.cumsum([False, *(one != other for one, other in pairwise(clips))])
    changes, pairs = np.zeros((2, len(LAGS), len(z)))
    for place, lag in enumerate(LAGS):
        changes[place, lag:] = ((z[lag:] - z[:-lag]) ** 2 / (2.0 * network.within)).mean(axis=1)
        pairs[place, lag:] = numbers[lag:] == numbers[:-lag]
    return Lives(
        codes=z,
        affects=affects,
        begins=begins,
        totals=_sums(z),
        squares=_sums(z * z),
        changes=_sums((changes * pairs).T).T,
        pairs=_sums(pairs.T).T,
        usual=np.sqrt(network.within.astype(np.float64)),
        half=network.half,
    )


def _sums(values: Doubles) -> Doubles:
    """Over the rows before each, and over all."""
    return np.concatenate([np.zeros((1, *values.shape[1:])), np.cumsum(values, axis=0)])


def _spread(draws: np.random.Generator, first: Places, length: Places, count: int) -> Places:
    """[s, `MET`] of `count` places, all over each of the stretches; any one for an empty one."""
    shares = (np.arange(MET) + draws.random((len(first), MET))) / MET
    places = first[:, None] + (shares * length[:, None]).astype(np.int64)
    return np.minimum(places, count - 1)


def _met(network: PersonsNetwork, lives: Lives, part: slice) -> Affects:
    """Each frame of a part read with what was seen of its person before."""
    rows = np.arange(len(lives.codes))[part]
    begins = lives.begins[np.searchsorted(lives.begins, rows, side="right") - 1]
    sums = _sums(np.maximum(lives.codes @ network.feature.T + network.feature_bias, 0.0))
    means = (sums[rows] - sums[begins]) / np.maximum(1, rows - begins)[:, None]
    known = lives.contexts(begins, rows, means).astype(np.float32)
    persons = known @ network.person.T + network.bias
    raw = (lives.codes[part] * network.deviation + network.mean).astype(np.float32)
    return network.read(raw, persons)[0]
