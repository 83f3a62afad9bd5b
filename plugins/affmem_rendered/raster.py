"""From triangles to pixels: a z-buffer, normals, occlusion and light, as machine code.

Pictures here have x to the right and y down, in samples; a sample's centre lies at its index plus
one half. Depth grows towards the beholder.
"""

from collections.abc import Callable
from inspect import unwrap
from typing import Any, Final, TypeVar, cast

import numba
import numpy as np
import numpy.typing as npt
from jaxtyping import Float32, Int32, UInt8

Points = Float32[npt.NDArray[np.float32], "n 3"]
Triangles = Int32[npt.NDArray[np.int32], "m 3"]
Plane = Float32[npt.NDArray[np.float32], "height width"]
Owners = Int32[npt.NDArray[np.int32], "height width"]
Lit = Float32[npt.NDArray[np.float32], "height width 3"]
Row = Float32[npt.NDArray[np.float32], " n"]
Texture = UInt8[npt.NDArray[np.uint8], "rows columns 4"]

FAR: Final = np.float32(-1e9)
"""Depth where nothing is."""
STEPS: Final = 7
"""Samples of the depth on the way to the lamp."""

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """The function as machine code: made when first called, kept on disk, without the GIL."""
    make = numba.njit(cache=True, nogil=True, error_model="numpy")
    return cast(Function, make(unwrap(function)))


@compiled
def rasterise(points: Points, triangles: Triangles, depth: Plane, owner: Owners) -> None:
    """Fill `depth` and `owner` where a triangle that faces the beholder is the nearest.

    A triangle faces the beholder if its corners go counter-clockwise as seen. A sample on an edge
    is inside; of two triangles at the same depth the earlier stays.
    """
    height, width = depth.shape
    for k in range(len(triangles)):
        a, b, c = triangles[k, 0], triangles[k, 1], triangles[k, 2]
        ax, ay = np.float64(points[a, 0]), np.float64(points[a, 1])
        bx, by = np.float64(points[b, 0]), np.float64(points[b, 1])
        cx, cy = np.float64(points[c, 0]), np.float64(points[c, 1])
        area = (cx - ax) * (by - ay) - (cy - ay) * (bx - ax)
        if not area > 0.0:
            continue
        left, right = min(ax, bx, cx), max(ax, bx, cx)
        top, bottom = min(ay, by, cy), max(ay, by, cy)
        if right < 0.0 or bottom < 0.0 or left > width or top > height:
            continue
        first_x, last_x = int(np.ceil(max(left, 0.0) - 0.5)), int(np.floor(right - 0.5))
        first_y, last_y = int(np.ceil(max(top, 0.0) - 0.5)), int(np.floor(bottom - 0.5))
        if first_x > last_x or first_y > last_y:  # no sample's centre is within
            continue
        over = 1.0 / area
        az, bz, cz = points[a, 2], points[b, 2], points[c, 2]
        for row in range(first_y, min(last_y, height - 1) + 1):
            y = row + 0.5
            for column in range(first_x, min(last_x, width - 1) + 1):
                x = column + 0.5
                u = (cx - bx) * (y - by) - (cy - by) * (x - bx)
                v = (ax - cx) * (y - cy) - (ay - cy) * (x - cx)
                w = (bx - ax) * (y - ay) - (by - ay) * (x - ax)
                if u > 0.0 or v > 0.0 or w > 0.0:
                    continue
                z = np.float32(-(u * az + v * bz + w * cz) * over)
                if z > depth[row, column]:
                    depth[row, column] = z
                    owner[row, column] = k


@compiled
def normals_of(points: Points, triangles: Triangles, normals: Points) -> None:
    """Fill `normals` with the unit normals of a surface, areas weighing."""
    normals[:] = np.float32(0.0)
    for k in range(len(triangles)):
        a, b, c = triangles[k, 0], triangles[k, 1], triangles[k, 2]
        ux, uy, uz = (
            points[b, 0] - points[a, 0],
            points[b, 1] - points[a, 1],
            points[b, 2] - points[a, 2],
        )
        vx, vy, vz = (
            points[c, 0] - points[a, 0],
            points[c, 1] - points[a, 1],
            points[c, 2] - points[a, 2],
        )
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        for i in (a, b, c):
            normals[i, 0] += nx
            normals[i, 1] += ny
            normals[i, 2] += nz
    for i in range(len(normals)):
        x, y, z = normals[i, 0], normals[i, 1], normals[i, 2]
        over = np.float32(1.0) / np.sqrt(x * x + y * y + z * z + np.float32(1e-20))
        normals[i, 0] = x * over
        normals[i, 1] = y * over
        normals[i, 2] = z * over


