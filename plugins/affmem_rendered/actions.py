"""From action units to the blendshapes of ICT-FaceKit."""

from typing import Final

import numpy as np
from jaxtyping import Float32
from numpy import typing as npt

from affmem.expression import ACTIONS, COUNT, Actions

SHAPES: Final[dict[str, dict[str, float]]] = {
    "AU1": {"browInnerUp": 1.15},
    "AU2": {"browOuterUp": 1.05},
    "AU4": {"browDown": 1.35},
    "AU5": {"eyeWide": 1.15},
    "AU6": {"cheekRaiser": 0.75, "cheekSquint": 0.55, "eyeSquint": 0.25},
    "AU7": {"eyeSquint": 1.0},
    "AU9": {"noseSneer": 0.95},
    "AU10": {"mouthUpperUp": 0.75},
    "AU12": {"mouthSmile": 1.05, "mouthDimple": 0.10},
    "AU15": {"mouthFrown": 1.30},
    "AU17": {"mouthShrugLower": 0.75, "mouthShrugUpper": 0.25},
    "AU20": {"mouthStretch": 0.95},
    "AU23": {"mouthPress": 0.70, "mouthRollLower": 0.35, "mouthRollUpper": 0.30},
    "AU25": {"mouthLowerDown": 0.55, "mouthUpperUp": 0.30, "jawOpen": 0.08},
    "AU26": {"jawOpen": 0.62},
    "AU43": {"eyeBlink": 0.92},
    "AU64": {"eyeLookDown": 0.75},
}
"""What each unit moves, and how far at 1. A name without side stands for both `_L` and `_R`, or
for the one shape that has no sides."""
GAZE: Final = ("eyeLookIn", "eyeLookOut", "eyeLookUp", "eyeLookDown")
"""Shapes by which the eyes look about, beside `SHAPES`."""
NOD: Final = "AU54"
"""The unit that turns the whole head."""

Weights = Float32[npt.NDArray[np.float32], " shapes"]


USED: Final = {name for shapes in SHAPES.values() for name in shapes} | set(GAZE)


def _common(name: str) -> str:
    return name.removesuffix("_L").removesuffix("_R")


def used_names(known: list[str]) -> list[str]:
    """Those of the known shapes that an expression or a gaze may use, in their order."""
    return [name for name in known if _common(name) in USED]


def missing_names(known: list[str]) -> list[str]:
    """What an expression or a gaze may use but is not among the known shapes, side by side."""
    there = set(known)
    sided = {name for name in USED if {name + "_L", name + "_R"} <= there}
    return sorted(USED - sided - {name for name in USED if name in there})


def action_table(names: list[str]) -> Float32[npt.NDArray[np.float32], "sides units shapes"]:
    """How much of each shape a unit on the picture's left and right side brings along.

    The picture's left is the person's right.
    """
    table = np.zeros((2, COUNT, len(names)), np.float32)
    for unit, shapes in SHAPES.items():
        for shape, amount in shapes.items():
            for side, suffix in enumerate(("_R", "_L")):
                if shape + suffix in names:
                    table[side, ACTIONS.index(unit), names.index(shape + suffix)] = amount
                elif shape in names:
                    table[side, ACTIONS.index(unit), names.index(shape)] = 0.5 * amount
    return table


def shape_weights(
    table: Float32[npt.NDArray[np.float32], "sides units shapes"],
    names: list[str],
    actions: Actions,
    gaze: tuple[float, float],
    blink: float,
) -> Weights:
    """The weights of all shapes: a face's action units `[2, units]`, and where the eyes look.

    `gaze`: towards the picture's right and downward, 1 being about 20 degrees; `blink`: lids
    closed by this share beyond what the expression does.
    """
    weights: Weights = np.einsum("su,suw->w", actions, table).astype(np.float32)
    x, y = gaze
    looks = {
        "eyeLookOut_L": max(x, 0.0),
        "eyeLookIn_R": max(x, 0.0),
        "eyeLookIn_L": max(-x, 0.0),
        "eyeLookOut_R": max(-x, 0.0),
        "eyeLookDown_L": max(y, 0.0),
        "eyeLookDown_R": max(y, 0.0),
        "eyeLookUp_L": max(-y, 0.0),
        "eyeLookUp_R": max(-y, 0.0),
    }
    for name, amount in looks.items():
        weights[names.index(name)] += np.float32(amount)
    for side in ("_L", "_R"):
        shut, wide = names.index("eyeBlink" + side), names.index("eyeWide" + side)
        weights[shut] = 1.0 - (1.0 - min(weights[shut], 1.0)) * (1.0 - blink)
        # lids that squint or look down are half closed already: never beyond closed
        squint = max(weights[names.index("eyeSquint" + side)], 0.0)
        down = max(weights[names.index("eyeLookDown" + side)], 0.0)
        weights[shut] = min(weights[shut], 1.0 - 0.12 * min(squint, 1.0) - 0.3 * min(down, 1.0))
        weights[wide] *= 1.0 - max(min(weights[shut], 1.0), 0.0)
    return weights
