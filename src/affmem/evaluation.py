"""From steps to figures: readings pooled to the label's unit, metrics, intervals over persons."""

from collections.abc import Iterable, Mapping, Sequence
from math import isfinite, nan
from typing import Any

import numpy as np
import numpy.typing as npt
from attrs import frozen

from affmem.interval import Interval, bootstrap
from affmem.protocols import Metric
from affmem.values import DIMENSIONS, Affect, Step, Unit

SYSTEMS = ("pk", "p-affmem")
"""Prior knowledge alone, and with the personal memory."""

Indices = npt.NDArray[np.int64]


@frozen(eq=False)
class Units:
    """What is scored: one row for each labelled unit that has a reading."""

    persons: tuple[str, ...]
    truth: npt.NDArray[np.float64]
    """[n, 2] arousal, valence."""
    read: Mapping[str, npt.NDArray[np.float64]]
    """By system, [n, 2]."""


@frozen(eq=False)
class Utterance:
    """One clip's frames, averaged (P§3.1: OMG's labels belong to utterances)."""

    clip: str
    person: str
    frames: int
    faces: int
    truth: Affect | None
    pk: Affect | None
    memory: Affect | None


def utterances(steps: Iterable[Step]) -> list[Utterance]:
    """One row a clip, in the order first seen; bridged frames count, frames unread do not."""
    by_clip: dict[str, list[Step]] = {}
    for step in steps:
        by_clip.setdefault(step.clip.name, []).append(step)
    return [
        Utterance(
            clip=name,
            person=rows[0].clip.person,
            frames=len(rows),
            faces=sum(step.face for step in rows),
            truth=rows[0].clip.affect or _mean([step.truth for step in rows]),
            pk=_mean([step.pk for step in rows]),
            memory=_mean([step.memory for step in rows]),
        )
        for name, rows in by_clip.items()
    ]


def units(steps: Sequence[Step], unit: Unit) -> Units:
    """The rows to score: those that have a label and both readings."""
    rows: Iterable[tuple[str, Affect | None, Affect | None, Affect | None]]
    if unit == "frame":
        rows = [(step.clip.person, step.truth, step.pk, step.memory) for step in steps]
    else:
        rows = [(one.person, one.truth, one.pk, one.memory) for one in utterances(steps)]
    whole = [row for row in rows if all(part is not None for part in row)]
    return Units(
        persons=tuple(row[0] for row in whole),
        truth=_pairs([row[1] for row in whole]),
        read={
            "pk": _pairs([row[2] for row in whole]),
            "p-affmem": _pairs([row[3] for row in whole]),
        },
    )


def score(
    scored: Units, metrics: Mapping[str, Metric], resamples: int, rng: np.random.Generator
) -> dict[str, Any]:
    """The figures of `metrics.json`: each system's, and the gain, in the first metric; the others.

    Each with its 95 % bootstrap interval over persons; the gain is p-affmem less pk on the same
    resample. Every figure draws the same resamples, so that they can be compared. A figure that is
    undefined is None.
    """
    seed = int(rng.integers(2**31))
    names = list(metrics)
    headline = names[0]

    def figure(statistic: Any) -> Interval:  # noqa: ANN401
        if not scored.persons:
            return Interval(nan, nan, nan)
        return bootstrap(statistic, scored.persons, resamples, np.random.default_rng(seed))

    def of(metric: Metric, system: str, column: int) -> Any:  # noqa: ANN401
        truth, read = scored.truth[:, column], scored.read[system][:, column]
        return lambda rows: metric(truth[rows], read[rows])

    def by_person(metric: Metric, system: str, column: int) -> Any:  # noqa: ANN401
        alone = of(metric, system, column)
        persons = np.array(scored.persons)
        each = {name: alone(np.flatnonzero(persons == name)) for name in dict.fromkeys(persons)}
        # A resample repeats whole persons: its mean over persons weighs each row by its person's.
        sizes = {name: int((persons == name).sum()) for name in each}

        def mean(rows: Indices) -> float:
            weights = np.array([1 / sizes[name] for name in persons[rows]])
            values = np.array([each[name] for name in persons[rows]])
            known = np.isfinite(values)
            return (
                float((values * weights)[known].sum() / weights[known].sum())
                if known.any()
                else np.nan
            )

        return mean

    def less(one: Any, other: Any) -> Any:  # noqa: ANN401
        return lambda rows: one(rows) - other(rows)

    def table(statistic: Any, name: str) -> dict[str, dict[str, Any]]:  # noqa: ANN401
        return {
            dimension: _figure(figure(statistic(column)), name)
            for column, dimension in enumerate(DIMENSIONS)
        }

    def both(make: Any, metric: Metric, name: str) -> dict[str, Any]:  # noqa: ANN401
        return {
            **{s: table(lambda c, s=s: make(metric, s, c), name) for s in SYSTEMS},
            "gain": table(lambda c: less(make(metric, "p-affmem", c), make(metric, "pk", c)), name),
        }

    pooled = {name: both(of, metric, name) for name, metric in metrics.items()}
    first = dict(pooled[headline])
    gain = first.pop("gain")
    return {
        "headline": headline,
        "better": {name: metric.better for name, metric in metrics.items()},
        "scored": len(scored.persons),
        "systems": first,
        "gain": gain,
        "mean over persons": both(by_person, metrics[headline], headline),
        "metrics": {name: pooled[name] for name in names[1:]},
    }


def _figure(interval: Interval, name: str) -> dict[str, float | None]:
    values = {name: interval.value, "low": interval.low, "high": interval.high}
    return {key: round(value, 6) if isfinite(value) else None for key, value in values.items()}


def _mean(affects: Sequence[Affect | None]) -> Affect | None:
    known = [affect for affect in affects if affect is not None]
    if not known:
        return None
    arousal, valence = _pairs(known).mean(axis=0)
    return Affect(float(arousal), float(valence))


def _pairs(affects: Sequence[Any]) -> npt.NDArray[np.float64]:
    return np.array([(one.arousal, one.valence) for one in affects], np.float64).reshape(-1, 2)
