"""Figures of steps: pooling, gains, and intervals that are what they say."""

import numpy as np
import pytest

from affmem import Affect, Clip, Step
from affmem.catalogue import catalogue
from affmem.evaluation import score, units, utterances
from affmem.protocols import Runtime

METRICS = {name: catalogue().config("metric", name)().build(Runtime()) for name in ("ccc", "rmse")}


def step(clip, pk, memory, *, face=True, truth=None):
    return Step(clip, 0.0, face, pk, memory, 0.5, 3, truth or clip.affect)


def world(seed=0, persons=8, clips=5, noise=0.3):
    rng = np.random.default_rng(seed)
    for person in range(persons):
        for number in range(clips):
            a, v = rng.uniform(-0.6, 0.6, 2)
            clip = Clip(f"{person}/{number}", str(person), Affect(a, v))
            for _ in range(4):
                near = np.clip(np.add([a, v], rng.normal(0, noise / 3, 2)), -1, 1)
                far = np.clip(np.add([a, v], rng.normal(0, noise, 2)), -1, 1)
                yield step(clip, Affect(*far), Affect(*near))


def test_an_utterance_is_the_mean_of_its_read_frames():
    clip = Clip("a", "anna", Affect(0.1, 0.2))
    rows = [
        step(clip, None, None, face=False),
        step(clip, Affect(0.2, 0.0), Affect(0.0, 0.5)),
        step(clip, Affect(0.4, 0.2), Affect(0.5, 0.5), face=False),
    ]
    (one,) = utterances(rows)
    assert (one.frames, one.faces) == (3, 1)
    assert (one.pk.arousal, one.pk.valence) == pytest.approx((0.3, 0.1))
    assert (one.memory.arousal, one.memory.valence) == pytest.approx((0.25, 0.5))


def test_units_without_label_or_reading_are_not_scored():
    labelled, bare = Clip("a", "anna", Affect(0, 0)), Clip("b", "anna")
    rows = [
        step(labelled, Affect(0, 0), Affect(0, 0)),
        step(labelled, None, None, face=False),
        step(bare, Affect(0, 0), Affect(0, 0)),
    ]
    assert len(units(rows, "utterance").persons) == 1
    assert len(units(rows, "frame").persons) == 1


def test_the_gain_is_the_difference_and_its_interval_is_paired():
    scored = units(list(world()), "utterance")
    figures = score(scored, METRICS, 300, np.random.default_rng(0))
    for dimension in ("arousal", "valence"):
        pk, memory = (figures["systems"][s][dimension] for s in ("pk", "p-affmem"))
        gain = figures["gain"][dimension]
        assert gain["ccc"] == pytest.approx(memory["ccc"] - pk["ccc"], abs=2e-6)
        assert gain["low"] <= gain["ccc"] <= gain["high"]
        assert pk["low"] <= pk["ccc"] <= pk["high"]
    assert figures["gain"]["arousal"]["ccc"] > 0
    assert figures["metrics"]["rmse"]["gain"]["arousal"]["rmse"] < 0


def test_equal_systems_gain_exactly_nothing():
    rows = [Step(s.clip, 0, True, s.pk, s.pk, 0.5, 3, s.truth) for s in world()]
    figures = score(units(rows, "utterance"), METRICS, 50, np.random.default_rng(0))
    assert figures["gain"]["arousal"] == {"ccc": 0.0, "low": 0.0, "high": 0.0}


def test_the_same_stream_gives_the_same_figures():
    scored = units(list(world()), "frame")
    one, other = (score(scored, METRICS, 40, np.random.default_rng(3)) for _ in range(2))
    assert one == other


def test_one_person_has_figures_but_no_interval():
    figures = score(
        units(list(world(persons=1)), "utterance"), METRICS, 50, np.random.default_rng(0)
    )
    arousal = figures["systems"]["pk"]["arousal"]
    assert arousal["ccc"] is not None
    assert (arousal["low"], arousal["high"]) == (None, None)


def test_nothing_scored_is_undefined_and_not_zero():
    figures = score(units([], "utterance"), METRICS, 50, np.random.default_rng(0))
    assert figures["systems"]["pk"]["arousal"]["ccc"] is None
