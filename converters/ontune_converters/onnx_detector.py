"""Detectors in ONNX whose output is YOLO's: [1, 4 + classes, boxes] before suppression, or [1, boxes, 6] after it."""

import ast
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ontune.errors import MissingExtra, SourceError
from ontune_converters.account import Account
from ontune_converters.detections import Found, Seen, regions_of

__all__ = ["OnnxDetector", "letterbox", "load_onnx", "read_output", "suppress"]

Floats: TypeAlias = NDArray[np.float32]
GREY = 114  # of the bars beside a picture whose sides are not the model's: what YOLO is trained with
MOST = 300  # detections in a picture
CANDIDATES = 30_000  # boxes that are compared with one another
MASKS = 32  # numbers a box more, of models that draw outlines; boxes alone are read


@dataclass(frozen=True)
class OnnxDetector:
    """A loaded model: its classes by number, and the height and width that its input has."""

    name: str
    session: Any
    names: Mapping[int, str]
    size: tuple[int, int]
    confidence: float
    iou: float
    extra: int = 0
    end_to_end: bool = False

    def find(self, pictures: Sequence[Seen], account: Account) -> Iterator[Found]:
        """What is in each picture, one after the other."""
        for seen in pictures:
            started = time.perf_counter()
            with Image.open(seen.file) as image:
                pixels, scale, offset = letterbox(np.asarray(image.convert("RGB")), self.size)
            boxes, scores, classes = self._boxes(pixels)
            edges = (boxes - np.tile(offset, 2)) / np.tile(scale, 2)
            rows = [
                (self.names.get(int(number)), tuple(map(float, edge)), round(float(score), 6))
                for edge, score, number in zip(edges, scores, classes, strict=True)
            ]
            seconds = time.perf_counter() - started
            yield Found(regions_of(cast("Any", rows), seen, account, self.name), seconds)

    def _boxes(self, pixels: Floats) -> tuple[Floats, Floats, NDArray[np.int64]]:
        given = self.session.get_inputs()[0]
        kind = np.float16 if given.type == "tensor(float16)" else np.float32
        output = self.session.run(None, {given.name: pixels.astype(kind)})[0].astype(np.float32)
        boxes, scores, classes, done = read_output(output, len(self.names), self.extra, self.end_to_end)
        sure = scores >= self.confidence
        boxes, scores, classes = boxes[sure], scores[sure], classes[sure]
        kept = np.argsort(-scores, kind="stable")[:MOST] if done else suppress(boxes, scores, classes, self.iou)
        return boxes[kept], scores[kept], classes[kept]


def load_onnx(path: Path, names: Mapping[int, str] | None, confidence: float, iou: float) -> OnnxDetector:
    """The detector. Raises SourceError for what is no model, or none whose input and classes are known."""
    try:
        import onnxruntime
    except ImportError:
        raise MissingExtra("onnxruntime", "detection") from None
    runtime: Any = onnxruntime
    providers = [
        one for one in ("CUDAExecutionProvider", "CPUExecutionProvider") if one in runtime.get_available_providers()
    ]
    try:
        session = runtime.InferenceSession(str(path), providers=providers)
    except Exception as error:  # the runtime has an error class of its own for each fault
        raise SourceError(f"{path}: no ONNX model that can be loaded: {type(error).__name__}: {error}") from None
    said = {key: _literal(value) for key, value in session.get_modelmeta().custom_metadata_map.items()}
    faults: list[str] = []
    known = names or _names(said.get("names"))
    if not known:
        faults.append(f"{path}: no class names in it: name a file that has them with --names")
    if said.get("task", "detect") not in {"detect", "segment"}:
        faults.append(f"{path}: task {said['task']!r}: expected detect or segment")
    size = _size(session.get_inputs()[0].shape, said.get("imgsz"))
    if size is None:
        faults.append(
            f"{path}: input {session.get_inputs()[0].shape}: expected [1, 3, height, width], or imgsz beside it"
        )
    SourceError.check(faults)
    extra = MASKS if said.get("task") == "segment" else 0
    return OnnxDetector(path.name, session, known, size or (0, 0), confidence, iou, extra, said.get("end2end") is True)


def _literal(value: str) -> object:
    """What exporters write as Python: names, sizes, flags; or the text itself."""
    try:
        return ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return value


def _names(value: object) -> dict[int, str]:
    items = enumerate(cast("list[object]", value)) if isinstance(value, list) else ()
    pairs = cast("dict[object, object]", value).items() if isinstance(value, dict) else items
    return {int(str(key)): str(name) for key, name in pairs}


