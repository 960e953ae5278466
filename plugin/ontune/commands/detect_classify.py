"""`ontune detect-classify`: a detector finds objects in pictures, the model says in which condition each is."""

import importlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from ontune.commands.engine_options import EngineOptions, engine_options, options_of
from ontune.commands.model_options import ModelOptions
from ontune.console import NEW_PATH, emit, json_option, libraries_apart
from ontune.errors import InputError
from ontune.evaluation import Prediction, write_predictions
from ontune.evaluation.choice import classes
from ontune.evaluation.detections import Outcome, counts, measured
from ontune.files import replace_directory, write_atomic
from ontune.inference.engine import batches
from ontune.inference.notices import name_lost, name_unconstrained
from ontune.inference.resume import answer_all, discard_part
from ontune.resources import DATASET_INFO
from ontune.sharegpt import Sample
from ontune.task import Task, load_task, task_sha256
from ontune.task.model import Choice

__all__ = ["command"]

Value = TypeVar("Value")

# The other source root, known by name alone: it reads annotations and asks as it does for training.
DATA: Any = importlib.import_module("ontune_converters.detect_classify")
FILES = {"annotated", "asked", "detections.json", "objects", "predictions.jsonl", "report.json"}


@click.command(name="detect-classify")
@click.argument("pictures", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path), metavar="PICTURES…")
@DATA.detection_options
@click.option(
    "--task",
    "task_name",
    default="conditions",
    show_default=True,
    help="A task with one choice: its file, or its name.",
)
@DATA.asking_options
@engine_options
@click.option("--seed", type=int, default=0, show_default=True, help="Of a server's request.")
@click.option("--dataset-info", type=NEW_PATH, default=DATASET_INFO, show_default=True, help="Where tasks are.")
@click.option("-o", "--out", type=NEW_PATH, required=True, help="Folder for the results; an earlier one is replaced.")
@json_option
def command(
    pictures: tuple[Path, ...], task_name: str, seed: int, dataset_info: Path, out: Path, as_json: bool, **values: Any
) -> int:
    """Objects and their conditions in pictures: a detector finds them, the model names them, constrained to the task.

    PICTURES are files and folders. Each object is asked about as `convert yolo_conditions` asks in training: give
    --prompt, --box, --crop and the rest as they were there. OUT gets objects/PICTURE.json (both stages' classes and
    confidences, relations, with --truth what was right, false and missed), annotated/PICTURE, detections.json (to be
    read again as recorded:), predictions.jsonl with the pictures that were shown (for evaluate --media-root OUT), and
    report.json. With --score-labels each class has its probability.

    A stop is resumed by the same command: what was answered is kept, detections are made again. Exit status 1 where an
    object could not be asked about.
    """
    asked = {name: values.pop(name) for name in DATA.NAMES}
    faults: list[str] = []
    options = _tried(faults, lambda: options_of(seed, values))
    task = _tried(faults, lambda: load_task(task_name, None, dataset_info))
    _tried(faults, lambda: _check_replaceable(out))
    _tried(faults, lambda: DATA.check(pictures, out, asked))
    if options is None or task is None or faults:
        raise InputError(faults)
    with libraries_apart(), DATA.opened(pictures, task, asked) as scenes:
        predictions = _answer(options, task, scenes, out)
        report = _written(out, task, scenes, predictions)
    discard_part(out)
    name_lost("detect-classify", predictions)
    if not isinstance(options, ModelOptions):
        name_unconstrained("detect-classify", predictions)
    emit({"out": str(out), **report}, _text(out, report), as_json)
    return int(any("not_encoded" in prediction.errors for prediction in predictions))


def _tried(faults: list[str], make: Callable[[], Value]) -> Value | None:
    """What is made, or None: its faults join the others, which are shown together."""
    try:
        return make()
    except InputError as error:
        faults += error.faults
        return None


def _check_replaceable(out: Path) -> None:
    """Raises InputError where something else than earlier results would be lost."""
    there = {path.name for path in out.iterdir()} if out.is_dir() else set[str]()
    if out.exists() and (not out.is_dir() or (there and "report.json" not in there) or there - FILES):
        raise InputError(f"--out {out}: is no folder of earlier results, and would be lost: name another")


def _answer(options: EngineOptions, task: Task, scenes: Any, out: Path) -> list[Prediction]:
    """The predictions; without an object no model is loaded."""
    samples: list[Sample] = scenes.samples
    if not samples:
        return []
    engine = options.engine(task, scenes.root)
    work = batches(samples, engine.generation.batch_size)
    key = (options.identity(), "detect-classify", task_sha256(task), samples)
    return answer_all(work, lambda batch: engine.answer(batch, "constrained"), out, key, options.workers, options.again)


