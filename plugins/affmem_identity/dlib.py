"""dlib's face recognition network, ResNet-29 (King 2017), read from its own file without dlib.

The file is a serialized `loss_metric<fc_no_bias<128, avg_pool_everything<…>>>`: layer after layer,
from the picture to the code, and of each the tensor of its parameters. Only those are read; what
the layers are is written here, as in dlib's `dnn_face_recognition_ex.cpp`.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, conv2d, interpolate, max_pool2d, pad, relu

from affmem.errors import InputError
from affmem.files import MIB, content

TAG = b"\x05con_4"
"""What a convolution's parameters begin with."""
MOST = 64 * MIB
"""Bytes; the file has 22 million."""
MEAN, SCALE = (122.782, 117.001, 104.298), 256.0
"""What dlib takes from red, green and blue, and what it divides by (`input_rgb_image_sized`)."""
CROP, SIDE = (slice(17, 90), slice(12, 85)), 150
"""The part of a 96 x 96 face that a chip of dlib's shows, and how large it is to the network."""
LEVELS = {
    "level32": (32, (1, 1, 1)),
    "level64": (64, (2, 1, 1, 1)),
    "level128": (128, (2, 1, 1)),
    "level256": (256, (2, 1, 1, 2)),
}
"""The filters of each level, and the strides of its residual blocks."""


@final
class ResNet(nn.Module):
    """The network; its stages are the first convolution and the levels."""

    mean: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(MEAN)[:, None, None], persistent=False)
        self.stem = Convolution(3, 32, 7, 2)
        self.levels = nn.ModuleDict()
        inputs = 32
        for name, (filters, strides) in LEVELS.items():
            blocks = []
            for stride in strides:
                blocks.append(Block(inputs, filters, stride))
                inputs = filters
            self.levels[name] = nn.Sequential(*blocks)
        self.last = nn.Parameter(torch.zeros(256, 128))

    def walk(self, faces: Tensor) -> Iterator[tuple[str, Tensor]]:
        """As `Network` says."""
        x = interpolate(faces[:, :, *CROP], (SIDE, SIDE), mode="bilinear")
        yield from self.stages(x * 127.5 + 127.5)

    def stages(self, chips: Tensor) -> Iterator[tuple[str, Tensor]]:
        """The same of dlib's own chips [n, 3, 150, 150], 0..255."""
        x = relu(self.stem((chips - self.mean) / SCALE))
        yield "stem", x
        x = max_pool2d(x, 3, stride=2)
        for name, level in self.levels.items():
            x = level(x)
            yield name, x

    def code(self, stages: Iterator[tuple[str, Tensor]]) -> Tensor:
        """What is said of each face in the end [n, 128], from what `walk` or `stages` gives."""
        *_, (_, x) = stages
        return x.mean((2, 3)) @ self.last


@final
class Convolution(nn.Module):
    """A convolution, and a factor and a summand for each of its maps (a batch norm at rest)."""

    def __init__(self, inputs: int, outputs: int, size: int, stride: int) -> None:
        super().__init__()
        self.stride, self.padding = stride, size // 2 if stride == 1 else 0
        self.weight = nn.Parameter(torch.zeros(outputs, inputs, size, size))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.affine = nn.Parameter(torch.zeros(2, outputs, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        x = conv2d(x, self.weight, self.bias, stride=self.stride, padding=self.padding)
        return x * self.affine[0] + self.affine[1]


@final
class Block(nn.Module):
    """Two convolutions, added to what came in; where the first halves it, to its means by fours."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.first = Convolution(inputs, outputs, 3, stride)
        self.second = Convolution(outputs, outputs, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.second(relu(self.first(x)))
        if self.stride > 1:
            x = avg_pool2d(x, 2)
        # dlib adds maps of different sizes as if the smaller went on with zeros.
        size = [max(a, b) for a, b in zip(x.shape[1:], y.shape[1:], strict=True)]
        return relu(_grown(x, size) + _grown(y, size))


def _grown(x: Tensor, size: list[int]) -> Tensor:
    channels, height, width = (to - now for to, now in zip(size, x.shape[1:], strict=True))
    return pad(x, (0, width, 0, height, 0, channels))


def load(path: Path) -> ResNet:
    """The network of a file, frozen. Raises InputError where it is absent or something else."""
    try:
        data = content(path, MOST)
    except OSError as error:
        raise InputError(path, f"cannot be read: {error.strerror}") from None
    if TAG not in data[:MIB]:
        raise InputError(path, "is no face recognition network of dlib's, or not whole")
    network = ResNet()
    at = 0
    try:
        with torch.no_grad():
            for layer in network.modules():
                if isinstance(layer, Convolution):
                    at = _fill(data, data.index(TAG, at) + len(TAG), layer.weight, layer.bias)
                    at = _fill(data, data.index(b"\x07affine_", at) + 8, layer.affine)
            at = data.index(b"\x04fc_2", at) + 5
            for _outputs_and_inputs in range(2):
                _, at = _whole(data, at)
            _fill(data, at, network.last)
    except (ValueError, IndexError):
        raise InputError(path, "is no face recognition network of dlib's, or not whole") from None
    return network.requires_grad_(requires_grad=False).eval()


def _fill(data: bytes, at: int, *weights: Tensor) -> int:
    """Copy the tensor at `at` to `weights`, one after the other; say where it ends.

    Raises ValueError where it has another size or is not finite.
    """
    version, at = _whole(data, at)
    count = 1
    for _axis in range(4):
        length, at = _whole(data, at)
        count *= length
    if version != 2 or count != sum(one.numel() for one in weights):
        raise ValueError("a tensor of another size")
    values = torch.from_numpy(np.frombuffer(data, "<f4", count, at).copy())
    if not torch.isfinite(values).all():
        raise ValueError("not finite")
    for one, part in zip(
        weights, torch.split(values, [one.numel() for one in weights]), strict=True
    ):
        one.copy_(part.reshape(one.shape))
    return at + 4 * count


def _whole(data: bytes, at: int) -> tuple[int, int]:
    """A whole number as dlib packs it (how many bytes, then those), and where it ends.

    >>> _whole(bytes([2, 128, 18]), 0)
    (4736, 3)
    """
    end = at + 1 + data[at]
    return int.from_bytes(data[at + 1 : end], "little"), end
