"""Where the parts of a face lie once its expression and pose are known."""

from math import cos, sin, sqrt
from typing import Final

import numpy as np
from attrs import frozen
from jaxtyping import Float32, Float64
from numpy import typing as npt

from affmem.expression import ACTIONS, COUNT
from affmem_drawn.look import Look
from affmem_drawn.scene import Pose

Landmarks = Float64[npt.NDArray[np.float64], "5 2"]
"""Image-left eye, image-right eye, nose tip, image-left and image-right corner of the mouth."""
Point = tuple[float, float]

SIDES: Final = (-1.0, 1.0)
"""The picture's left and right half of the face."""


@frozen
class Side:
    """One half of the face: its action units by name, and what they move."""

    sign: float
    eye: Point
    eye_scale: Point
    """Foreshortening of the eye, across and down."""
    upper: float
    """Height of the upper lid's arc above the corners' line; negative: below."""
    lower: float
    """Depth of the lower lid's arc below the corners' line; negative: above."""
    brow: tuple[Point, Point, Point]
    """Inner end, peak, outer end."""
    corner: Point
    """Of the mouth."""
    actions: dict[str, float]


@frozen
class Anatomy:
    """A face's parts in face units, after expression and pose."""

    sides: tuple[Side, Side]
    whole: dict[str, float]
    """Mean of both sides' action units."""
    yaw: float
    """Sine of the head's turn, towards the picture's right."""
    pitch: float
    centre: float
    """Height of the head's widest place."""
    above: float
    """From there up to the crown, ..."""
    below: float
    """... and down to the chin."""
    nose: Point
    nose_root: Point
    nose_base: Point
    mouth: Point
    """Middle of the line between the lips."""
    upper_gap: float
    """How far the upper lip's edge lies above that line, ..."""
    lower_gap: float
    """... and the lower lip's below."""
    upper_lip: float
    lower_lip: float
    chin: Point

    def landmarks(self) -> Landmarks:
        """The five points that face detectors name, in face units; an eye's is its middle."""
        first, second = self.sides
        return np.array(
            [
                (first.eye[0], first.eye[1] - 0.032),
                (second.eye[0], second.eye[1] - 0.032),
                self.nose,
                first.corner,
                second.corner,
            ],
            dtype=np.float64,
        )


def _surface(x: float, y: float) -> float:
    """Depth of the face's surface, towards the eye of the beholder, at rest."""
    return 1.2 * sqrt(max(1.0 - (x / 1.22) ** 2 - ((y - 0.15) / 2.1) ** 2, 0.06))


