"""`ontune classify`: one answer for each picture."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from ontune.commands.model_options import ModelOptions, model_options
from ontune.console import FILE, NEW_PATH, emit, json_option, libraries_apart, progress
from ontune.errors import InputError
from ontune.evaluation import Prediction
from ontune.inference.notices import name_lost
from ontune.resources import DATASET_INFO
from ontune.sharegpt import Sample, Turn
from ontune.task import Task, load_task

__all__ = ["command", "unreadable"]


@click.command()
@click.argument("files", nargs=-1, required=True, type=FILE, metavar="FILE…")
@model_options
@click.option("--task", "task_name", default="edugraph", show_default=True, help="Task: what is asked and answered.")
@click.option("--ontology", help="Snapshot in the place of the task's.")
@click.option("--decoding", type=click.Choice(["constrained", "free"]), default="constrained", show_default=True)
@click.option("--dataset-info", type=NEW_PATH, default=DATASET_INFO, show_default=True)
@json_option
def command(
    files: tuple[Path, ...],
    task_name: str,
    ontology: str | None,
    decoding: Any,
    dataset_info: Path,
    as_json: bool,
    **model: Any,
) -> int:
    """Answer for picture files: one line each, in the order of the files.

    A file whose question does not fit the model gets an empty line, and exit status 1.
    """
    InputError.check(unreadable(files))
    task = load_task(task_name, ontology, dataset_info)
    with libraries_apart():
        predictions = _answer(ModelOptions(**model), files, task, decoding)
    rows = [
        {"image": str(file), "answer": prediction.answer, "raw": prediction.raw}
        for file, prediction in zip(files, predictions, strict=True)
    ]
    # A free answer may hold line ends; outside JSON's strings they mean as much as a space.
    emit({"answers": rows}, "\n".join(" ".join(found.raw.splitlines()) for found in predictions), as_json)
    name_lost("classify", predictions)
    return int(any("not_encoded" in prediction.errors for prediction in predictions))


def unreadable(files: Sequence[Path]) -> list[str]:
    """What is wrong with each file that is no picture."""
    from PIL import Image

    from ontune.pictures import upright

    faults: list[str] = []
    for file in files:
        try:
            with Image.open(file) as picture:
                picture.load()
                upright(picture)
        except Exception as error:  # damage makes Pillow's decoders raise whatever they stumble over
            faults.append(f"{file}: not a readable picture: {error}")
    return faults


def _answer(options: ModelOptions, files: tuple[Path, ...], task: Task, decoding: Any) -> list[Prediction]:
    from ontune.inference.transformers_engine import batches  # imports torch

    engine = options.engine(task, Path("/"))
    work = batches([_sample(at, file, task) for at, file in enumerate(files)], engine.generation.batch_size)
    return [prediction for batch in progress(work, "classify") for prediction in engine.answer(batch, decoding)]


def _sample(at: int, file: Path, task: Task) -> Sample:
    """The question about one file; ids keep the order of the files."""
    turns = (Turn("human", f"<image>{task.user}"), Turn("gpt", "{}"))
    path = str(file.resolve().relative_to("/"))
    return Sample(f"{at:09}", turns, task.system, (path,), meta={"group": str(file)})
