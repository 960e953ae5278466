"""`ontune compare`: runs against the first of them, on the same samples."""

from pathlib import Path
from string import ascii_uppercase
from typing import Any

import click

from ontune.commands.report_options import (
    ReportOptions,
    free_beside,
    load_runs,
    load_task_of,
    report_options,
    status,
    write_report,
)
from ontune.console import FILE, emit, json_option, message
from ontune.errors import InputError
from ontune.evaluation.comparison import match
from ontune.evaluation.markdown import summary
from ontune.evaluation.report import evaluated

__all__ = ["command"]

SHOWN = ("runs", "metrics", "goals", "comparisons", "notes")


@click.command()
@click.argument("predictions", nargs=-1, required=True, type=FILE, metavar="A B [C …]")
@report_options
@click.option("--common", is_flag=True, help="Compare on the samples that all files have.")
@json_option
def command(predictions: tuple[Path, ...], common: bool, as_json: bool, **options: Any) -> int:
    """Which samples were won and lost against A, and what chance alone would do: exact McNemar and permutation tests.

    Rows are matched by id, and swapped and drawn by group. A goal METRIC_retention is about the share of A's value that
    another run keeps. Exit status 1 where a goal FAILs for another run than A.
    """
    if not 2 <= len(predictions) <= len(ascii_uppercase):
        raise InputError(f"{len(predictions)} files: expected two or more, the first of which is the reference")
    given = ReportOptions(**options)
    every = load_runs(list(zip(ascii_uppercase, predictions, strict=False)))
    matched = match(every, common)
    free = load_runs(free_beside(every))
    task = load_task_of(every, given.task_name, given.ontology, given.dataset_info)
    evaluation = evaluated(task, matched.runs, free, given.plan(task, matched.notes))
    report = evaluation.report
    folder = given.out or predictions[-1].with_name(f"{predictions[-1].stem}-comparison")
    files = write_report(folder, evaluation, task, [*matched.runs, *free], given)
    for note in report["notes"]:
        message(note)
    names = [f"{run.name}  {run.file}" for run in matched.runs]
    text = "\n".join([*names, "", summary(report), "", f"report in {folder}"])
    emit({"files": files} | {key: report[key] for key in SHOWN}, text, as_json)
    return status(report, given.strict, reference="A")
