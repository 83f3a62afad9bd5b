"""Dataset "acted": drawn persons over a minute, drawn frame by frame as they are asked for."""

from collections.abc import Iterator, Sequence
from typing import Final, final

import numpy as np
from attrs import evolve
from numpy import typing as npt

from affmem.errors import InputError
from affmem.expression import Affects
from affmem.protocols import Runtime
from affmem.values import Affect, Clip, Frame, Unit
from affmem_drawn.config import ActedConfig
from affmem_drawn.performance import RATE, Temper, Track, drift, embodied, sample_temper
from affmem_drawn.portrait import Scene, draw_actions, sample_person
from affmem_drawn.scene import Light, Pose, sample_backdrop, sample_camera, sample_light

_NOTHING: Final = np.empty((0, 0, 3), np.uint8)
"""The picture of a frame without a face (`faces.use = "none"` finds none in it)."""
_REST: Final = 0.15
"""How much of the affect is left on a face at rest."""


@final
class Acted:
    """Drawn persons over a minute; the same settings and seed give the same bytes."""

    unit: Unit = "frame"

    def __init__(self, config: ActedConfig, runtime: Runtime) -> None:
        self._config = config
        self._root = int(runtime.rng("dataset").integers(1 << 62))
        self._clips = {
            f"person_{person:04d}/visit_{visit}": (person, visit)
            for visit in range(config.visits)
            for person in range(config.persons)
        }

    def notes(self) -> Sequence[str]:
        """That these are drawings."""
        return ("the faces are drawn, their affect is what they were drawn to show",)

    def clips(self) -> Sequence[Clip]:
        """A clip a visit: everyone's first, then everyone's second."""
        return [Clip(name, name.partition("/")[0]) for name in self._clips]

    def frames(self, clip: Clip) -> Iterator[Frame]:
        """The frames of a visit; while the face is lost, a frame's picture is empty."""
        try:
            number, visit = self._clips[clip.name]
        except KeyError:
            raise InputError(clip.name, "is no clip of dataset 'acted'") from None
        config = self._config
        of_person = np.random.default_rng([self._root, number])
        person = sample_person(of_person, config.strength)
        temper = _temper(of_person, config)
        rng = np.random.default_rng([self._root, number, 1, visit])
        scene = Scene(
            light=sample_light(rng), backdrop=sample_backdrop(rng), camera=sample_camera(rng)
        )
        affects = lived(rng, temper, config)
        acted = embodied(rng, person.manner, temper, affects)
        lost = stretches(rng, len(affects), config.lost, 1.0)
        dim = 0.12 * config.stir * drift(rng, len(affects), 40.0, 8.0)
        for i in range(0, len(affects), config.every):
            affect = Affect(*(float(one) for one in affects[i]))
            image = _NOTHING
            if lost[i] < 0.5:
                now = evolve(
                    scene,
                    pose=_stirred(acted.poses[i], config.stir),
                    light=_dimmed(scene.light, float(dim[i])),
                )
                noise = np.random.default_rng([self._root, number, 2, visit, i])
                actions = acted.actions[i : i + 1]
                image = draw_actions(person.look, actions, now, config.size, noise)
            yield Frame(i / RATE, image, affect)


def lived(rng: np.random.Generator, temper: Temper, config: ActedConfig) -> Affects:
    """What a person feels, a row a frame at `RATE`: slow and quick changes, and rests between."""
    frames = max(1, round(config.seconds * RATE))
    resting = stretches(rng, frames, config.rest, 4.0)
    sides = (
        (temper.arousal, temper.arousal_range),
        (temper.valence, temper.valence_range),
    )
    felt = []
    for mean, deviation in sides:
        slow = drift(rng, frames, 20.0 / config.pace, 6.0 / config.pace)
        quick = drift(rng, frames, 3.0 / config.pace, 1.0 / config.pace)
        moved = mean + deviation * (0.95 * slow + 0.3 * quick)
        felt.append(moved * (1.0 - (1.0 - _REST) * resting))
    return np.asarray(np.stack(felt, axis=1).clip(-1.0, 1.0), np.float32)


def stretches(rng: np.random.Generator, frames: int, share: float, mean: float) -> Track:
    """0 and, for stretches of about `mean` seconds that make up `share` of the time, 1.

    It takes half a second to go from one to the other.
    """
    track = np.zeros(frames, np.float32)
    if share <= 0.0:
        return track
    between = mean * (1.0 - share) / share
    at = rng.exponential(between)
    times: npt.NDArray[np.float64] = np.arange(frames) / RATE
    while at < frames / RATE:
        length = mean * rng.uniform(0.5, 1.5)
        ramp = np.minimum(times - at, at + length - times) / 0.5 + 0.5
        track = np.maximum(track, ramp.clip(0.0, 1.0).astype(np.float32))
        at += length + rng.exponential(between)
    return track


def _temper(rng: np.random.Generator, config: ActedConfig) -> Temper:
    """A person's own mean and range, of the distribution that the settings say."""
    arousal, valence = rng.standard_normal(2).clip(-2.2, 2.2).tolist()
    wide, far = rng.uniform(0.6, 1.4, 2).tolist()
    return evolve(
        sample_temper(rng),
        arousal=config.arousal + config.spread * arousal,
        valence=config.valence + config.spread * valence,
        arousal_range=config.reach * wide,
        valence_range=config.reach * far,
    )


def _stirred(pose: Pose, stir: float) -> Pose:
    return evolve(pose, yaw=pose.yaw * stir, pitch=pose.pitch * stir, roll=pose.roll * stir)


def _dimmed(light: Light, by: float) -> Light:
    return evolve(light, strength=light.strength * (1.0 + by), ambient=light.ambient * (1.0 + by))
