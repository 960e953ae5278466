"""Where the value of a goal comes from: a metric, a number that was given, or how long the answers took."""

import difflib
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from ontune.errors import InputError
from ontune.evaluation.bootstrap import groups_of, intervals
from ontune.evaluation.estimates import EXTRAS, Estimate, Settings
from ontune.evaluation.families import FAMILIES
from ontune.evaluation.goals import Goal, Verdict, judge
from ontune.evaluation.measure import point, ratio
from ontune.evaluation.predictions import Prediction
from ontune.evaluation.significance import wilson, wilson_needed
from ontune.task.model import Task

__all__ = ["check_metrics", "folder_gb", "given_value", "is_retention", "verdicts"]

QUANTILE = re.compile(r"seconds_p(\d{1,2})")
RETENTION = re.compile(r"(.+)_retention")
MEAN_SECONDS = "seconds_mean"
# Metrics that need more than predictions: what is missing where one has no value.
ELSEWHERE: Mapping[str, str] = {
    **dict.fromkeys(
        ["answer_relevancy", "correctness", "faithfulness", "hallucination", "judge_score"],
        "no judge was run: --judge, and --judge-metric for more than the usual",
    ),
    "probe_pass_rate": "no probes were run: ontune probe, then --probes with its results",
    "folder_gb": "not measured: name the folder with --model-folder, or the size with --measured folder_gb=NUMBER",
    "peak_memory_gb": "not measured: give it with --measured peak_memory_gb=NUMBER",
}
OF_CHOICE = ("accuracy", "balanced_accuracy", "unread_rate")  # which the family gives to tasks with a choice alone
# Metrics whose names come from the data: where no row has the class, condition or relation, there is no such value.
NAMED_BY_DATA = re.compile(r"(class|condition|object|relation)(_\w+)?_accuracy|worst_condition_accuracy")


def folder_gb(folder: Path) -> float:
    """The size of all files of a folder, in 10^9 bytes."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e9


def given_value(value: float) -> Estimate:
    """A number that was measured once and stands for itself: it has no interval, and a goal is kept or not."""
    return Estimate(value, value, value, 1, 1, None)


def check_metrics(goals: Sequence[Goal], task: Task, computed: Mapping[str, Estimate]) -> None:
    """Raises InputError for every goal whose metric is unknown, with the nearest names."""
    known = {*computed, *ELSEWHERE, MEAN_SECONDS, "seconds_p50", "seconds_p95", *_of_families(task)}
    forms = (QUANTILE, NAMED_BY_DATA)
    faults = [
        f"goal {goal.text!r}: no metric {goal.metric!r}: {_nearest(goal.metric, known)}"
        for goal in goals
        if {goal.metric, _retained(goal.metric)}.isdisjoint(known)
        and not any(form.fullmatch(goal.metric) for form in forms)
    ]
    faults += [
        f"goal {goal.text!r}: expected {goal.metric}<=NUMBER"
        for goal in goals
        if QUANTILE.fullmatch(goal.metric) and goal.relation != "<="
    ]
    InputError.check(faults)


def is_retention(goal: Goal) -> bool:
    """Whether the goal is about what a run keeps of another's value: the reference has none."""
    return RETENTION.fullmatch(goal.metric) is not None


def _retained(metric: str) -> str | None:
    match = RETENTION.fullmatch(metric)
    return match[1] if match else None


def _nearest(metric: str, known: set[str]) -> str:
    near = difflib.get_close_matches(metric, sorted(known), n=5, cutoff=0.5)
    return f"the nearest are {near}" if near else f"there are {sorted(known)}"


def _of_families(task: Task) -> dict[str, str]:
    """The metrics of all families, each with its family's name; a family may have none for this task."""
    found = {metric: name for name, metric in EXTRAS.items()} | dict.fromkeys(OF_CHOICE, "choice")
    for name in sorted(FAMILIES.keys() - EXTRAS.keys()):
        with suppress(InputError):
            found |= dict.fromkeys(point(FAMILIES[name](task, []), 0), name)
    return found


def verdicts(
    goals: Sequence[Goal],
    task: Task,
    run: str,
    predictions: Sequence[Prediction],
    values: Mapping[str, Estimate],
    settings: Settings,
) -> list[Verdict]:
    """The verdict on each goal: `values` are the run's metrics and what else was measured or given for it."""
    return [_verdict(goal, task, run, predictions, values, settings) for goal in goals]


def _verdict(
    goal: Goal,
    task: Task,
    run: str,
    predictions: Sequence[Prediction],
    values: Mapping[str, Estimate],
    settings: Settings,
) -> Verdict:
    if goal.metric in values:
        return judge(goal, values[goal.metric], run, settings.level)
    quantile = QUANTILE.fullmatch(goal.metric)
    if quantile is None and goal.metric != MEAN_SECONDS:
        return Verdict(goal, run, "UNDECIDED", why=_absent(goal.metric, task))
    timed = [row for row in predictions if row.seconds > 0]
    if not timed:
        return Verdict(goal, run, "UNDECIDED", why="no row says how many seconds it took")
    if quantile is None:
        return judge(goal, _mean_seconds(timed, settings), run, settings.level)
    return _latency(goal, run, np.array([row.seconds for row in timed]), int(quantile[1]) / 100, settings.level)


def _absent(metric: str, task: Task) -> str:
    if metric in ELSEWHERE:
        return ELSEWHERE[metric]
    if RETENTION.fullmatch(metric):
        return "what a run keeps of another's value: ontune compare"
    if NAMED_BY_DATA.fullmatch(metric) and metric not in _of_families(task):
        return "no row is of that class, condition, object or relation"
    family = _of_families(task).get(metric)
    return f"not computed: a metric of {family}, and task {task.name} names {list(task.metrics)}"


def _mean_seconds(timed: Sequence[Prediction], settings: Settings) -> Estimate:
    seconds, groups = np.array([row.seconds for row in timed]), groups_of(timed)
    spans = intervals(
        lambda weights: {MEAN_SECONDS: ratio(weights @ seconds, weights.sum(axis=1))},
        groups,
        settings.resamples,
        settings.seed,
        settings.level,
    )
    units = int(groups.max()) + 1
    low, high = spans.get(MEAN_SECONDS, (None, None)) if units > 1 else (None, None)
    return Estimate(float(seconds.mean()), low, high, len(timed), units, "bootstrap")


def _latency(
    goal: Goal, run: str, seconds: "np.ndarray[tuple[int], np.dtype[np.float64]]", share: float, level: float
) -> Verdict:
    """`seconds_p95<=3` says that 95 % of all answers take no more than 3 seconds: a rate, and judged as one."""
    value, within, count = float(np.quantile(seconds, share)), int(np.sum(seconds <= goal.limit)), len(seconds)
    low, high = wilson(within, count, level)
    span = f"between {low:.3f} and {high:.3f} of all at {100 * level:g}%"
    why = f"{within} of {count} rows took at most {goal.limit:g} s: {span}"
    if low >= share or high < share:
        return Verdict(goal, run, "PASS" if low >= share else "FAIL", value, why=why)
    return Verdict(goal, run, "UNDECIDED", value, needed=wilson_needed(within / count, share, level), why=why)
