"""Teaching the editor which codes its edits have: T(z, y) learns from E(G(z, y))."""

import math
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import final

import numpy as np
import torch
from attrs import asdict
from torch import Tensor, nn
from torch.nn.functional import mse_loss
from torch.optim import Adam

from affmem.errors import UserError
from affmem.protocols import Runtime
from affmem.terms import Examples, TermConfig
from affmem.values import DIMENSIONS, Affects, Codes
from affmem_pk.checkpoint import fingerprint, load
from affmem_pk.config import BUNDLED, LatentTrainerConfig, PKConfig
from affmem_pk.gathered import by_person, coded
from affmem_pk.latent import LatentNetwork, save
from affmem_pk.networks import Networks
from affmem_pk.pk import PK
from affmem_pk.training import BEST, LAST, agreement

DRAWN = 50
"""Edits drawn at a time."""
KEPT = 2000
"""Edits kept in one file, from which a training that was cut off goes on."""


@final
class LatentTrainer:
    """Trainer "latent". On a CPU the same faces, settings and seed give the same network.

    Into its folder go `best.safetensors` and `last.safetensors`, the latent editor at the smallest
    error on the persons held out and at the end. What takes long, the codes of faces and of their
    edits, is kept in `codes.npy` and `edits-N.npy` until it is finished, so that one that was cut
    off goes on with them.
    """

    def __init__(self, config: LatentTrainerConfig, runtime: Runtime) -> None:
        self._config = config
        self._runtime = runtime

    def train(
        self, examples: Examples, _terms: Mapping[str, TermConfig], out: Path
    ) -> Iterator[Mapping[str, float]]:
        """Learn, as the protocol says; terms play no part. Yields, on the persons held out, the
        root mean square error of a code over the deviation of all edits' codes ("code_error"), and
        how far D_em reads the codes that T says as it reads the edits ("ccc_arousal", ...).

        Raises UserError where there are fewer than two persons.
        """
        config = self._config
        path = config.checkpoint or BUNDLED
        pk, kept = PK(PKConfig(config.checkpoint), self._runtime), load(path)
        order, begins = by_person(examples.clips)
        persons = len(begins) - 1
        held = min(persons - 1, round(persons * config.validation))
        if persons < 2:
            raise UserError("a latent editor needs the faces of at least 2 persons to learn from")

        # --- faces, edits of each, and the codes of these -----------------------------------
        codes = coded(pk, examples, out / "codes.npy")[order].repeat(config.edits, axis=0)
        draws = self._runtime.rng("affects")
        asked = draws.uniform(-1.0, 1.0, (len(codes), 2)).astype(np.float32)
        edits = _edited(kept.networks, codes, asked, out, self._runtime.device)
        taught = int(begins[persons - held]) * config.edits
        unseen = slice(taught, None) if held else slice(0, None)
        z, y, goal = (torch.from_numpy(one[:taught]) for one in (codes, asked, edits))

        # --- what is to be learnt -----------------------------------------------------------
        lot = torch.Generator().manual_seed(int(self._runtime.rng("trainer").integers(1 << 62)))
        network = _Network(codes[:taught], config.hidden, lot)
        optimiser = Adam(network.parameters(), config.learning_rate)
        reader = kept.networks.reader
        best, begun, loss_of = math.inf, time.perf_counter(), []

        for step in range(config.steps):
            pace = 0.5 * (1.0 + math.cos(math.pi * step / config.steps))
            for group in optimiser.param_groups:
                group["lr"] = config.learning_rate * pace
            rows = torch.randint(taught, (min(config.batch, taught),), generator=lot)
            said = network(z[rows], y[rows])
            error = mse_loss(said / network.deviation, goal[rows] / network.deviation)
            loss = error + config.reading * mse_loss(reader(said), reader(goal[rows]))
            optimiser.zero_grad()
            torch.autograd.backward(loss)
            optimiser.step()
            loss_of.append(error.item())

            if (step + 1) % config.report == 0 or step + 1 == config.steps:
                now = network.frozen()
                figures = _agreement(now, pk, codes[unseen], asked[unseen], edits[unseen])
                about = {
                    "trainer": {**asdict(config), "checkpoint": path.name},
                    "seed": self._runtime.seed,
                    "persons": persons - held,
                    "held_out": held,
                    "edits": taught,
                    "steps_done": step + 1,
                    "figures": figures,
                }
                of = fingerprint(kept.networks)
                save(out / LAST, now, of, about, half=config.half)
                if not figures["code_error"] >= best:
                    best = figures["code_error"]
                    save(out / BEST, now, of, about, half=config.half)
                speed = len(loss_of) * len(rows) / (time.perf_counter() - begun)
                yield {
                    "step": step + 1, "of": config.steps, "error": float(np.mean(loss_of)),
                    **figures, "edits_per_second": speed,
                }  # fmt: skip
                begun, loss_of = time.perf_counter(), []
        for left in [out / "codes.npy", *out.glob("edits-*.npy")]:
            left.unlink(missing_ok=True)


