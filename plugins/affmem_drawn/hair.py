"""Hair and beard."""

import numpy as np

from affmem_drawn.anatomy import Anatomy
from affmem_drawn.canvas import Canvas, Colour, Plane, Window, mixed
from affmem_drawn.look import Look
from affmem_drawn.scene import Light
from affmem_drawn.skin import head_level

LENGTH = {"long": 2.75, "bob": 1.45}
"""How far down hair hangs beside the face, by style."""


def _strands(canvas: Canvas, window: Window, look: Look, curl: float) -> Plane:
    """Light and dark of strands, about 0: they run from the parting outward and down."""
    x, y = canvas.x[window], canvas.y[window]
    if curl > 0.5:
        k = np.float32(8.5)
        wave = np.sin(x * k + np.sin(y * k + np.float32(look.hair_phase)) * 1.6)
        wave *= np.sin(y * k * np.float32(0.9) + np.sin(x * k * np.float32(1.1)) * 1.4)
        return np.asarray(wave, np.float32)
    root = x - np.float32(look.hair_part)
    flow = root / np.sqrt(root * root + (y + np.float32(2.6)) ** 2 + np.float32(0.05))
    wave = np.sin(flow * np.float32(23.0) + np.float32(look.hair_phase))
    wave += np.float32(0.6) * np.sin(flow * np.float32(57.0) + y * np.float32(1.5))
    return np.asarray(wave * np.float32(0.6), np.float32)


def _paint_hair(
    canvas: Canvas, window: Window, alpha: Plane, look: Look, light: Light, curl: float, dim: float
) -> None:
    x, y = canvas.x[window], canvas.y[window]
    strands = _strands(canvas, window, look, curl)
    lamp = np.float32(light.ambient + 0.55 * light.strength)
    side = (x * np.float32(light.x) + (y + np.float32(0.9)) * np.float32(light.y)) * np.float32(
        0.32
    )
    # a band of sheen where the skull bends towards the lamp
    sheen = np.float32(1.0) - np.abs(y + np.float32(1.36) + x * x * np.float32(-0.28)) * np.float32(
        3.2
    )
    sheen = sheen.clip(0.0, 1.0) * (np.float32(0.6) + np.float32(0.6) * strands).clip(0.0, 1.0)
    tone = (lamp + side * np.float32(light.strength)) * np.float32(dim)
    tone = tone * (np.float32(1.0) + strands * np.float32(0.17 if curl < 0.5 else 0.24))
    gleam = sheen * np.float32(0.16 * dim * (1.0 - 0.6 * curl))
    for plane, value in zip(canvas.picture, look.hair, strict=True):
        part = plane[window]
        value_lit = tone * np.float32(value) + gleam * np.float32(0.45 + 0.55 * value)
        part += alpha * (value_lit - part)


def _volume(look: Look) -> tuple[float, float]:
    """How far hair stands off the skull, and how curly it is."""
    grow = look.hair_volume
    match look.hair_style:
        case "buzz":
            return 0.035, 0.0
        case "short" | "receding":
            return grow * 0.75, 0.0
        case "curly":
            return grow * 1.7, 1.0
        case "afro":
            return grow * 3.6 + 0.1, 1.0
        case "bun":
            return grow * 0.6, 0.0
        case _:
            return grow, 0.0


def _outline(canvas: Canvas, window: Window, look: Look, anatomy: Anatomy, hang: float) -> Plane:
    """Signed distance to the hair's outer outline; below the eyes it hangs straight."""
    grow, curl = _volume(look)
    _, distance, u, v = head_level(canvas, window, look, anatomy, grow)
    if hang > 0.0:
        y = canvas.y[window]
        wide = np.float32(look.head_width + 0.9 * grow) + y.clip(0.0, 3.0) * np.float32(0.05)
        wide -= ((y - np.float32(hang - 0.5)) * np.float32(1.2)).clip(0.0, 1.0) ** 2 * np.float32(
            0.25
        )
        sides = np.abs(canvas.x[window] - np.float32(0.15 * anatomy.yaw)) - wide
        distance = np.where(y < np.float32(anatomy.centre), distance, sides)
        ends = np.sin(canvas.x[window] * np.float32(19.0) + np.float32(look.hair_phase))
        distance = np.maximum(distance, y - np.float32(hang) + ends * np.float32(0.03))
    if curl > 0.5:
        angle = np.arctan2(u, -v)
        bumps = np.sin(angle * np.float32(17.0) + np.float32(look.hair_phase))
        bumps += np.sin(angle * np.float32(29.0))
        distance = distance - bumps * np.float32(0.028)
    return np.asarray(distance, np.float32)


