"""Lips, teeth, tongue and what is dark behind them."""

import numpy as np
from attrs import frozen

from affmem_drawn.anatomy import Anatomy
from affmem_drawn.canvas import Canvas, Plane, Window, mixed
from affmem_drawn.look import Look
from affmem_drawn.scene import Light


@frozen(eq=False)
class Curves:
    """The mouth's curves over a window: heights of each, as functions of the pixel's column."""

    across: Plane
    """From the middle, in face units."""
    y: Plane
    square: Plane
    """0 in the middle, 1 at the corners."""
    beyond: Plane
    """Signed distance past the corners."""
    line: Plane
    """Where the lips meet."""
    upper_out: Plane
    upper_in: Plane
    lower_in: Plane
    lower_out: Plane


def _trace(canvas: Canvas, anatomy: Anatomy) -> tuple[Window, Curves] | None:
    (lx, ly), (rx, ry) = anatomy.sides[0].corner, anatomy.sides[1].corner
    mx, my = anatomy.mouth
    left, right = max(mx - lx, 0.1), max(rx - mx, 0.1)
    high = min(ly, ry, my) - anatomy.upper_gap - anatomy.upper_lip - 0.08
    low = max(ly, ry, my) + anatomy.lower_gap + anatomy.lower_lip + 0.08
    window = canvas.window((lx + rx) / 2, (high + low) / 2, (rx - lx) / 2 + 0.10, (low - high) / 2)
    if window is None:
        return None
    across = canvas.x[window] - np.float32(mx)
    is_left = across < 0
    v = across * np.where(is_left, np.float32(-1 / left), np.float32(1 / right))
    beyond = (v - np.float32(1.0)) * np.float32(min(left, right))
    v = v.clip(0.0, 1.0)
    square = v * v
    corner = np.where(is_left, np.float32(ly - my), np.float32(ry - my))
    # corners pull the line up or down; it stays level in the middle
    line = np.float32(my) + corner * square * (np.float32(0.72) + np.float32(0.28) * v)
    arch = np.float32(1.0) - square
    full = arch * (np.float32(1.35) - np.float32(0.35) * arch)
    upper_in = line - arch * np.float32(anatomy.upper_gap)
    lower_in = line + full * np.float32(anatomy.lower_gap)
    bow = np.maximum(np.float32(1.0) - square * np.float32(18.0), np.float32(0.0))
    upper = full * np.float32(1.06) - bow * bow * np.float32(0.20)
    lower = np.float32(0.55) * np.sqrt(arch) + np.float32(0.45) * full
    return window, Curves(
        across=across,
        y=canvas.y[window],
        square=square,
        beyond=beyond,
        line=line,
        upper_out=upper_in - np.float32(anatomy.upper_lip) * upper,
        upper_in=upper_in,
        lower_in=lower_in,
        lower_out=lower_in + np.float32(anatomy.lower_lip) * lower,
    )


def draw_mouth(canvas: Canvas, look: Look, anatomy: Anatomy, light: Light) -> None:
    """Lips between their corners, and between the lips what an open mouth shows."""
    traced = _trace(canvas, anatomy)
    if traced is None:
        return
    window, curves = traced
    _draw_lips(canvas, window, curves, look, light)
    if anatomy.upper_gap + anatomy.lower_gap > 0.006:
        _draw_inside(canvas, window, curves, anatomy)
    _draw_seams(canvas, window, curves, look, anatomy)


def _draw_lips(canvas: Canvas, window: Window, curves: Curves, look: Look, light: Light) -> None:
    y, square = curves.y, curves.square
    edge = np.maximum(curves.upper_out - y, y - curves.lower_out)
    lips = canvas.cover(np.maximum(edge, curves.beyond))
    # the upper lip looks down and is darker; the lower one catches the light
    upper = ((curves.line - y) * np.float32(1 / 0.03) + np.float32(0.5)).clip(0.0, 1.0)
    thick = np.maximum(curves.lower_out - curves.lower_in, np.float32(1e-3))
    depth = ((y - curves.lower_in) / thick).clip(0.0, 1.0)
    gleam = depth * (np.float32(4.0) - np.float32(4.0) * depth)
    gleam *= (np.float32(1.0) - upper) * (np.float32(1.0) - square)
    tone = np.float32(1.0) - np.float32(0.20) * upper - np.float32(0.10) * depth * depth
    tone += gleam * np.float32(0.16)
    if canvas.shade is not None:
        tone *= canvas.shade[window]
    canvas.paint_toned(window, lips, look.lip, tone)
    shine = lips * gleam * gleam * np.float32(0.10 + 0.10 * light.strength)
    canvas.paint(window, shine, (1.0, 1.0, 1.0))


