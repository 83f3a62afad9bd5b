"""Eyes, brows and glasses."""

import numpy as np
from attrs import frozen

from affmem_drawn.anatomy import Anatomy, Side
from affmem_drawn.canvas import Canvas, Colour, Plane, Window, mixed
from affmem_drawn.look import Look
from affmem_drawn.scene import Light, Pose

LASH: Colour = (0.10, 0.07, 0.065)
WHITE: Colour = (0.955, 0.945, 0.935)


def _arc(u: Plane) -> Plane:
    """A lid's arc: 1 in the middle, 0 at the corners, fuller than a parabola."""
    square = u * u
    arc: Plane = np.float32(1.0) - square * (np.float32(0.62) + np.float32(0.38) * square)
    return arc


def draw_eyes(canvas: Canvas, look: Look, anatomy: Anatomy, pose: Pose, light: Light) -> None:
    """Both eyes: lid, white, iris, pupil, spark, lashes and crease."""
    for side in anatomy.sides:
        _draw_eye(canvas, look, side, pose, light)


@frozen(eq=False)
class Slit:
    """An eye's opening over a window."""

    dx: Plane
    dy: Plane
    """From the eye's middle, in face units."""
    u: Plane
    """-1 at the inner corner, 1 at the outer."""
    upper: Plane
    """Height of the upper lid's edge, ..."""
    lower: Plane
    """... and of the lower's."""
    opening: Plane
    """How much of each pixel lies between the lids."""
    cast: Plane
    """The upper lid's shadow on the ball, 1 just below its edge."""
    tilt: float


def _open_eye(canvas: Canvas, look: Look, side: Side) -> tuple[Window, Slit] | None:
    x, y = side.eye
    wide, tall = look.eye_width * side.eye_scale[0], side.eye_scale[1]
    window = canvas.window(x, y - 0.05, wide * 1.3, 0.34)
    if window is None:
        return None
    dx = canvas.x[window] - np.float32(x)
    dy = canvas.y[window] - np.float32(y)
    u = dx * np.float32(side.sign / wide)
    arc = _arc(u.clip(-1.0, 1.0))
    # the line through the corners; where AU1 and AU4 meet, in grief, it droops outside
    tilt = -look.eye_tilt + 0.10 * max(side.actions["AU1"], 0.0) * max(side.actions["AU4"], 0.0)
    line = u * np.float32(tilt * 0.5 * wide)
    skew = np.float32(1.0) - u * np.float32(0.16)  # the upper lid is highest inside
    upper = np.asarray(line - arc * skew * np.float32(side.upper * tall), np.float32)
    skew = np.float32(1.0) + u * np.float32(0.14)
    lower = np.asarray(line + arc * skew * np.float32(side.lower * tall), np.float32)
    beyond = (np.abs(u) - np.float32(1.0)) * np.float32(wide)
    distance = np.maximum(np.maximum(upper - dy, dy - lower), beyond)
    cast = (np.float32(1.0) - (dy - upper) * np.float32(1.0 / 0.13)).clip(0.0, 1.0)
    opening = canvas.cover(distance * np.float32(0.93))
    return window, Slit(dx, dy, u, upper, lower, opening, cast, tilt)


def _draw_eye(canvas: Canvas, look: Look, side: Side, pose: Pose, light: Light) -> None:
    opened = _open_eye(canvas, look, side)
    if opened is None:
        return
    window, slit = opened
    _draw_lid(canvas, window, look, side, slit)
    ball = np.float32(1.0) - np.float32(0.20) * (slit.u * slit.u).clip(0.0, 1.0)
    gloss = np.float32(0.74 + 0.24 * light.ambient + 0.12 * light.strength)
    tone = ball * (np.float32(1.0) - np.float32(0.38) * slit.cast * slit.cast) * gloss
    canvas.paint_toned(window, slit.opening, WHITE, tone)
    _draw_iris(canvas, window, look, side, pose, light, slit)
    _draw_lashes(canvas, window, look, side, slit)