@compiled
def _box(values: Plane, reach: int) -> None:
    """Sums over 2 reach + 1 neighbours along rows, then along columns; nothing beyond the edge."""
    height, width = values.shape
    line = np.empty(max(height, width), np.float32)
    for row in range(height):
        total = np.float32(0.0)
        for i in range(min(reach, width)):
            total += values[row, i]
        for i in range(width):
            if i + reach < width:
                total += values[row, i + reach]
            line[i] = total
            if i >= reach:
                total -= values[row, i - reach]
        values[row] = line[:width]
    total_row = np.zeros(width, np.float32)
    kept = values.copy()
    for i in range(min(reach, height)):
        total_row += kept[i]
    for row in range(height):
        if row + reach < height:
            total_row += kept[row + reach]
        values[row] = total_row
        if row >= reach:
            total_row -= kept[row - reach]


@compiled
def occlusion_of(depth: Plane, reach: int, scale: float, occlusion: Plane) -> None:
    """How far each sample lies below its surroundings, in `scale`s, from 0 to 1.

    The depth buffer less its blurred self, as in Luft, Colditz & Deussen, "Image enhancement by
    unsharp masking the depth buffer" (2006).
    """
    height, width = depth.shape
    weight = np.zeros((height, width), np.float32)
    for row in range(height):
        for column in range(width):
            here = depth[row, column] > FAR
            weight[row, column] = 1.0 if here else 0.0
            occlusion[row, column] = depth[row, column] if here else 0.0
    _box(occlusion, reach)
    _box(weight, reach)
    over = np.float32(1.0 / scale)
    for row in range(height):
        for column in range(width):
            if depth[row, column] > FAR:
                mean = occlusion[row, column] / max(weight[row, column], np.float32(1.0))
                hidden = (mean - depth[row, column]) * over
                occlusion[row, column] = min(max(hidden, np.float32(0.0)), np.float32(1.0))
            else:
                occlusion[row, column] = 0.0


@compiled
def _shadow(depth: Plane, x: np.float32, y: np.float32, z: np.float32, way: Row) -> np.float32:
    """How much of the lamp is hidden from a place, by going `way` towards it, step by step."""
    height, width = depth.shape
    shadow = np.float32(0.0)
    for step in range(STEPS):
        x += way[0]
        y += way[1]
        z += way[2]
        if x < 0 or y < 0 or x >= width or y >= height:
            break
        above = depth[int(y), int(x)] - z
        if above > 0:
            fade = np.float32(1.0) - np.float32(step) / np.float32(STEPS)
            shadow = max(shadow, min(above * np.float32(2.5), np.float32(1.0)) * fade)
    return shadow


@compiled
def _texel(texture: Texture, s: np.float32, t: np.float32, channel: int) -> np.float32:
    """The texture at column s and row t, between its four nearest cells, 0..1."""
    i, j = int(t), int(s)
    p, q = t - np.float32(i), s - np.float32(j)
    left = texture[i, j, channel] * (np.float32(1.0) - p) + texture[i + 1, j, channel] * p
    right = texture[i, j + 1, channel] * (np.float32(1.0) - p) + texture[i + 1, j + 1, channel] * p
    return np.float32((left * (np.float32(1.0) - q) + right * q) * np.float32(1.0 / 255.0))


@compiled
def _gleam(cosine: np.float32, edge: np.float32) -> np.float32:
    """What shines of a glossy surface: a wide and a narrow gleam, and glancing light."""
    power = max(cosine, np.float32(0.0))
    power *= power
    power *= power
    power *= power  # to the 8th
    wide = power
    power *= power
    power *= power  # to the 32nd
    glancing = edge * edge * edge
    return np.float32(0.10) * (wide + glancing) + np.float32(0.55) * power


