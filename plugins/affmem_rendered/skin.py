"""What a rendered person's head is painted with: skin, lips, brows, eyes, hair and beard."""

from functools import lru_cache
from typing import Final

import cv2
import numpy as np
from attrs import frozen
from jaxtyping import Float32
from numpy import typing as npt

from affmem_rendered.model import COLUMNS, IRIS, PATCH, ROWS, STRANDS, Model, angle_of, skin_places
from affmem_rendered.raster import Texture

Colour = tuple[float, float, float]
Cells = Float32[npt.NDArray[np.float32], f"{ROWS} {COLUMNS}"]
Painting = Float32[npt.NDArray[np.float32], "rows columns 4"]

SKINS: Final[tuple[Colour, ...]] = (
    (0.93, 0.77, 0.70),
    (0.88, 0.70, 0.60),
    (0.80, 0.61, 0.49),
    (0.70, 0.51, 0.39),
    (0.56, 0.39, 0.29),
    (0.43, 0.29, 0.21),
    (0.33, 0.22, 0.165),
)
"""Skin as a picture shows it in full light, from the lightest; persons lie anywhere between."""
HAIRS: Final[tuple[Colour, ...]] = (
    (0.10, 0.085, 0.08),
    (0.17, 0.12, 0.09),
    (0.28, 0.19, 0.12),
    (0.42, 0.29, 0.18),
    (0.64, 0.50, 0.32),
    (0.42, 0.24, 0.15),
)
IRISES: Final[tuple[Colour, ...]] = (
    (0.25, 0.15, 0.09),
    (0.36, 0.23, 0.12),
    (0.42, 0.34, 0.18),
    (0.33, 0.42, 0.30),
    (0.35, 0.48, 0.60),
    (0.45, 0.52, 0.56),
)
HAIRLINE: Final = (
    (0.0, 0.35, 0.60, 0.78, 0.90, 1.02, 1.18, 1.27, 1.36, 1.75, 1.95, 2.3, 3.15),
    (10.9, 10.7, 9.9, 8.2, 6.4, 5.2, 4.2, 2.0, 1.6, 1.0, -2.5, -5.5, -6.0),
)
"""Angles from the front, and the height above which hair grows there, in centimetres."""


@frozen
class Look:
    """What a person's head is painted with."""

    skin: Colour
    hair: Colour
    iris: Colour
    cloth: Colour
    lip: float
    """How red the lips are, 0..1."""
    redness: float
    freckles: float
    blotches: float
    shade: float
    """How dark it is about the eyes."""
    gloss: float
    hairline: float
    """How far hair begins above the common line, in centimetres; beyond 4 there is none."""
    part: float
    """How much higher hair begins on the picture's right than on its left, in centimetres."""
    volume: float
    """How far hair stands off the head, in centimetres."""
    length: float
    """How far hair falls below the ears, in centimetres; 0: it is short."""
    front: float
    """The angle at which long hair begins."""
    brow: float
    """How dense the brows are, 0..1."""
    thick: float
    beard: float
    """0: shaven, 0.3: a shadow, 1: full."""
    moustache: float
    lines: float
    """How deep the lines of age are, 0..1."""
    texture: int
    """A seed for what is too fine to have a name."""


def mixed(first: Colour, second: Colour, share: float) -> Colour:
    """`share` of the second colour in the first."""
    a, b, c = (x + share * (y - x) for x, y in zip(first, second, strict=True))
    return a, b, c


