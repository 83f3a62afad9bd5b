"""TensorBoard's event files of a training (extra "tensorboard")."""

from collections.abc import Mapping

from affmem import hookimpl
from affmem.protocols import TrackerConfig
from affmem_tensorboard.config import TensorBoardConfig


@hookimpl
def affmem_trackers() -> Mapping[str, type[TrackerConfig]]:
    """Tracker "tensorboard"."""
    return {"tensorboard": TensorBoardConfig}