def _draw_iris(
    canvas: Canvas, window: Window, look: Look, side: Side, pose: Pose, light: Light, slit: Slit
) -> None:
    gaze_y = pose.gaze_y + 0.75 * max(side.actions["AU64"], 0.0)
    ix = slit.dx - np.float32(0.085 * pose.gaze_x * side.eye_scale[0])
    iy = slit.dy - np.float32(0.062 * gaze_y - 0.012)
    radius = look.iris_size
    away = np.sqrt(ix * ix * np.float32(1.0 / side.eye_scale[0] ** 2) + iy * iy)
    disc = canvas.cover(away - np.float32(radius)) * slit.opening
    rim = (away * np.float32(3.0 / radius) - np.float32(2.1)).clip(0.0, 1.0)
    # light gathers in the iris opposite to the lamp
    lit = iy * np.float32(-3.0 * light.y) - ix * np.float32(3.0 * light.x) + np.float32(0.85)
    tone = (lit - np.float32(0.55) * rim - np.float32(0.42) * slit.cast).clip(0.06, 1.6)
    canvas.paint_toned(window, disc, look.iris, tone)
    pupil = radius * (0.42 + 0.10 * max(side.actions["AU5"], 0.0))
    dark = canvas.cover(away - np.float32(pupil)) * slit.opening
    canvas.paint(window, dark, (0.03, 0.025, 0.03))
    sx = ix - np.float32(-0.040 if light.x < 0 else 0.040)
    sy = iy + np.float32(0.042)
    spark = canvas.cover(np.sqrt(sx * sx + sy * sy) - np.float32(0.026)) * slit.opening
    canvas.paint(window, spark * np.float32(0.92), (1.0, 1.0, 1.0))


def _draw_lashes(canvas: Canvas, window: Window, look: Look, side: Side, slit: Slit) -> None:
    """The lower lid's wet line, the upper's lashes, and the inner corner."""
    u, dy = slit.u, slit.dy
    inside = (np.float32(1.06) - np.abs(u)).clip(0.0, 0.12) * np.float32(1 / 0.12)
    under = canvas.band(dy - slit.lower - np.float32(0.008), 0.011) * inside
    canvas.paint(window, under * np.float32(0.38), mixed(look.skin, (0.35, 0.14, 0.12), 0.7))
    thick = np.float32(0.017 + 0.017 * look.lash) * (np.float32(0.75) + np.float32(0.35) * u)
    lash = canvas.band(dy - slit.upper + thick * np.float32(0.5), thick) * inside
    canvas.paint(window, lash * np.float32(0.95), mixed(LASH, look.skin, 0.12 * (1 - look.lash)))
    if look.lash > 0.65:
        x, y = side.eye
        wide, tall = look.eye_width * side.eye_scale[0], side.eye_scale[1]
        start = (x + side.sign * wide * 0.90, y + slit.tilt * 0.4 * wide - 0.01)
        end = (x + side.sign * wide * 1.20, y + slit.tilt * 0.5 * wide - 0.07 * tall)
        canvas.stroke(start, end, 0.0, 0.022, 0.9, (0.15, 0.12, 0.12))
    away = np.hypot(u + np.float32(0.97), dy * np.float32(6.0)) * np.float32(0.1)
    canvas.paint(
        window,
        canvas.cover(away - np.float32(0.012)) * np.float32(0.45),
        (0.78, 0.42, 0.40),
        lit=True,
    )


def _draw_lid(canvas: Canvas, window: Window, look: Look, side: Side, slit: Slit) -> None:
    """The upper lid's skin, from the crease down to the lashes."""
    open_share = side.upper / max(look.eye_height, 1e-3)
    height = look.eye_height * side.eye_scale[1] * (1.0 + 0.10 * open_share)
    height += look.eye_crease * (0.65 + 0.5 * max(0.0, 1.0 - open_share))
    height -= 0.03 * max(side.actions["AU4"], 0.0)
    beside = np.abs(slit.u)
    crease = _arc((slit.u * np.float32(0.92)).clip(-1.0, 1.0)) * np.float32(-height)
    lid = canvas.cover(np.maximum(crease - slit.dy, slit.dy - slit.upper))
    lid *= beside < np.float32(1.0)
    canvas.tint(window, lid * np.float32(0.55), (0.86, 0.78, 0.77))
    edge = (np.float32(1.08) - beside).clip(0.0, 0.3) * np.float32(1 / 0.3)
    # the crease stays above the lashes
    gap = np.minimum(crease, slit.upper - np.float32(0.015))
    line = canvas.band(slit.dy - gap, 0.013) * edge
    canvas.tint(window, line * np.float32(0.60), (0.55, 0.40, 0.37))


