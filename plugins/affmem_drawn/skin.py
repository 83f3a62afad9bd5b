"""The head's skin: its outline, its relief in the light, its folds and furrows."""

from typing import Final

import numpy as np

from affmem_drawn.anatomy import Anatomy
from affmem_drawn.canvas import Canvas, Colour, Plane, Window
from affmem_drawn.look import Look
from affmem_drawn.scene import Light

SHADOW: Final[Colour] = (0.62, 0.46, 0.43)
"""What a fold multiplies skin by: darker, and redder."""


def head_level(
    canvas: Canvas, window: Window, look: Look, anatomy: Anatomy, grow: float = 0.0
) -> tuple[Plane, Plane, Plane, Plane]:
    """Level of the head's egg (1 on its outline), signed distance to it, and its two slopes."""
    dy = canvas.y[window] - np.float32(anatomy.centre)
    up = np.float32(1.0 / (anatomy.above + grow))
    down = np.float32(1.0 / (anatomy.below + grow))
    v = np.where(dy < 0, dy * up, dy * down)
    below = v.clip(0.0, 1.0)
    above = (v * v).clip(0.0, 1.0) * (v < 0)  # the skull is fuller than an ellipse
    wide = np.float32(look.head_width + 0.9 * grow) * (
        np.float32(1.0)
        + above * (np.float32(0.46) - np.float32(0.46) * above)
        + below * (np.float32(-look.taper) + np.float32(look.jaw) * below * (1.6 - below))
    )
    lean = np.float32(0.10 * anatomy.yaw) + np.float32(0.62 * anatomy.yaw) * below
    u = (canvas.x[window] - lean) / wide
    level = np.sqrt(u * u + v * v)
    slope = np.sqrt((u / wide) ** 2 + (v * np.where(dy < 0, up, down)) ** 2)
    distance = (level - 1.0) * level / np.maximum(slope, 1e-3)
    return level, distance, u, v


def _relief(canvas: Canvas, origin: Window, gx: Plane, gy: Plane, shape: tuple[float, ...]) -> None:
    """Add a soft bump's slopes: x, y, deviation across and down, height."""
    x, y, wide, tall, height = shape
    window = canvas.window(x, y, 2.4 * wide, 2.4 * tall)
    if window is None:
        return
    rows, columns = window
    top, left = origin[0].start, origin[1].start
    r0, r1 = max(rows.start - top, 0), rows.stop - top
    c0, c1 = max(columns.start - left, 0), columns.stop - left
    if r1 <= r0 or c1 <= c0:
        return
    inner = (slice(r0 + top, r1 + top), slice(c0 + left, c1 + left))
    u = (canvas.x[inner] - np.float32(x)) * np.float32(1.0 / wide)
    v = (canvas.y[inner] - np.float32(y)) * np.float32(1.0 / tall)
    bell = np.float32(1.0) - (u * u + v * v) * np.float32(1.0 / 5.76)
    np.maximum(bell, 0.0, out=bell)
    bell *= bell
    part_x, part_y = gx[r0:r1, c0:c1], gy[r0:r1, c0:c1]
    h, w = part_x.shape
    bell = bell[:h, :w]
    part_x += bell * u[:h, :w] * np.float32(height / wide)
    part_y += bell * v[:h, :w] * np.float32(height / tall)


def _bumps(look: Look, anatomy: Anatomy) -> list[tuple[float, ...]]:
    """The face's soft relief: x, y, deviation across and down, height of each bump."""
    whole, relief, thick = anatomy.whole, look.nose_relief, look.nose_width
    (nx, ny), (rx, ry), (bx, by) = anatomy.nose, anatomy.nose_root, anatomy.nose_base
    (mx, my), (cx, cy) = anatomy.mouth, anatomy.chin
    under_lip = my + anatomy.lower_gap + anatomy.lower_lip * 1.5 + 0.1
    bumps: list[tuple[float, ...]] = [
        ((rx + nx) / 2, (ry + ny) / 2 - 0.02, 0.105, 0.33, 0.085 * relief),  # bridge
        (nx, ny + 0.015, 0.13, 0.12, 0.10 * relief),  # tip
        (nx - 0.62 * thick, ny + 0.06, 0.085, 0.085, 0.040 * relief),  # wings
        (nx + 0.62 * thick, ny + 0.06, 0.085, 0.085, 0.040 * relief),
        (bx, by + 0.13, 0.30, 0.12, 0.025),  # above the upper lip
        (mx, under_lip, 0.24, 0.09, -0.034),  # below the lower lip
        (cx, cy - 0.01, 0.26, 0.17, 0.045 + 0.02 * whole["AU17"]),  # chin
        (rx, -look.brow_height - 0.45, 0.75, 0.40, 0.06),  # forehead
    ]
    for side in anatomy.sides:
        (ex, ey), (px, py) = side.eye, side.brow[1]
        smile = 0.5 * max(side.actions["AU12"], 0.0) + 0.5 * max(side.actions["AU6"], 0.0)
        cheek_x = ex + side.sign * (0.14 + 0.04 * smile)
        cheek_y = 0.60 - 0.05 * smile + 0.6 * anatomy.pitch
        bumps += [
            (ex - side.sign * 0.03, ey - 0.05, 0.27, 0.20, -0.062),  # socket
            (ex - side.sign * 0.22, ey + 0.02, 0.10, 0.13, -0.028),  # inner corner
            (px, py + 0.02, 0.36, 0.12, 0.030),  # brow ridge
            (cheek_x, cheek_y, 0.29 + 0.02 * smile, 0.25 - 0.02 * smile, 0.055 + 0.065 * smile),
        ]
    return bumps