def draw_back_hair(canvas: Canvas, look: Look, anatomy: Anatomy, light: Light) -> None:
    """What hangs or stands behind neck and ears."""
    style = look.hair_style
    if style in ("bald", "buzz", "short", "receding", "parted", "fringe"):
        return
    grow, curl = _volume(look)
    hang = LENGTH.get(style, 0.0)
    bottom = max(hang, 1.2)
    top = anatomy.centre - anatomy.above - grow - (0.55 if style == "bun" else 0.08)
    window = canvas.window(
        0.1 * anatomy.yaw,
        (top + bottom) / 2,
        look.head_width + grow + 0.35,
        (bottom - top) / 2 + 0.1,
    )
    if window is None:
        return
    if style == "bun":
        x, y = canvas.x[window], canvas.y[window]
        cy = anatomy.centre - anatomy.above - grow - 0.12
        ball = np.hypot(x + np.float32(0.2 * anatomy.yaw), y - np.float32(cy)) - np.float32(0.42)
        _paint_hair(canvas, window, canvas.cover(ball), look, light, 0.0, 0.85)
        return
    distance = _outline(canvas, window, look, anatomy, hang)
    if not hang:  # a round mass behind the ears
        wide = look.head_width + 0.9 * grow
        down = (canvas.y[window] + np.float32(0.35)) * np.float32(1.0 / (0.75 + 1.2 * grow))
        across = canvas.x[window] * np.float32(1.0 / (wide + 0.03))
        ball = np.hypot(across, down.clip(0.0, 9.0)) - np.float32(1.0)
        waves = np.sin(np.arctan2(across, down) * np.float32(15.0)) * np.float32(0.03)
        distance = np.maximum(distance, ball * np.float32(0.9) - waves)
    _paint_hair(canvas, window, canvas.cover(distance), look, light, curl, 0.72)


def draw_hair(canvas: Canvas, look: Look, anatomy: Anatomy, light: Light) -> None:
    """Hair over the forehead and beside the face, inside its outline and above its hairline."""
    style = look.hair_style
    if style == "bald":
        return
    grow, curl = _volume(look)
    hang = LENGTH.get(style, 0.0)
    top = anatomy.centre - anatomy.above - grow - 0.08
    bottom = max(hang, 0.45)
    window = canvas.window(
        0.1 * anatomy.yaw,
        (top + bottom) / 2,
        look.head_width + grow + 0.30,
        (bottom - top) / 2 + 0.05,
    )
    if window is None:
        return
    outline = _outline(canvas, window, look, anatomy, hang)
    x = canvas.x[window] - np.float32(0.85 * anatomy.yaw)
    y = canvas.y[window] - np.float32(0.75 * anatomy.pitch)
    away = np.abs(x)
    line = np.full_like(x, np.float32(look.hairline))
    if style == "fringe":
        line += np.float32(0.42) + np.abs(
            np.sin(x * np.float32(6.0) + np.float32(look.hair_phase))
        ) * np.float32(0.09)
        line -= away * np.float32(0.05)
    elif style in ("parted", "bob", "long"):
        root = x - np.float32(look.hair_part)
        line += (root * root).clip(0.0, 1.2) * np.float32(0.42)
        line -= np.float32(0.10) * (np.float32(1.0) - np.abs(root) * np.float32(4.0)).clip(0.0, 1.0)
    elif style == "receding":
        line += np.float32(0.02)
        line -= np.exp(-(((away - np.float32(0.52)) / np.float32(0.24)) ** 2)) * np.float32(0.24)
    else:
        line += away * away * np.float32(0.16)
    fray = np.float32(0.018 * min(1.0, 0.02 / canvas.pixel))  # its edge ends in strands
    line += np.sin(x * np.float32(31.0) + np.sin(x * np.float32(13.0)) * np.float32(2.0)) * fray
    if curl > 0.5:
        line += np.sin(x * np.float32(11.0) + np.float32(look.hair_phase)) * np.float32(0.045)
    # at the temples the hairline turns down: to the sideburn, or as far as the hair hangs
    reach = 3.2 if hang else 1.15
    temple = look.head_width - (0.35 if hang else 0.26)
    bend = ((away - np.float32(temple)) * np.float32(1 / 0.20)).clip(0.0, 1.4)
    line += bend * bend * np.float32(reach)
    slope = np.float32(1.0) / (np.float32(1.0) + bend * np.float32(reach * 5.0))
    if not hang:
        line = np.minimum(line, np.float32(-0.02 if look.beard_style != "full" else 0.45))
    distance = np.maximum(outline, (y - line) * slope)
    alpha = canvas.cover(distance)
    cast = (np.float32(1.0) - distance * np.float32(1 / 0.16)).clip(0.0, 1.0) ** 2 * np.float32(
        0.34
    )
    canvas.tint(window, cast * canvas.cover(outline), (0.60, 0.46, 0.44))
    if style == "buzz":
        alpha = alpha * np.float32(0.72)
        soft = ((-distance) * np.float32(5.0)).clip(0.0, 1.0)
        alpha = alpha * (np.float32(0.35) + np.float32(0.65) * soft)
    _paint_hair(canvas, window, alpha, look, light, curl, 1.0)


