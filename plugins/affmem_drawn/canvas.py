"""A picture under way: planes of pixels, painted by coverage from signed distances."""

from functools import lru_cache
from typing import Final

import numpy as np
from jaxtyping import Float32, Float64
from numpy import typing as npt

Plane = Float32[npt.NDArray[np.float32], "height width"]
"""One number a pixel."""
Picture = Float32[npt.NDArray[np.float32], "3 height width"]
"""Red, green, blue as planes, 0..1."""
Colour = tuple[float, float, float]
"""Red, green, blue, 0..1."""
Matrix = Float64[npt.NDArray[np.float64], "2 3"]
"""A similarity from face units to pixels; a pixel's centre lies at its index plus one half."""
Window = tuple[slice, slice]
"""Rows and columns of a rectangle of pixels."""

MARGIN: Final = 1.5
"""Pixels around a shape for its soft edge."""


def mixed(first: Colour, second: Colour, share: float) -> Colour:
    """The colour that lies `share` of the way from the first to the second.

    >>> mixed((0.0, 0.0, 0.0), (1.0, 0.5, 0.0), 0.5)
    (0.5, 0.25, 0.0)
    """
    a, b, c = (x + share * (y - x) for x, y in zip(first, second, strict=True))
    return a, b, c


@lru_cache(maxsize=256)
def _column(colour: Colour) -> Float32[npt.NDArray[np.float32], "3 1 1"]:
    return np.array(colour, np.float32).reshape(3, 1, 1)


class Canvas:
    """A picture and, for each of its pixels, the place on the face: `x` right, `y` down.

    The face's unit is the mean distance between two eyes; its origin lies between them.
    """

    def __init__(self, picture: Picture, placement: Matrix) -> None:
        """Paint on `picture` in place; `placement` takes face units to pixels."""
        self.picture = picture
        height, width = picture.shape[1:]
        (a, b, c), (_, _, f) = placement.tolist()
        square = a * a + b * b
        self.pixel = float(square**-0.5)
        self._forward = (a, b, c, f)
        columns = np.arange(width, dtype=np.float32) + np.float32(0.5 - c)
        rows = np.arange(height, dtype=np.float32)[:, None] + np.float32(0.5 - f)
        self.x: Plane = columns * np.float32(a / square) - rows * np.float32(b / square)
        self.y: Plane = columns * np.float32(b / square) + rows * np.float32(a / square)
        # a placement is [[a, b, c], [-b, a, f]]; its inverse is the transpose over a^2 + b^2
        self.shade: Plane | None = None

    def window(self, x: float, y: float, right: float, down: float) -> Window | None:
        """The pixels within `right` and `down` of a point, all in face units; None: outside."""
        a, b, c, f = self._forward
        u, v = a * x + b * y + c, -b * x + a * y + f
        wide = abs(a) * right + abs(b) * down + MARGIN
        tall = abs(b) * right + abs(a) * down + MARGIN
        height, width = self.x.shape
        top, bottom = max(int(v - tall), 0), min(int(v + tall) + 1, height)
        left, end = max(int(u - wide), 0), min(int(u + wide) + 1, width)
        if top >= bottom or left >= end:
            return None
        return slice(top, bottom), slice(left, end)

    def cover(self, distance: Plane) -> Plane:
        """How much of each pixel a shape covers, 0..1, from its signed distance (face units)."""
        share = distance * np.float32(-1.0 / self.pixel)
        share += np.float32(0.5)
        np.maximum(share, np.float32(0.0), out=share)
        np.minimum(share, np.float32(1.0), out=share)
        return share

    def band(self, offset: Plane, half: Plane | float) -> Plane:
        """How much of each pixel a line covers, from the distance to its middle and half width.

        A line thinner than a pixel covers that much less of it, so that it looks alike at any size.
        """
        share = np.abs(offset)
        np.subtract(half, share, out=share)
        share *= np.float32(1.0 / self.pixel)
        share += np.float32(0.5)
        if isinstance(half, float):
            most = np.float32(min(1.0, 2.0 * half / self.pixel))
            np.minimum(share, most, out=share)
        else:
            np.minimum(share, half * np.float32(2.0 / self.pixel), out=share)
            np.minimum(share, np.float32(1.0), out=share)
        np.maximum(share, np.float32(0.0), out=share)
        return share

    def paint(self, window: Window, alpha: Plane, colour: Colour, *, lit: bool = False) -> None:
        """Lay a colour over a window; `lit` by the light that the head's shading found there."""
        if lit and self.shade is not None:
            self.paint_toned(window, alpha, colour, self.shade[window])
            return
        part = self.picture[:, *window]
        part += alpha * (_column(colour) - part)

    def paint_toned(self, window: Window, alpha: Plane, colour: Colour, tone: Plane) -> None:
        """Lay a colour over a window, lighter or darker from pixel to pixel by `tone`."""
        part = self.picture[:, *window]
        part += alpha * (tone * _column(colour) - part)

    def tint(self, window: Window, alpha: Plane, factor: Colour) -> None:
        """Multiply a window by a colour, as far as `alpha` says: shadows, blush, glow."""
        part = self.picture[:, *window]
        change = alpha * (_column(factor) - np.float32(1.0))
        change += np.float32(1.0)
        part *= change

    def blob(
        self, x: float, y: float, wide: float, tall: float, strength: float, factor: Colour
    ) -> None:
        """Multiply by a colour in a soft ellipse; `wide` and `tall` are standard deviations."""
        window = self.window(x, y, 2.6 * wide, 2.6 * tall)
        if window is None or abs(strength) < 0.004:
            return
        u = (self.x[window] - np.float32(x)) * np.float32(1.0 / wide)
        v = (self.y[window] - np.float32(y)) * np.float32(1.0 / tall)
        u *= u
        v *= v
        u += v
        # (1 - r^2 / 7)^2.. falls to 0 at 2.6 deviations, without an exponential
        u *= np.float32(-1.0 / 6.76)
        u += np.float32(1.0)
        np.maximum(u, 0.0, out=u)
        u *= u * u * np.float32(strength)
        self.tint(window, u, factor)

    def stroke(
        self,
        start: tuple[float, float],
        end: tuple[float, float],
        bow: float,
        half: float,
        strength: float,
        factor: Colour,
    ) -> None:
        """Darken along a bowed line that thins towards both ends: folds, furrows, creases."""
        if strength < 0.01:
            return
        (x0, y0), (x1, y1) = start, end
        length = max(float(np.hypot(x1 - x0, y1 - y0)), 1e-6)
        along, across = (x1 - x0) / length, (y1 - y0) / length
        x, y = (x0 + x1) / 2, (y0 + y1) / 2
        reach = abs(bow) + half
        window = self.window(
            x,
            y,
            abs(along) * length / 2 + abs(across) * reach,
            abs(across) * length / 2 + abs(along) * reach,
        )
        if window is None:
            return
        dx, dy = self.x[window] - np.float32(x), self.y[window] - np.float32(y)
        u = (dx * np.float32(along) + dy * np.float32(across)) * np.float32(2.0 / length)
        v = dy * np.float32(along) - dx * np.float32(across)
        taper = (np.float32(1.0) - u * u).clip(0.0, 1.0)
        v -= taper * np.float32(bow)
        line = self.band(v, np.float32(half) * taper)
        line *= np.float32(strength)
        self.tint(window, line, factor)
