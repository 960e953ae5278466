"""What the demo of manuals found: its table with the bounds, content types, probes, and an answer about the PDF."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ontune.demo.bounds import AFTER, BEFORE, BLANK, Results, bounds, make_rows, to_text
from ontune.demo.manual.pipeline import ANSWERS
from ontune.demo.manual.sources import TASK
from ontune.demo.steps import Host, gold_of, read_json, saves
from ontune.evaluation import read_predictions
from ontune.task import load_task

__all__ = ["by_content", "goals", "results"]


def results(host: Host, folder: Path) -> Results:
    """The table of the three files of answers, and what the commands behind them found, from the demo's folder."""
    made = folder / saves(host)
    answers = {name: read_predictions(made / f"{name}.jsonl") for name in ANSWERS}
    named = {BEFORE: answers["before"], AFTER: answers["after"], BLANK: answers["blank"]}
    task = load_task(TASK, dataset_info=folder / "dataset_info")
    rows = make_rows(task, gold_of(folder / "data/bumblebee/train.jsonl"), named)
    found = bounds(rows, len(answers["after"]))
    report, probes, told = (read_json(made / name) for name in ("report/report.json", "probes.json", "ask.json"))
    shown = [
        "",
        "exact match by content type",
        *by_content(report["slices"]["A"]),
        "",
        "goals",
        *goals(report["goals"]),
    ]
    shown += ["", f"probes: {probes['passed']} of {probes['probes']}"]
    shown += [f"{told['files'][0]}: {told['question']} {told['answer']}", str(made / "report/report.html")]
    record = {"rows": [asdict(row) for row in rows], "metrics": report["metrics"]["A"], "probes": probes, "ask": told}
    return Results("\n".join([to_text(rows, found), *shown]), found, record)


def by_content(slices: Sequence[Mapping[str, Any]]) -> list[str]:
    """A line for each content type in the slices of a report."""
    found = [part for part in slices if part["by"] == "content_type"]
    return [f"  {part['value']:22}{part['metrics']['exact_match']['value']:11.3f} of {part['n']}" for part in found]


def goals(judged: Sequence[Mapping[str, Any]]) -> list[str]:
    """A line for each goal of a report: the verdict and the value."""
    return [f"  {goal['verdict']:10}{goal['goal']}: {goal['value']:.3f}" for goal in judged]
