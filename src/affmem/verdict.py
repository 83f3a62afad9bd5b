"""What a study's records come to: CCC with intervals over persons, paired gains, confidence.

All rows of a condition are scored on the same frames, with the same resamples of the persons, so
that they can be compared.
"""

from collections.abc import Mapping, Sequence
from functools import reduce
from math import isfinite
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from attrs import frozen

from affmem.catalogue import catalogue
from affmem.controls import DERIVED, derived
from affmem.errors import UserError
from affmem.interval import IndexArray as Indices
from affmem.interval import bootstrap
from affmem.protocols import Metric, Runtime
from affmem.study import Condition, Record, Study, load
from affmem.values import DIMENSIONS, Affects

Figures = dict[str, Any]

COVERED: Final = 0.9
"""The share of true affects that an interval is calibrated to hold."""
KEPT: Final = (1.0, 0.75, 0.5, 0.25)
"""Shares of the frames, the surest first, whose error a risk-coverage curve tells."""
SECONDS: Final = 2.0
"""Width of the bins of time since a person's clip began."""
LEAST: Final = 10
"""Persons that a bin needs."""


@frozen(eq=False)
class Scored:
    """A condition's frames that are scored: the same for each row."""

    persons: tuple[str, ...]
    truth: Affects
    read: Mapping[str, Affects]
    """By row, [n, 2]"""
    activation: Mapping[str, npt.NDArray[np.float32]]
    """By row that was walked, [n]"""
    since: npt.NDArray[np.float64]
    """Seconds since the clip began, [n]"""


def verdict(study: Study, out: Path, *, final: bool) -> Figures:
    """The figures of `study.json`: by group and condition, the chosen row's gain over the first,
    the ceiling's, and all rows. Gains are in CCC, whatever the experiment's metrics. Raises what
    `load` raises, and UserError where there is nothing to score.
    """
    metric: Metric = catalogue().config("metric", "ccc")().build(Runtime())
    groups = ("development", "final") if final else ("development",)
    figures: Figures = {"chosen": study.chosen, "reference": study.rows[0].name}
    sizes: dict[tuple[str, int], float] = {}
    for group in groups:
        figures[group] = {}
        for condition in study.conditions:
            scored = _scored(study, out, group, condition)
            found = _condition(study, scored, metric)
            if study.chosen in scored.activation:
                if group == "development":
                    for column in (0, 1):
                        sizes[condition.name, column] = calibrated(*_off(study, scored, column))
                found["confidence"] = {
                    dimension: _confidence(study, scored, column, sizes[condition.name, column])
                    for column, dimension in enumerate(DIMENSIONS)
                }
                found["over time"] = _over_time(study, scored)
                found["seconds"] = SECONDS
            figures[group][condition.name] = found
    return figures


def calibrated(error: npt.NDArray[np.float32], sure: npt.NDArray[np.float32]) -> float:
    """q, such that truth lies within q (1 - activation) of a reading 90 % of the time.

    Split conformal prediction with a normalised score (Lei et al. 2018, §5.2): the quantile of
    error / (1 - activation) over frames of persons to calibrate by.

    >>> calibrated(np.float32([0.1, 0.2, 0.3]), np.float32([0.9, 0.9, 0.9]))
    3.0
    """
    score = np.sort(error / np.maximum(1.0 - sure, 1e-3))
    place = min(len(score) - 1, int(np.ceil(COVERED * (len(score) + 1))) - 1)
    return round(float(score[place]), 4)


def markdown(study: Study, figures: Figures) -> str:
    """The tables, as a study's page shows them."""
    lines: list[str] = []
    for group in ("development", "final"):
        for condition, found in figures.get(group, {}).items():
            who = f"{found['persons']} persons, {found['frames']} frames"
            lines += [
                f"### {group}: {condition} ({who})",
                "",
                "| row | arousal | valence | gain in arousal | gain in valence | of the ceiling |",
                "|---|---|---|---|---|---|",
            ]
            for row in found["rows"]:
                cells = [_cell(row[one]) for one in DIMENSIONS]
                cells += [_cell(row["gain"][one], sign=True) for one in DIMENSIONS]
                share = row.get("share")
                cells.append(
                    "" if share is None else "/".join(_percent(share[one]) for one in DIMENSIONS)
                )
                name = f"**{row['name']}**" if row["name"] == study.chosen else row["name"]
                lines.append(f"| {name} | {' | '.join(cells)} |")
            lines.append("")
    return "\n".join(lines)


def _scored(study: Study, out: Path, group: str, condition: Condition) -> Scored:
    records = {row.name: load(out, group, condition, row) for row in study.walked(condition)}
    # Frames before the first face are not read: shuffled ones are not the same.
    common = reduce(np.intersect1d, [_moments(one) for one in records.values()])
    seen = {name: _at(common, one) for name, one in records.items()}
    base = seen[study.rows[0].name]
    labelled = ~np.isnan(base["truth"]).any(axis=1)
    if condition.later:
        first = {one: base["clip"][base["person"] == one].min() for one in set(base["person"])}
        labelled &= base["clip"] > np.array([first[one] for one in base["person"]])
    if not labelled.any():
        which = "of a person's second or later clip " if condition.later else ""
        raise UserError(
            f"{group}, {condition.name!r}: no frame {which}has a label and a reading in every row"
        )
    aims = base["truth"].copy()
    aims[~labelled] = np.nan
    read = {name: one["memory"] for name, one in seen.items()}
    for row in study.rows:
        if row.control in DERIVED and (not condition.rows or row.name in condition.rows):
            read[row.name] = derived(row.control, base["pk"], aims, base["person"])
    return Scored(
        persons=tuple(str(one) for one in base["person"][labelled]),
        truth=base["truth"][labelled],
        read={row.name: read[row.name][labelled] for row in study.rows if row.name in read},
        activation={name: one["activation"][labelled] for name, one in seen.items()},
        since=base["time"][labelled],
    )


