"""Objects and their conditions, from annotations of detectors, for a model that is told where to look."""

import json
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from ontune.console import FILE, emit, json_option, progress
from ontune.errors import SourceError
from ontune.sharegpt import Sample
from ontune.task import Task
from ontune_converters.account import Account
from ontune_converters.annotations import FORMATS, read_annotations
from ontune_converters.condition_prompts import VARIANTS, Asking
from ontune_converters.conditions import Builder, checked_classes, choice_of, load, oversample, split_groups
from ontune_converters.coordinates import CONVENTIONS, MAX_PIXELS, Coordinates
from ontune_converters.dataset import Target, publish
from ontune_converters.options import dataset_info_option, out_option, strict_option
from ontune_converters.pictures import Shelf
from ontune_converters.regions import AnnotatedPicture

__all__ = [
    "annotation_options",
    "asking_of",
    "asking_options",
    "command",
    "condition_of",
    "coordinate_options",
    "patterns_text",
]

Command = TypeVar("Command", bound=Callable[..., Any])
SOURCE = click.Path(exists=True, path_type=Path)


def annotation_options(command: Command) -> Command:
    """The command with SOURCE, --format, --oriented and --leave-out."""
    for option in (
        click.option(
            "--leave-out", multiple=True, metavar="CLASS", help="A class whose objects are left out, as it is spelt."
        ),
        click.option("--oriented", is_flag=True, help="YOLO lines of 8 coordinates are oriented boxes, not polygons."),
        click.option(
            "--format", "form", type=click.Choice([*FORMATS]), help="Of the annotations.  [default: by files]"
        ),
        click.argument("source", type=SOURCE),
    ):
        command = option(command)
    return command


def coordinate_options(command: Command) -> Command:
    """The command with --coordinates and --max-pixels."""
    for option in (
        click.option(
            "--max-pixels", type=click.IntRange(784), default=MAX_PIXELS, show_default=True,
            help="image_max_pixels of the recipe: pixels of Qwen2.5-VL are those of the resized picture.",
        ),
        click.option(
            "--coordinates", type=click.Choice(CONVENTIONS), default=CONVENTIONS[0], show_default=True,
            help="How boxes are written: thousandths, or pixels for qwen2.5-vl.",
        ),
    ):  # fmt: skip
        command = option(command)
    return command


def asking_options(command: Command) -> Command:
    """The command with all that says how objects are asked about: alike in training and behind a detector."""
    own = (
        click.option(
            "--prompt", "variant", type=click.Choice([*VARIANTS]), default="basic", show_default=True,
            help="; ".join(f"{name}: {text}" for name, text in VARIANTS.items()) + ".",
        ),
        click.option(
            "--box", type=click.Choice(["text", "drawn", "both"]), default="text", show_default=True,
            help="How the object is shown: its box in the prompt, as a red frame, or both.",
        ),
        coordinate_options,
        click.option("--crop", is_flag=True, help="The object alone as a second picture."),
        click.option(
            "--margin", type=click.FloatRange(0, 1), default=0.1, show_default=True, help="Around the crop, of its box."
        ),
        click.option("--name-others", is_flag=True, help="Name the other objects in prompts, as a detector does."),
        click.option(
            "--patterns", type=FILE, help="analysis.json of ontune analyze: its patterns join the system text."
        ),
    )  # fmt: skip
    for option in reversed(own):
        command = option(command)
    return command


def asking_of(variant: str, box: str, coordinates: str, max_pixels: int, crop: bool) -> Asking:
    """How objects are asked about, by the values of the options."""
    return Asking(variant, box != "drawn", box != "text", crop, Coordinates(coordinates, max_pixels))


def condition_of(task: Task) -> dict[str, str]:
    """Each class's condition, where the task states one."""
    choice = choice_of(task)[1]
    return {name: condition for name in choice.options if (condition := choice.about(name).get("condition"))}


def patterns_text(path: Path | None) -> str:
    """What the analysis of a training split says of where objects lie, for the system text of all samples alike."""
    if path is None:
        return ""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))["patterns"]
        return " ".join(["Usual in these pictures:", *(str(item["text"]) for item in found)]) if found else ""
    except (ValueError, KeyError, TypeError) as error:
        raise SourceError(f"{path}: {error!r}: expected analysis.json of ontune analyze, with patterns") from None


@click.command(name="yolo_conditions")
@annotation_options
@out_option
@click.option("--task", default="conditions", show_default=True, help="A task: its file, or its name.")
@asking_options
@click.option(
    "--oversample", "repeat", is_flag=True, help="Write samples of rare classes and conditions several times."
)
@click.option(
    "--weights-from",
    type=click.Choice(["all", "train"]),
    default="all",
    show_default=True,
    help="The splits whose counts make the weights of --oversample.",
)
@dataset_info_option
@strict_option
@json_option
def command(
    source: Path,
    form: str | None,
    oriented: bool,
    leave_out: tuple[str, ...],
    out: Path,
    task: str,
    variant: str,
    box: str,
    coordinates: str,
    max_pixels: int,
    crop: bool,
    margin: float,
    name_others: bool,
    patterns: Path | None,
    repeat: bool,
    weights_from: str,
    dataset_info: Path,
    strict: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """Objects and their conditions, one sample an object.

    SOURCE is a folder with annotations of a detector (YOLO, COCO, Pascal VOC, CVAT, Label Studio, labelme, Roboflow
    JSONL), or such a file. Official splits stay. No prompt depends on what its object is.
    """
    target = Target.open(out, task, None, dataset_info, [source])
    account = Account("yolo_conditions", strict)
    asking = asking_of(variant, box, coordinates, max_pixels, crop)
    pictures = checked_classes(read_annotations(source, account, form, oriented), target.task, leave_out, account)
    account.facts |= {"pictures": len(pictures), "without_objects": sum(not one.regions for one in pictures)}
    split_groups(pictures, account)
    with tempfile.TemporaryDirectory() as scratch:
        builder = Builder(target, Shelf(Path(scratch)), asking, name_others, margin, patterns_text(patterns))
        for picture in progress(pictures, "pictures", len(pictures)):
            if content := load(picture, account):
                builder.add(picture, content)
        if repeat:
            _repeat(builder, pictures, weights_from, account)
        publish(target, dict(sorted(builder.splits.items())), builder.shelf.media, account)
    emit(account.record(), account.text(), as_json)


def _repeat(builder: Builder, pictures: list[AnnotatedPicture], weights_from: str, account: Account) -> None:
    """Repeats samples of the training split; the copies count as read."""
    train: list[Sample] = builder.splits["train"]
    counted = [one for one in pictures if weights_from == "all" or one.split == "train"]
    counts = Counter(region.label for picture in counted for region in picture.regions)
    builder.splits["train"] = oversample(train, counts, condition_of(builder.target.task))
    account.facts["copies"] = len(builder.splits["train"]) - len(train)
    account.read += account.facts["copies"]