def draw_head(canvas: Canvas, look: Look, anatomy: Anatomy, light: Light) -> None:
    """Skin over the head's egg, lit over cheeks, brow ridge, sockets, nose, lips and chin."""
    middle = anatomy.centre + (anatomy.below - anatomy.above) / 2
    tall = (anatomy.above + anatomy.below) / 2 + 0.05
    window = canvas.window(0.3 * anatomy.yaw, middle, look.head_width * 1.15 + 0.25, tall)
    if window is None:
        return
    level, distance, u, v = head_level(canvas, window, look, anatomy)
    gx = u * np.float32(0.85)
    gy = v * np.float32(0.62)
    for bump in _bumps(look, anatomy):
        _relief(canvas, window, gx, gy, bump)

    # n . l over |n|, with the face's forward part standing in for depth
    facing = np.float32(1.0) - np.float32(0.72) * (level * level).clip(0.0, 1.0)
    lx, ly = np.float32(light.x), np.float32(light.y)
    across = np.float32(1.0 / np.sqrt(1.0 + light.x**2 + light.y**2))
    bright = (gx * lx + gy * ly + facing) * across
    bright /= np.sqrt(gx * gx + gy * gy + facing * facing)
    np.maximum(bright, 0.0, out=bright)
    shade = np.float32(light.ambient) + np.float32(light.strength * 1.05) * bright
    # glancing skin darkens a little towards the outline, as in a portrait
    rim = np.minimum(level, np.float32(1.0))
    rim *= rim
    shade *= np.float32(1.0) - np.float32(0.16) * rim * rim * rim
    alpha = canvas.cover(distance)
    full = np.ones(canvas.x.shape, np.float32)
    full[window] = shade
    canvas.shade = full
    dim = (np.float32(1.0) - shade) * shade
    for plane, value, warmth in zip(canvas.picture, look.skin, (0.14, 0.0, -0.06), strict=True):
        part = plane[window]
        toned = (shade + np.float32(warmth) * dim) * np.float32(value)
        part += alpha * (toned - part)
    _draw_flush(canvas, look, anatomy)
    _draw_nose(canvas, look, anatomy)
    if look.freckles > 0.0:
        _draw_freckles(canvas, look, anatomy)


def _draw_flush(canvas: Canvas, look: Look, anatomy: Anatomy) -> None:
    """Red of the cheeks, dark of the sockets."""
    glow = 0.30 * look.blush + 0.10 * max(anatomy.whole["AU12"], 0.0)
    for side in anatomy.sides:
        ex, ey = side.eye
        cheek = 0.60 + 0.6 * anatomy.pitch
        canvas.blob(ex + side.sign * 0.15, cheek, 0.24, 0.20, glow, (1.04, 0.72, 0.70))
        canvas.blob(ex, ey - 0.10, 0.24, 0.13, 0.30, (0.78, 0.66, 0.66))
        canvas.blob(ex - side.sign * 0.20, ey + 0.0, 0.09, 0.12, 0.30, (0.70, 0.56, 0.54))
        canvas.blob(ex, ey + 0.16, 0.22, 0.07, 0.16 + 0.25 * look.age, (0.80, 0.68, 0.70))


def _draw_nose(canvas: Canvas, look: Look, anatomy: Anatomy) -> None:
    nx, ny = anatomy.nose
    bx, by = anatomy.nose_base
    wide = look.nose_width
    flare = 1.0 + 0.12 * anatomy.whole["AU9"] + 0.06 * anatomy.whole["AU12"]
    canvas.blob(nx, ny + 0.05, 0.20, 0.12, 0.16, (1.02, 0.70, 0.66))
    canvas.blob(bx, by + 0.03, wide * 0.95, 0.055, 0.34, SHADOW)
    for side in anatomy.sides:
        x = nx + side.sign * wide * flare * 0.98 * (1 - 0.25 * side.sign * anatomy.yaw)
        x += 0.25 * (bx - nx)
        canvas.blob(
            bx + side.sign * wide * 0.46, by - 0.015, 0.062, 0.034, 0.95, (0.30, 0.18, 0.17)
        )
        canvas.stroke(
            (x - side.sign * 0.02, ny - 0.075),
            (x - side.sign * 0.075, by - 0.005),
            -side.sign * 0.050,
            0.020,
            0.62,
            SHADOW,
        )
        canvas.stroke(
            (anatomy.nose_root[0] + side.sign * 0.125, anatomy.nose_root[1] - 0.03),
            (nx + side.sign * 0.13, ny - 0.14),
            side.sign * 0.03,
            0.035,
            0.14,
            SHADOW,
        )
    canvas.blob(nx - 0.02, ny - 0.035, 0.055, 0.05, 0.55, (1.16, 1.16, 1.16))
    canvas.blob(
        (nx + anatomy.nose_root[0]) / 2,
        (ny + anatomy.nose_root[1]) / 2,
        0.035,
        0.2,
        0.5,
        (1.08, 1.08, 1.08),
    )