def draw_beard(canvas: Canvas, look: Look, anatomy: Anatomy) -> None:
    """Beard, goatee, moustache or stubble, over the jaw as it moves."""
    style = look.beard_style
    if style == "none":
        return
    mx, my = anatomy.mouth
    bottom = anatomy.centre + anatomy.below
    lift = 0.10 if style == "full" else 0.0
    window = canvas.window(
        mx * 0.7, (0.2 + bottom) / 2 + 0.05, look.head_width + 0.1, (bottom - 0.2) / 2 + 0.15
    )
    if window is None:
        return
    x, y = canvas.x[window] - np.float32(mx), canvas.y[window]
    _, outline, _, _ = head_level(canvas, window, look, anatomy, lift)
    away = np.abs(x)
    lip = my - anatomy.upper_gap - anatomy.upper_lip
    (lx, _), (rx, _) = anatomy.sides[0].corner, anatomy.sides[1].corner
    half = (rx - lx) / 2
    # cheek line: from the sideburn down to the mouth's corner, then over the upper lip
    cheek = np.float32(my - 0.05) - ((away - np.float32(half)) * np.float32(1.0 / 0.55)).clip(
        0.0, 1.3
    ) ** 2 * np.float32(0.85)
    burn = 0.0 if style == "full" else 0.45  # where it begins before the ears
    jaw = np.maximum(
        outline, np.maximum((cheek - y) * np.float32(0.6), (np.float32(burn) - y) * np.float32(0.4))
    )
    bar = np.maximum(
        away - np.float32(half + 0.10),
        np.abs(y - np.float32(lip - 0.075) - away * away * np.float32(0.55))
        - np.float32(0.075) * (np.float32(1.15) - away),
    )
    chin = np.hypot(
        x * np.float32(1.30), (y - np.float32(bottom - 0.30)) * np.float32(0.95)
    ).astype(np.float32) - np.float32(0.40)
    chin = np.maximum(np.maximum(chin, outline), np.float32(my + 0.12) - y)
    match style:
        case "moustache":
            distance = bar
        case "goatee":
            distance = np.minimum(bar, chin)
        case _:
            distance = np.minimum(jaw, np.maximum(bar, outline))
    soft = np.float32(0.10 if style == "stubble" else 0.055)
    alpha = (np.float32(0.5) - distance / np.maximum(soft, np.float32(canvas.pixel))).clip(0.0, 1.0)
    grain = np.sin((x * 43.0 + np.sin(y * 31.0) * 2.0).astype(np.float32)) * np.sin(
        (y * 37.0 + x * 11.0).astype(np.float32)
    )
    fine = min(1.0, 0.016 / canvas.pixel)
    strength = 0.36 if style == "stubble" else 0.90
    alpha = alpha * (np.float32(strength) + grain * np.float32(0.12 * fine))
    colour: Colour = mixed(look.hair, (0.1, 0.07, 0.06), 0.25)
    if style == "stubble":
        colour = mixed(colour, look.skin, 0.25)
    canvas.paint(window, alpha.clip(0.0, 1.0), colour, lit=True)