def sample_look(rng: np.random.Generator) -> Look:
    """A person's colours by lot: all skins, any hair, some with beards."""
    even = rng.random(24).tolist()
    place = even[0] * (len(SKINS) - 1)
    at = min(int(place), len(SKINS) - 2)
    skin = mixed(SKINS[at], SKINS[at + 1], place - at)
    skin = mixed(skin, (skin[0], skin[1] * 1.02, skin[2] * (0.93 + 0.12 * even[1])), 1.0)
    dark = even[0] > 0.45
    hair = HAIRS[int(even[2] * (2 if dark else len(HAIRS)))]
    age = even[3] ** 1.5
    if age > 0.5:
        hair = mixed(hair, (0.66, 0.65, 0.64), min(1.0, 2.2 * (age - 0.5)) * even[4])
    man = even[5] < 0.5
    bald = man and even[6] < 0.15 + 0.3 * age
    r, g, b = (0.1 + 0.7 * x for x in even[7:10])
    grey = (r + g + b) / 3
    fringe = 2.6 * rng.random() if rng.random() < 0.3 else 0.0
    beard = max(0.0, even[11] * 1.7 - 0.7) if man else 0.0
    return Look(
        skin=skin,
        hair=hair,
        iris=IRISES[int(even[10] * (2 if dark else len(IRISES)))],
        cloth=mixed((r, g, b), (grey, grey, grey), 0.5),
        lip=0.25 + 0.25 * even[12] + (0.0 if man else 0.35 * even[13]),
        redness=0.25 + 0.75 * even[14],
        freckles=even[15] if not dark and even[16] < 0.3 else 0.0,
        blotches=0.3 + 0.7 * even[17],
        shade=0.3 + 0.4 * even[18] + 0.3 * age,
        gloss=0.16 + 0.26 * even[19],
        hairline=5.0
        if bald and even[20] < 0.5
        else (2.5 * even[20] if bald else -0.6 + even[20] - fringe),
        part=float(0.7 * rng.standard_normal()),
        volume=(0.25 if bald else 0.3 + 1.2 * even[21]) + (0.0 if man else 0.5 * even[22]),
        length=0.0 if bald or rng.random() < (0.85 if man else 0.25) else 3.0 + 9.0 * rng.random(),
        front=0.98 + 0.35 * rng.random(),
        brow=0.55 + 0.4 * even[23],
        thick=0.75 + 0.35 * rng.random() + (0.2 if man else 0.0),
        beard=beard,
        moustache=beard * (0.5 + 0.5 * rng.random()),
        lines=age,
        texture=int(rng.integers(1 << 31)),
    )


@frozen(eq=False)
class Regions:
    """Where the parts of a face lie in the texture's skin, each from 0 to 1."""

    lips: Cells
    brows: Cells
    beard: Cells
    moustache: Cells
    cheeks: Cells
    sockets: Cells
    rims: Cells
    lids: Cells
    ears: Cells
    creases: Cells
    shine: Cells
    angle: Cells
    height: Cells


def _soft(mask: npt.NDArray[np.generic], deviation: float) -> Cells:
    return np.asarray(cv2.GaussianBlur(mask.astype(np.float32), (0, 0), deviation), np.float32)