def _draw_freckles(canvas: Canvas, look: Look, anatomy: Anatomy) -> None:
    rng = np.random.default_rng(look.texture)
    places = rng.standard_normal((26, 2)).clip(-1.8, 1.8)
    sizes = rng.uniform(0.010, 0.022, 26)
    for (px, py), size in zip(places.tolist(), sizes.tolist(), strict=True):
        x = anatomy.nose[0] * 0.8 + 0.42 * px
        canvas.blob(
            x,
            0.36 + 0.13 * py + 0.6 * anatomy.pitch,
            size,
            size,
            0.8 * look.freckles,
            (0.78, 0.62, 0.52),
        )


def draw_lines(canvas: Canvas, look: Look, anatomy: Anatomy) -> None:
    """Folds and furrows: they come with the expression, and stay with age."""
    age, whole = look.age, anatomy.whole
    nx, ny = anatomy.nose
    for side in anatomy.sides:
        s, units = side.sign, side.actions
        ex, ey = side.eye
        mx, my = side.corner
        up = {name: max(value, 0.0) for name, value in units.items()}
        fold = 0.05 + 0.30 * age + 0.36 * up["AU12"] + 0.20 * up["AU10"] + 0.15 * up["AU9"]
        fold += 0.06 * up["AU20"] + 0.06 * up["AU15"]
        canvas.stroke(
            (nx + s * (look.nose_width + 0.07), ny + 0.0),
            (mx + s * (0.10 + 0.03 * up["AU12"]), my + 0.02 + 0.03 * up["AU12"]),
            s * (-0.045 - 0.035 * up["AU12"]),
            0.030,
            min(fold, 0.65),
            SHADOW,
        )
        feet = (0.28 * age + 0.55 * up["AU6"]) * (0.4 + 0.6 * age) + 0.12 * up["AU6"]
        outer = ex + s * (look.eye_width + 0.06)
        for turn in (-0.08, 0.02, 0.11):
            canvas.stroke(
                (outer, ey + 0.4 * turn),
                (outer + s * 0.15, ey + 1.5 * turn),
                0.0,
                0.011,
                feet,
                SHADOW,
            )
        canvas.stroke(
            (ex - s * 0.20, ey + 0.13),
            (ex + s * 0.20, ey + 0.15 - 0.02 * up["AU6"]),
            s * (0.075 - 0.02 * up["AU6"]),
            0.018,
            0.10 + 0.35 * age + 0.30 * up["AU6"] + 0.15 * up["AU7"],
            SHADOW,
        )
        frown = (0.25 + 0.35 * age) * up["AU4"] + 0.10 * age + 0.20 * up["AU4"]
        ix, iy = side.brow[0]
        canvas.stroke(
            (ix - s * 0.075, iy - 0.10),
            (ix - s * 0.095, iy + 0.10),
            s * 0.015,
            0.016,
            frown,
            SHADOW,
        )
        canvas.stroke(
            (mx - s * 0.01, my + 0.02),
            (mx + s * 0.02, my + 0.16),
            -s * 0.02,
            0.018,
            0.15 * age + 0.55 * up["AU15"] + 0.10 * up["AU17"],
            SHADOW,
        )
    brow = min(anatomy.sides[0].brow[1][1], anatomy.sides[1].brow[1][1])
    rise = max(0.5 * (whole["AU1"] + whole["AU2"]), 0.0)
    lines = 0.30 * age + (0.20 + 0.35 * age) * rise
    root = anatomy.nose_root[0]
    for i in range(3):
        y = brow - 0.17 - 0.14 * i
        half = 0.62 - 0.08 * i
        canvas.stroke(
            (root - half, y + 0.02), (root + half, y), -0.035, 0.015, lines * (1 - 0.2 * i), SHADOW
        )
    wrinkle = 0.6 * max(whole["AU9"], 0.0)
    for y in (0.02, 0.10):
        canvas.stroke((root - 0.1, y), (root + 0.1, y), -0.03, 0.013, wrinkle, SHADOW)
    cx, cy = anatomy.chin
    boss = 0.10 + 0.45 * max(whole["AU17"], 0.0)
    canvas.stroke((cx - 0.2, cy - 0.10), (cx + 0.2, cy - 0.10), -0.05, 0.022, boss, SHADOW)
