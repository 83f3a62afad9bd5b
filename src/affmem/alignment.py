"""Where the five landmarks of a face lie in an aligned crop, and the similarity that puts them so.

Everything that makes a 96x96 face (a detector, a generator) uses this one template, so that the
prior knowledge sees all of them alike.
"""

import numpy as np
import numpy.typing as npt
from jaxtyping import Float64

Points = Float64[npt.NDArray[np.float64], "n 2"]
Placement = Float64[npt.NDArray[np.float64], "2 3"]

TEMPLATE: Points = np.array(
    [[0.365, 0.40], [0.635, 0.40], [0.50, 0.552], [0.388, 0.71], [0.612, 0.71]]
)
"""Left eye, right eye, nose tip, left and right corner of the mouth, as seen in the picture;
x to the right and y down, in sides of the crop."""


def similarity(source: Points, target: Points) -> Placement:
    """The rotation, uniform scale and shift that take `source` nearest to `target`.

    Least squares (Umeyama 1991, eqs. 40-42), never a reflection. Returns the matrix M with
    target ~ M @ [x, y, 1]. Raises ValueError where all points of `source` coincide.

    >>> square = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    >>> similarity(square, square * 2 + 3).round(9) + 0.0
    array([[2., 0., 3.],
           [0., 2., 3.]])
    """
    from_mean, to_mean = source.mean(axis=0), target.mean(axis=0)
    a, b = source - from_mean, target - to_mean
    spread = (a**2).sum()
    if not spread > 0:
        raise ValueError("the points coincide: no similarity takes them anywhere")
    # In the plane the best rotation and scale have a closed form: the complex ratio b / a.
    cosine = (a * b).sum() / spread
    sine = (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum() / spread
    turn = np.array([[cosine, -sine], [sine, cosine]])
    return np.column_stack([turn, to_mean - turn @ from_mean])