class _Network(nn.Module):
    """The latent editor (`LatentNetwork` has its equations) while it learns."""

    def __init__(self, codes: Codes, hidden: int, lot: torch.Generator) -> None:
        super().__init__()
        self.mean = torch.from_numpy(codes.mean(0))
        self.deviation = torch.from_numpy(codes.std(0) + np.float32(1e-4))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(torch.randint(1 << 62, (), generator=lot)))
            self.code = nn.Linear(codes.shape[1], hidden)
            self.affect = nn.Linear(2, hidden, bias=False)
            self.hidden = nn.Linear(hidden, hidden)
            self.shift = nn.Linear(hidden, codes.shape[1])

    def forward(self, codes: Tensor, affects: Tensor) -> Tensor:
        of_face = self.code((codes - self.mean) / self.deviation)
        hidden = torch.relu(of_face + self.affect(affects))
        edits: Tensor = codes + self.deviation * self.shift(torch.relu(self.hidden(hidden)))
        return edits

    def frozen(self) -> LatentNetwork:
        """As it is now."""
        weights = {name: one.detach().numpy().copy() for name, one in self.named_parameters()}
        return LatentNetwork(
            mean=self.mean.numpy(),
            deviation=self.deviation.numpy(),
            code=weights["code.weight"],
            affect=weights["affect.weight"],
            bias=weights["code.bias"],
            hidden=weights["hidden.weight"],
            hidden_bias=weights["hidden.bias"],
            shift=weights["shift.weight"],
            shift_bias=weights["shift.bias"],
        )


def _edited(networks: Networks, codes: Codes, affects: Affects, out: Path, device: str) -> Codes:
    """E(G(z, y)) row by row; what is kept in `out` already is not drawn again."""
    networks = networks.to(device)
    edits = np.empty_like(codes)
    for part, first in enumerate(range(0, len(codes), KEPT)):
        rows = slice(first, first + KEPT)
        path = out / f"edits-{part}.npy"
        try:
            edits[rows] = np.load(path, allow_pickle=False)
        except (OSError, ValueError):
            edits[rows] = _drawn(networks, codes[rows], affects[rows], device)
            whole = path.with_suffix(".part.npy")
            np.save(whole, edits[rows], allow_pickle=False)
            whole.replace(path)
    networks.to("cpu")
    return edits


def _drawn(networks: Networks, codes: Codes, affects: Affects, device: str) -> Codes:
    edits = np.empty_like(codes)
    with torch.inference_mode():
        for first in range(0, len(codes), DRAWN):
            rows = slice(first, first + DRAWN)
            z, y = (torch.from_numpy(one[rows]).to(device) for one in (codes, affects))
            faces = networks.generator(z, y)
            edits[rows] = networks.encoder(faces).cpu().numpy()
    return edits


def _agreement(
    network: LatentNetwork, pk: PK, codes: Codes, affects: Affects, edits: Codes
) -> Mapping[str, float]:
    """How far what it says of edits is what they are."""
    said = np.concatenate(
        [network.edit(codes[row : row + 1], affects[row : row + 1]) for row in range(len(codes))]
    )
    off, spread = np.square(said - edits).mean(), edits.var(axis=0).mean()
    read, true = pk.read(said), pk.read(edits)
    return {
        "code_error": float(np.sqrt(off / spread)),
        **{
            f"ccc_{dimension}": agreement(true[:, column], read[:, column])
            for column, dimension in enumerate(DIMENSIONS)
        },
    }
