"""Settings of the tracker. Light: nothing here imports tensorboardX."""

from pathlib import Path

from attrs import field, frozen
from attrs.validators import instance_of, optional

from affmem.errors import PluginError
from affmem.protocols import Runtime, Tracker


@frozen
class TensorBoardConfig:
    """Settings of tracker "tensorboard": event files, to be looked at with `tensorboard`."""

    folder: Path | None = field(default=None, validator=optional(instance_of(Path)))
    """Where each training gets a folder of its own name; without it, the training's own folder."""

    def build(self, _runtime: Runtime) -> Tracker:
        """Raises PluginError where the extra "tensorboard" is not installed."""
        try:
            from affmem_tensorboard.tracker import TensorBoard
        except ModuleNotFoundError as error:
            raise PluginError(
                f"tracker 'tensorboard' needs {error.name}: pip install affmem[tensorboard]"
            ) from None

        return TensorBoard(self)
