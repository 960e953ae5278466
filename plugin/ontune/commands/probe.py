"""`ontune probe`: a few questions that a model has to answer right."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from ontune.commands.engine_options import EngineOptions, engine_options, options_of
from ontune.console import FILE, FOLDER, NEW_PATH, emit, json_option, libraries_apart, message
from ontune.errors import InputError
from ontune.evaluation import Prediction
from ontune.evaluation.goals import Goal
from ontune.evaluation.probes import METRIC, Probe, Probes, decide, probe_record, read_probes
from ontune.evaluation.text_overlap import texts
from ontune.files import to_utf8_json, write_atomic
from ontune.inference.engine import batches, was_asked
from ontune.inference.resume import answer_all, discard_part
from ontune.ontology import Concept, Ontology
from ontune.resources import DATASET_INFO
from ontune.sharegpt import Sample, Turn
from ontune.task import Task, Text, load_task, task_sha256

__all__ = ["answer_text", "command", "free_text"]


@click.command()
@click.argument("probes", type=FILE)
@engine_options
@click.option("--task", "task_name", help="Hold answers to this task's contract, and use its system prompt.")
@click.option("--ontology", help="Snapshot in the place of the task's.")
@click.option("--goal", help=f"As {METRIC}>=0.85.  [default: the file's own]")
@click.option("--seed", type=int, default=0, show_default=True, help="Of a server's request.")
@click.option("--media-root", type=FOLDER, help="What pictures are relative to.  [default: the folder of the file]")
@click.option("--dataset-info", type=NEW_PATH, default=DATASET_INFO, show_default=True)
@click.option("-o", "--out", type=NEW_PATH, help="File for the results.  [default: FILE-results.json]")
@json_option
def command(
    probes: Path,
    task_name: str | None,
    ontology: str | None,
    goal: str | None,
    seed: int,
    media_root: Path | None,
    dataset_info: Path,
    out: Path | None,
    as_json: bool,
    **engine: Any,
) -> int:
    """Ask a model the questions of a probes file, and decide each answer by numbers, keywords or exact text.

    The file is YAML, JSON or JSONL: id, category, image (null, a path or a list), question, expected_answer or
    expected_keywords, tolerance; beside the list `probes` it may have `goal: 0.85` and `system`. Exit status 1 where
    the goal FAILs. `ontune evaluate --probes` takes the results into a report.
    """
    asked = read_probes(probes)
    wanted = _goal(goal) if goal else asked.goal
    options, root = options_of(seed, engine), media_root or probes.absolute().parent
    _check_pictures(asked.probes, root)
    task = load_task(task_name, ontology, dataset_info) if task_name else None
    target = out or probes.with_name(f"{probes.stem}-results.json")
    with libraries_apart():
        answers = _ask(options, asked, task, root, target)
    model = next(iter(answers.values())).model
    results = [decide(probe, answer_text(task, answers[probe.id])) for probe in asked.probes]
    record = probe_record(str(probes), model, results, wanted)
    write_atomic(target, to_utf8_json(record, indent=1))
    discard_part(target)
    for result in results:
        if not result.passed:
            message(f"{result.id} ({result.category}): {result.why}; answered {result.answer[:200]!r}")
    emit(record | {"out": str(target)}, _summary(record, str(target)), as_json)
    return int(bool(record["goal"]) and record["goal"]["verdict"] == "FAIL")


def _goal(text: str) -> Goal:
    goal = Goal.parse(text)
    if goal.metric != METRIC:
        raise InputError(f"--goal {text!r}: expected one on {METRIC}")
    return goal


def _check_pictures(probes: Sequence[Probe], root: Path) -> None:
    missing = [(probe.id, name) for probe in probes for name in probe.images if not (root / name).is_file()]
    InputError.check(
        [f"probe {id_!r}: no picture {root / name}: name its folder with --media-root" for id_, name in missing]
    )


def _ask(options: EngineOptions, asked: Probes, task: Task | None, root: Path, out: Path) -> dict[str, Prediction]:
    """The answers by probe; kept as they come, so that a stop is resumed by the same command."""
    contract = task or free_text()
    samples = [_sample(probe, asked.system or contract.system) for probe in asked.probes]
    engine = options.engine(contract, root)
    key = (options.identity(), root, task_sha256(contract), samples)
    decoding = "constrained" if task else "free"
    work = batches(samples, engine.generation.batch_size)
    found = answer_all(work, lambda batch: engine.answer(batch, decoding), out, key, options.workers, options.again)
    lost = [f"{row.id}: not asked: {row.meta['not_encoded']}" for row in found if not was_asked(row)]
    if len(lost) == len(found):
        raise InputError(f"no probe was answered, the first one: {lost[0]}")
    for line in lost:  # counted as not passed: the model gave no answer
        message(line)
    return {row.id: row for row in found}


def _sample(probe: Probe, system: str) -> Sample:
    turns = (Turn("human", f"{'<image>' * len(probe.images)}{probe.question}"), Turn("gpt", ""))
    return Sample(probe.id, turns, system, probe.images, meta={"group": probe.id})


def free_text() -> Task:
    """A task for answers without a contract: engines only read from it what they would hold answers to."""
    ontology = Ontology("none", "1", ("none",), (Concept("none", "none"),))
    return Task("probes", ontology, (Text("answer", 4096),))


def answer_text(task: Task | None, row: Prediction) -> str:
    """The answer's text: that of the task's text fields, else as it was written."""
    pair = texts(task, replace(row, gold="")) if task else None
    return pair[1] if pair else row.raw.strip()


def _summary(record: dict[str, Any], out: str) -> str:
    found, goal = record["metrics"][METRIC], record["goal"]
    lines = [f"{name:24} {part['passed']} of {part['n']}" for name, part in record["categories"].items()]
    span = f"{found['value']:.3f} ({found['low']:.3f}–{found['high']:.3f})"
    lines.append(f"{METRIC:24} {span}, {record['passed']} of {record['probes']}")
    if goal:
        lines.append(f"{goal['verdict']} {goal['goal']}{': ' + goal['why'] if goal['why'] else ''}")
    return "\n".join([*lines, f"results in {out}"])