def _written(out: Path, task: Task, scenes: Any, predictions: Sequence[Prediction]) -> dict[str, Any]:
    """The report; all files are written in one step."""
    records = list(scenes.records(_answers(task, predictions)))
    outcomes = [Outcome(**row) for row in scenes.outcomes(records)]
    report = {
        "task": task.name,
        "pictures": len(records),
        "objects": sum(len(record["objects"]) for record in records),
        "classes": _tally(records),
        "seconds": _seconds(scenes.seconds, predictions, len(records)),
        "accounts": {name: account.record() for name, account in scenes.accounts.items()},
        "truth": None if scenes.truth is None else _compared(scenes, outcomes),
    }
    with replace_directory(out) as fresh:
        for record in records:
            write_atomic(fresh / f"objects/{record['picture']}.json", _json(record))
        scenes.draw(fresh / "annotated", records)
        write_atomic(fresh / "detections.json", _json(scenes.recorded()))
        scenes.keep_media(fresh)
        write_predictions(fresh / "predictions.jsonl", predictions)
        write_atomic(fresh / "report.json", _json(report))
    return report


def _answers(task: Task, predictions: Sequence[Prediction]) -> dict[str, dict[str, Any]]:
    """By id the class that was answered, its probability where it was computed, and the answer itself."""
    path = DATA.choice_path(task)
    choice = next(item for place, item in task.leaf_fields() if place == path and isinstance(item, Choice))
    given = classes(task, predictions, path, choice)
    found: dict[str, dict[str, Any]] = {}
    for prediction, (_, name) in zip(predictions, given, strict=True):
        score = (prediction.scores or {}).get(".".join(path), {}).get(name or "")
        found[prediction.id] = {
            "class": name,
            "probability": None if score is None else round(math.exp(score), 6),
            "answer": prediction.answer,
            "raw": prediction.raw,
            "errors": list(prediction.errors),
        }
    return found


def _tally(records: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """How many objects were given each class; "" for none."""
    names = sorted(item["class"] or "" for record in records for item in record["objects"])
    return {name: names.count(name) for name in dict.fromkeys(names)}


def _seconds(stage1: float | None, predictions: Sequence[Prediction], pictures: int) -> dict[str, float | None]:
    """Seconds a picture: of the detector (None where it was recorded), of the model, and of both."""
    stage2 = sum(prediction.seconds for prediction in predictions) / pictures
    return {"detector": stage1, "model": stage2, "picture": stage2 + (stage1 or 0.0)}


def _compared(scenes: Any, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    return {
        "iou": scenes.iou,
        "pictures": len(scenes.seen) - len(scenes.without_truth()),
        "without_truth": scenes.without_truth(),
        "counts": counts(outcomes),
        "metrics": measured(outcomes),
    }


def _json(record: object) -> str:
    return json.dumps(record, ensure_ascii=False, indent=2)


def _text(out: Path, report: Mapping[str, Any]) -> str:
    seconds = report["seconds"]
    stage1 = "recorded" if seconds["detector"] is None else f"{seconds['detector']:.3f} s"
    lines = [f"{report['objects']} objects in {report['pictures']} pictures, in {out}"]
    lines += [f"  {name or '(no class)':28} {count}" for name, count in report["classes"].items()]
    lines.append(f"seconds a picture: detector {stage1}, model {seconds['model']:.3f} s")
    for name, account in report["accounts"].items():
        dropped = ", ".join(f"{reason} {count}" for reason, count in account["dropped"].items()) or "none"
        warned = ", ".join(f"{kind} {count}" for kind, count in account["warnings"].items()) or "none"
        lines.append(f"{name}: read {account['read']}, dropped {dropped}, warnings {warned}")
    return "\n".join([*lines, *_truth_text(report["truth"])])


def _truth_text(truth: Mapping[str, Any] | None) -> list[str]:
    if truth is None:
        return []
    found = ", ".join(f"{name} {count}" for name, count in truth["counts"].items())
    lines = [f"truth (IoU {truth['iou']:g}): {found}"]
    if truth["without_truth"]:
        lines.append(f"  {len(truth['without_truth'])} pictures are not in the truth, and not counted")
    for name, one in truth["metrics"].items():
        interval = "" if one["low"] is None else f"  [{one['low']:.4f}, {one['high']:.4f}]"
        lines.append(f"  {name:40} {one['value']:.4f}{interval}")
    return lines
