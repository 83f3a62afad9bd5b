"""How a person's affect runs through an utterance, and all that moves besides."""

from typing import Final

import numpy as np
from attrs import frozen
from jaxtyping import Float32
from numpy import typing as npt

from affmem.expression import Actions, Affects, Manner, speaking
from affmem_drawn.scene import Pose

RATE: Final = 25
"""Frames a second."""

Track = Float32[npt.NDArray[np.float32], " n"]
"""One value a frame."""


@frozen
class Temper:
    """Where on the plane a person lives, and how far from there they go."""

    arousal: float
    valence: float
    arousal_range: float
    valence_range: float
    talk: float
    """Share of the time spent speaking."""
    liveliness: float
    """How much the head and the eyes move."""


@frozen(eq=False)
class Performance:
    """An utterance, frame by frame at `RATE`."""

    affects: Affects
    """What the person feels, and is labelled with."""
    actions: Actions
    """What the face does, speech included."""
    poses: tuple[Pose, ...]


def sample_temper(rng: np.random.Generator) -> Temper:
    """A person's own mean and range of affect."""
    first, second = rng.standard_normal(2).clip(-1.8, 1.8).tolist()
    wide, far, talk, lively = rng.random(4).tolist()
    return Temper(
        arousal=0.45 + 0.12 * first,
        valence=0.02 + 0.22 * second,
        arousal_range=0.32 + 0.16 * wide,
        valence_range=0.55 + 0.35 * far,
        talk=0.25 + 0.45 * talk,
        liveliness=0.6 + 0.8 * lively,
    )


def drift(rng: np.random.Generator, frames: int, slowest: float, fastest: float) -> Track:
    """A wandering value of about unit deviation, with periods of so many seconds."""
    times = np.arange(frames) / RATE
    track = np.zeros(frames)
    for _ in range(4):
        period = np.exp(rng.uniform(np.log(fastest), np.log(slowest)))
        track += np.sin(2 * np.pi * (times / period + rng.random()))
    return np.asarray(track / np.sqrt(2.0), np.float32)


def _blinks(rng: np.random.Generator, frames: int) -> Track:
    """Lids closing now and then: about 100 ms down, 200 ms up (Schiffman 2001 gives 100-400 ms)."""
    shape = np.array([0.45, 1.0, 0.95, 0.60, 0.30, 0.10], np.float32)
    track = np.zeros(frames + len(shape), np.float32)
    at = rng.exponential(2.0)
    while at * RATE < frames:
        start = int(at * RATE)
        part = track[start : start + len(shape)]
        np.maximum(part, shape[: len(part)], out=part)
        at += 0.6 + rng.exponential(2.8)
    return np.asarray(track[:frames])


def _saccades(rng: np.random.Generator, frames: int) -> tuple[Track, Track]:
    """Gaze that holds and jumps, mostly about the camera."""
    x, y = np.zeros(frames, np.float32), np.zeros(frames, np.float32)
    at = 0
    while at < frames:
        hold = int(RATE * (0.25 + rng.exponential(0.9))) + 1
        away = 1.0 if rng.random() < 0.25 else 0.28
        gx, gy = (rng.standard_normal(2).clip(-1.8, 1.8) * (0.38 * away, 0.22 * away)).tolist()
        x[at : at + hold], y[at : at + hold] = gx, gy
        at += hold
    # a jump takes two frames
    for track in (x, y):
        track[1:] = np.float32(0.7) * track[1:] + np.float32(0.3) * track[:-1]
    return x, y


def _speech(rng: np.random.Generator, frames: int, talk: float) -> tuple[Track, Track]:
    """Opening of a mouth that speaks in phrases of syllables at about 4 Hz, and its rounding."""
    times = np.arange(frames) / RATE
    voiced = np.zeros(frames, np.float32)
    at = rng.uniform(-0.5, 0.8)
    while at < frames / RATE:
        phrase = rng.uniform(0.7, 2.0)
        ramp = np.minimum(times - at, at + phrase - times) / 0.12
        voiced = np.maximum(voiced, ramp.clip(0.0, 1.0).astype(np.float32))
        at += phrase + rng.uniform(0.3, 0.9) * (1.0 / max(talk, 0.1) - 0.6)
    beat = np.sin(np.cumsum(2 * np.pi * (4.0 + 0.8 * drift(rng, frames, 1.0, 0.4)) / RATE) / 2) ** 2
    loud = (0.55 + 0.25 * drift(rng, frames, 1.2, 0.3)).clip(0.1, 1.0)
    return (voiced * beat * loud).astype(np.float32), 0.6 * drift(rng, frames, 0.9, 0.35)


def perform(
    rng: np.random.Generator,
    manner: Manner,
    temper: Temper,
    goal: tuple[float, float],
    seconds: float,
) -> Performance:
    """An utterance of a person about a goal on the plane.

    `goal` says where, in [-1, 1]^2 of the person's own range about their own mean. Affect moves
    slowly there, with faster changes on top; arousal stays in [-0.1, 1].
    """
    frames = max(1, round(seconds * RATE))
    feel_arousal = temper.arousal + temper.arousal_range * goal[0]
    feel_valence = temper.valence + temper.valence_range * goal[1]
    arrive = (np.arange(frames) / (0.25 * frames + 1)).clip(0.0, 1.0)
    arrive = 0.7 + 0.3 * arrive * arrive * (3 - 2 * arrive)
    slow, fast = 0.09, 0.035
    arousal = temper.arousal + (feel_arousal - temper.arousal) * arrive
    arousal += slow * drift(rng, frames, 6.0, 2.0) + fast * drift(rng, frames, 1.2, 0.5)
    valence = temper.valence + (feel_valence - temper.valence) * arrive
    valence += 1.4 * slow * drift(rng, frames, 6.0, 2.0) + fast * drift(rng, frames, 1.2, 0.5)
    affects = np.stack([arousal.clip(-0.1, 1.0), valence.clip(-1.0, 1.0)], axis=1)
    return embodied(rng, manner, temper, affects.astype(np.float32))


def embodied(
    rng: np.random.Generator, manner: Manner, temper: Temper, affects: Affects
) -> Performance:
    """What a person's face and head do who feels `affects`, one row a frame at `RATE`."""
    frames = len(affects)
    actions = manner.show(affects)
    opening, rounding = _speech(rng, frames, temper.talk)
    for i in range(frames):
        actions[i] = speaking(actions[i], float(opening[i]), float(rounding[i].clip(-1.0, 1.0)))
    lively = temper.liveliness * (0.6 + 0.6 * affects[:, 0].clip(0.0, 1.0))
    yaw = 0.11 * lively * drift(rng, frames, 5.0, 1.2)
    pitch = 0.045 * lively * drift(rng, frames, 4.0, 0.9) + 0.05 * opening - 0.01
    roll = 0.045 * lively * drift(rng, frames, 6.0, 1.5)
    blinks = _blinks(rng, frames)
    gaze_x, gaze_y = _saccades(rng, frames)
    poses = tuple(
        Pose(*values)
        for values in zip(
            yaw.tolist(),
            pitch.tolist(),
            roll.tolist(),
            (gaze_x - 0.9 * yaw).tolist(),
            (gaze_y - 0.6 * pitch).tolist(),
            blinks.tolist(),
            strict=True,
        )
    )
    return Performance(affects, actions, poses)
