"""The tracker: scalars and pictures as TensorBoard reads them, through tensorboardX."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import final

from tensorboardX import SummaryWriter

from affmem.values import Image
from affmem_tensorboard.config import TensorBoardConfig


@final
class TensorBoard:
    """Tracker "tensorboard". What is not finite is left out: a chart has no place for it."""

    def __init__(self, config: TensorBoardConfig) -> None:
        self._config = config
        self._folder = Path()
        self._text = ""
        self._writer: SummaryWriter | None = None

    def begin(self, folder: Path, text: str) -> None:
        above = self._config.folder
        self._folder = folder if above is None else above / folder.absolute().name
        self._text = text

    def figures(self, step: int, figures: Mapping[str, float]) -> None:
        writer = self._open(step)
        for name, value in figures.items():
            if math.isfinite(value):
                writer.add_scalar(name, value, step)
        writer.flush()

    def picture(self, step: int, name: str, image: Image) -> None:
        writer = self._open(step)
        writer.add_image(name, image, step, dataformats="HWC")
        writer.flush()

    def end(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._writer = None

    def _open(self, step: int) -> SummaryWriter:
        """The event file; made at the first step, for all that an earlier file says of this step
        and later ones is void then (TensorBoard's `purge_step`)."""
        if self._writer is None:
            # The name ends in the step: two begun in one second would be one file otherwise.
            self._writer = SummaryWriter(
                str(self._folder), purge_step=step, filename_suffix=f".{step:09}"
            )
            self._writer.add_text("training", f"```toml\n{self._text}\n```", step)
        return self._writer