def _size(shape: Sequence[object], said: object) -> tuple[int, int] | None:
    """Height and width of the input: its own, or where they may be any those that the model was exported with."""
    if len(shape) != 4 or (isinstance(shape[1], int) and shape[1] != 3):
        return None
    sides = list(shape[2:])
    told = cast("list[object]", said) if isinstance(said, list) else [said, said]
    sides = [side if isinstance(side, int) else other for side, other in zip(sides, told, strict=True)]
    height, width = (side if isinstance(side, int) else 0 for side in sides)
    return (height, width) if height > 0 and width > 0 else None


def letterbox(pixels: NDArray[np.uint8], size: tuple[int, int]) -> tuple[Floats, Floats, Floats]:
    """The picture as input [1, 3, height, width] in 0..1, and the scale and offset, across and down, that it got.

    As large as it fits, in the middle, grey beside it.
    """
    height, width = pixels.shape[:2]
    share = min(size[0] / height, size[1] / width)
    inner = (max(round(height * share), 1), max(round(width * share), 1))
    upper, left = (round((outer - side) / 2 - 0.1) for outer, side in zip(size, inner, strict=True))
    canvas = np.full((*size, 3), GREY, dtype=np.float32)
    canvas[upper : upper + inner[0], left : left + inner[1]] = _resized(pixels, inner)
    scale = np.array([inner[1] / width, inner[0] / height], dtype=np.float32)
    planes = np.ascontiguousarray(canvas.transpose(2, 0, 1)[None]) / np.float32(255)
    return planes, scale, np.array([left, upper], dtype=np.float32)


def _resized(pixels: NDArray[np.uint8], size: tuple[int, int]) -> Floats:
    """Bilinear between the four nearest pixels and no others, as OpenCV does: detectors have learnt from that."""
    if pixels.shape[:2] == size:
        return pixels.astype(np.float32)
    whole = pixels.astype(np.float32)
    for axis, side in enumerate(size):
        place = np.clip((np.arange(side) + 0.5) * whole.shape[axis] / side - 0.5, 0, whole.shape[axis] - 1)
        first = np.floor(place).astype(np.int64)
        second = np.minimum(first + 1, whole.shape[axis] - 1)
        part = (place - first).astype(np.float32).reshape([-1 if one == axis else 1 for one in range(3)])
        whole = whole.take(first, axis) * (1 - part) + whole.take(second, axis) * part
    return np.rint(whole)


def read_output(
    output: Floats, classes: int, extra: int = 0, end_to_end: bool = False
) -> tuple[Floats, Floats, NDArray[np.int64], bool]:
    """Corners in pixels of the input, scores and class numbers, and whether overlapping boxes are gone already.

    Raises SourceError for any other form.
    """
    shape = output.shape
    rows = 4 + classes + extra
    is_raw = len(shape) == 3 and shape[0] == 1 and shape[1] == rows
    is_done = len(shape) == 3 and shape[0] == 1 and shape[2] == 6 + extra
    if is_done and (end_to_end or not is_raw):
        found = output[0]
        return found[:, :4], found[:, 4], found[:, 5].astype(np.int64), True
    if not is_raw:
        raise SourceError(
            f"the detector's output is {list(shape)}, of {classes} classes: expected [1, {rows}, boxes] or "
            f"[1, boxes, {6 + extra}]; are these its classes?"
        )
    found = output[0].T
    middle, half = found[:, :2], found[:, 2:4] / 2
    scores = found[:, 4 : 4 + classes]
    corners = np.concatenate([middle - half, middle + half], axis=1)
    return corners, scores.max(axis=1), scores.argmax(axis=1), False


def suppress(boxes: Floats, scores: Floats, classes: NDArray[np.int64], iou: float) -> NDArray[np.int64]:
    """The places of the boxes to keep, the surest first: none shares more than `iou` with a surer one of its class."""
    order = np.argsort(-scores, kind="stable")[:CANDIDATES]
    kept: list[int] = []
    while len(order) and len(kept) < MOST:
        best, order = order[0], order[1:]
        kept.append(int(best))
        same = (classes[order] == classes[best]) & (_shared(boxes[best], boxes[order]) > iou)
        order = order[~same]
    return np.array(kept, dtype=np.int64)


def _shared(one: Floats, others: Floats) -> Floats:
    """Intersection over union of one box with each of the others."""
    sides = np.minimum(one[2:], others[:, 2:]) - np.maximum(one[:2], others[:, :2])
    common = np.clip(sides, 0, None).prod(axis=1)
    areas = (others[:, 2:] - others[:, :2]).prod(axis=1) + (one[2:] - one[:2]).prod() - common
    return np.divide(common, areas, out=np.zeros_like(common), where=areas > 0)
