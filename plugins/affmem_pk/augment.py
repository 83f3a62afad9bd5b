"""Faces moved, mirrored, relit and spoilt by lot, a batch at a time.

What a face detector hands over is never placed or lit as in the data; this makes up for it.
Pictures are [n, 3, 96, 96] in [-1, 1] throughout.
"""

import math

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, avg_pool2d, grid_sample

from affmem.lot import Lot

SHIFT = 0.03
"""Largest shift, in sides of the picture."""
SCALE = 0.03
TURN = math.radians(4)


def _uniform(shape: tuple[int, ...], low: float, high: float, lot: Lot) -> Tensor:
    return lot.uniform(*shape) * (high - low) + low


def moved(faces: Tensor, lot: Lot) -> Tensor:
    """Each face shifted, scaled, turned and, one in two, mirrored; its affect stays the same."""
    n = len(faces)
    turn = _uniform((n,), -TURN, TURN, lot)
    scale = _uniform((n,), 1 - SCALE, 1 + SCALE, lot)
    mirror = torch.where(_uniform((n,), 0, 1, lot) < 0.5, -1.0, 1.0)
    cosine, sine = turn.cos() * scale, turn.sin() * scale
    place = torch.empty(n, 2, 3)
    place[:, 0, 0], place[:, 0, 1] = cosine * mirror, -sine
    place[:, 1, 0], place[:, 1, 1] = sine * mirror, cosine
    place[:, :, 2] = _uniform((n, 2), -2 * SHIFT, 2 * SHIFT, lot)  # a side is 2 wide here
    grid = affine_grid(place.to(faces.device), list(faces.shape), align_corners=False)
    return grid_sample(faces, grid, padding_mode="border", align_corners=False)


def relit(faces: Tensor, lot: Lot) -> Tensor:
    """Each face with its own brightness, contrast and tint."""
    n = len(faces)
    contrast = _uniform((n, 1, 1, 1), 0.8, 1.2, lot)
    tint = _uniform((n, 3, 1, 1), -0.08, 0.08, lot)
    light = _uniform((n, 1, 1, 1), -0.15, 0.15, lot)
    return (faces * contrast.to(faces.device) + (tint + light).to(faces.device)).clamp(-1.0, 1.0)


def spoilt(faces: Tensor, lot: Lot) -> Tensor:
    """Each face blurred somewhat and with some noise; differentiable."""
    blur = _uniform((len(faces), 1, 1, 1), -1.0, 1.0, lot).clamp(min=0.0)
    return _grained(torch.lerp(faces, _blurred(faces), blur.to(faces.device)), lot)


def afar(faces: Tensor, lot: Lot) -> Tensor:
    """Each face moved, wholly blurred, and with some noise: of the finest grain little is left.

    Differentiable.
    """
    return _grained(_blurred(moved(faces, lot)), lot)


def _blurred(faces: Tensor) -> Tensor:
    """Each pixel the mean of 3 x 3."""
    return avg_pool2d(faces, 3, stride=1, padding=1, count_include_pad=False)


def _grained(faces: Tensor, lot: Lot) -> Tensor:
    grain = _uniform((len(faces), 1, 1, 1), 0.0, 0.06, lot)
    return faces + (lot.normal(*faces.shape) * grain).to(faces.device)
