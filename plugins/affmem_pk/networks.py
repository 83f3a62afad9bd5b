"""The networks of the prior knowledge, plainly (P§2.1.1-2.1.4, Figure 1); E is in `encoders`.

Pictures are [n, 3, 96, 96] in [-1, 1], codes z [n, d] in [-1, 1], affects y [n, 2].
"""

import math
from collections.abc import Iterable
from itertools import pairwise
from typing import Literal, final

import torch
from torch import Tensor, nn
from torch.nn.functional import relu
from torch.nn.utils.parametrizations import spectral_norm

from affmem_pk.config import NetworkConfig
from affmem_pk.encoders import SIDE, down, encoder

REPEATS = 50
"""How often arousal and valence each stand in G's input, so that they weigh as much as z."""


def _as_it_is(layer: nn.Module) -> nn.Module:
    return layer


@final
class Generator(nn.Module):
    """G: a code and an affect to a picture."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        widths = [config.channels(full) for full in (1024, 512, 256, 128, 64)]
        self.channels = widths[0]
        self.start = nn.Linear(config.code + 2 * REPEATS, widths[0] * SIDE * SIDE)
        last = config.channels(32)
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(inputs, outputs, 5, stride=2, padding=2, output_padding=1)
            for inputs, outputs in pairwise(widths)
        )
        self.refine = nn.ConvTranspose2d(widths[-1], last, 5, padding=2)
        self.paint = nn.ConvTranspose2d(last, 3, 5, padding=2)

    def forward(self, codes: Tensor, affects: Tensor) -> Tensor:
        x = relu(self.start(torch.cat([codes, affects.repeat_interleave(REPEATS, 1)], 1)))
        x = x.reshape(len(x), self.channels, SIDE, SIDE)
        x = x.contiguous(memory_format=torch.channels_last)
        for up in self.up:
            x = relu(up(x))
        picture: Tensor = torch.tanh(self.paint(relu(self.refine(x))))
        return picture


@final
class Reader(nn.Module):
    """D_em: a code to the affect that it shows."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.hidden = nn.Linear(config.code, config.hidden)
        self.affect = nn.Linear(config.hidden, 2)

    def forward(self, codes: Tensor) -> Tensor:
        affects: Tensor = torch.tanh(self.affect(relu(self.hidden(codes))))
        return affects


@final
class Prior(nn.Module):
    """D_prior: a code to the log-odds that it was drawn from the uniform distribution."""

    def __init__(self, config: NetworkConfig, spectral: bool = False) -> None:  # noqa: FBT001, FBT002
        super().__init__()
        widths = [config.code, 64, 32, 16, 1]
        held = spectral_norm if spectral else _as_it_is
        self.layers = nn.ModuleList(
            held(nn.Linear(inputs, outputs)) for inputs, outputs in pairwise(widths)
        )

    def forward(self, codes: Tensor) -> Tensor:
        x = codes
        for layer in self.layers[:-1]:
            x = relu(layer(x))
        odds: Tensor = self.layers[-1](x).squeeze(1)
        return odds


@final
class Real(nn.Module):
    """D_real: a picture and an affect to the log-odds that it is a photograph showing it.

    The affect is laid out over the plane and joined to the input of every convolution ("every",
    P§2.1.4) or of the first alone ("first", the released code). Pictures may have any side that
    `side` says, a multiple of 16.
    """

    def __init__(
        self,
        config: NetworkConfig,
        affect: Literal["every", "first"] = "every",
        spectral: bool = False,  # noqa: FBT001, FBT002
        side: int = 16 * SIDE,
    ) -> None:
        super().__init__()
        widths = [3, *(config.channels(full) for full in (64, 128, 256, 512))]
        held = spectral_norm if spectral else _as_it_is
        self.affected = [affect == "every" or place == 0 for place in range(4)]
        self.convolutions = nn.ModuleList(
            held(down(inputs + 2 * told, outputs))
            for (inputs, outputs), told in zip(pairwise(widths), self.affected, strict=True)
        )
        self.hidden = held(nn.Linear(widths[-1] * (side // 16) ** 2, config.channels(1024)))
        self.odds = held(nn.Linear(config.channels(1024), 1))

    def forward(self, faces: Tensor, affects: Tensor) -> Tensor:
        x = faces
        for convolution, told in zip(self.convolutions, self.affected, strict=True):
            if told:
                plane = affects[:, :, None, None].to(x.dtype).expand(-1, -1, *x.shape[2:])
                x = torch.cat([x, plane], 1)
            x = relu(convolution(x))
        odds: Tensor = self.odds(relu(self.hidden(x.flatten(1)))).squeeze(1)
        return odds


@final
class Networks(nn.Module):
    """What is kept of the prior knowledge: E, G and D_em."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = encoder(config)
        self.generator = Generator(config)
        self.reader = Reader(config)


def initialize(
    modules: Iterable[nn.Module], how: Literal["he", "paper"], generator: torch.Generator
) -> None:
    """Draw every weight from N(0, s^2) and set every bias to 0, in place.

    s is 0.02 ("paper") or sqrt(2 / inputs of a unit) ("he": He et al. 2015, eq. 10); with 0.02 the
    signal of a narrow network dies away from layer to layer. Before a tanh "he" means
    sqrt(1 / inputs).
    """
    for module in modules:
        for name, layer in module.named_modules():
            if not isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
                continue
            inputs = layer.weight[0].numel()
            if isinstance(layer, nn.ConvTranspose2d):
                # Each pixel of the output sees kernel / stride^2 taps of every input channel.
                inputs = layer.in_channels * 25 // layer.stride[0] ** 2
            gain = 1.0 if name in {"code", "affect", "paint", "odds"} else 2.0
            deviation = 0.02 if how == "paper" else math.sqrt(gain / inputs)
            with torch.no_grad():
                held = getattr(layer, "parametrizations", None)
                weight = held.weight.original if held is not None else layer.weight
                weight.normal_(0.0, deviation, generator=generator)
                if layer.bias is not None:
                    layer.bias.zero_()
