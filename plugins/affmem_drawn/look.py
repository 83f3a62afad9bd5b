"""Who it is: everything about a drawn person that does not move."""

from typing import Final, Literal

import numpy as np
from attrs import frozen

from affmem_drawn.canvas import Colour, mixed

HairStyle = Literal[
    "bald", "buzz", "short", "parted", "fringe", "bob", "long", "curly", "afro", "bun", "receding"
]
BeardStyle = Literal["none", "stubble", "moustache", "goatee", "full"]
GlassesStyle = Literal["none", "round", "square", "thin"]
ClothesStyle = Literal["crew", "vee", "shirt", "hood"]

SKINS: Final[tuple[Colour, ...]] = (
    (0.980, 0.855, 0.780),
    (0.960, 0.800, 0.700),
    (0.925, 0.745, 0.615),
    (0.870, 0.670, 0.520),
    (0.780, 0.570, 0.425),
    (0.655, 0.455, 0.330),
    (0.520, 0.345, 0.245),
    (0.400, 0.260, 0.190),
)
"""Skin in full light, from the lightest to the darkest; persons lie anywhere between."""
HAIRS: Final[tuple[Colour, ...]] = (
    (0.085, 0.070, 0.070),
    (0.160, 0.105, 0.080),
    (0.290, 0.180, 0.110),
    (0.440, 0.290, 0.170),
    (0.700, 0.540, 0.330),
    (0.870, 0.760, 0.560),
    (0.560, 0.230, 0.110),
)
IRISES: Final[tuple[Colour, ...]] = (
    (0.220, 0.125, 0.070),
    (0.340, 0.200, 0.100),
    (0.450, 0.330, 0.150),
    (0.330, 0.430, 0.270),
    (0.300, 0.470, 0.620),
    (0.420, 0.520, 0.580),
)
CLOTHS: Final[tuple[Colour, ...]] = (
    (0.17, 0.20, 0.28),
    (0.55, 0.16, 0.18),
    (0.20, 0.38, 0.34),
    (0.80, 0.78, 0.72),
    (0.86, 0.62, 0.25),
    (0.30, 0.45, 0.66),
    (0.42, 0.30, 0.45),
    (0.12, 0.12, 0.13),
    (0.74, 0.47, 0.45),
    (0.62, 0.68, 0.55),
)


@frozen
class Look:
    """A drawn person at rest. Lengths are in face units: 1 is the mean distance of two eyes."""

    skin: Colour
    lip: Colour
    hair: Colour
    brow: Colour
    iris: Colour
    cloth: Colour
    trim: Colour
    head_width: float
    crown: float
    chin: float
    jaw: float
    taper: float
    neck: float
    ear: float
    eye_gap: float
    eye_width: float
    eye_height: float
    eye_tilt: float
    eye_crease: float
    lash: float
    iris_size: float
    brow_height: float
    brow_arch: float
    brow_tilt: float
    brow_thick: float
    brow_strength: float
    nose_length: float
    nose_width: float
    nose_relief: float
    mouth_height: float
    mouth_width: float
    lip_upper: float
    lip_lower: float
    hair_style: HairStyle
    hair_volume: float
    hairline: float
    hair_part: float
    hair_phase: float
    beard_style: BeardStyle
    glasses_style: GlassesStyle
    glasses: Colour
    clothes_style: ClothesStyle
    age: float
    freckles: float
    blush: float
    texture: int
    """A seed for what is too fine to have a name: freckles, strands, stubble."""


def _between(colours: tuple[Colour, ...], place: float) -> Colour:
    place = min(max(place, 0.0), 1.0) * (len(colours) - 1)
    first = min(int(place), len(colours) - 2)
    return mixed(colours[first], colours[first + 1], place - first)


