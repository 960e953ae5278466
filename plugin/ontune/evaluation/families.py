"""Metric families by the name that a task's `metrics` uses; a family is one file and one line here."""

from collections.abc import Mapping, Sequence

from ontune.errors import TaskError
from ontune.evaluation.bertscore import bertscore
from ontune.evaluation.choice import choice
from ontune.evaluation.feedback import feedback
from ontune.evaluation.label_sets import label_sets
from ontune.evaluation.manuals import manuals
from ontune.evaluation.measure import Family, Measure, Prepared, Values, Weights, joined, point
from ontune.evaluation.meteor import meteor
from ontune.evaluation.predictions import Prediction
from ontune.evaluation.probabilities import probabilities
from ontune.evaluation.relations import relations
from ontune.task.model import Task

__all__ = ["FAMILIES", "Family", "Measure", "Values", "Weights", "compute_metrics", "measure"]

FAMILIES: Mapping[str, Family] = {
    "label_sets": label_sets,
    "probabilities": probabilities,
    "choice": choice,
    "manuals": manuals,
    "feedback": feedback,
    "relations": relations,
    "meteor": meteor,  # these two need ontune[feedback]
    "bertscore": bertscore,
}


def measure(task: Task, predictions: Sequence[Prediction]) -> Prepared:
    """The families that the task names as one measure, in that order; names are free of prefixes such as `eval_`.

    Where two families give the same name, it is the first one's, and the other's is `<family>_<name>`: in a task of
    labels and texts `exact_match` is about the labels and `manuals_exact_match` about the texts. Raises TaskError for
    an unknown family.
    """
    unknown = [name for name in task.metrics if name not in FAMILIES]
    TaskError.check([f"task {task.name}: metrics has {name!r}: expected {sorted(FAMILIES)}" for name in unknown])
    return joined([(name, FAMILIES[name](task, predictions)) for name in task.metrics])


def compute_metrics(task: Task, predictions: Sequence[Prediction]) -> dict[str, float]:
    """The metrics of all families that the task names, each row counted once."""
    return point(measure(task, predictions), len(predictions))
