"""Around the person: pose, light, what is behind, and what the camera does to the picture."""

from typing import Final, Literal

import numpy as np
from attrs import frozen

from affmem_drawn.canvas import Colour, Picture, Plane, mixed


@frozen
class Pose:
    """How the head is held. Angles in radians, gaze and blink in shares."""

    yaw: float = 0.0
    """Turned towards the picture's right."""
    pitch: float = 0.0
    """Nodding down."""
    roll: float = 0.0
    """Tilted clockwise."""
    gaze_x: float = 0.0
    """Eyes towards the picture's right, -1..1."""
    gaze_y: float = 0.0
    blink: float = 0.0
    """Lids closed by this share, beyond what the expression does."""


@frozen
class Light:
    """One lamp and the rest of the room."""

    x: float = -0.4
    """Where the lamp stands: towards the picture's right, ..."""
    y: float = -0.5
    """... below, ..."""
    strength: float = 0.55
    ambient: float = 0.55
    colour: Colour = (1.0, 1.0, 1.0)


@frozen
class Backdrop:
    """What is behind the person."""

    kind: Literal["plain", "gradient", "blobs", "stripes", "bokeh", "room"] = "plain"
    first: Colour = (0.55, 0.58, 0.60)
    second: Colour = (0.40, 0.43, 0.46)
    third: Colour = (0.70, 0.72, 0.70)
    numbers: tuple[float, ...] = (0.5,) * 24
    """Where things are: 24 numbers in 0..1."""


@frozen
class Camera:
    """What the camera does to a picture."""

    blur: float = 0.0
    """Standard deviation in hundredths of the picture's side."""
    noise: float = 0.0
    """Standard deviation of each pixel's value, 0..1."""
    quality: float = 1.0
    """1: no compression; towards 0 blocks of 8 x 8 lose their detail."""
    exposure: float = 1.0
    contrast: float = 1.0


def sample_pose(rng: np.random.Generator) -> Pose:
    """How somebody may hold the head when looking about at a camera."""
    yaw, pitch, roll, x, y = rng.standard_normal(5).clip(-2.2, 2.2).tolist()
    turn, nod = 0.16 * yaw, 0.10 * pitch
    return Pose(turn, nod, 0.08 * roll, -0.9 * turn + 0.22 * x, -0.6 * nod + 0.16 * y)


def sample_light(rng: np.random.Generator) -> Light:
    """A lamp somewhere above or beside, from soft to hard, from warm to cool."""
    side, warm = rng.standard_normal(2).clip(-2.0, 2.0).tolist()
    height, strength, ambient = rng.random(3).tolist()
    return Light(
        x=0.5 * side,
        y=-0.75 + 0.7 * height,
        strength=0.32 + 0.34 * strength,
        ambient=0.74 - 0.32 * strength + 0.10 * ambient,
        colour=(1.0 + 0.04 * warm, 1.0, 1.0 - 0.06 * warm),
    )


