"""Charts as plotly's own JSON, with colours by role.

A colour is written `var(--pk)`: the page puts in what its style sheet gives that role, light or
dark, so that a system has one colour everywhere. Names are escaped, since plotly reads markup.
"""

import math
from collections.abc import Sequence
from html import escape

import numpy as np
from scipy.stats import t as student

from affmem.values import DIMENSIONS
from affmem_report.clips import end_to_end, labels, stretches
from affmem_report.run import SYSTEMS, Figure, Metrics, Person, Run, Series
from affmem_report.words import label

Chart = dict[str, object]
"""`{"data": [...], "layout": {...}}`."""
Numbers = list[float | None]

LABEL, PK, MEMORY = "var(--label)", "var(--pk)", "var(--memory)"
SYSTEM_COLOURS = {"pk": PK, "p-affmem": MEMORY}
SYMBOLS = {"pk": "circle", "p-affmem": "diamond"}
OTHER = "var(--muted)"


# --- the answer -----------------------------------------------------------------------------


def answer(metrics: Metrics, dimension: str) -> Chart:
    """Dots and intervals: each system's figure above, the paired gain on the same scale below."""
    rows = [(SYSTEMS.get(one, one), one, of.get(dimension)) for one, of in metrics.systems.items()]
    data = [
        _dot(escape(name), figure, SYSTEM_COLOURS.get(one, OTHER), SYMBOLS.get(one, "square"), "")
        for name, one, figure in rows
    ]
    gain = metrics.gain.get(dimension)
    data.append(_dot("gain", gain, "var(--ink)", "square", "2"))
    low, high = _span([f for of in metrics.systems.values() for f in of.values()])
    reach = 1.15 * max(
        [0.05, *(abs(x) for g in metrics.gain.values() for x in (g.low, g.high, g.value) if x)]
    )
    names = [escape(name) for name, _one, _figure in rows]
    name_of_metric = escape(label(metrics.headline))
    return {
        "data": data,
        "layout": {
            "height": 150 + 34 * len(names),
            "margin": {"l": 84, "r": 16, "t": 6, "b": 34},
            "showlegend": False,
            "hovermode": "closest",
            "dragmode": False,
            "xaxis": {"range": [low, high], "fixedrange": True, "anchor": "y", "nticks": 6,
                      "title": {"text": name_of_metric, "standoff": 4}},
            "yaxis": {"domain": [0.52, 1], "categoryorder": "array", "categoryarray": names[::-1],
                      "range": [-0.6, len(names) - 0.4], "fixedrange": True, "showgrid": False},
            "xaxis2": {"range": [-reach, reach], "fixedrange": True, "anchor": "y2", "nticks": 6,
                       "zeroline": True, "zerolinecolor": "var(--ink)", "zerolinewidth": 1.5,
                       "title": {"text": f"gain in {name_of_metric}", "standoff": 4}},
            "yaxis2": {"domain": [0, 0.16], "fixedrange": True, "showgrid": False,
                       "range": [-0.6, 0.6]},
        },
    }  # fmt: skip


def _dot(name: str, figure: Figure | None, colour: str, symbol: str, axis: str) -> Chart:
    value = figure.value if figure else None
    low, high = (figure.low, figure.high) if figure else (None, None)
    known = value is not None and low is not None and high is not None
    trace: Chart = {
        "type": "scatter",
        "mode": "markers",
        "x": [value],
        "y": [name],
        "xaxis": f"x{axis}",
        "yaxis": f"y{axis}",
        "marker": {"color": colour, "size": 12, "symbol": symbol},
        "hovertemplate": "%{x:.3f}<extra></extra>",
    }
    if value is not None and low is not None and high is not None:
        trace["error_x"] = {
            "type": "data", "symmetric": False, "array": [high - value],
            "arrayminus": [value - low], "color": colour, "thickness": 2.5, "width": 5,
        }  # fmt: skip
    if known:
        trace["hovertemplate"] = f"%{{x:.3f}} [{low:.3f}, {high:.3f}]<extra></extra>"
    return trace


def _span(figures: Sequence[Figure]) -> tuple[float, float]:
    """From 0 (or below) to 1 (or above), the same for every dimension."""
    found = [x for f in figures for x in (f.value, f.low, f.high) if x is not None]
    low, high = min([0.0, *found]), max([1.0, *found])
    return low - (0.05 if low < 0 else 0.0), high * (1.05 if high > 1 else 1.0)


# --- one person -----------------------------------------------------------------------------


