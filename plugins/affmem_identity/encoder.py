"""Whose face it is, as numbers."""

from typing import final

import numpy as np
import torch

from affmem.values import Codes, Faces
from affmem_identity.dlib import ResNet


@final
class Identity:
    """Encoder of the identity network."""

    def __init__(self, network: ResNet, batch: int, device: str) -> None:
        self._network = network.to(device)
        self._batch, self._device = batch, device

    def encode(self, faces: Faces) -> Codes:
        """A code for each face. Raises ValueError where they are no faces of 3 x 96 x 96."""
        if faces.ndim != 4 or faces.shape[1:] != (3, 96, 96):
            raise ValueError(f"faces must be [n, 3, 96, 96], not {list(faces.shape)}")
        codes = np.empty((len(faces), 128), np.float32)
        with torch.inference_mode():
            for start in range(0, len(faces), self._batch):
                part = slice(start, start + self._batch)
                x = torch.from_numpy(np.array(faces[part], np.float32, order="C"))
                walk = self._network.walk(x.to(self._device))
                codes[part] = self._network.code(walk).cpu().numpy()
        return codes