def sample_backdrop(rng: np.random.Generator) -> Backdrop:
    """Something quiet behind a person: a wall, stripes, lamps out of focus, a room."""
    kinds: tuple[Literal["plain", "gradient", "blobs", "stripes", "bokeh", "room"], ...]
    kinds = ("plain", "gradient", "blobs", "stripes", "bokeh", "room")
    kind = kinds[int(rng.integers(len(kinds)))]
    hue = rng.random((3, 3))
    value = 0.15 + 0.75 * rng.random()
    grey = np.full(3, value)
    first = grey + 0.30 * (hue[0] - 0.5)
    second = first + 0.35 * (hue[1] - 0.5)
    third = first + 0.6 * (hue[2] - 0.5)

    def colour(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Colour:
        r, g, b = values.clip(0.03, 0.97).tolist()
        return r, g, b

    return Backdrop(
        kind, colour(first), colour(second), colour(third), tuple(rng.random(24).tolist())
    )


def sample_camera(rng: np.random.Generator) -> Camera:
    """From a clean picture to a poor one."""
    blur, noise, quality, worse = rng.random(4).tolist()
    exposure, contrast = rng.standard_normal(2).clip(-2.0, 2.0).tolist()
    return Camera(
        blur=max(0.0, 1.1 * blur - 0.35) if worse < 0.6 else 0.0,
        noise=0.022 * noise * noise,
        quality=1.0 if quality < 0.4 else 0.35 + 0.6 * quality,
        exposure=1.0 + 0.09 * exposure,
        contrast=1.0 + 0.08 * contrast,
    )


def draw_backdrop(backdrop: Backdrop, height: int, width: int, blur: float = 1.0) -> Picture:
    """A picture of the backdrop alone, at any size; the picture's height is its unit."""
    y = (np.arange(height, dtype=np.float32)[:, None] + 0.5) / height
    x = (np.arange(width, dtype=np.float32)[None, :] + 0.5) / height
    wide = width / height
    picture = np.empty((3, height, width), np.float32)
    n = backdrop.numbers

    def fill(colour: Colour) -> None:
        picture[:] = np.asarray(colour, np.float32)[:, None, None]

    def lay(alpha: Plane, colour: Colour) -> None:
        for i, value in enumerate(colour):
            picture[i] += alpha * (np.float32(value) - picture[i])

    def disc(cx: float, cy: float, radius: float, soft: float) -> Plane:
        away = np.sqrt((x - np.float32(cx * wide)) ** 2 + (y - np.float32(cy)) ** 2)
        return np.asarray(((radius - away) / soft + 0.5).clip(0, 1), np.float32)

    fill(backdrop.first)
    if backdrop.kind == "plain":  # a wall is lit from somewhere
        away = np.hypot(x / wide - np.float32(n[0]), (y - np.float32(n[1])) * 0.8)
        lay(
            (0.75 * away - 0.1).clip(0, 0.6).astype(np.float32),
            mixed(backdrop.first, (0, 0, 0), 0.5),
        )
    elif backdrop.kind == "gradient":
        angle = 6.283 * n[0]
        along = np.float32(np.cos(angle)) * (x - wide / 2) + np.float32(np.sin(angle)) * (y - 0.5)
        lay((0.5 + along / (0.6 + n[1])).clip(0, 1).astype(np.float32), backdrop.second)
    elif backdrop.kind == "blobs":
        for i in range(5):
            colour = backdrop.second if i % 2 else backdrop.third
            lay(0.7 * disc(n[i], n[5 + i], 0.15 + 0.3 * n[10 + i], 0.35 * blur), colour)
    elif backdrop.kind == "stripes":
        angle = 0.0 if n[0] < 0.5 else 3.1416 * n[1]
        wave = np.sin((np.cos(angle) * x + np.sin(angle) * y) * (14 + 30 * n[2]) + 6.28 * n[3])
        lay(((wave * (0.8 / blur) + 0.5).clip(0, 1) * 0.75).astype(np.float32), backdrop.second)
    elif backdrop.kind == "bokeh":
        lay((1.0 - y * np.ones_like(x)).astype(np.float32) * 0.6, backdrop.second)
        for i in range(8):
            glow = mixed(backdrop.third, (1.0, 0.95, 0.8), 0.5)
            lay((0.2 + 0.5 * n[16 + i]) * disc(n[i], n[8 + i], 0.03 + 0.09 * n[15 - i], 0.03), glow)
    elif backdrop.kind == "room":
        horizon, corner = 0.55 + 0.4 * n[0], wide * (0.15 + 0.7 * n[1])
        lay(
            (0.35 * ((x - corner) / 0.02).clip(0, 1) * np.ones_like(y)).astype(np.float32),
            (0, 0, 0),
        )
        lay(
            (((y - horizon) / (0.02 * blur)).clip(0, 1) * np.ones_like(x)).astype(np.float32),
            backdrop.second,
        )
        left, top = wide * (0.05 + 0.7 * n[2]), 0.05 + 0.2 * n[3]
        inside = np.minimum(
            0.14 + 0.1 * n[4] - np.abs(x - left), 0.16 + 0.1 * n[5] - np.abs(y - top - 0.2)
        )
        lay(
            ((inside + 0.02) / (0.02 * blur)).clip(0, 1).astype(np.float32),
            mixed(backdrop.third, (0, 0, 0), 0.3),
        )
        lay(
            (inside / (0.02 * blur)).clip(0, 1).astype(np.float32),
            mixed(backdrop.third, (1, 1, 1), 0.5),
        )
    return picture


def _blurred(picture: Picture, deviation: float) -> Picture:
    """A Gaussian blur; `deviation` in pixels."""
    reach = max(1, int(np.ceil(2.5 * deviation)))
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / deviation) ** 2)
    weights = (weights / weights.sum()).astype(np.float32)
    for axis in (1, 2):
        pad = [(0, 0)] * 3
        pad[axis] = (reach, reach)
        wide = np.pad(picture, pad, mode="edge")
        size = picture.shape[axis]
        out = np.zeros_like(picture)
        for i, weight in enumerate(weights):
            part = wide[:, i : i + size] if axis == 1 else wide[:, :, i : i + size]
            out += weight * part
        picture = out
    return picture


def _cosines() -> Plane:
    k = np.arange(8)[:, None]
    rows = np.cos((2 * np.arange(8)[None] + 1) * k * np.pi / 16) * 0.5
    rows[0] *= np.sqrt(0.5)
    return rows.astype(np.float32)


_COSINES: Final = _cosines()
_STEPS: Final = (
    (1.0 + np.arange(8)[:, None] + np.arange(8)[None, :]) ** 1.15 * np.float32(0.010)
).astype(np.float32)
"""Quantisation steps that grow with frequency, as JPEG's tables do (ITU-T T.81, annex K)."""


def _compressed(picture: Picture, quality: float) -> Picture:
    """As after JPEG: 8 x 8 cosine blocks, coarser for higher frequencies and lower quality."""
    _, height, width = picture.shape
    down, right = -height % 8, -width % 8
    padded = np.pad(picture, ((0, 0), (0, down), (0, right)), mode="edge")
    _, tall, wide = padded.shape
    blocks = padded.reshape(3, tall // 8, 8, wide // 8, 8).transpose(0, 1, 3, 2, 4)
    waves = _COSINES @ blocks @ _COSINES.T
    steps = _STEPS * np.float32((1.0 - quality) * 6.0)
    waves = np.round(waves / steps) * steps
    decoded = _COSINES.T @ waves @ _COSINES
    return np.ascontiguousarray(
        decoded.transpose(0, 1, 3, 2, 4).reshape(3, tall, wide)[:, :height, :width]
    )


def take(picture: Picture, camera: Camera, rng: np.random.Generator) -> Picture:
    """The picture as this camera gives it, still 0..1 in float32."""
    side = max(picture.shape[1:])
    deviation = camera.blur * side / 100
    if deviation > 0.2:
        picture = _blurred(picture, deviation)
    if camera.exposure != 1.0 or camera.contrast != 1.0:
        scale = np.float32(camera.exposure * camera.contrast)
        picture = picture * scale + np.float32(0.5 * (1 - camera.contrast))
    if camera.noise > 0.0:
        picture = picture + rng.standard_normal(picture.shape, np.float32) * np.float32(
            camera.noise
        )
    if camera.quality < 1.0:
        picture = _compressed(picture, camera.quality)
    return picture
