"""The networks that can be E, from a picture to its code; "paper" is P§2.1.1's.

Pictures are [n, 3, 96, 96] in [-1, 1], codes z [n, d] in [-1, 1]. None of them looks at the rest of
a batch, so that a face has the same code alone and among others.

Each has two halves: `maps`, what its last convolution says of a face, rectified [n, c, h, w]; and
`coded`, the code that it makes of them. Place i of a map is centred over pixel FIRST + 16 i.
"""

from itertools import pairwise
from typing import final

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from affmem_pk.config import Backbone, NetworkConfig

SIDE = 6
"""Width and height of the smallest feature maps of most networks: 96 / 2^4."""


def encoder(config: NetworkConfig) -> "AnyEncoder":
    """The E that `config` names."""
    kinds: dict[Backbone, type[AnyEncoder]]
    kinds = {"paper": Paper, "alexnet": AlexNet, "residual": Residual}
    return kinds[config.encoder](config)


def down(inputs: int, outputs: int) -> nn.Conv2d:
    """The paper's convolution, which halves width and height."""
    return nn.Conv2d(inputs, outputs, 5, stride=2, padding=2)


@final
class Paper(nn.Module):
    """Four convolutions (P§2.1.1)."""

    FIRST = 0

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        widths = [3, *(config.channels(full) for full in (64, 128, 256, 512))]
        self.convolutions = nn.ModuleList(map(down, widths, widths[1:]))
        self.code = nn.Linear(widths[-1] * SIDE * SIDE, config.code)

    def maps(self, faces: Tensor) -> Tensor:
        x = faces
        for convolution in self.convolutions:
            x = relu(convolution(x))
        return x

    def coded(self, maps: Tensor) -> Tensor:
        return torch.tanh(self.code(maps.flatten(1)))

    def forward(self, faces: Tensor) -> Tensor:
        return self.coded(self.maps(faces))


@final
class AlexNet(nn.Module):
    """Krizhevsky et al. 2012, as Mollahosseini et al. 2017 regressed affect with it.

    Of 96 x 96 pixels the last maps are 2 x 2 (6 x 6 of 227 x 227). One network reads arousal and
    valence, where they trained one each; without dropout, and not split over two processors.
    """

    FIRST = 15

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        widths = [3, *(config.channels(full) for full in (96, 256, 384, 384, 256))]
        kernels = [(11, 4, 2), (5, 1, 2), (3, 1, 1), (3, 1, 1), (3, 1, 1)]
        self.convolutions = nn.ModuleList(
            nn.Conv2d(inputs, outputs, size, stride=stride, padding=padding)
            for (inputs, outputs), (size, stride, padding) in zip(
                pairwise(widths), kernels, strict=True
            )
        )
        self.pool = nn.MaxPool2d(3, stride=2)
        self.norm = nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=2.0)
        units = config.channels(4096)
        self.hidden = nn.ModuleList([nn.Linear(widths[-1] * 2 * 2, units), nn.Linear(units, units)])
        self.code = nn.Linear(units, config.code)

    def maps(self, faces: Tensor) -> Tensor:
        x = faces
        for place, convolution in enumerate(self.convolutions):
            x = relu(convolution(x))
            if place in {0, 1}:
                x = self.norm(x.float()).to(x.dtype)  # torch cannot do it in bfloat16
                x = self.pool(x)
        return x

    def coded(self, maps: Tensor) -> Tensor:
        x = self.pool(maps).flatten(1)
        for layer in self.hidden:
            x = relu(layer(x))
        return torch.tanh(self.code(x))

    def forward(self, faces: Tensor) -> Tensor:
        return self.coded(self.maps(faces))


@final
class Residual(nn.Module):
    """Residual blocks before whose convolutions maps are normalised (He et al. 2016b).

    Each level halves width and height and adds one block; the code is read from the mean over all
    places. What normalises is group normalisation with one group (Wu & He 2018): it sees one
    picture alone.
    """

    FIRST = 0

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        widths = [3, *(config.channels(full) for full in (64, 128, 256, 512))]
        self.down = nn.ModuleList(
            nn.Conv2d(inputs, outputs, 3, stride=2, padding=1)
            for inputs, outputs in pairwise(widths)
        )
        self.blocks = nn.ModuleList(map(Block, widths[1:]))
        self.norm = nn.GroupNorm(1, widths[-1])
        self.code = nn.Linear(widths[-1], config.code)

    def maps(self, faces: Tensor) -> Tensor:
        x = faces
        for smaller, block in zip(self.down, self.blocks, strict=True):
            x = block(smaller(x))
        return relu(self.norm(x))

    def coded(self, maps: Tensor) -> Tensor:
        return torch.tanh(self.code(maps.mean((2, 3))))

    def forward(self, faces: Tensor) -> Tensor:
        return self.coded(self.maps(faces))


@final
class Block(nn.Module):
    """x plus what two convolutions make of it."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.GroupNorm(1, channels) for _ in range(2))
        self.convolutions = nn.ModuleList(
            nn.Conv2d(channels, channels, 3, padding=1) for _ in range(2)
        )

    def forward(self, x: Tensor) -> Tensor:
        y = x
        for norm, convolution in zip(self.norms, self.convolutions, strict=True):
            y = convolution(relu(norm(y)))
        return x + y


AnyEncoder = Paper | AlexNet | Residual
