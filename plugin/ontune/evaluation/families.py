"""Metric families by the name that a task's `metrics` uses; a family is one file and one line here."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from ontune.errors import TaskError
from ontune.evaluation.label_sets import label_set_metrics
from ontune.evaluation.predictions import Prediction
from ontune.task.model import Task

__all__ = ["FAMILIES", "Family", "compute_metrics"]

Family: TypeAlias = Callable[[Task, Sequence[Prediction]], dict[str, float]]

FAMILIES: Mapping[str, Family] = {
    "label_sets": label_set_metrics,
}


def compute_metrics(task: Task, predictions: Sequence[Prediction]) -> dict[str, float]:
    """The metrics of all families that the task names, in that order; names are free of prefixes such as `eval_`."""
    unknown = [name for name in task.metrics if name not in FAMILIES]
    TaskError.check([f"task {task.name}: metrics has {name!r}: expected {sorted(FAMILIES)}" for name in unknown])
    found: dict[str, float] = {}
    for name in task.metrics:
        found |= FAMILIES[name](task, predictions)
    return found
