"""VGG-Face (Parkhi et al. 2015), the paper's, with weights of the user's own.

They are a safetensors file with `conv1_1.weight` [64, 3, 3, 3], `conv1_1.bias` [64], and so on, at
least up to the last stage that is asked for; channels are RGB. Other tensors are left alone.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import final

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from torch.nn.functional import interpolate, max_pool2d, relu

from affmem.errors import InputError
from affmem.files import check_tensors
from affmem_identity.config import STAGES

MEAN = (129.1863, 104.7624, 93.5940)
"""What is taken from red, green and blue (0..255): the mean of its training faces."""
SIDE = 224
"""Width and height of its input."""


@final
class VGGFace(nn.Module):
    """The convolutions of VGG-Face up to some stage; a stage's maps are those after its ReLU."""

    mean: Tensor

    def __init__(self, stages: Sequence[str]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(MEAN)[:, None, None], persistent=False)
        self.convolutions = nn.ModuleDict()
        inputs = 3
        for name in stages:
            outputs = min(512, 64 * 2 ** (int(name[4]) - 1))
            self.convolutions[name] = nn.Conv2d(inputs, outputs, 3, padding=1)
            inputs = outputs

    def walk(self, faces: Tensor) -> Iterator[tuple[str, Tensor]]:
        """As `Network` says."""
        x = interpolate(faces, (SIDE, SIDE), mode="bilinear") * 127.5 + 127.5 - self.mean
        block = "1"
        for name, convolution in self.convolutions.items():
            if name[4] != block:
                x, block = max_pool2d(x, 2), name[4]
            x = relu(convolution(x))
            yield name, x


def load(path: Path, stages: Sequence[str]) -> VGGFace:
    """The network up to the last of `stages`, frozen. Raises InputError where the file is absent,
    no safetensors, or lacks weights of the right shape."""
    if not path.is_file():
        raise InputError(path, "there is no such file; expected VGG-Face's weights as safetensors")
    known = STAGES["vgg-face"]
    last = max(known.index(stage) for stage in stages)
    network = VGGFace(known[: last + 1])
    try:
        check_tensors(path)
        with safe_open(path, "pt") as file:
            held = set(file.keys())
            for name, to in network.convolutions.named_parameters():
                if name not in held:
                    raise InputError(path, f"lacks the weights {name!r} of VGG-Face")
                weights = file.get_tensor(name)
                if weights.shape != to.shape or not torch.isfinite(weights).all():
                    raise InputError(
                        path,
                        f"the weights {name!r} are {list(weights.shape)}; "
                        f"expected {list(to.shape)}, all finite",
                    )
                to.data.copy_(weights)
    except (SafetensorError, OSError) as error:
        raise InputError(path, "is no safetensors file, or not a whole one") from error
    return network.requires_grad_(requires_grad=False).eval()
