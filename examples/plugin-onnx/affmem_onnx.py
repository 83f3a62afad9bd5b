"""Encoder "onnx": what a face network in an ONNX file says of a face."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from attrs import field, frozen
from attrs.validators import deep_iterable, ge, gt, in_, instance_of

from affmem import InputError, Runtime, hookimpl
from affmem.errors import unknown
from affmem.protocols import Encoder, EncoderConfig
from affmem.values import Codes, Faces

Colour = tuple[float, float, float]


@frozen
class OnnxConfig:
    """Settings of encoder "onnx". The network takes float32 [n, 3, side, side], one input alone."""

    model: Path = field(validator=instance_of(Path))
    """The ONNX file."""
    side: int = field(default=112, validator=ge(1))
    """Width and height of what it takes."""
    channels: Literal["rgb", "bgr"] = field(default="rgb", validator=in_(("rgb", "bgr")))
    """The order of its colours."""
    mean: Colour = (0.5, 0.5, 0.5)
    """Taken from each colour in [0, 1], in the order of `channels`."""
    std: Colour = field(default=(0.5, 0.5, 0.5), validator=deep_iterable(gt(0.0)))
    """What each colour is then divided by."""
    output: str | None = None
    """Which output is the code, by its name; unless given, the first."""

    def build(self, _runtime: Runtime) -> Encoder:
        """Read the file. Raises InputError where it is none that can be used."""
        return Onnx(self)


class Onnx:
    """The network, in onnxruntime, on the CPU."""

    def __init__(self, config: OnnxConfig) -> None:
        import onnxruntime

        self._config = config
        if not config.model.is_file():
            raise InputError(config.model, "no such file")
        try:
            self._session: Any = onnxruntime.InferenceSession(
                str(config.model), providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # noqa: BLE001  (onnxruntime's have no common base)
            reason = str(error).partition("\n")[0]
            raise InputError(config.model, f"cannot be read as ONNX ({reason})") from None
        inputs, names = self._session.get_inputs(), [o.name for o in self._session.get_outputs()]
        shape = inputs[0].shape
        wanted = (3, config.side, config.side)
        if len(shape) != 4 or any(
            isinstance(a, int) and a != b for a, b in zip(shape[1:], wanted, strict=True)
        ):
            raise InputError(config.model, f"takes {shape}; expected [n, 3, {config.side}, …]")
        if config.output is not None and config.output not in names:
            raise InputError(config.model, unknown("output", config.output, names))
        self._input, self._output = inputs[0].name, config.output or names[0]
        self._alone = isinstance(shape[0], int)

    def encode(self, faces: Faces) -> Codes:
        """Codes [n, d]; d is however many numbers the output has for a face."""
        if faces.shape[1:] != (3, 96, 96):
            raise ValueError(f"expected faces [n, 3, 96, 96], got {list(faces.shape)}")
        given = self._taken(faces if len(faces) else np.zeros((1, 3, 96, 96), np.float32))
        batches = [given[i : i + 1] for i in range(len(given))] if self._alone else [given]
        found = [self._session.run([self._output], {self._input: one})[0] for one in batches]
        codes: Codes = np.concatenate(found).reshape(len(given), -1).astype(np.float32)
        return codes[: len(faces)]

    def _taken(self, faces: Faces) -> Faces:
        """The faces as the network was trained to take them."""
        import cv2

        side = (self._config.side, self._config.side)
        pictures = (faces.transpose(0, 2, 3, 1) + 1) / 2
        sized = np.stack(
            [cv2.resize(one, side, interpolation=cv2.INTER_LINEAR) for one in pictures]
        )
        ordered = sized if self._config.channels == "rgb" else sized[..., ::-1]
        scaled = (ordered - self._config.mean) / self._config.std
        given: Faces = np.ascontiguousarray(scaled.transpose(0, 3, 1, 2), np.float32)
        return given


@hookimpl
def affmem_encoders() -> Mapping[str, type[EncoderConfig]]:
    """Encoder "onnx"."""
    return {"onnx": OnnxConfig}