def timeline(person: Person, points: int) -> tuple[Chart, int]:
    """What was said of a person, frame by frame, and how many frames lie between drawn ones."""
    frames = person.frames
    step = max(1, math.ceil(len(frames.time) / points))
    at, spans = end_to_end(person.frames)
    rows = _thin(person, step)
    x = [None if i is None else round(float(at[i]), 2) for i in rows]

    marks = "lines+markers" if len(rows) < 4 * len(person.clips) else "lines"  # pictures

    def line(values: Series, name: str, colour: str, axis: str, **more: object) -> Chart:
        width = more.pop("width", 1.7)
        return {
            "type": "scatter", "mode": marks, "x": x, "y": _pick(values, rows), "name": name,
            "yaxis": f"y{axis}", "line": {"color": colour, "width": width, **_shape(more)},
            "connectgaps": False, "legendgroup": name, "hovertemplate": "%{y:.2f}", **more,
        }  # fmt: skip

    unseen = np.where(frames.face, 1.0, np.nan)
    truth = labels(person)
    data: list[Chart] = []
    for i, axis in enumerate(("", "2")):
        data += [
            line(truth[:, i], "label", LABEL, axis, width=2.6, showlegend=i == 0, dashed=False),
            line(frames.pk[:, i] * unseen, "PK", PK, axis, showlegend=i == 0, width=1.4),
            line(frames.memory[:, i] * unseen, "P-AffMem", MEMORY, axis, showlegend=i == 0),
        ]
    data.append(
        line(frames.units, "neurons", MEMORY, "3", showlegend=False, hovertemplate="%{y:.0f}")
    )
    data.append(
        line(frames.activation * unseen, "activation", MEMORY, "4", showlegend=False, width=1.2)
    )
    if not np.isfinite(truth).any():
        data = [one for one in data if one["name"] != "label"]
    plane = {"range": [-1.06, 1.06], "tickvals": [-1, -0.5, 0, 0.5, 1], "zeroline": True}
    most = float(np.nanmax(frames.units, initial=1.0))
    return {
        "data": data,
        "layout": {
            "height": 640,
            "margin": {"l": 58, "r": 12, "t": 56, "b": 44},
            "hovermode": "x unified",
            "hoversubplots": "axis",
            "legend": {"orientation": "h", "x": 0, "y": 1.045, "yanchor": "bottom"},
            "xaxis": {"title": {"text": "time with this person, clips end to end"}, "anchor": "y4",
                      "showgrid": False, "hoverformat": ".1f", "ticksuffix": " s",
                      "range": [0, spans[-1][1] if spans else 1]},
            "yaxis": {**plane, "title": {"text": "arousal"}, "domain": [0.71, 1]},
            "yaxis2": {**plane, "title": {"text": "valence"}, "domain": [0.39, 0.68]},
            "yaxis3": {"title": {"text": "neurons"}, "domain": [0.2, 0.34], "nticks": 4,
                       "range": [0, 1.1 * most]},
            "yaxis4": {"title": {"text": "activation"}, "domain": [0, 0.15],
                       "range": [0, 1.04], "tickvals": [0, 0.5, 1]},
            "shapes": [
                {"type": "rect", "xref": "x", "yref": "paper", "x0": start, "x1": end, "y0": 0,
                 "y1": 1, "fillcolor": "var(--band)", "line": {"width": 0}, "layer": "below"}
                for start, end in spans[::2]
            ],
            "annotations": [
                {"text": f"clip {n}" if len(spans) <= 6 else str(n), "x": (start + end) / 2,
                 "y": 1, "xref": "x", "yref": "paper", "yanchor": "bottom", "showarrow": False,
                 "font": {"size": 11, "color": "var(--muted)"}}
                for n, (start, end) in enumerate(spans, 1)
                if len(spans) <= 40
            ],
        },
    }, step  # fmt: skip


def _shape(more: dict[str, object]) -> Chart:
    """Labels are steps, readings are lines."""
    return {"shape": "hv"} if more.pop("dashed", None) is False else {}


def _thin(person: Person, step: int) -> list[int | None]:
    """Every `step`-th row of each clip and its last; None, a break in the line, after each clip."""
    rows: list[int | None] = []
    for first, last in stretches(person.frames.clip):
        rows += [*range(first, last - 1, step), last - 1, None]
    return rows


def _pick(values: Series, rows: Sequence[int | None]) -> Numbers:
    return [None if i is None else _round(values[i]) for i in rows]


def _round(value: float) -> float | None:
    return round(float(value), 3) if math.isfinite(value) else None


# --- all persons ----------------------------------------------------------------------------


