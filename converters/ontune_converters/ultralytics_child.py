"""Ultralytics in a process of its own: one JSON request in, a line of JSON a picture out.

Run by the Python that has Ultralytics, as a file; nothing of this project is imported here, and this is imported by
nothing. Its licence (AGPL-3.0) stays on that side of the pipe.
"""

import importlib
import json
import os
import sys
import time
from typing import Any


def main() -> None:
    """Answers the request on standard input."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what the library prints is no answer
    request = json.load(sys.stdin)
    library: Any = importlib.import_module("ultralytics")
    model = library.YOLO(request["weights"])
    answers.write(json.dumps({"version": library.__version__, "task": model.task}) + "\n")
    options = {"conf": request["confidence"], "iou": request["iou"], "verbose": False, "save": False}
    for file in request["files"]:
        started = time.perf_counter()
        result = model.predict(file, **options)[0]
        answers.write(json.dumps({"detections": detections(result), "seconds": time.perf_counter() - started}) + "\n")
        answers.flush()


def detections(result: Any) -> list[list[object]]:
    """(class, corners in pixels, confidence) of each; oriented boxes as the upright ones around them."""
    boxes = result.boxes if result.boxes is not None else result.obb
    if boxes is None:
        raise SystemExit("the weights are of no detector: no boxes in what they give")
    numbers = zip(boxes.cls.tolist(), boxes.xyxy.tolist(), boxes.conf.tolist(), strict=True)
    return [[result.names[int(kind)], corners, round(confidence, 6)] for kind, corners, confidence in numbers]


if __name__ == "__main__":
    main()
