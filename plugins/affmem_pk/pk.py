"""The prior knowledge in use: E, D_em and G behind numpy."""

from collections.abc import Iterator
from copy import deepcopy
from functools import cached_property
from typing import final

import numpy as np
import torch
from torch import Tensor

from affmem.errors import InputError, UserError, unknown
from affmem.protocols import Encoder, Runtime
from affmem.values import MAPS, Affects, Code, Codes, Face, Faces, MapOf, Maps
from affmem_pk import latent
from affmem_pk.checkpoint import fingerprint, load
from affmem_pk.config import BUNDLED, BUNDLED_LATENT, PKConfig
from affmem_pk.encoders import SIDE
from affmem_pk.explaining import explain


@final
class PK:
    """Encoder, which can say where it looks, reader and editor of one checkpoint.

    As an editor it also says the codes of its edits, by a latent editor taught on this checkpoint.
    All three are pure; a face has the same code alone and in a batch, to within rounding.
    """

    def __init__(self, config: PKConfig, runtime: Runtime) -> None:
        path = config.checkpoint or BUNDLED
        if config.checkpoint is None and not path.is_file():
            raise InputError(path, "the checkpoint that ships with affmem is not installed")
        checkpoint = load(path)
        self._path, self._latent_path = path, config.latent or BUNDLED_LATENT
        self.network = checkpoint.networks.config
        """The shape of the networks."""
        self.facts = checkpoint.facts
        """What is known of their training."""
        self._batch = config.batch
        self._kind = torch.bfloat16 if config.precision == "bf16" else torch.float32
        try:
            self._device = torch.device(runtime.device)
            networks = checkpoint.networks.to(self._device)
        except (RuntimeError, AssertionError) as error:
            raise UserError(
                f"device {runtime.device!r} cannot be used here; expected cpu, cuda, cuda:1 or mps"
            ) from error
        self._alone = deepcopy(networks.encoder).to(self._kind)
        """E for one face: laid out as it is kept, which is then the faster way."""
        self._encoder = networks.encoder.to(self._kind, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._generator = networks.generator.to(self._kind, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._reader = networks.reader

    def encode(self, faces: Faces) -> Codes:
        """A code for each face. Raises ValueError where they are no faces of 3 x 96 x 96."""
        encoder = self._alone if len(faces) == 1 else self._encoder
        with torch.inference_mode():
            codes = [encoder(x).float().cpu() for x in self._batches(faces)]
        return torch.cat(codes).numpy()

    def explain(self, faces: Faces, of: MapOf) -> Maps:
        """Where E looks: `affmem_pk.explaining`. Raises ValueError where they are no faces."""
        if of not in MAPS:
            raise ValueError(unknown("map", of, MAPS))
        maps = [explain(self._encoder, self._reader, x, of) for x in self._batches(faces)]
        return torch.cat(maps).cpu().numpy()

    def read(self, codes: Codes) -> Affects:
        """The affect of each code, in [-1, 1]. Raises ValueError where they are no codes."""
        if codes.ndim != 2 or codes.shape[1] != self.network.code:
            raise ValueError(f"codes must be [n, {self.network.code}], not {list(codes.shape)}")
        with torch.inference_mode():
            z = torch.from_numpy(np.array(codes, np.float32, order="C")).to(self._device)
            affects: Affects = self._reader(z).cpu().numpy()
        return affects

    def edit(self, face: Face, affects: Affects) -> Faces:
        """The face once for each affect: G(E(x), y). Raises ValueError for affects not [n, 2]."""
        if affects.ndim != 2 or affects.shape[1] != 2:
            raise ValueError(f"affects must be [n, 2], not {list(affects.shape)}")
        faces = np.empty((len(affects), 3, 16 * SIDE, 16 * SIDE), np.float32)
        with torch.inference_mode():
            z = torch.from_numpy(self.encode(face[None])).to(self._device, self._kind)
            y = torch.from_numpy(np.array(affects, np.float32, order="C"))
            y = y.to(self._device, self._kind)
            for start in range(0, len(affects), self._batch):
                part = slice(start, start + self._batch)
                drawn = self._generator(z.expand(len(y[part]), -1), y[part])
                faces[part] = drawn.float().cpu().numpy()
        return faces

    @cached_property
    def fingerprint(self) -> str:
        """What tells this E and G from any other."""
        return fingerprint(load(self._path).networks)

    def check_encoder(self, encoder: Encoder) -> None:
        """Raises InputError unless there is a latent editor, and it is of this encoder."""
        if getattr(encoder, "fingerprint", None) != self._latent[1]:
            raise InputError(
                self._latent_path,
                "says the codes of another encoder than the experiment's; expected the same "
                'checkpoint in [encoder] and [editor], or start.by = "pixels"',
            )

    def edit_codes(self, code: Code, affects: Affects) -> Codes:
        """The code of each edit: T(z, y). Raises ValueError where they are no [1, d], [n, 2]."""
        if code.shape != (1, self.network.code):
            raise ValueError(f"a code must be [1, {self.network.code}], not {list(code.shape)}")
        if affects.ndim != 2 or affects.shape[1] != 2:
            raise ValueError(f"affects must be [n, 2], not {list(affects.shape)}")
        return self._latent[0].edit(code, affects)

    @cached_property
    def _latent(self) -> tuple[latent.LatentNetwork, str]:
        """The latent editor, and whose it is. Raises InputError unless that is this one's."""
        network, of = latent.load(self._latent_path)
        if of != self.fingerprint:
            raise InputError(
                self._latent_path,
                f"says the codes of another checkpoint than {self._path}; {latent.TEACH}",
            )
        return network, of

    def _batches(self, faces: Faces) -> Iterator[Tensor]:
        """The faces as the networks take them; of none, one batch of none."""
        if faces.ndim != 4 or faces.shape[1:] != (3, 16 * SIDE, 16 * SIDE):
            raise ValueError(f"faces must be [n, 3, 96, 96], not {list(faces.shape)}")
        for start in range(0, max(len(faces), 1), self._batch):
            x = np.array(faces[start : start + self._batch], np.float32, order="C")
            layout = torch.contiguous_format if len(faces) == 1 else torch.channels_last
            yield torch.from_numpy(x).to(self._device, self._kind, memory_format=layout)