def _draw_inside(canvas: Canvas, window: Window, curves: Curves, anatomy: Anatomy) -> None:
    y, square, whole = curves.y, curves.square, anatomy.whole
    slit = np.maximum(curves.upper_in - y, y - curves.lower_in)
    inside = canvas.cover(np.maximum(slit, curves.beyond))
    canvas.paint(window, inside, (0.20, 0.055, 0.06))
    depth = anatomy.upper_gap + anatomy.lower_gap
    # tongue: a mound at the bottom
    (lx, _), (rx, _) = anatomy.sides[0].corner, anatomy.sides[1].corner
    bend = curves.across * np.float32(2.8 / (rx - lx))
    mound = curves.line + np.float32(anatomy.lower_gap * 0.98 - 0.45 * depth)
    mound += bend * bend * np.float32(0.16)
    canvas.paint(window, canvas.cover(mound - y) * inside * np.float32(0.85), (0.66, 0.27, 0.28))
    # upper teeth hang from the upper lip; their edge is a flatter arc
    long = 0.055 + 0.055 * min(1.0, depth / 0.16)
    pull = 0.55 * max(whole["AU12"], 0) + 0.4 * max(whole["AU10"], 0) + 0.35 * max(whole["AU20"], 0)
    hang = np.float32(long * min(1.0, 0.55 + pull))
    edge = curves.upper_in + hang * (np.float32(1.0) - np.float32(0.55) * square)
    teeth = canvas.cover(y - edge) * inside
    dim = np.float32(1.0) - np.float32(0.45) * square * np.sqrt(square)
    canvas.paint_toned(window, teeth, (0.95, 0.93, 0.89), dim)
    gaps = np.abs(np.sin(curves.across * np.float32(np.pi / 0.095)))
    seams = (np.float32(1.0) - gaps * np.float32(6.0)).clip(0.0, 1.0) * teeth
    fine = min(1.0, 0.02 / canvas.pixel)
    canvas.paint(window, seams * np.float32(0.28 * fine), (0.55, 0.46, 0.42))
    grit = max(whole["AU20"], 0.0) + 0.5 * max(whole["AU10"], 0.0)
    if grit > 0.1:
        low = curves.lower_in - np.float32(0.05 * min(grit, 1.0)) * (np.float32(1.0) - square)
        canvas.paint(window, canvas.cover(low - y) * inside * np.float32(0.9), (0.80, 0.77, 0.73))
    rim = canvas.band(y - curves.upper_in, 0.016) * inside
    canvas.paint(window, rim * np.float32(0.55), (0.16, 0.05, 0.05))


def _draw_seams(
    canvas: Canvas, window: Window, curves: Curves, look: Look, anatomy: Anatomy
) -> None:
    """The line between closed lips, the shadow below them, and the corners' dimples."""
    square = curves.square
    closed = 1.0 - min(1.0, (anatomy.upper_gap + anatomy.lower_gap) / 0.05)
    ends = canvas.cover(curves.beyond)
    off = (curves.y - curves.line) * (np.float32(1.0) - np.float32(0.25) * square)
    half = np.float32(0.017) * (np.float32(1.0) - np.float32(0.45) * square)
    dark = mixed(look.lip, (0.16, 0.05, 0.05), 0.82)
    canvas.paint(window, canvas.band(off, half) * ends * np.float32(0.92 * closed), dark)
    below = canvas.band(curves.y - curves.lower_out, 0.012) * ends * (np.float32(1.0) - square)
    canvas.tint(window, below * np.float32(0.30), (0.62, 0.46, 0.43))
    for side in anatomy.sides:
        canvas.blob(*side.corner, 0.040, 0.032, 0.75, (0.42, 0.26, 0.24))
