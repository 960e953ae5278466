"""report.json: everything that an evaluation or a comparison found, in one record with fixed keys."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ontune import __version__
from ontune.errors import InputError
from ontune.evaluation.baselines import Gold, baselines
from ontune.evaluation.bootstrap import groups_of
from ontune.evaluation.comparison import Run, compare, retention
from ontune.evaluation.details import details
from ontune.evaluation.estimates import COUNT, Estimate, Measured, Settings, measured
from ontune.evaluation.goal_values import check_metrics, is_retention, verdicts
from ontune.evaluation.goals import Goal
from ontune.evaluation.label_matrix import dimensions
from ontune.evaluation.label_sets import prefix
from ontune.evaluation.notes import notes
from ontune.evaluation.predictions import Prediction, uncollected
from ontune.evaluation.rows import Rule, right_rows, rule_of, rule_text
from ontune.ontology.snapshot import snapshot_sha256
from ontune.sharegpt import Sample
from ontune.task.model import Task
from ontune.task.parsing import parse
from ontune.task.taskfile import task_sha256

__all__ = ["FORMAT", "Evaluation", "Plan", "Train", "build_report", "evaluated"]

FORMAT, ABSENT = 1, "absent"
FEW = 200  # rows that show which metrics there are before all rows are measured


@dataclass(frozen=True)
class Train:
    """The samples that a model was trained on, and what to call them."""

    name: str
    samples: Sequence[Sample]

    def gold(self, task: Task) -> list[Gold]:
        """Their answers: parsed where they are JSON objects, else as they are."""
        return [parse(task, sample.gold)[0] or sample.gold for sample in self.samples]


@dataclass(frozen=True)
class Plan:
    """What is asked of a report beside the runs: goals, numbers measured elsewhere, training data, slices.

    `right` is the rule that makes a row right (`exact_match>=1`), empty for the family's own. `judge` and `probes`
    are what those found, as they stand in the report; their metrics go into `given`.
    """

    goals: Sequence[Goal] = ()
    given: Mapping[str, Estimate] = field(default_factory=dict[str, Estimate])
    train: Train | None = None
    by: Sequence[str] = ()
    right: Sequence[str] = ()
    settings: Settings = field(default_factory=Settings)
    judge: Mapping[str, Any] | None = None
    probes: Mapping[str, Any] | None = None
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class Evaluation:
    """The record of report.json, and the ids of the rows that each run has right by the report's rule."""

    report: dict[str, Any]
    right: Mapping[str, frozenset[str]]


def build_report(task: Task, runs: Sequence[Run], free: Sequence[Run] = (), plan: Plan | None = None) -> dict[str, Any]:
    """The record of report.json, as `evaluated` gives it."""
    return evaluated(task, runs, free, plan).report


