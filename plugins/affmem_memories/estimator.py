"""A memory as a scikit-learn regressor; needs scikit-learn (`pip install affmem[sklearn]`)."""

# ruff: noqa: N803  (X is what scikit-learn calls the rows, and passes by that name)

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from attrs import evolve, fields

from affmem import Runtime
from affmem.errors import unknown
from affmem.protocols import Memory, MemoryConfig
from affmem.values import Affects
from affmem_memories import affmem_memories

try:
    from sklearn.base import BaseEstimator, RegressorMixin  # type: ignore[import-untyped]
    from sklearn.utils import Tags, check_array  # type: ignore[import-untyped]
    from sklearn.utils.validation import (  # type: ignore[import-untyped]
        check_consistent_length,
        check_is_fitted,
        validate_data,
    )
except ImportError:
    raise ImportError("MemoryRegressor needs scikit-learn: pip install affmem[sklearn]") from None


class MemoryRegressor(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Arousal and valence of rows X [n, d], read from a memory that learnt them row by row.

    `memory` is the name of one of our memories ("gwr", "gng", ...) or a config; `settings` are
    fields of that config. `fit` begins anew and goes over the rows `epochs` times, in the order
    given: nothing is drawn by chance, so there is no `random_state`. `partial_fit` goes on. `y` is
    [n, 2], arousal and valence in [-1, 1]; a row of NaN is unlabelled, and a `predict` of a memory
    that has seen no label is NaN. `memory_` is the memory itself.

    Raises ValueError (as scikit-learn does) for rows that are not finite or of another width, for
    other labels, and for a memory or setting that there is not.

    >>> X = np.linspace(0, 1, 50).reshape(-1, 1)
    >>> y = np.hstack([X, -X])
    >>> model = MemoryRegressor("knn", settings={"nearest": 1}).fit(X, y)
    >>> model.predict([[0.5], [1.0]]).round(1)
    array([[ 0.5, -0.5],
           [ 1. , -1. ]], dtype=float32)
    """

    def __init__(
        self,
        memory: str | MemoryConfig = "gwr",
        settings: Mapping[str, Any] | None = None,
        epochs: int = 1,
    ) -> None:
        self.memory = memory
        self.settings = settings
        self.epochs = epochs

    def fit(self, X: Any, y: Any) -> "MemoryRegressor":  # noqa: ANN401
        """Learn the rows with a new memory, `epochs` times."""
        if isinstance(self.epochs, bool) or not (
            isinstance(self.epochs, int | np.integer) and self.epochs >= 1
        ):
            raise ValueError(f"epochs must be a whole number >= 1: {self.epochs!r}")
        memory = self._built()
        rows = validate_data(self, X, dtype=np.float32)
        labels = self._labels(rows, y)
        for _ in range(self.epochs):
            memory.begin()
            memory.partial_fit(rows, labels)
        self.memory_ = memory
        return self

    def partial_fit(self, X: Any, y: Any = None) -> "MemoryRegressor":  # noqa: ANN401
        """Learn the rows once, after what was learnt before; without `y`, all are unlabelled."""
        begun = hasattr(self, "memory_")
        memory = self.memory_ if begun else self._built()
        rows = validate_data(self, X, dtype=np.float32, reset=not begun)
        memory.partial_fit(rows, None if y is None else self._labels(rows, y))
        self.memory_ = memory
        return self

    def predict(self, X: Any) -> Affects:  # noqa: ANN401
        """Arousal and valence, [n, 2]; changes nothing."""
        check_is_fitted(self, "memory_")
        memory: Memory = self.memory_
        return memory.predict(validate_data(self, X, dtype=np.float32, reset=False)).affects

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        tags.target_tags.single_output = False
        return tags

    def _built(self) -> Memory:
        """A memory that has learnt nothing."""
        known = affmem_memories()
        if isinstance(self.memory, str):
            if self.memory not in known:
                raise ValueError(unknown("memory", self.memory, known))
            config: Any = known[self.memory]()
        else:
            config = self.memory
        settings = self.settings or {}
        names = [one.name for one in fields(type(config))]
        for name in settings:
            if name not in names:
                raise ValueError(unknown("setting", name, names))
        memory: Memory = evolve(config, **settings).build(Runtime())
        return memory

    def _labels(self, rows: Any, y: Any) -> Affects:  # noqa: ANN401
        """`y`, one pair a row."""
        if y is None:
            raise ValueError("requires y to be passed, but the target y is None")
        wanted = "y must be two columns, arousal and valence, in [-1, 1] (or NaN in both)"
        labels: npt.NDArray[np.float64] = check_array(
            y, dtype=np.float64, ensure_2d=False, allow_nd=True, ensure_all_finite="allow-nan",
            input_name="y",
        )  # fmt: skip
        check_consistent_length(rows, labels)
        if labels.ndim != 2 or labels.shape[1] != 2:
            raise ValueError(f"{wanted}: it is {list(labels.shape)}")
        absent = np.isnan(labels)
        if (absent[:, 0] != absent[:, 1]).any() or (np.abs(labels[~absent]) > 1).any():
            raise ValueError(
                f"{wanted}: it holds {labels[~absent].min():g} ... {labels[~absent].max():g}"
            )
        return labels.astype(np.float32)