def _moments(one: Record) -> npt.NDArray[np.int64]:
    """A number for each frame, the same in every record, that rises with clip and time."""
    moments: npt.NDArray[np.int64] = one["clip"] * 10**11 + np.rint(one["time"] * 10**6).astype(int)
    return moments


def _at(moments: npt.NDArray[np.int64], one: Record) -> Record:
    """The frames of these moments, in their order."""
    own = _moments(one)
    order = np.argsort(own)
    rows = order[np.searchsorted(own, moments, sorter=order)]
    return {name: values[rows] for name, values in one.items()}


def _condition(study: Study, scored: Scored, metric: Metric) -> Figures:
    reference = study.rows[0].name

    def figure(name: str, column: int, less: str = "") -> dict[str, float | None]:
        def value(rows: Indices) -> float:
            truth = scored.truth[rows, column]
            found = metric(truth, scored.read[name][rows, column])
            return found - metric(truth, scored.read[less][rows, column]) if less else found

        rng = Runtime(seed=1).rng("bootstrap")  # the same resamples for every figure
        found = bootstrap(value, scored.persons, study.resamples, rng)
        return _rounded({"ccc": found.value, "low": found.low, "high": found.high})

    def both(name: str, less: str = "") -> Figures:
        return {one: figure(name, column, less) for column, one in enumerate(DIMENSIONS)}

    rows = [{"name": name, **both(name), "gain": both(name, reference)} for name in scored.read]
    by_name = {str(row["name"]): row for row in rows}
    ceiling = next((row.name for row in study.rows if row.control == "ceiling"), None)
    found: Figures = {
        "persons": len(set(scored.persons)), "frames": len(scored.persons), "rows": rows
    }  # fmt: skip
    if ceiling in by_name:
        most = by_name[str(ceiling)]["gain"]
        found["ceiling"] = most
        for row in rows:
            row["share"] = {one: _share(row["gain"][one], most[one]) for one in DIMENSIONS}
    if study.chosen in by_name:
        found["gain"] = by_name[study.chosen]["gain"]
        nobody = next((row.name for row in study.rows if row.control == "nobody"), None)
        if nobody in by_name:
            found["gain over knowing nobody"] = both(study.chosen, str(nobody))
    return found


def _off(
    study: Study, scored: Scored, column: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """By how much the chosen row is off in a dimension, and how sure it is, [n] each."""
    chosen = study.chosen
    return np.abs(scored.read[chosen] - scored.truth)[:, column], scored.activation[chosen]


def _confidence(study: Study, scored: Scored, column: int, size: float) -> Figures:
    """Whether activation predicts error, and whether the calibrated intervals hold."""
    from scipy.stats import spearmanr

    error, sure = _off(study, scored, column)
    varied = min(len(set(one.tolist())) for one in (sure, error)) > 1
    ranked = float(spearmanr(sure, error).statistic) if varied else np.nan
    order = np.argsort(-sure, kind="stable")
    width = size * np.maximum(1.0 - sure, 1e-3)
    held = error <= width

    def covered(rows: Indices) -> float:
        return float(held[rows].mean())

    rng = Runtime(seed=1).rng("bootstrap")
    found = bootstrap(covered, scored.persons, study.resamples, rng)
    return {
        **_rounded({"rank correlation with error": ranked}),
        "mean error of the surest": {
            f"{share:.0%}": round(float(error[order[: max(1, int(share * len(error)))]].mean()), 4)
            for share in KEPT
        },
        "interval": {
            "factor": size,
            "mean half width": round(float(width.mean()), 4),
            "covered": _rounded({"share": found.value, "low": found.low, "high": found.high}),
        },
    }


def _over_time(study: Study, scored: Scored) -> Sequence[Figures]:
    """Mean absolute error by time since a person's clip began, and the chosen row's less."""
    far = {
        name: np.abs(scored.read[name] - scored.truth).mean(axis=1)
        for name in (study.rows[0].name, study.chosen)
    }
    bins = (scored.since / SECONDS).astype(np.int64)
    persons = np.array(scored.persons)
    found = []
    for one in np.unique(bins):
        rows = np.flatnonzero(bins == one)
        if len(set(persons[rows])) < LEAST:
            continue
        less = far[study.chosen][rows] - far[study.rows[0].name][rows]

        def mean(places: Indices, less: npt.NDArray[np.float32] = less) -> float:
            return float(less[places].mean())

        rng = Runtime(seed=1).rng("bootstrap")
        change = bootstrap(mean, persons[rows].tolist(), study.resamples, rng)
        found.append(
            {
                "from": float(one * SECONDS),
                **{name: round(float(one[rows].mean()), 4) for name, one in far.items()},
                "change": _rounded({"error": change.value, "low": change.low, "high": change.high}),
            }
        )
    return found


def _share(gain: Figures, most: Figures) -> float | None:
    if gain["ccc"] is None or most["ccc"] is None or most["ccc"] <= 0:
        return None
    return round(float(gain["ccc"] / most["ccc"]), 4)


def _rounded(values: Mapping[str, float]) -> dict[str, float | None]:
    return {key: round(one, 4) if isfinite(one) else None for key, one in values.items()}


def _cell(figure: Figures, *, sign: bool = False) -> str:
    if figure["ccc"] is None:
        return "undefined"
    form = "{:+.3f}" if sign else "{:.3f}"
    if figure["low"] is None:
        return form.format(figure["ccc"])
    return f"{form} [{form}, {form}]".format(figure["ccc"], figure["low"], figure["high"])


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.0%}"