@compiled
def light_up(
    buffers: tuple[Plane, Owners, Plane],
    mesh: tuple[Points, Triangles, Points, Points],
    texture: Texture,
    light: Plane,
    unit: float,
    lit: Lit,
) -> None:
    """Fill `lit`, linear light, wherever a triangle owns the sample.

    `buffers`: depth, owners, occlusion. `mesh`: points, triangles, normals, and of each vertex the
    column and row in the texture and how much it lies in a hollow. The texture holds square roots
    of reflectances, and gloss. `light`, rows of three: direction to the lamp; its colour; light
    from above; light from below. `unit`: samples a length unit of the depth.
    """
    depth, owner, occlusion = buffers
    points, triangles, normals, places = mesh
    height, width = depth.shape
    rows, columns, _ = texture.shape
    one, zero = np.float32(1.0), np.float32(0.0)
    way = light[0] * np.float32(0.55)
    way[0] *= np.float32(unit)
    way[1] *= -np.float32(unit)
    half = light[0].copy()  # halfway between the lamp and the beholder
    half[2] += one
    half /= np.sqrt((half * half).sum())
    for row in range(height):
        for column in range(width):
            k = owner[row, column]
            if k < 0:
                continue
            a, b, c = triangles[k, 0], triangles[k, 1], triangles[k, 2]
            x, y = np.float32(column) + np.float32(0.5), np.float32(row) + np.float32(0.5)
            ax, ay = points[a, 0], points[a, 1]
            bx, by = points[b, 0], points[b, 1]
            cx, cy = points[c, 0], points[c, 1]
            over = one / ((bx - ax) * (cy - ay) - (by - ay) * (cx - ax))
            u = ((cx - bx) * (y - by) - (cy - by) * (x - bx)) * over
            v = ((ax - cx) * (y - cy) - (ay - cy) * (x - cx)) * over
            w = one - u - v
            nx = u * normals[a, 0] + v * normals[b, 0] + w * normals[c, 0]
            ny = u * normals[a, 1] + v * normals[b, 1] + w * normals[c, 1]
            nz = u * normals[a, 2] + v * normals[b, 2] + w * normals[c, 2]
            length = one / np.sqrt(nx * nx + ny * ny + nz * nz + np.float32(1e-12))
            nx, ny, nz = nx * length, ny * length, nz * length
            s = u * places[a, 0] + v * places[b, 0] + w * places[c, 0]
            t = u * places[a, 1] + v * places[b, 1] + w * places[c, 1]
            hollow = u * places[a, 2] + v * places[b, 2] + w * places[c, 2]
            s = min(max(s, zero), np.float32(columns - 1.001))
            t = min(max(t, zero), np.float32(rows - 1.001))

            z = depth[row, column] + np.float32(0.12)
            open_ = one - np.float32(0.75) * _shadow(depth, x, y, z, way)
            ambient = one - np.float32(0.62) * occlusion[row, column]
            ambient *= one - np.float32(0.8) * hollow
            cosine = nx * light[0, 0] + ny * light[0, 1] + nz * light[0, 2]
            gleam = _gleam(nx * half[0] + ny * half[1] + nz * half[2], one - max(nz, zero))
            shine = _texel(texture, s, t, 3) * gleam * open_ * ambient
            up = np.float32(0.5) + np.float32(0.5) * ny
            dim = (one - np.float32(0.55) * hollow) * (
                np.float32(0.75) + np.float32(0.25) * ambient
            )
            for channel in range(3):
                # light goes on a little beyond the shadow's edge, red the furthest
                wrap = np.float32(0.22) if channel == 0 else np.float32(0.12)
                direct = max((cosine + wrap) / (one + wrap), zero) * open_
                around = light[2, channel] * up + light[3, channel] * (one - up)
                root = _texel(texture, s, t, channel)
                lit[row, column, channel] = (
                    root * root * dim * (light[1, channel] * direct + ambient * around)
                    + light[1, channel] * shine
                )


@compiled
def develop(lit: Lit, owner: Owners, fine: int, picture: Lit) -> None:
    """Average `fine` x `fine` samples over the picture, linear light, then take square roots."""
    height, width, _ = picture.shape
    share = np.float32(1.0 / (fine * fine))
    for row in range(height):
        for column in range(width):
            for channel in range(3):
                total = np.float32(0.0)
                behind = picture[row, column, channel]
                for i in range(row * fine, (row + 1) * fine):
                    for j in range(column * fine, (column + 1) * fine):
                        total += lit[i, j, channel] if owner[i, j] >= 0 else behind
                picture[row, column, channel] = np.sqrt(max(total * share, np.float32(0.0)))
