"""Which rows an answer is right for: metrics of one row alone, against their limits."""

from collections.abc import Iterable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ontune.errors import InputError
from ontune.evaluation.estimates import count_of
from ontune.evaluation.goals import Goal, parse_goals
from ontune.evaluation.measure import Floats, Prepared, Rows
from ontune.evaluation.predictions import Prediction

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


def right_rows(prepared: Prepared, predictions: Sequence[Prediction], rule: Rule) -> NDArray[np.bool_]:
    """For each row whether its answer keeps the rule; false for rows without gold, and without any value for it.

    A row keeps what it has a value for: a manual's answer without numbers has none for them.
    """
    names = [goal.metric for goal in rule]
    by_row = prepared.by_row if prepared.by_row.keys() >= set(names) else _one_by_one(prepared, len(predictions), names)
    kept = np.array([row.gold is not None for row in predictions], dtype=bool)
    valued = np.zeros(len(predictions), dtype=bool)
    for goal in rule:
        values = by_row[goal.metric]
        there = ~np.isnan(values)
        kept &= ~there | np.array([goal.holds(value) for value in values.tolist()], dtype=bool)
        valued |= there
    return kept & valued


def _one_by_one(prepared: Prepared, count: int, names: Sequence[str]) -> dict[str, Floats]:
    """The metrics of each row alone; NaN where a count of rows says that it has no value."""
    blocks = [_block(prepared, np.arange(start, min(start + BLOCK, count)), names) for start in range(0, count, BLOCK)]
    return {name: np.concatenate([np.zeros(0), *(block[name] for block in blocks)]) for name in names}


def _block(prepared: Prepared, rows: Rows, names: Sequence[str]) -> dict[str, Floats]:
    values = prepared.take(rows)(np.eye(len(rows)))
    found: dict[str, Floats] = {}
    for name in names:
        records = ({key: float(column[at]) for key, column in values.items()} for at in range(len(rows)))
        counted = np.array([count_of(name, record) != 0 for record in records], dtype=bool)
        found[name] = np.where(counted, values[name], np.nan)
    return found