@uncollected()
def evaluated(task: Task, runs: Sequence[Run], free: Sequence[Run] = (), plan: Plan | None = None) -> Evaluation:
    """What the runs are worth. `runs` are compared with the first of them, row by row; `free` stand beside them.

    Raises InputError, before any long work, for goals on metrics that there are not.
    """
    plan = plan or Plan()
    settings, every = plan.settings, [*runs, *free]
    few = measured(task, runs[0].predictions[:: len(runs[0].predictions) // FEW + 1], Settings(resamples=0)).estimates
    InputError.check([f"--measured {name}: computed from the answers" for name in sorted(plan.given.keys() & few)])
    check_metrics(plan.goals, task, {**few, **plan.given})
    rule = rule_of(plan.right, few)
    groups = groups_of(runs[0].predictions)  # one grouping for all runs, so that their draws can be paired
    scores = {run.name: measured(task, run.predictions, settings, groups, f"bootstrap {run.name}") for run in runs}
    scores |= {run.name: measured(task, run.predictions, settings, None, f"bootstrap {run.name}") for run in free}
    train = plan.train.samples if plan.train else None
    found = {run.name: details(task, run.predictions, scores[run.name], train, plan.by, settings) for run in every}
    pairs = [((runs[0], run), (scores[runs[0].name], scores[run.name])) for run in runs[1:]]
    right = {run.name: _right_ids(run, scores[run.name], rule) for run in every}
    report = {
        "format": FORMAT,
        "title": f"{task.name}: {' against '.join(run.file for run in runs)}",
        "created_with": f"ontune {__version__}",
        "task": {"name": task.name, "sha256": task_sha256(task), "metrics": list(task.metrics)},
        "ontology": _ontology(task),
        "runs": [_run(run) for run in every],
        "metrics": {name: _metrics(each) for name, each in scores.items()} | _elsewhere(runs[-1].name, scores, plan),
        "baselines": _baselines(task, runs[0].predictions, plan.train),
        "goals": _goals(task, runs, scores, plan),
        "dimensions": {name: _dimensions(task, each) for name, each in scores.items()},
        **_by_run(found),
        "comparisons": [compare(task, *pair, rule, settings) for pair in pairs],
        "judge": plan.judge,
        "probes": plan.probes,
        "notes": [*plan.notes, *notes(task, runs, free, settings), *_said(plan, rule)],
    }
    return Evaluation(report, right)


def _right_ids(run: Run, scores: Measured, rule: Rule) -> frozenset[str]:
    hits = right_rows(scores.measure, run.predictions, rule)
    return frozenset(row.id for row, hit in zip(run.predictions, hits.tolist(), strict=True) if hit)


def _ontology(task: Task) -> dict[str, Any]:
    ontology = task.ontology
    return {"name": ontology.name, "version": ontology.version, "sha256": snapshot_sha256(ontology)}


def _run(run: Run) -> dict[str, Any]:
    rows = run.predictions
    seconds = [row.seconds for row in rows if row.seconds > 0]
    p50, p95 = (float(value) for value in np.quantile(seconds, [0.5, 0.95])) if seconds else (None, None)
    return {
        "name": run.name,
        "file": run.file,
        "model": ", ".join(sorted({row.model for row in rows})),
        "decoding": ", ".join(sorted({row.decoding for row in rows})),
        "samples": len(rows),
        "seconds": {"p50": p50, "p95": p95},
        "tokens": {"mean": float(np.mean([row.tokens for row in rows])) if rows else None},
        "errors": dict(sorted(Counter(code for row in rows for code in row.errors).items())),
    }


def _metrics(scores: Measured) -> dict[str, Any]:
    return {name: estimate.to_record() for name, estimate in scores.estimates.items()}


def _elsewhere(run: str, scores: Mapping[str, Measured], plan: Plan) -> dict[str, Any]:
    """The metrics of the run on trial with those that a judge and probes found."""
    names = [name for part in (plan.judge, plan.probes) for name in (part or {}).get("metrics", ())]
    return {run: _metrics(scores[run]) | {name: plan.given[name].to_record() for name in names}}


def _dimensions(task: Task, scores: Measured) -> dict[str, dict[str, float | None]]:
    """The metrics of each dimension without its prefix; none for tasks without labels."""
    found: dict[str, dict[str, float | None]] = {}
    for dimension in dimensions(task):
        head = f"{prefix(dimension)}_"
        names = [name for name in scores.estimates if name.startswith(head)]
        found[dimension] = {name.removeprefix(head): _defined(scores.estimates[name].value) for name in names}
    return found


def _baselines(task: Task, predictions: Sequence[Prediction], train: Train | None) -> dict[str, dict[str, Any]]:
    found = baselines(task, predictions, train.gold(task) if train else (row.gold for row in predictions))
    return {
        kind: {name: _defined(value) for name, value in values.items() if not COUNT.fullmatch(name)}
        for kind, values in found.items()
    }


def _defined(value: float) -> float | None:
    return value if np.isfinite(value) else None


def _goals(task: Task, runs: Sequence[Run], scores: Mapping[str, Measured], plan: Plan) -> list[dict[str, Any]]:
    """The verdicts run by run; numbers that were given are the last run's, which is the one that is on trial."""
    found: list[dict[str, Any]] = []
    for run in runs:
        values = dict(scores[run.name].estimates)
        goals = list(plan.goals)
        if run is not runs[0]:
            values |= retention(scores[runs[0].name], scores[run.name], plan.settings.level)
        elif len(runs) > 1:
            goals = [goal for goal in goals if not is_retention(goal)]
        if run is runs[-1]:
            values |= plan.given
        else:
            goals = [goal for goal in goals if goal.metric not in plan.given]
        found += [item.to_record() for item in verdicts(goals, task, run.name, run.predictions, values, plan.settings)]
    return found


def _by_run(found: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Each part with its runs, from each run with its parts; what is absent is said once."""
    absent = {str(item): item for parts in found.values() for item in parts[ABSENT]}
    keys = [key for key in next(iter(found.values())) if key != ABSENT]
    return {key: {name: parts[key] for name, parts in found.items()} for key in keys} | {ABSENT: list(absent.values())}


def _said(plan: Plan, rule: Rule) -> list[str]:
    source = f"the training data {plan.train.name}" if plan.train else "the gold of these very rows"
    found = [f"Baselines see no picture: constant answers chosen on {source}."]
    return found + [f"A row is right where {rule_text(rule)}."] * bool(rule)
