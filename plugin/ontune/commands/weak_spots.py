"""`ontune weak-spots`: what to collect or generate next."""

from collections.abc import Sequence
from pathlib import Path

import click

from ontune.commands.report_options import load_runs, load_task_of, task_options
from ontune.console import FILE, NEW_PATH, emit, json_option, message
from ontune.errors import InputError
from ontune.evaluation.estimates import Settings, measured, without_extras
from ontune.evaluation.goals import parse_goals
from ontune.evaluation.rows import right_rows, rule_of, rule_text
from ontune.evaluation.weak_spots import Spot, fields_of, telling_nothing, to_csv, weak_spots
from ontune.files import write_atomic

__all__ = ["command"]

SHOWN = 10
EACH = 4  # of a kind on the screen


@click.command()
@click.argument("predictions", type=FILE)
@task_options
@click.option("--by", multiple=True, metavar="FIELD", help="Metadata field; several times.  [default: all]")
@click.option("--right", multiple=True, metavar="METRIC>=NUMBER", help="What makes a row right.  [default: by family]")
@click.option("-o", "--out", type=NEW_PATH, required=True, help="CSV file: one weak spot a line, worst first.")
@json_option
def command(
    predictions: Path,
    task_name: str | None,
    ontology: str | None,
    dataset_info: Path,
    by: tuple[str, ...],
    right: tuple[str, ...],
    out: Path,
    as_json: bool,
) -> None:
    """Where answers are wrong: pages, sections, content types, other metadata, concepts, labels confused.

    Worst first by the lower bound of the error rate, so that a value seen twice does not lead. Lines of kind `page`
    name the pages to ask about again.
    """
    runs = load_runs([("A", predictions)])
    rows = runs[0].predictions
    _check(runs[0].file, by, fields_of(rows), any(row.gold is not None for row in rows))
    task = load_task_of(runs, task_name, ontology, dataset_info)
    asked = without_extras(task, (goal.metric for goal in parse_goals(right)))
    found = measured(asked, rows, Settings(resamples=0))
    rule = rule_of(right, found.estimates)
    hits = right_rows(found.measure, rows, rule)
    spots = weak_spots(task, rows, hits, by)
    write_atomic(out, to_csv(spots))
    if bare := sum(row.gold is None for row in rows):
        message(f"{bare} of {len(rows)} rows have no gold and take no part")
    if names := [] if by else telling_nothing(rows):
        message(f"left out, one value in all rows or another in each: {', '.join(names)} (--by FIELD takes them in)")
    wrong = sum(row.gold is not None for row in rows) - int(hits.sum())
    record = {"file": str(out), "rows": len(rows), "wrong": wrong, "right": rule_text(rule), "spots": len(spots)}
    worst = [spot.to_record() for spot in spots[:SHOWN]]
    emit(
        record | {"worst": worst}, _text(spots, f"{wrong} of {len(rows)} rows wrong ({rule_text(rule)})", out), as_json
    )


def _check(file: str, by: Sequence[str], fields: set[str], has_gold: bool) -> None:
    faults = [
        f"--by {name}: no row of {file} has it: expected one of {sorted(fields)}" for name in by if name not in fields
    ]
    faults += [] if has_gold else [f"{file}: no row has gold: none can be right or wrong"]
    InputError.check(faults)


def _text(spots: Sequence[Spot], head: str, out: Path) -> str:
    lines = [f"{head}; {len(spots)} weak spots in {out}"]
    for kind in dict.fromkeys(spot.kind for spot in spots):
        of_kind = [spot for spot in spots if spot.kind == kind]
        lines += [f"{kind}"] + [f"  {spot.wrong:4} of {spot.n:4}  {spot.value}" for spot in of_kind[:EACH]]
        lines += [f"  … {len(of_kind) - EACH} more"] if len(of_kind) > EACH else []
    return "\n".join(lines)