def scatter(run: Run) -> tuple[Chart, list[list[int]]] | None:
    """Label against prediction of every utterance, and each person's points in it."""
    rows = [
        (number, person.name, clip)
        for number, person in enumerate(run.persons)
        for clip in person.clips
        if np.isfinite(clip.truth).all()
    ]
    if not rows:
        return None
    text = [f"{escape(name)}<br>{escape(clip.name)}" for _number, name, clip in rows]
    data: list[Chart] = []
    for i, axis in enumerate(("", "2")):
        data.append(
            {"type": "scatter", "mode": "lines", "x": [-1, 1], "y": [-1, 1], "hoverinfo": "skip",
             "xaxis": f"x{axis}", "yaxis": f"y{axis}", "showlegend": False,
             "line": {"color": "var(--line)", "width": 1.5}}
        )  # fmt: skip
        data += [
            {
                "type": "scatter", "mode": "markers", "name": SYSTEMS[one], "legendgroup": one,
                "showlegend": i == 0, "xaxis": f"x{axis}", "yaxis": f"y{axis}",
                "x": [_round(clip.truth[i]) for *_, clip in rows],
                "y": [_round((clip.pk if one == "pk" else clip.memory)[i]) for *_, clip in rows],
                "text": text, "hovertemplate": "%{text}<br>label %{x:.2f}, predicted %{y:.2f}",
                "marker": {"color": SYSTEM_COLOURS[one], "symbol": SYMBOLS[one], "size": 9,
                           "line": {"color": "var(--paper)", "width": 1}},
                "unselected": {"marker": {"opacity": 0.16}},
            }
            for one in ("pk", "p-affmem")
        ]  # fmt: skip
    edge = {"range": [-1.06, 1.06], "tickvals": [-1, -0.5, 0, 0.5, 1], "zeroline": False}
    chart: Chart = {
        "data": data,
        "layout": {
            "height": 400,
            "margin": {"l": 58, "r": 12, "t": 40, "b": 46},
            "hovermode": "closest",
            "dragmode": False,
            "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
            "xaxis": {**edge, "domain": [0, 0.44], "title": {"text": "label: arousal"}},
            "yaxis": {**edge, "title": {"text": "predicted"}},
            "xaxis2": {**edge, "domain": [0.56, 1], "anchor": "y2",
                       "title": {"text": "label: valence"}},
            "yaxis2": {**edge, "anchor": "x2", "title": {"text": "predicted"}},
        },
    }  # fmt: skip
    points = [[i for i, row in enumerate(rows) if row[0] == n] for n in range(len(run.persons))]
    return chart, points


def learning(run: Run) -> Chart | None:
    """What the memory takes off the absolute error, by how many clips of the person came before.

    A mean over persons with its 95 % t interval; only places that at least three persons reach.
    None where fewer than two places are left.
    """
    most = max((len(person.clips) for person in run.persons), default=0)
    data: list[Chart] = []
    for i, dimension in enumerate(DIMENSIONS):
        x, y, half = [], [], []
        for place in range(most):
            clips = [one.clips[place] for one in run.persons if len(one.clips) > place]
            taken = np.array(
                [abs(c.pk[i] - c.truth[i]) - abs(c.memory[i] - c.truth[i]) for c in clips]
            )
            taken = taken[np.isfinite(taken)]
            if len(taken) < 3:
                continue
            x.append(place + 1 + (-0.06 if i == 0 else 0.06))
            y.append(_round(float(taken.mean())))
            spread = float(taken.std(ddof=1)) / math.sqrt(len(taken))
            half.append(_round(float(student.ppf(0.975, len(taken) - 1)) * spread))
        if len(x) < 2:
            return None
        colour = "var(--arousal)" if i == 0 else "var(--valence)"
        data.append(
            {
                "type": "scatter", "mode": "lines+markers", "x": x, "y": y, "name": dimension,
                "line": {"color": colour, "width": 1.5, "dash": "solid" if i == 0 else "dot"},
                "marker": {"color": colour, "size": 9, "symbol": "square" if i == 0 else "cross"},
                "error_y": {"type": "data", "array": half, "color": colour, "thickness": 2,
                            "width": 4},
                "hovertemplate": "%{y:+.3f}",
            }
        )  # fmt: skip
    return {
        "data": data,
        "layout": {
            "height": 320,
            "margin": {"l": 66, "r": 12, "t": 36, "b": 46},
            "hovermode": "closest",
            "dragmode": False,
            "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
            "xaxis": {"title": {"text": "n-th clip of the person"}, "dtick": max(1, most // 12),
                      "showgrid": False},
            "yaxis": {"title": {"text": "error taken off"}, "zeroline": True,
                      "zerolinecolor": "var(--ink)", "zerolinewidth": 1.5},
        },
    }  # fmt: skip
