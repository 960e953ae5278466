"""`ontune predict`: the samples of a dataset, answered and scored."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from ontune.callbacks.plan import spread
from ontune.commands.engine_options import EngineOptions, engine_options, options_of
from ontune.commands.model_options import ModelOptions
from ontune.console import FOLDER, NEW_PATH, emit, json_option, libraries_apart
from ontune.dataset_info import Entry, resolve
from ontune.errors import InputError
from ontune.evaluation import Prediction, compute_metrics, write_predictions
from ontune.evaluation.estimates import headline
from ontune.inference.engine import batches, was_asked
from ontune.inference.notices import name_lost, name_other_words, name_unconstrained
from ontune.inference.open_book import close_book, open_book
from ontune.inference.resume import answer_all, discard_part
from ontune.inference.throughput import speed, speed_text
from ontune.inference.variants import asked_with, load_variant
from ontune.resources import DATASET_INFO
from ontune.sharegpt import Sample, read_samples
from ontune.task import Task, load_task, task_sha256

__all__ = ["command", "metric_lines", "task_of"]


@click.command()
@engine_options
@click.option("--data", required=True, metavar="NAME|FILE", help="A dataset of dataset_info.json, or a samples file.")
@click.option("--decoding", type=click.Choice(["constrained", "free"]), default="constrained", show_default=True)
@click.option("--task", "task_name", help="Task of the answers.  [default: the dataset's]")
@click.option("--ontology", help="Snapshot in the place of the dataset's.")
@click.option(
    "--prompt",
    default="sample",
    show_default=True,
    metavar="VARIANT|FILE",
    help="sample: its own words. task: the task's. raft: open book, two passes. Else a file: prompts/VARIANT.yaml or "
    ".md of dataset_info/, then of the package (vocabulary: all labels listed), or a path.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of a server's request; of an open book's order.")
@click.option("--max-samples", type=click.IntRange(1), help="Evenly spread over the dataset, the same ones each time.")
@click.option("--media-root", type=FOLDER, help="What media paths are relative to.  [default: the folder of datasets]")
@click.option("--dataset-info", type=NEW_PATH, default=DATASET_INFO, show_default=True)
@click.option("-o", "--out", type=NEW_PATH, required=True, help="File for the predictions (JSONL, sorted by id).")
@json_option
def command(
    data: str,
    decoding: str,
    task_name: str | None,
    ontology: str | None,
    prompt: str,
    seed: int,
    max_samples: int | None,
    media_root: Path | None,
    dataset_info: Path,
    out: Path,
    as_json: bool,
    **engine: Any,
) -> None:
    """Answer the samples of a dataset, constrained to the task or free: by a model here, by a server, by vLLM.

    Greedy; a stop at any moment is resumed by the same command. A checkpoint of a run with the plugin is asked just as
    the run asked it: its folder holds the settings. A server gets pictures as data URLs, cut to size, and the task as
    `response_format`; what it refuses for good is written with the reason.
    """
    if engine["score_labels"] and decoding == "free":
        raise InputError("--score-labels is for constrained answers, not for --decoding free")
    entry = resolve(data, dataset_info)
    task = task_of(entry, task_name, ontology, dataset_info)
    samples = spread(read_samples(entry.path), max_samples)
    if not samples:
        raise InputError(f"{entry.path}: no samples")
    name_other_words(entry.name, task, samples if prompt == "sample" else [])
    if prompt not in ("sample", "raft"):
        samples = asked_with(load_variant(prompt, task, dataset_info), task, samples)
    options = options_of(seed, engine)
    raft_seed = seed if prompt == "raft" else None
    root = media_root or entry.path.absolute().parents[1]
    fresh: list[Prediction] = []
    started = time.perf_counter()
    with libraries_apart():
        predictions = _answer(options, samples, task, decoding, raft_seed, out, root, fresh)
    pace = speed(predictions, fresh, time.perf_counter() - started)
    write_predictions(out, predictions)
    discard_part(out)
    name_lost(entry.name, predictions)
    if decoding == "constrained" and not isinstance(options, ModelOptions):
        name_unconstrained(entry.name, predictions)
    metrics = compute_metrics(task, predictions)
    record = {"file": str(out), "written": len(predictions), "decoding": decoding, "metrics": metrics, "speed": pace}
    emit(record, _text(record), as_json)


def task_of(entry: Entry, name: str | None, ontology: str | None, dataset_info: Path) -> Task:
    """The task that is named, else the dataset's. Raises InputError where there is none."""
    chosen = name or entry.task
    if not chosen:
        raise InputError(f"dataset {entry.name!r} has no task: name one with --task")
    return load_task(chosen, ontology or entry.ontology, dataset_info)


def _answer(
    options: EngineOptions,
    samples: list[Sample],
    task: Task,
    decoding: Any,
    raft_seed: int | None,
    out: Path,
    root: Path,
    fresh: list[Prediction],
) -> list[Prediction]:
    """The predictions; with a seed, of an open book whose definitions a closed-book pass has chosen.

    What was answered now, and not before a stop, is added to `fresh`.
    """
    engine = options.engine(task, root)

    def answer(batch: list[Sample]) -> list[Prediction]:
        found = engine.answer(batch, decoding)
        fresh.extend(found)
        return found

    def ask(asked: list[Sample], stage: str) -> list[Prediction]:
        key = (options.identity(), root, decoding, stage, task_sha256(task), asked)
        work = batches(asked, engine.generation.batch_size)
        found = answer_all(work, answer, out, key, options.workers, options.again)
        if not any(map(was_asked, found)):
            raise InputError(f"no sample was answered, the first one: {found[0].meta['not_encoded']}")
        return found

    if raft_seed is None:
        return ask(samples, "sample")
    closed = ask(close_book(samples), "closed book")
    return ask(open_book(task, samples, closed, raft_seed), "open book")


def metric_lines(metrics: Mapping[str, float]) -> list[str]:
    """What a screen shows of the metrics: those that say most."""
    shown = headline(metrics)
    more = [f"  … {len(metrics) - len(shown)} more with --json, and with intervals by ontune evaluate"]
    return [f"  {name:24} {metrics[name]:.4f}" for name in shown] + more * (len(metrics) > len(shown))


def _text(record: dict[str, Any]) -> str:
    lines = [f"{record['written']} predictions in {record['file']}"]
    lines += metric_lines(record["metrics"])
    return "\n".join([*lines, speed_text(record["speed"])])
