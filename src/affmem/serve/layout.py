"""A memory laid out as a graph in the plane, to be drawn while it grows."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
from jaxtyping import Float64

from affmem.values import Affects, State

Points = Float64[npt.NDArray[np.float64], "n 2"]
MOST: Final = 400
"""Units that are laid out; of more, those that won most often."""


def layout(state: State) -> dict[str, Any]:
    """`nodes` {unit, x, y, arousal, valence, wins}, x and y in [-1, 1], and `edges` [from, to].

    Of a memory whose state holds `weights` [n, d] and `labels` [n, 2], as a growing network's does
    (docs/memories.md); of any other there are none.

    >>> weights, labels = np.float32([[0, 0], [2, 0]]), np.float32([[0, -1], [0, 1]])
    >>> layout({"weights": weights, "labels": labels, "edges": np.int32([[0, 1]])})["nodes"][1]
    {'unit': 1, 'x': 1.0, 'y': 0.0, 'arousal': 0.0, 'valence': 1.0, 'wins': 0}
    """
    weights, labels = state.get("weights"), state.get("labels")
    if weights is None or labels is None or weights.ndim != 2 or not len(weights):
        return {"units": 0, "nodes": [], "edges": []}
    wins = state.get("wins", np.zeros(len(weights), np.int64))
    shown = np.sort(np.argsort(wins, kind="stable")[::-1][:MOST])
    place = np.full(len(weights), -1)
    place[shown] = np.arange(len(shown))
    edges = place[state.get("edges", np.empty((0, 2), np.int64))]
    points = placed(weights[shown].astype(np.float64), labels[shown].astype(np.float32))
    return {
        "units": len(weights),
        "nodes": [
            {
                "unit": unit,
                "x": x,
                "y": y,
                "arousal": None if np.isnan(arousal) else round(float(arousal), 3),
                "valence": None if np.isnan(valence) else round(float(valence), 3),
                "wins": int(won),
            }
            for unit, (x, y), (arousal, valence), won in zip(
                shown.tolist(),
                (points.round(3) + 0.0).tolist(),
                labels[shown],
                wins[shown],
                strict=True,
            )
        ],
        "edges": edges[(edges >= 0).all(axis=1)].tolist(),
    }


def placed(weights: Float64[npt.NDArray[np.float64], "n d"], labels: Affects) -> Points:
    """The weights on the plane in which they spread most (PCA), [-1, 1].

    That plane is known up to a turn and a mirror: it is laid so that pleasant units come to lie to
    the right and aroused ones above, as far as they can (orthogonal Procrustes). So a memory that
    grows keeps its place, and looks the same when it is met again.
    """
    centred = weights - weights.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    points = np.zeros((len(weights), 2))
    points[:, : min(2, len(axes))] = centred @ axes[:2].T
    known = ~np.isnan(labels).any(axis=1)
    if known.any():
        wanted = labels[known][:, ::-1] - labels[known][:, ::-1].mean(axis=0)
        left, _, right = np.linalg.svd(points[known].T @ wanted)
        points = points @ left @ right
    return points / max(float(np.abs(points).max()), 1e-9)
