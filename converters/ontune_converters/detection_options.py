"""The options of detectors and of the truth, and the detector that they choose."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from ontune.console import FILE
from ontune.errors import InputError
from ontune_converters.annotations import FORMATS
from ontune_converters.dataset import check_apart
from ontune_converters.detections import Detector
from ontune_converters.onnx_detector import load_onnx
from ontune_converters.recorded_detections import RecordedDetector, read_names
from ontune_converters.ultralytics_detector import UltralyticsDetector

__all__ = ["NAMES", "check", "detection_options", "detector_of"]

Command = TypeVar("Command", bound=Callable[..., Any])
Record = Mapping[str, Any]
DETECTORS = ("onnx", "recorded", "ultralytics")
# What the options of detection and those of asking are called: the command hands them over as they are.
NAMES = (
    *("detector", "detector_python", "names", "confidence", "nms_iou", "truth", "truth_format", "leave_out", "iou"),
    *("variant", "box", "coordinates", "max_pixels", "crop", "margin", "name_others", "patterns"),
)


def detection_options(command: Command) -> Command:
    """The command with the options of stage 1 and of the truth."""
    source = click.Path(exists=True, path_type=Path)
    own = (
        click.option(
            "--detector", required=True, metavar="KIND:PATH",
            help="ultralytics:WEIGHTS.pt, in a process of --detector-python. onnx:MODEL.onnx, with YOLO's output. "
            "recorded:PLACE: JSON, COCO with scores, YOLO text with confidences, or other annotations as if found.",
        ),
        click.option("--detector-python", type=FILE, help="The Python with Ultralytics, which stays apart (AGPL-3.0)."),
        click.option("--names", type=FILE, help="Class names by number: data.yaml, classes.txt or a COCO file."),
        click.option("--confidence", type=click.FloatRange(0, 1), default=0.25, show_default=True, help="At least."),
        click.option(
            "--nms-iou", type=click.FloatRange(0, 1), default=0.7, show_default=True,
            help="Of boxes of a class that share more only the surest stays (onnx, ultralytics).",
        ),
        click.option("--truth", type=source, help="Annotations to compare with, in any format of convert."),
        click.option("--truth-format", type=click.Choice([*FORMATS]), help="[default: by files]"),
        click.option(
            "--leave-out", multiple=True, metavar="CLASS", help="A class of the truth that is left out, as it is spelt."
        ),
        click.option(
            "--iou", type=click.FloatRange(0, 1, min_open=True), default=0.5, show_default=True,
            help="What a detection and a marked object must share to be one.",
        ),
    )  # fmt: skip
    for option in reversed(own):
        command = option(command)
    return command


def check(pictures: Sequence[Path], out: Path, values: Record) -> None:
    """Raises InputError with all that is wrong with the options."""
    InputError.check(list(_faults(values)))
    kind, _, place = str(values["detector"]).partition(":")
    recorded = [Path(place)] if kind == "recorded" else []
    check_apart(out, filter(None, (*pictures, *recorded, values["truth"])))


def _faults(values: Record) -> Iterator[str]:
    kind, colon, place = str(values["detector"]).partition(":")
    if not colon or kind not in DETECTORS:
        yield f"--detector {values['detector']!r}: expected one of {', '.join(f'{one}:PATH' for one in DETECTORS)}"
    elif not Path(place).exists():
        yield f"--detector: no {'file or folder' if kind == 'recorded' else 'file'} {place!r}"
    if kind == "ultralytics" and not values["detector_python"]:
        yield "--detector ultralytics: expected --detector-python, the Python in which it is installed"
    if kind != "ultralytics" and values["detector_python"]:
        yield f"--detector-python is for --detector ultralytics, not for {kind}"
    if values["truth"] is None and (values["truth_format"] or values["leave_out"]):
        yield "--truth-format and --leave-out are for --truth"


def detector_of(values: Record) -> Detector:
    """The detector that the options name. Raises InputError for a model that cannot be loaded."""
    kind, _, place = str(values["detector"]).partition(":")
    path = Path(place)
    confidence, iou, names = values["confidence"], values["nms_iou"], values["names"]
    if kind == "recorded":
        return RecordedDetector(path, names, confidence)
    if kind == "ultralytics":
        return UltralyticsDetector(path, values["detector_python"], confidence, iou)
    return load_onnx(path, read_names(names) if names else None, confidence, iou)