def pose_face(
    look: Look, actions: Float32[npt.NDArray[np.float32], f"2 {COUNT}"], pose: Pose
) -> Anatomy:
    """Move a face: action units displace its parts, then the head turns by parallax."""
    rows: list[list[float]] = actions.tolist()
    each = [dict(zip(ACTIONS, row, strict=True)) for row in rows]
    whole = {name: 0.5 * (each[0][name] + each[1][name]) for name in ACTIONS}
    turn, nod = pose.yaw, pose.pitch + 0.20 * whole["AU54"]
    cy, sy, cp, sp = cos(turn), sin(turn), cos(nod), sin(nod)

    def project(x: float, y: float, lift: float = 0.0) -> Point:
        z = _surface(x, y) + lift
        across, depth = x * cy + z * sy, z * cy - x * sy
        return across, (y - 0.3) * cp + depth * sp + 0.3 - 0.35 * nod

    drop = 0.30 * whole["AU26"] * (0.35 + 0.65 * max(whole["AU25"], 0.0))
    part = max(whole["AU25"], 0.0)
    gap = part * (0.085 + 0.36 * max(whole["AU26"], 0.0) + 0.04 * max(whole["AU12"], 0.0))
    press = max(whole["AU23"], 0.0)
    lift = 0.05 * whole["AU10"] + 0.02 * whole["AU9"]
    mouth_y = look.mouth_height - 0.055 * whole["AU17"] + 0.012 * whole["AU12"]

    sides: list[Side] = []
    for sign, units in zip(SIDES, each, strict=True):
        eye_x = sign * look.eye_gap
        eye = project(eye_x, 0.0, -0.06)
        near = project(eye_x - 0.1 * sign, 0.0, -0.06)
        scale = (abs(eye[0] - near[0]) * 10.0, cp)
        shut = min(max(units["AU43"], -0.2), 1.0)
        shut = 1.0 - (1.0 - shut) * (1.0 - pose.blink)
        open_ = 1.0 + 0.50 * units["AU5"] - 0.28 * units["AU7"] - 0.20 * units["AU6"]
        lower = look.eye_height * (
            0.68 + 0.12 * units["AU5"] - 0.55 * units["AU6"] - 0.45 * units["AU7"]
        )
        closed = -0.45 * max(lower, 0.02)  # where the lids meet
        upper = closed + (look.eye_height * max(open_, 0.15) - closed) * (1.0 - shut)

        up1, up2, down = units["AU1"], units["AU2"], units["AU4"]
        base = -look.brow_height
        squint = 0.02 * units["AU6"] + 0.015 * units["AU9"]
        inner = project(
            sign * (0.235 - 0.065 * down),
            base + 0.05 - look.brow_tilt - 0.15 * up1 + 0.125 * down + squint + 0.03 * units["AU9"],
            0.05,
        )
        peak = project(
            sign * (0.60 - 0.03 * down),
            base - look.brow_arch - 0.08 * up1 - 0.115 * up2 + 0.085 * down + squint,
            0.05,
        )
        outer = project(
            sign * 0.885,
            base + 0.045 + look.brow_tilt - 0.155 * up2 + 0.02 * down + 0.03 * up1 + squint,
            0.05,
        )

        wide = look.mouth_width + 0.085 * units["AU12"] + 0.085 * units["AU20"]
        wide += 0.01 * units["AU15"] - 0.035 * units["AU23"]
        pulled = (1.0 - 0.8 * max(units["AU12"], 0.0)) * (1.0 - 0.8 * max(units["AU20"], 0.0))
        wide -= 0.075 * units["AU26"] * part * pulled  # an open mouth rounds unless it is pulled
        rise = -0.022 - 0.165 * units["AU12"] + 0.115 * units["AU15"] + 0.045 * units["AU20"]
        rise += 0.35 * drop * part * 0.4
        corner = project(sign * wide, mouth_y + rise, -0.04)
        sides.append(Side(sign, eye, scale, upper, lower, (inner, peak, outer), corner, units))

    thin = 1.0 - 0.55 * press
    upper_lip = look.lip_upper * thin * (1 - 0.28 * whole["AU12"]) * (1 - 0.25 * whole["AU20"])
    lower_lip = look.lip_lower * thin * (1 - 0.22 * whole["AU12"]) * (1 - 0.25 * whole["AU20"])
    lower_lip *= 1.0 + 0.18 * whole["AU17"] + 0.08 * whole["AU15"]

    def height(y: float, z: float) -> float:
        return (y - 0.3) * cp + z * sp + 0.3 - 0.35 * nod

    chin = look.chin + drop - 0.02 * whole["AU17"]
    bottom, top = height(chin, 0.75), height(-look.crown, -0.1)
    centre = height(0.0, 0.1)
    nose_y = look.nose_length - 0.025 * whole["AU9"] - 0.01 * whole["AU12"]
    return Anatomy(
        sides=(sides[0], sides[1]),
        whole=whole,
        yaw=sy,
        pitch=sp,
        centre=centre,
        above=centre - top,
        below=bottom - centre,
        nose=project(0.0, nose_y, 0.36),
        nose_root=project(0.0, 0.02, 0.10),
        nose_base=project(0.0, nose_y + 0.13, 0.12),
        mouth=project(0.0, mouth_y + 0.02 * drop, 0.06),
        upper_gap=max(0.22 * gap + lift * part, 0.0),
        lower_gap=max(0.78 * gap, 0.0),
        upper_lip=max(upper_lip, 0.02),
        lower_lip=max(lower_lip, 0.025),
        chin=project(0.0, chin - 0.2, 0.05),
    )
