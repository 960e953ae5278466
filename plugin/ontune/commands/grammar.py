"""`ontune grammar`: a task's answer contract in the formats of other engines."""

from pathlib import Path

import click

from ontune.console import NEW_PATH, emit, json_option, message
from ontune.files import write_atomic
from ontune.resources import DATASET_INFO
from ontune.task import load_task, task_sha256
from ontune.task.exporters import EXPORTERS, Order

__all__ = ["command"]


@click.command()
@click.option("--task", "task_name", required=True, metavar="NAME|FILE", help="The task whose answers are described.")
@click.option("--to", "target", type=click.Choice(list(EXPORTERS)), required=True, help="The format; see above.")
@click.option("--ontology", help="Snapshot in the place of the task's own.")
@click.option(
    "--order",
    type=click.Choice(["free", "canonical"]),
    default="free",
    show_default=True,
    help="Order of the labels in a list. canonical (gbnf, ebnf, lark, vllm): ontology order, each at most once; loses "
    "the maxima.",
)
@click.option("-o", "--output", type=NEW_PATH, help="The file to write.  [default: standard output]")
@click.option("--dataset-info", type=NEW_PATH, default=DATASET_INFO, show_default=True)
@json_option
def command(
    task_name: str,
    target: str,
    ontology: str | None,
    order: Order,
    output: Path | None,
    dataset_info: Path,
    as_json: bool,
) -> None:
    """Write a task's answer contract for another engine.

    \b
    json-schema  servers' response_format, SGLang, Outlines, xgrammar, llguidance
    pydantic     a Python module with the model Answer: Outlines, checks
    gbnf         llama.cpp
    lark         llguidance
    ebnf         xgrammar, SGLang
    regex        Outlines, vLLM, SGLang, Python
    vllm         a request's structured_outputs, and response_format

    Keys are in training order and JSON is compact. What the format cannot express is named on standard error, and in
    the text where that has comments.
    """  # noqa: D301 - click reads the mark itself
    task = load_task(task_name, ontology, dataset_info)
    export = EXPORTERS[target](task, order)
    if output:
        write_atomic(output, export.text)
    for sentence in export.lost:
        message(f"not expressed: {sentence}")
    for note in export.notes:
        message(f"note: {note}")
    record = {
        "task": task.name,
        "task_sha256": task_sha256(task),
        "to": target,
        "order": order,
        "file": str(output) if output else None,
        "text": None if output else export.text,
        "lost": export.lost,
        "notes": export.notes,
    }
    emit(record, str(output) if output else export.text.rstrip("\n"), as_json)
