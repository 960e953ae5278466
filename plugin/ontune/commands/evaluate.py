"""`ontune evaluate`: what a file of predictions is worth."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from ontune.commands.judge_options import Found, judge_options, take_judge
from ontune.commands.report_options import (
    ReportOptions,
    free_beside,
    load_runs,
    load_task_of,
    report_options,
    status,
    write_report,
)
from ontune.commands.score_options import abstention_note, by_thresholds, save_thresholds
from ontune.console import FILE, NEW_PATH, emit, json_option, libraries_apart, message
from ontune.evaluation.markdown import summary
from ontune.evaluation.probes import METRIC, read_results
from ontune.evaluation.report import Plan, evaluated

__all__ = ["command"]

SHOWN = ("runs", "metrics", "baselines", "goals", "notes")


@click.command()
@click.argument("predictions", type=FILE)
@report_options
@click.option("--free", type=FILE, help="Unconstrained predictions.  [default: X.free.jsonl beside X.jsonl]")
@click.option(
    "--thresholds", type=FILE, help="Thresholds of another split: the run `A thresholds` gives labels by them."
)
@click.option(
    "--fit-thresholds", type=NEW_PATH, help="File for the thresholds and temperatures that fit these scores best."
)
@click.option(
    "--precision", type=click.FloatRange(0, 1), help="Say how many rows can be answered at this share of right ones."
)
@click.option("--probes", type=FILE, help="Results of `ontune probe`, to stand in the report.")
@judge_options
@json_option
def command(
    predictions: Path,
    free: Path | None,
    thresholds: Path | None,
    fit_thresholds: Path | None,
    precision: float | None,
    probes: Path | None,
    as_json: bool,
    **options: Any,
) -> int:
    """Metrics with intervals, baselines and goals of a predictions file: report.json, report.md, report.html.

    Exit status 1 where a goal FAILs. A goal PASSes where the whole interval keeps it, and is UNDECIDED where the sample
    leaves it open; the report says how many rows would decide it.
    """
    judge = take_judge(options)
    given = ReportOptions(**options)
    runs = load_runs([("A", predictions)])
    beside = load_runs([("A free", free)] if free else free_beside(runs))
    task = load_task_of(runs, given.task_name, given.ontology, given.dataset_info)
    rows = runs[0].predictions
    beside += [by_thresholds(task, runs[0], thresholds)] if thresholds else []
    notes = [abstention_note(task, rows, precision)] if precision is not None else []
    plan = _with_probes(given.plan(task, notes), probes)
    folder = given.out or predictions.with_name(f"{predictions.stem}-report")
    with libraries_apart():
        found = judge.run(task, rows, plan.settings, folder, given.media(), given.dataset_info)
    evaluation = evaluated(task, runs, beside, _with_judge(plan, found))
    report = evaluation.report
    if fit_thresholds:
        save_thresholds(rows, fit_thresholds)
    files = write_report(folder, evaluation, task, [*runs, *beside], given)
    for note in report["notes"]:
        message(note)
    text = f"{summary(report)}\n\n{len(rows)} predictions, report in {folder}"
    emit({"files": files} | {key: report[key] for key in SHOWN}, text, as_json)
    return status(report, given.strict)


def _with_probes(plan: Plan, file: Path | None) -> Plan:
    if not file:
        return plan
    record, rate = read_results(file, plan.settings.level)
    return replace(plan, probes=record, given={**plan.given, METRIC: rate})


def _with_judge(plan: Plan, found: Found) -> Plan:
    return replace(plan, judge=found.record, given={**plan.given, **found.given}, notes=[*plan.notes, *found.notes])
