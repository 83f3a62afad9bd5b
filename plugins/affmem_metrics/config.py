"""The metrics' settings: none has any."""

from attrs import frozen

from affmem.protocols import Metric, Runtime


@frozen
class CCCConfig:
    """Metric "ccc": the concordance correlation coefficient."""

    def build(self, _runtime: Runtime) -> Metric:
        from affmem_metrics.agreement import CCC

        return CCC()


@frozen
class PearsonConfig:
    """Metric "pearson": the correlation coefficient."""

    def build(self, _runtime: Runtime) -> Metric:
        from affmem_metrics.agreement import Pearson

        return Pearson()


@frozen
class SAGRConfig:
    """Metric "sagr": the share of predictions with the truth's sign."""

    def build(self, _runtime: Runtime) -> Metric:
        from affmem_metrics.agreement import SAGR

        return SAGR()


@frozen
class RMSEConfig:
    """Metric "rmse": the root of the mean squared error."""

    def build(self, _runtime: Runtime) -> Metric:
        from affmem_metrics.error import RMSE

        return RMSE()


@frozen
class MAEConfig:
    """Metric "mae": the mean absolute error."""

    def build(self, _runtime: Runtime) -> Metric:
        from affmem_metrics.error import MAE

        return MAE()
