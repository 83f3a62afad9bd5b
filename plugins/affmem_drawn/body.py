"""Neck, shoulders, clothes and ears."""

import numpy as np

from affmem_drawn.anatomy import Anatomy
from affmem_drawn.canvas import Canvas, Plane, Window, mixed
from affmem_drawn.look import Look
from affmem_drawn.scene import Light

SHOULDER = 2.30
"""Where the neck turns into shoulders, below the eyes."""


def draw_body(canvas: Canvas, look: Look, anatomy: Anatomy, light: Light) -> None:
    """Neck and shoulders in skin, then clothes up to their neckline."""
    base = light.ambient + 0.62 * light.strength
    slant = 0.28 * light.strength * (np.sign(light.x) if light.x else 0.0)
    _draw_neck(canvas, look, anatomy, base, float(slant))
    _draw_clothes(canvas, look, base, float(slant))


def _outline(canvas: Canvas, window: Window, look: Look) -> tuple[Plane, Plane, Plane]:
    """Distance from the middle, half the body's width there, and signed distance to its side."""
    y = canvas.y[window]
    away = np.abs(canvas.x[window])
    flare = ((y - np.float32(SHOULDER - 0.50)) * np.float32(1 / 1.45)).clip(0.0, 1.0)
    half = np.float32(look.neck) + np.float32(1.62) * flare * flare * (
        np.float32(3.0) - np.float32(2.0) * flare
    )
    steep = np.float32(1.0) - np.float32(2.1) * flare * (np.float32(1.0) - flare)
    return away, half, (away - half) * steep


def _draw_neck(canvas: Canvas, look: Look, anatomy: Anatomy, base: float, slant: float) -> None:
    window = canvas.window(0.0, (0.4 + SHOULDER + 0.85) / 2, 1.7, (SHOULDER + 0.45) / 2)
    if window is None:
        return
    x, y = canvas.x[window], canvas.y[window]
    away, half, distance = _outline(canvas, window, look)
    alpha = canvas.cover(np.maximum(distance, np.float32(0.4) - y))
    tone = np.float32(base) + (x * np.float32(slant)).clip(-0.22, 0.22)
    under = np.float32(anatomy.centre + anatomy.below)
    shadow = (np.float32(1.0) - (y - under) * np.float32(1.0 / 0.55)).clip(0.0, 1.0)
    sides = (away / half).clip(0.0, 1.0)
    sides *= sides
    tone *= np.float32(1.0) - np.float32(0.40) * shadow
    tone *= np.float32(1.0) - np.float32(0.28) * sides * sides
    canvas.paint_toned(window, alpha, look.skin, tone)
    for sign in (-1.0, 1.0):
        start, end = (sign * 0.40, 1.75), (sign * 0.10, 2.52)
        canvas.stroke(start, end, sign * -0.03, 0.04, 0.22, (0.62, 0.46, 0.43))


def _draw_clothes(canvas: Canvas, look: Look, base: float, slant: float) -> None:
    window = canvas.window(0.0, 5.0, 2.5, 5.0 - SHOULDER + 0.4)
    if window is None:
        return
    x, y = canvas.x[window], canvas.y[window]
    away, _, distance = _outline(canvas, window, look)
    match look.clothes_style:
        case "vee":
            neckline = np.float32(SHOULDER + 0.75) - away * np.float32(1.15)
        case "shirt":
            neckline = np.float32(SHOULDER + 0.42) - away * np.float32(0.95)
        case "hood":
            neckline = np.float32(SHOULDER + 0.10) - away * away * np.float32(0.42)
        case "crew":
            neckline = np.float32(SHOULDER + 0.22) - away * away * np.float32(0.45)
    neckline = np.maximum(neckline, np.float32(SHOULDER - 0.30))
    below = (neckline - y) * np.float32(0.75)
    alpha = canvas.cover(np.maximum(below, distance - np.float32(0.05)))
    tone = np.float32(base) + (x * np.float32(slant)).clip(-0.22, 0.22)
    tone += np.sin(x * np.float32(5.0) + away * y * np.float32(1.3)) * np.float32(0.04)
    tone -= (y - np.float32(SHOULDER)) * np.float32(0.06)
    canvas.paint_toned(window, alpha, look.cloth, tone.clip(0.1, 1.5))
    hem = canvas.band(below + np.float32(0.034), 0.045) * alpha
    bare = look.clothes_style in ("crew", "vee")
    trim = mixed(look.cloth, (0.0, 0.0, 0.0), 0.22) if bare else look.trim
    canvas.paint(window, hem * np.float32(0.8), trim)
    for sign in (-1.0, 1.0):  # where the arms begin
        start, end = (sign * 1.50, SHOULDER + 1.15), (sign * 1.42, SHOULDER + 3.2)
        canvas.stroke(start, end, sign * 0.10, 0.045, 0.45, (0.62, 0.60, 0.62))


def draw_ears(canvas: Canvas, look: Look, anatomy: Anatomy, light: Light) -> None:
    """Both ears, behind the head's outline; the one that is turned away hides."""
    if look.hair_style in ("long", "bob"):
        return
    for side in anatomy.sides:
        s = side.sign
        x = s * (look.head_width + 0.025) - 0.20 * anatomy.yaw - s * 0.10 * abs(anatomy.yaw)
        y = 0.16 - 0.15 * anatomy.pitch
        wide, tall = 0.13 * look.ear, 0.29 * look.ear
        window = canvas.window(x, y, wide + 0.05, tall + 0.05)
        if window is None:
            continue
        u = (canvas.x[window] - np.float32(x)) * np.float32(s)
        v = canvas.y[window] - np.float32(y)
        lean = u - v * np.float32(-0.20)
        squeeze = np.float32(1.0) - np.float32(0.5) * v  # narrower at the lobe
        du, dv = lean * squeeze * np.float32(1 / wide), v * np.float32(1 / tall)
        level = np.sqrt(du * du + dv * dv)
        alpha = canvas.cover((level - np.float32(1.0)) * np.float32(wide))
        lit = light.ambient + light.strength * (0.55 + 0.45 * s * np.sign(light.x))
        canvas.paint(
            window,
            alpha,
            mixed((0, 0, 0), mixed(look.skin, (0.8, 0.3, 0.25), 0.10), min(lit, 1.05)),
        )
        inner = canvas.cover((level - np.float32(0.62)) * np.float32(wide))
        canvas.tint(window, inner * np.float32(0.55), (0.70, 0.52, 0.50))
