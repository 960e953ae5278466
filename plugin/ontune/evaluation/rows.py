"""Which rows an answer is right for: metrics of one row alone, against their limits."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ontune.errors import InputError
from ontune.evaluation.estimates import count_of, without_extras
from ontune.evaluation.families import measure
from ontune.evaluation.goals import Goal, parse_goals
from ontune.evaluation.predictions import Prediction
from ontune.task.model import Task

__all__ = ["Rule", "default_rule", "right_rows", "rule_of", "rule_text"]

Rule: TypeAlias = tuple[Goal, ...]  # all of them, of which a row has a value

BLOCK = 256  # rows at a time: each is measured with a weight of 1, and all others of its block with 0
# The first whose metrics a task's families give says which rows are right, where nothing else is said. A text is seldom
# gold's word for word: a manual's answer has to have its numbers and half its keywords.
RULES = (
    ("numeric_exact_match>=1", "keyword_presence>=0.5"),
    ("exact_match>=1",),
    ("accuracy>=1",),
    ("spatial_accuracy>=1",),
    ("exercise_match>=1", "rouge_l>=0.5"),
)


def default_rule(names: Iterable[str]) -> Rule:
    """What makes a row right, out of the metrics that there are."""
    there = list(names)
    rules = [tuple(parse_goals(texts)) for texts in RULES]
    known = (rule for rule in rules if all(goal.metric in there for goal in rule))
    return next(known, tuple(parse_goals(f"{name}>=1" for name in there[:1])))


def rule_of(texts: Sequence[str], names: Iterable[str]) -> Rule:
    """The rule that the texts state, or the default. Raises InputError for metrics that there are not."""
    there = list(names)
    rule = tuple(parse_goals(texts))
    unknown = [goal for goal in rule if goal.metric not in there]
    InputError.check([f"--right {goal.text}: no metric {goal.metric!r}: there are {sorted(there)}" for goal in unknown])
    return rule or default_rule(there)


def rule_text(rule: Rule) -> str:
    """The rule in words."""
    return " and ".join(goal.text for goal in rule)


def right_rows(task: Task, predictions: Sequence[Prediction], rule: Rule) -> NDArray[np.bool_]:
    """For each row whether its answer keeps the rule; false for rows without gold, and without any value for it."""
    found, task = [np.zeros(0, dtype=bool)], without_extras(task, [goal.metric for goal in rule])
    for start in range(0, len(predictions), BLOCK):
        block = predictions[start : start + BLOCK]
        values = measure(task, block)(np.eye(len(block)))
        records = [{name: float(column[at]) for name, column in values.items()} for at in range(len(block))]
        found.append(np.array([_keeps(rule, record) for record in records], dtype=bool))
    has_gold = np.array([row.gold is not None for row in predictions], dtype=bool)
    return np.concatenate(found) & has_gold


def _keeps(rule: Rule, values: Mapping[str, float]) -> bool:
    """Whether a row's values keep the rule; a manual's answer without numbers has no value for them."""
    parts = [goal for goal in rule if count_of(goal.metric, values) != 0]
    return bool(parts) and all(goal.holds(values[goal.metric]) for goal in parts)