def sample_look(rng: np.random.Generator) -> Look:
    """A person drawn by lot: all skin tones, ages from young to old, any hair.

    >>> sample_look(np.random.default_rng(3)) == sample_look(np.random.default_rng(3))
    True
    """
    normal = rng.standard_normal(40).clip(-2.2, 2.2).tolist()
    even = rng.random(24).tolist()
    soft = even[0]  # one cue of build that many traits lean on: 0 angular, 1 soft
    age = even[1] ** 1.4
    dark = even[2]

    skin = _between(SKINS, dark)
    skin = mixed(skin, (skin[0], skin[1] * 0.97, skin[2] * (0.93 if even[3] < 0.5 else 1.05)), 0.8)
    hair = HAIRS[int(rng.integers(3 if dark > 0.55 else len(HAIRS)))]
    if age > 0.55:
        hair = mixed(hair, (0.72, 0.71, 0.70), min(1.0, (age - 0.55) * 2.6) * even[4])
    iris = IRISES[int(rng.integers(2 if dark > 0.55 else len(IRISES)))]
    makeup = max(0.0, soft - 0.45) * 1.6 * even[5]
    rose = (0.78, 0.22, 0.27) if even[6] < 0.5 else (0.66, 0.25, 0.30)
    lip = mixed(skin, (skin[0] * 0.80, skin[1] * 0.46, skin[2] * 0.48), 0.62 + 0.2 * soft)
    lip = mixed(lip, rose, 0.55 * makeup)

    styles: tuple[HairStyle, ...]
    if soft > 0.5:
        styles = ("long", "bob", "bun", "fringe", "parted", "curly", "long", "afro", "short")
    elif age > 0.5:
        styles = ("short", "receding", "bald", "buzz", "parted", "receding", "short")
    else:
        styles = ("short", "parted", "curly", "buzz", "short", "fringe", "afro", "bald", "long")
    style = styles[int(rng.integers(len(styles)))]
    if style == "afro" and dark < 0.45:
        style = "curly"
    beards: tuple[BeardStyle, ...] = ("none", "none", "stubble", "full", "goatee", "moustache")
    beard = beards[int(rng.integers(len(beards)))] if soft < 0.45 else "none"
    frames: tuple[GlassesStyle, ...] = ("round", "square", "thin")
    glasses = frames[int(rng.integers(3))] if even[7] < 0.22 + 0.2 * age else "none"
    cloths: tuple[ClothesStyle, ...] = ("crew", "vee", "shirt", "hood")
    cloth = CLOTHS[int(rng.integers(len(CLOTHS)))]
    trim = CLOTHS[int(rng.integers(len(CLOTHS)))]

    return Look(
        skin=skin,
        lip=lip,
        hair=hair,
        brow=mixed(hair, (0.12, 0.09, 0.08), 0.45 + 0.25 * (1 - age)),
        iris=iris,
        cloth=cloth,
        trim=trim,
        head_width=1.155 + 0.04 * normal[0],
        crown=1.84 + 0.05 * normal[1],
        chin=1.80 - 0.06 * (soft - 0.5) + 0.055 * normal[2],
        jaw=0.22 - 0.30 * (soft - 0.5) + 0.09 * normal[3],
        taper=0.10 + 0.05 * (soft - 0.5) + 0.025 * normal[4],
        neck=0.60 - 0.14 * (soft - 0.5) + 0.03 * normal[5],
        ear=1.0 + 0.1 * normal[6],
        eye_gap=0.5 + 0.018 * normal[7],
        eye_width=0.272 + 0.012 * normal[8] + 0.012 * (soft - 0.5),
        eye_height=0.126 + 0.010 * normal[9] + 0.018 * (soft - 0.5),
        eye_tilt=0.07 * normal[10],
        eye_crease=0.07 + 0.025 * normal[11],
        lash=0.45 + 0.55 * soft * even[8] + 0.3 * makeup,
        iris_size=0.120 + 0.005 * normal[12],
        brow_height=0.375 + 0.025 * normal[13] + 0.03 * (soft - 0.5),
        brow_arch=0.055 + 0.02 * normal[14] + 0.025 * (soft - 0.5),
        brow_tilt=0.022 * normal[15],
        brow_thick=0.048 - 0.016 * (soft - 0.5) + 0.008 * normal[16],
        brow_strength=0.92 + 0.08 * normal[17] - 0.1 * age * (1 - even[9]),
        nose_length=0.565 + 0.022 * normal[18],
        nose_width=0.235 + 0.022 * normal[19] + 0.03 * (dark - 0.5),
        nose_relief=1.0 + 0.2 * normal[20] - 0.2 * (soft - 0.5),
        mouth_height=1.145 + 0.03 * normal[21],
        mouth_width=0.385 + 0.022 * normal[22],
        lip_upper=0.085 + 0.013 * normal[23] + 0.02 * (soft - 0.5) + 0.02 * (dark - 0.5),
        lip_lower=0.115 + 0.016 * normal[24] + 0.02 * (soft - 0.5) + 0.02 * (dark - 0.5),
        hair_style=style,
        hair_volume=0.13 + 0.035 * normal[25],
        hairline=-1.10 + 0.06 * normal[26] - 0.08 * age,
        hair_part=0.25 * normal[27],
        hair_phase=6.28 * even[10],
        beard_style=beard,
        glasses_style=glasses,
        glasses=mixed((0.08, 0.07, 0.07), CLOTHS[int(rng.integers(len(CLOTHS)))], 0.35 * even[11]),
        clothes_style=cloths[int(rng.integers(len(cloths)))],
        age=age,
        freckles=even[12] if dark < 0.4 and even[13] < 0.25 else 0.0,
        blush=0.15 + 0.35 * even[14] + 0.3 * makeup,
        texture=int(rng.integers(1 << 31)),
    )
