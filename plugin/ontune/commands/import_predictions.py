"""`ontune import`: predictions that another program has written."""

from collections import Counter
from pathlib import Path

import click

from ontune.commands.predict import metric_lines, task_of
from ontune.console import FILE, NEW_PATH, emit, json_option, message
from ontune.dataset_info import resolve
from ontune.errors import InputError
from ontune.evaluation import Decoding, compute_metrics, write_predictions
from ontune.inference.engine import Record, Reply
from ontune.inference.imports import SOURCES, match, read_rows
from ontune.resources import DATASET_INFO
from ontune.sharegpt import read_samples

__all__ = ["command"]


@click.command()
@click.argument("file", type=FILE)
@click.option("--from", "source", type=click.Choice(sorted(SOURCES)), help="[default: told by the first row's keys]")
@click.option("--data", required=True, metavar="NAME|FILE", help="The dataset that was answered: gold and media.")
@click.option("--decoding", type=click.Choice(["constrained", "free"]), default="free", show_default=True)
@click.option("--task", "task_name", help="Task of the answers.  [default: the dataset's]")
@click.option("--ontology", help="Snapshot in the place of the dataset's.")
@click.option("--model", default="", help="Who answered: kept in every prediction.")
@click.option("--dataset-info", type=NEW_PATH, default=DATASET_INFO, show_default=True)
@click.option("-o", "--out", type=NEW_PATH, required=True, help="File for the predictions (JSONL, sorted by id).")
@json_option
def command(
    file: Path,
    source: str | None,
    data: str,
    decoding: Decoding,
    task_name: str | None,
    ontology: str | None,
    model: str,
    dataset_info: Path,
    out: Path,
    as_json: bool,
) -> None:
    """Make predictions of what LLaMA-Factory, ms-swift or another program has written.

    llamafactory: generated_predictions.jsonl of do_predict. swift: the result_path of swift infer. Both are in the
    dataset's order, and gold and question of each row are compared with its sample. jsonl: one object a line with the
    answer as `raw`, `prediction`, `predict`, `response` or `answer` (a text or an object), with `id`, or with `gold`,
    `label` or `labels` and in the dataset's order; `tokens` and `seconds` are kept.
    """
    entry = resolve(data, dataset_info)
    task = task_of(entry, task_name, ontology, dataset_info)
    samples = read_samples(entry.path)
    source, rows = read_rows(file, source)
    if not rows:
        raise InputError(f"{file}: no rows: expected at least one answer")
    pairs = match(samples, rows, file)
    making = Record(task, model)
    predictions = [
        making.prediction(sample, decoding, Reply(row.raw, row.tokens, row.seconds)) for sample, row in pairs
    ]
    write_predictions(out, predictions)
    if missing := len(samples) - len(pairs):
        message(f"ontune: {entry.name}: {missing} of {len(samples)} samples have no row in {file}")
    errors = Counter(code for prediction in predictions for code in prediction.errors)
    counts = {"read": len(rows), "written": len(predictions), "dropped": {}, "missing": missing}
    metrics = compute_metrics(task, predictions)
    record = {"file": str(out), "from": source, **counts, "errors": dict(sorted(errors.items())), "metrics": metrics}
    lines = [f"{len(predictions)} predictions of {len(rows)} rows ({source}) in {out}"]
    emit(record, "\n".join(lines + metric_lines(metrics)), as_json)