def draw_brows(canvas: Canvas, look: Look, anatomy: Anatomy) -> None:
    """Brows as hair along a curve through inner end, peak and outer end."""
    for side in anatomy.sides:
        (x0, y0), (x1, y1), (x2, y2) = side.brow
        middle, half = (x0 + x2) / 2, abs(x2 - x0) / 2 + 1e-4
        top, bottom = min(y0, y1, y2), max(y0, y1, y2)
        window = canvas.window(middle, (top + bottom) / 2, half + 0.06, (bottom - top) / 2 + 0.09)
        if window is None:
            continue
        u = (canvas.x[window] - np.float32(middle)) * np.float32(side.sign / half)
        v = u.clip(-1.1, 1.1)
        # a parabola through the three points, the peak at its own place
        p = side.sign * (x1 - middle) / half
        straight = (y0 + y2) / 2 + (y2 - y0) / 2 * p
        bow = (y1 - straight) / max(1.0 - p * p, 0.2)
        line = np.float32((y0 + y2) / 2) + v * np.float32((y2 - y0) / 2)
        line += (np.float32(1.0) - v * v) * np.float32(bow)
        slope = np.float32((y2 - y0) / 2 / half) - v * np.float32(2 * bow / half)
        steep = np.float32(1.0) / np.sqrt(np.float32(1.0) + slope * slope)
        fade = np.sqrt(((np.float32(1.06) - u) * np.float32(0.62)).clip(0.0, 1.0))
        fade *= (np.float32(0.72) + (u + np.float32(1.1)) * np.float32(1.6)).clip(0.0, 1.0)
        off: Plane = np.asarray((canvas.y[window] - line) * steep, np.float32)
        ends = ((np.float32(1.0) - np.abs(u)) * np.float32(half / canvas.pixel) + 0.5).clip(
            0.0, 1.0
        )
        soft = ((u + np.float32(1.02)) * np.float32(2.6) + 0.25).clip(0.0, 1.0)
        body = canvas.band(off, np.float32(look.brow_thick) * fade) * ends * soft
        fringe = canvas.band(off, np.float32(look.brow_thick * 1.35) * fade) * ends * soft
        hairs = np.sin((u * 34.0 - (canvas.y[window] - line) * side.sign * 45.0).astype(np.float32))
        fineness = min(1.0, 0.012 / canvas.pixel)
        body = body * (np.float32(0.86) + hairs * np.float32(0.14 * fineness))
        alpha = (body * np.float32(0.72) + fringe * np.float32(0.28)) * np.float32(
            look.brow_strength
        )
        canvas.paint(window, alpha, look.brow)


def draw_glasses(canvas: Canvas, look: Look, anatomy: Anatomy) -> None:
    """Two rims, a bridge and the temples' beginnings."""
    if look.glasses_style == "none":
        return
    half = {"round": 0.013, "square": 0.024, "thin": 0.009}[look.glasses_style]
    for side in anatomy.sides:
        x, y = side.eye
        x += 0.03 * side.sign + 0.12 * anatomy.yaw
        y += 0.05 + 0.05 * anatomy.pitch
        wide, tall = 0.40 * side.eye_scale[0], 0.33
        window = canvas.window(x, y, wide + 0.05, tall + 0.05)
        if window is None:
            continue
        dx, dy = np.abs(canvas.x[window] - np.float32(x)), canvas.y[window] - np.float32(y)
        if look.glasses_style == "round":
            away = np.hypot(dx * np.float32(1.0 / wide), dy * np.float32(1.0 / tall)) - 1.0
            distance: Plane = (away * 0.36).astype(np.float32)
        else:
            round_, size = 0.15, (0.40 * side.eye_scale[0], 0.26)
            qx = np.maximum(dx - np.float32(size[0] - round_), 0.0)
            qy = np.maximum(np.abs(dy) - np.float32(size[1] - round_), 0.0)
            distance = np.hypot(qx, qy) - np.float32(round_)
        glass = canvas.cover(distance)
        canvas.tint(window, glass * np.float32(0.5), (0.96, 0.98, 1.0))
        glare = canvas.band(dx * 0 + canvas.x[window] - np.float32(x) + dy * np.float32(0.8), 0.05)
        canvas.paint(window, glass * glare * np.float32(0.10), (1.0, 1.0, 1.0))
        canvas.paint(window, canvas.band(distance, half), look.glasses)
        covered = look.hair_style in ("long", "bob")  # there the arms vanish under hair
        start = (x + side.sign * (wide - 0.03), y - 0.09)
        end = side.sign * (look.head_width - (0.30 if covered else -0.02)) + 0.05 * anatomy.yaw
        if side.sign * (end - start[0]) > 0.04:
            canvas.stroke(start, (end, y - 0.10), 0.0, 0.035, 0.9, look.glasses)
    (x0, y0), (x1, _) = anatomy.sides[0].eye, anatomy.sides[1].eye
    turn = 0.12 * anatomy.yaw
    canvas.stroke(
        (x0 + 0.35 + turn, y0 + 0.0),
        (x1 - 0.35 + turn, y0 + 0.0),
        -0.05,
        half * 1.8,
        0.95,
        look.glasses,
    )