@lru_cache(maxsize=2)
def regions_of(model: Model) -> Regions:
    """The parts of a face, by its landmarks."""
    marks = skin_places(model.landmarks)
    x, y, z = (model.surface[..., i] for i in range(3))

    def polygon(points: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
        mask = np.zeros((4 * ROWS, 4 * COLUMNS), np.uint8)
        cv2.fillPoly(mask, [np.rint(4 * points + 1.5).astype(np.int32)], 1)
        return mask

    def shrunk(mask: npt.NDArray[np.uint8], deviation: float) -> Cells:
        small = cv2.resize(mask.astype(np.float32), (COLUMNS, ROWS), interpolation=cv2.INTER_AREA)
        return _soft(small, deviation)

    def line(points: npt.NDArray[np.float32], thick: float) -> npt.NDArray[np.uint8]:
        mask = np.zeros((4 * ROWS, 4 * COLUMNS), np.uint8)
        path = [np.rint(4 * points + 1.5).astype(np.int32)]
        cv2.polylines(mask, path, isClosed=False, color=1, thickness=round(4 * thick))
        return mask

    def bell(cx: float, cy: float, wide: float, tall: float) -> Cells:
        away = ((np.abs(x) - cx) / wide) ** 2 + ((y - cy) / tall) ** 2
        return np.asarray(np.exp(-away) * (z > 0), np.float32)

    brows = np.zeros((4 * ROWS, 4 * COLUMNS), np.uint8)
    half = np.array([0.5, 1.4, 2.2, 2.8, 2.4], np.float32)  # from its tail to its head
    for first, step in ((21, -1), (22, 1)):  # the landmarks run along the brow
        path = marks[first : first + 5 * step : step][::-1].copy()
        path[:, 1] += 1.8
        fine = np.linspace(0, 4, 17)
        x_, y_, h_ = (np.interp(fine, np.arange(5), e) for e in (path[:, 0], path[:, 1], half))
        edge = np.concatenate([np.stack([x_, y_ - h_], 1), np.stack([x_, y_ + h_], 1)[::-1]])
        brows |= polygon(edge.astype(np.float32))
    face = (z > 0).astype(np.float32)
    mouth = float(model.landmarks[62, 1])
    chin = float(model.landmarks[8, 1])
    jaw = np.interp(
        np.abs(x), [0.0, 2.0, 4.0, 6.0, 7.5], [mouth - 1.6, mouth - 1.2, -2.4, 0.0, 2.5]
    )
    beard = _soft(
        (y < jaw) & (y > chin - 3.0) & (z > 0.5) & (np.abs(angle_of(model.surface)) < 1.25), 4
    )
    around = _soft(
        (np.abs(x) < 3.6) & (y < mouth + 0.4) & (y > mouth - 2.0) & (np.abs(x) > 2.7) & (z > 4), 3
    )
    lips = shrunk(polygon(marks[48:60]), 0.8)
    ears = (np.abs(x) > 7.6) & (y > -2.2) & (y < 5.6) & (z > -1.9) & (z < 2.6)
    creases = np.zeros((4 * ROWS, 4 * COLUMNS), np.uint8)
    for side in (-1.0, 1.0):
        fold = np.array(
            [(side * 1.9, 0.0, 10.4), (side * 2.8, -1.3, 10.3), (side * 3.4, -3.2, 9.6)], np.float32
        )
        creases |= line(skin_places(fold), 1.3)
    for height in (7.6, 8.5, 9.4):
        across = np.linspace(-4.2, 4.2, 15, dtype=np.float32)
        wave = height + 0.12 * np.cos(across * 1.2 + height)
        creases |= line(skin_places(np.stack([across, wave, 10 - 0.05 * across**2], axis=1)), 1.0)
    lids = line(marks[36:40], 1.6) | line(marks[42:46], 1.6)
    rims = shrunk(polygon(marks[36:42]) | polygon(marks[42:48]), 1.6)
    return Regions(
        lips=lips,
        brows=shrunk(brows, 0.9),
        beard=np.maximum(beard, around),
        moustache=bell(0.0, mouth + 1.45, 2.6, 0.65),
        cheeks=np.maximum(bell(4.3, 0.0, 2.0, 1.7), 0.8 * bell(0.0, 0.6, 1.4, 1.3)),
        sockets=np.maximum(bell(3.0, 4.4, 2.1, 0.9), 0.9 * bell(2.8, 2.4, 1.7, 0.6)),
        rims=np.asarray((rims * 1.6).clip(0, 1), np.float32),
        lids=np.asarray((shrunk(lids, 0.6) * 1.3).clip(0, 1), np.float32),
        ears=_soft(ears, 0.8),
        creases=shrunk(creases, 1.1),
        shine=np.asarray(
            (0.5 + bell(0.0, 8.0, 3.5, 2.0) + bell(0.0, 1.5, 1.2, 2.5)) * face, np.float32
        ),
        angle=angle_of(model.surface),
        height=np.asarray(y, np.float32),
    )


def hair_cover(
    angle: npt.NDArray[np.float32], height: npt.NDArray[np.float32], look: Look
) -> npt.NDArray[np.float32]:
    """How far within the hair a place of the head lies, in centimetres; negative: bare skin."""
    aside = np.abs(angle)
    line = np.interp(aside, *HAIRLINE) + look.part * np.sin(2.5 * angle) * (aside < 1.25)
    front = 1.0 / (1.0 + np.exp((aside - 0.95) * 7.0))  # a high forehead leaves the sides
    if look.hairline > 4.0:
        return np.full_like(height, -9.0)
    return np.asarray(height - line - look.hairline * front, np.float32)


def _noise(rng: np.random.Generator, rows: int, columns: int) -> Cells:
    """Smooth values of about unit deviation, with so many bumps down and across."""
    grid = rng.standard_normal((rows, columns), np.float32)
    return np.asarray(cv2.resize(grid, (COLUMNS, ROWS), interpolation=cv2.INTER_CUBIC), np.float32)


def _lay(
    painting: Painting, alpha: npt.NDArray[np.floating], colour: Colour, gloss: float | None = None
) -> None:
    for i, value in enumerate(colour):
        painting[:ROWS, :, i] += alpha * (np.float32(value) - painting[:ROWS, :, i])
    if gloss is not None:
        painting[:ROWS, :, 3] += alpha * (np.float32(gloss) - painting[:ROWS, :, 3])


def _tint(painting: Painting, alpha: npt.NDArray[np.floating], factors: Colour) -> None:
    for i, factor in enumerate(factors):
        painting[:ROWS, :, i] *= 1.0 + alpha * np.float32(factor - 1.0)


def paint(model: Model, look: Look) -> Texture:
    """The texture of a person's head."""
    rng = np.random.default_rng(look.texture)
    regions = regions_of(model)
    painting: Painting = np.zeros((ROWS + PATCH, COLUMNS, 4), np.float32)
    painting[:ROWS] = (*look.skin, 0.0)
    broad, middle, fine = _noise(rng, 14, 18), _noise(rng, 42, 60), _noise(rng, 128, 192)
    painting[:ROWS, :, 3] = look.gloss * regions.shine * (1.0 + 0.12 * fine)

    # skin: blotches of blood and of pigment, pores, freckles
    _tint(painting, look.blotches * (0.6 * broad + 0.4 * middle), (1.012, 0.965, 0.962))
    _tint(painting, look.blotches * _noise(rng, 24, 34), (0.965, 0.955, 0.945))
    _tint(painting, fine + 0.7 * rng.standard_normal((ROWS, COLUMNS), np.float32), (0.984,) * 3)
    _tint(painting, look.redness * regions.cheeks, (1.01, 0.84, 0.83))
    _tint(painting, look.redness * regions.ears, (1.0, 0.88, 0.86))
    _tint(painting, look.shade * regions.sockets, (0.84, 0.76, 0.77))
    _tint(painting, regions.rims, (0.72, 0.58, 0.56))
    _lay(painting, 0.8 * regions.lids, mixed(look.hair, (0.10, 0.07, 0.06), 0.6))
    _tint(painting, look.lines * regions.creases, (0.80, 0.72, 0.70))
    if look.freckles > 0.0:
        spots = (_noise(rng, 150, 220) - 1.1).clip(0.0, 0.7) * (0.25 + 1.5 * regions.cheeks)
        _tint(painting, look.freckles * spots.clip(0, 1), (0.74, 0.62, 0.52))
    for _ in range(int(rng.integers(0, 5))):  # moles
        row, column = rng.integers(90, 190), rng.integers(110, 274)
        painting[row : row + 2, column : column + 2, :3] *= 0.62

    # lips
    r, g, b = look.skin
    lip = mixed((r * 0.90, g * 0.70, b * 0.72), (r * 0.82, g * 0.42, b * 0.45), look.lip)
    _lay(painting, regions.lips * 0.92, lip, look.gloss * 1.3)

    # hair of all kinds
    strands = 0.5 + 0.5 * _noise(rng, 30, 300).clip(-1, 1)
    dots = 0.5 + 0.5 * rng.standard_normal((ROWS, COLUMNS), np.float32).clip(-1, 1)
    stubble = mixed(look.hair, look.skin, 0.35 if look.beard < 0.5 else 0.05)
    beard = (look.beard * regions.beard + look.moustache * regions.moustache).clip(0, 1)
    beard *= 1.0 - regions.lips
    _lay(painting, beard * (0.45 + 0.5 * dots) * min(1.0, 0.5 + look.beard), stubble, 0.08)
    brows = (regions.brows * look.thick * 1.5 - 0.25).clip(0, 1) * look.brow
    _lay(painting, brows * (0.84 + 0.16 * dots), mixed(look.hair, (0.1, 0.08, 0.07), 0.35), 0.05)
    over = hair_cover(regions.angle, regions.height, look) + 0.12 * _noise(rng, 40, 160)
    hair = (over / 0.7 + 0.5).clip(0, 1) * (1.0 - regions.ears)
    for i, value in enumerate(look.hair):
        strand = np.float32(value) * (0.62 + 0.60 * strands + 0.12 * broad)
        painting[:ROWS, :, i] += hair * (strand - painting[:ROWS, :, i])
    painting[:ROWS, :, 3] += hair * (0.10 + 0.16 * strands - painting[:ROWS, :, 3])

    # clothes
    neckline = regions.height + 13.6 + 0.7 * np.cos(1.5 * regions.angle)
    _lay(painting, (-neckline / 0.3).clip(0, 1), look.cloth, 0.0)
    _paint_eye(painting, look, rng)
    painting[ROWS:, 64:80] = (0.86, 0.82, 0.74, 0.55)
    painting[ROWS:, 80:96] = (0.62, 0.30, 0.30, 0.45)
    painting[ROWS:, 96:STRANDS] = (*mixed(look.hair, (0.10, 0.08, 0.07), 0.5), 0.0)
    fall = _noise(rng, 8, 200)[:PATCH, : COLUMNS - STRANDS].clip(-1.5, 1.5)
    for i, value in enumerate(look.hair):
        painting[ROWS:, STRANDS:, i] = np.float32(value) * (0.9 + 0.30 * fall)
    painting[ROWS:, STRANDS:, 3] = 0.16 + 0.08 * fall
    return np.asarray((255.0 * painting).clip(0, 255).astype(np.uint8))


def _paint_eye(painting: Painting, look: Look, rng: np.random.Generator) -> None:
    """White, limbus, iris and pupil, in the square below the skin."""
    at = (np.arange(PATCH, dtype=np.float32) - (PATCH - 1) / 2) * (2 * IRIS / (PATCH - 1))
    x, y = at[None, :], -at[:, None]
    away = np.hypot(x, y)
    pupil = 0.20 + 0.08 * rng.random()
    iris = 0.62 + 0.03 * rng.random()
    rays = 0.85 + 0.15 * np.sin(np.arctan2(y, x) * 23.0 + 6.0 * rng.random())

    def inside(radius: float, soft: float) -> npt.NDArray[np.float32]:
        return np.asarray(((radius - away) / soft + 0.5).clip(0, 1), np.float32)

    white = (0.83, 0.80, 0.78)
    veins = (away - 0.75).clip(0, 1)
    for i in range(3):
        value = np.float32(white[i]) * (1.0 - veins * (0.06, 0.30, 0.32)[i])
        ring = inside(iris, 0.10)
        colour = np.float32(look.iris[i]) * rays * (1.35 - 0.75 * away / iris)
        value = value + ring * (colour * (0.35 + 0.65 * inside(iris - 0.07, 0.08)) - value)
        painting[ROWS:, :PATCH, i] = value * (1.0 - inside(pupil, 0.06)) + 0.02
    painting[ROWS:, :PATCH, 3] = 0.75
