"""Metric "spearman": the correlation of ranks (Spearman 1904)."""

from collections.abc import Mapping
from typing import Literal

import numpy as np
from attrs import frozen

from affmem import Runtime, hookimpl
from affmem.protocols import Metric, MetricConfig
from affmem.values import Values


@frozen
class SpearmanConfig:
    """Settings of metric "spearman": none."""

    def build(self, _runtime: Runtime) -> Metric:
        """Make it."""
        return Spearman()


class Spearman:
    """Blind to scale and offset, and to whatever else keeps the order."""

    better: Literal["higher", "lower"] = "higher"

    def __call__(self, truth: Values, predicted: Values) -> float:
        """The figure of two arrays [n], in [-1, 1]; NaN where one is constant or has a NaN."""
        from scipy.stats import rankdata

        if truth.ndim != 1 or truth.shape != predicted.shape:
            raise ValueError(f"expected two of [n], got {truth.shape} and {predicted.shape}")
        if not len(truth) or np.isnan(truth).any() or np.isnan(predicted).any():
            return float("nan")
        a, b = (rank - rank.mean() for rank in (rankdata(truth), rankdata(predicted)))
        scale = float(np.sqrt((a @ a) * (b @ b)))
        return float(a @ b) / scale if scale else float("nan")


@hookimpl
def affmem_metrics() -> Mapping[str, type[MetricConfig]]:
    """Metric "spearman"."""
    return {"spearman": SpearmanConfig}
