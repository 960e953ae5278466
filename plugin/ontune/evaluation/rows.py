"""Which rows an answer is right for: a metric of one row alone, against a limit."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ontune.errors import InputError
from ontune.evaluation.families import measure
from ontune.evaluation.goals import Goal
from ontune.evaluation.predictions import Prediction
from ontune.task.model import Task

__all__ = ["default_rule", "right_rows", "rule_of"]

BLOCK = 256  # rows at a time: each is measured with a weight of 1, and all others of its block with 0
# The first of these that a task's families give says which rows are right, where nothing else is said.
RULES = ("exact_match>=1", "accuracy>=1", "relation_accuracy>=1", "rouge_l>=0.5")


def default_rule(names: Mapping[str, object]) -> Goal:
    """What makes a row right, out of the metrics that there are."""
    rules = [Goal.parse(text) for text in RULES]
    return next((rule for rule in rules if rule.metric in names), Goal.parse(f"{next(iter(names))}>=1"))


def rule_of(text: str | None, names: Mapping[str, object]) -> Goal:
    """The rule that a text states, or the default. Raises InputError for a metric that there is not."""
    if text is None:
        return default_rule(names)
    rule = Goal.parse(text)
    if rule.metric not in names:
        raise InputError(f"--right {text!r}: no metric {rule.metric!r}: there are {sorted(names)}")
    return rule


def right_rows(task: Task, predictions: Sequence[Prediction], rule: Goal) -> NDArray[np.bool_]:
    """For each row whether its answer keeps the rule; false for rows without gold."""
    found = [np.zeros(0, dtype=bool)]
    for start in range(0, len(predictions), BLOCK):
        block = predictions[start : start + BLOCK]
        values = measure(task, block)(np.eye(len(block)))[rule.metric]
        found.append(np.array([rule.holds(float(value)) for value in values], dtype=bool))
    has_gold = np.array([row.gold is not None for row in predictions], dtype=bool)
    return np.concatenate(found) & has_gold
