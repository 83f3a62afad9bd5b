"""Around a rendered person: pose, light, what is behind, and the camera."""

import cv2
import numpy as np
from attrs import frozen
from jaxtyping import Float32
from numpy import typing as npt

from affmem_rendered.raster import Lit, Plane
from affmem_rendered.skin import Colour


@frozen
class Pose:
    """How the head is held. Angles in radians, gaze and blink in shares."""

    yaw: float = 0.0
    """Turned towards the picture's right."""
    pitch: float = 0.0
    """Nodding down."""
    roll: float = 0.0
    """Tilted clockwise."""
    gaze_x: float = 0.0
    gaze_y: float = 0.0
    blink: float = 0.0


@frozen
class Light:
    """One lamp, the sky above and what the floor throws back; linear light."""

    x: float = -0.45
    """Where the lamp stands: towards the picture's right, ..."""
    y: float = 0.45
    """... above, with the camera 1 away."""
    lamp: Colour = (0.62, 0.60, 0.58)
    above: Colour = (0.50, 0.51, 0.53)
    below: Colour = (0.30, 0.28, 0.27)

    def rows(self) -> Plane:
        """As `affmem_rendered.raster.light_up` takes it."""
        toward = np.array([self.x, self.y, 1.0])
        toward /= np.sqrt((toward**2).sum())
        return np.array([toward, self.lamp, self.above, self.below], np.float32)


@frozen
class Scene:
    """All that surrounds an expression in one picture."""

    pose: Pose = Pose()
    light: Light = Light()
    distance: float = 90.0
    """From the camera to the nose, in centimetres."""
    backdrop: Colour = (0.32, 0.35, 0.38)
    clutter: float = 0.0
    """How uneven what is behind is, 0..1."""
    exposure: float = 1.0
    blur: float = 0.0
    """Standard deviation in hundredths of the picture's side."""
    noise: float = 0.0
    """Standard deviation of each pixel's value, 0..1."""
    quality: int = 100
    """Of JPEG; 100 is none."""
    speech: float = 0.0
    rounding: float = 0.0


def sample_scene(rng: np.random.Generator) -> Scene:
    """A moment by lot: mostly silent, eyes mostly open."""
    yaw, pitch, roll, x, y, side, warm, bright = rng.standard_normal(8).clip(-2.2, 2.2).tolist()
    even = rng.random(16).tolist()
    turn, nod = 0.17 * yaw, 0.10 * pitch
    lamp = 0.28 + 0.62 * even[0]
    room = 0.58 - 0.33 * even[0] + 0.12 * even[1]
    tint = (1.0 + 0.05 * warm, 1.0, 1.0 - 0.07 * warm)
    r, g, b = (lamp * t for t in tint)
    sky = (room * (1.0 - 0.02 * warm), room, room * (1.0 + 0.03 * warm))
    floor = (0.62 * room, 0.58 * room, 0.55 * room)
    value = 0.06 + 0.80 * even[2]
    hue = [value * (0.86 + 0.28 * h) for h in even[3:6]]
    return Scene(
        pose=Pose(
            turn,
            nod,
            0.07 * roll,
            -0.8 * turn + 0.28 * x,
            -0.5 * nod + 0.22 * y,
            even[6] if even[7] < 0.05 else 0.0,
        ),
        light=Light(0.55 * side, 0.9 * even[8] - 0.05, (r, g, b), sky, floor),
        distance=45.0 + 120.0 * even[9],
        backdrop=(hue[0], hue[1], hue[2]),
        clutter=even[10],
        exposure=1.0 + 0.10 * bright,
        blur=max(0.0, 1.0 * even[11] - 0.45),
        noise=0.02 * even[12] ** 2,
        quality=100 if even[13] < 0.4 else int(45 + 50 * even[13]),
        speech=max(0.0, 2.2 * even[14] - 1.2) if even[14] > 0.6 else 0.0,
        rounding=2.0 * even[15] - 1.0,
    )


def backdrop_of(scene: Scene, size: int, rng: np.random.Generator) -> Lit:
    """What is behind, out of focus, in linear light."""
    cells = int(rng.integers(2, 7))
    grid = rng.standard_normal((cells, cells, 1), np.float32)
    grid = grid + 0.18 * rng.standard_normal((cells, cells, 3), np.float32)
    wide = cv2.resize(grid, (size, size), interpolation=cv2.INTER_CUBIC)
    colour = np.asarray(scene.backdrop, np.float32)
    picture = colour * (1.0 + 0.45 * scene.clutter * wide)
    return np.ascontiguousarray((picture * picture).clip(0.0, 1.2), np.float32)


def take(
    picture: Float32[npt.NDArray[np.float32], "height width 3"],
    scene: Scene,
    rng: np.random.Generator,
) -> npt.NDArray[np.uint8]:
    """The picture, 0..1, as the camera gives it."""
    deviation = scene.blur * picture.shape[0] / 100
    if deviation > 0.2:
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), deviation), np.float32)
    picture = picture * np.float32(scene.exposure)
    if scene.noise > 0.0:
        picture = picture + np.float32(scene.noise) * rng.standard_normal(picture.shape, np.float32)
    image = (picture * 255.0 + 0.5).clip(0, 255).astype(np.uint8)
    if scene.quality < 100:
        flags = [cv2.IMWRITE_JPEG_QUALITY, scene.quality]
        _, data = cv2.imencode(".jpg", image[..., ::-1], flags)
        image = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)[..., ::-1]
    return np.ascontiguousarray(image, np.uint8)
