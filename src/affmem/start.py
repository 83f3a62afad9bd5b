"""How a person's memory starts: the affects that their first faces are redrawn with (P§2.2)."""

from typing import Literal

import numpy as np
from attrs import field, frozen
from attrs.validators import ge, in_, instance_of, le

from affmem.errors import PluginError
from affmem.protocols import Editor, LatentEditor
from affmem.values import Affects

Spread = Literal["even", "grid", "diagonal"]
Way = Literal["pixels", "codes"]
Redrawn = Literal["each", "mean"]


@frozen
class Start:
    """Settings of the table `[start]` (P§2.2, P§3.2).

    While a person's first `frames` faces come in, each is redrawn with `edits` affects, and the
    memory learns those edits and the face `epochs` times over; afterwards, faces only, once. A
    memory that takes no edits (`personal`, `none`) learns each face once from the first on.
    """

    edits: int = field(default=200, validator=[instance_of(int), ge(1), le(10_000)])
    """Edits of each of the first faces (P§2.2: 200)."""
    spread: Spread = field(default="even", validator=in_(("even", "grid", "diagonal")))
    """Where in the plane: "even" is a scrambled Halton sequence, drawn anew for each face; "grid"
    the largest square grid of at most so many points; "diagonal" arousal = valence."""
    frames: int = field(default=25, validator=[instance_of(int), ge(0), le(1_000_000)])
    """How many of a person's first faces are edited (P§3.2: 25, one second)."""
    epochs: int = field(default=10, validator=[instance_of(int), ge(1), le(10_000)])
    """Passes over each of the first faces and its edits (P Table 1: 10)."""
    by: Way = field(default="pixels", validator=in_(("pixels", "codes")))
    """How the edits' codes are come by: "pixels" draws each edit and encodes it (P§2.2); "codes"
    asks the editor for the codes themselves, where it can say them, as "pk" can; none is drawn."""
    of: Redrawn = field(default="each", validator=in_(("each", "mean")))
    """What is redrawn: "each" of the first faces as it comes in (P§2.2), or once, when the last has
    come in, the "mean" of them all. Until then nothing is learnt: the prior knowledge stands."""


def plane(start: Start, rng: np.random.Generator) -> Affects:
    """The affects to ask for, float32 [n, 2] in [-1, 1], in steps of 0.01 (P§2.2).

    >>> plane(Start(edits=4, spread="diagonal"), np.random.default_rng(0))
    array([[-1.  , -1.  ],
           [-0.33, -0.33],
           [ 0.33,  0.33],
           [ 1.  ,  1.  ]], dtype=float32)
    >>> plane(Start(edits=5, spread="grid"), np.random.default_rng(0)).tolist()
    [[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]]
    """
    match start.spread:
        case "even":
            from scipy.stats.qmc import Halton

            points = Halton(d=2, rng=rng).random(start.edits) * 2 - 1
        case "grid":
            side = np.linspace(-1, 1, int(start.edits**0.5))
            points = np.stack(np.meshgrid(side, side, indexing="ij"), axis=-1).reshape(-1, 2)
        case "diagonal":
            points = np.linspace(-1, 1, start.edits)[:, None].repeat(2, axis=1)
    rounded: Affects = np.round(points, 2).astype(np.float32).reshape(-1, 2)
    return rounded


def latent(editor: Editor) -> LatentEditor:
    """The editor, which can say the codes of its edits. Raises PluginError where it cannot."""
    if isinstance(editor, LatentEditor):
        return editor
    raise PluginError(
        'start.by: this editor cannot say the codes of its edits; expected "pixels", or editor "pk"'
    )
