"""A picture of a memory: its neurons on a plane, coloured by affect."""

from colorsys import hls_to_rgb
from math import atan2, hypot, pi
from typing import Any

import numpy as np
import numpy.typing as npt

from affmem.values import State

UNKNOWN = "rgb(150,150,150)"


def picture(state: State, title: str = "") -> Any:  # noqa: ANN401  (plotly has no types)
    """A plotly figure of a growing memory's `state()`.

    Neurons lie by the two directions in which their weights vary most (principal components). A
    colour's hue is the direction of the affect, its strength how far from neutral; grey is
    unknown. A large circle is a fresh neuron (h = 1), a small one has fired often. Save it with
    `write_html`.
    """
    import plotly.graph_objects as go

    places = _plane(state["weights"].astype(np.float64))
    lines: list[float | None] = []
    rows: list[float | None] = []
    for one, other in state.get("edges", np.empty((0, 2), np.int32)).tolist():
        lines += [places[one, 0], places[other, 0], None]
        rows += [places[one, 1], places[other, 1], None]
    labels = state["labels"].tolist()
    edges = go.Scatter(
        x=lines, y=rows, mode="lines", hoverinfo="skip", line={"color": "rgba(120,120,120,.45)"}
    )
    neurons = go.Scatter(
        x=places[:, 0],
        y=places[:, 1],
        mode="markers",
        marker={
            "size": 5 + 11 * state["habituation"],
            "color": [colour(arousal, valence) for arousal, valence in labels],
            "line": {"width": 0.6, "color": "rgba(60,60,60,.8)"},
        },
        text=[
            f"neuron {index}<br>arousal {arousal:+.2f}, valence {valence:+.2f}<br>won {wins} times"
            for index, ((arousal, valence), wins) in enumerate(
                zip(labels, state["wins"].tolist(), strict=True)
            )
        ],
        hovertemplate="%{text}<extra></extra>",
    )
    figure = go.Figure([edges, neurons])
    figure.update_layout(
        title=title, showlegend=False, template="plotly_white", width=760, height=620,
        margin={"l": 40, "r": 20, "t": 50, "b": 30}, images=[_key()],
    )  # fmt: skip
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False, scaleanchor="x")
    for text, x, y, anchor in (
        ("excited", 0.07, 0.2, "center"), ("calm", 0.07, -0.035, "center"),
        ("bad", 0.005, 0.09, "right"), ("good", 0.135, 0.09, "left"),
    ):  # fmt: skip
        figure.add_annotation(
            text=text, xref="paper", yref="paper", x=x, y=y, xanchor=anchor, showarrow=False,
            font={"size": 11},
        )  # fmt: skip
    return figure


def colour(arousal: float, valence: float) -> str:
    """A colour for an affect.

    >>> colour(0.0, 0.0), colour(float("nan"), float("nan"))
    ('rgb(235,235,235)', 'rgb(150,150,150)')
    """
    if not hypot(arousal, valence) < 2:
        return UNKNOWN
    strength = min(1.0, hypot(arousal, valence))
    hue = (atan2(arousal, valence) / (2 * pi) + 0.14) % 1.0
    return "rgb({},{},{})".format(
        *(round(255 * one) for one in hls_to_rgb(hue, 0.92 - 0.42 * strength, 0.85 * strength))
    )


def _plane(weights: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The weights by their first two principal components."""
    if not len(weights):
        return np.empty((0, 2))
    centred = weights - weights.mean(axis=0)
    *_, directions = np.linalg.svd(centred, full_matrices=False)
    plane = np.zeros((len(weights), 2))
    plane[:, : min(2, len(directions))] = centred @ directions[:2].T
    return plane


def _key(side: int = 96) -> dict[str, Any]:
    """The plane of affect in its colours, for the corner."""
    from PIL import Image

    steps = np.linspace(-1, 1, side)
    pixels = [
        [tuple(int(one) for one in colour(-down, right)[4:-1].split(",")) for right in steps]
        for down in steps
    ]
    image = Image.fromarray(np.array(pixels, np.uint8))
    return {
        "source": image, "xref": "paper", "yref": "paper", "x": 0.01, "y": 0.01, "sizex": 0.16,
        "sizey": 0.16, "xanchor": "left", "yanchor": "bottom",
    }  # fmt: skip
