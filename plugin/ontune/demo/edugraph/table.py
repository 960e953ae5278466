"""The demo's scores, the baselines beside them, and the bounds that the model has to keep."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ontune.demo.bounds import AFTER, BEFORE, BLANK, MAJORITY, Bound
from ontune.evaluation import Prediction
from ontune.evaluation.baselines import always, best_constant, label_set, most_frequent
from ontune.evaluation.label_sets import label_set_metrics
from ontune.task import Task
from ontune.task.model import Answer

__all__ = ["Row", "bounds", "make_rows", "to_text"]

F1, CEILING, PICTURES = 0.90, 0.60, 300  # what the trained model has to reach, the others not, and on how many
CONSTANT = "best constant labels"


@dataclass(frozen=True)
class Row:
    """One line of the table: micro F1, exact match and the share of answers that do not parse."""

    name: str
    f1: float
    exact_match: float
    invalid_rate: float


def make_rows(
    task: Task,
    train: Sequence[Answer],
    before: Sequence[Prediction],
    after: Sequence[Prediction],
    blank: Sequence[Prediction],
) -> list[Row]:
    """The table: two baselines that see no picture, chosen on the gold answers of `train`, then the model.

    Labels that every sheet has are left out of all scores: to give them is no achievement.
    """
    everywhere = frozenset.intersection(*(label_set(task, prediction.gold) for prediction in after))
    sets = [label_set(task, answer) for answer in train]
    predictions = {
        MAJORITY: _always(task, after, most_frequent(sets)),
        CONSTANT: _always(task, after, best_constant(sets)),
        BEFORE: before,
        AFTER: after,
        BLANK: blank,
    }
    return [_row(name, task, rows, everywhere) for name, rows in predictions.items()]


def bounds(rows: Sequence[Row], pictures: int) -> list[Bound]:
    """What the table has to keep, each with the number found: the model is good, and it reads the picture."""
    by_name = {row.name: row for row in rows}
    after = by_name[AFTER]
    found = [Bound("held-out pictures", pictures, "≥", PICTURES), Bound(f"micro F1, {AFTER}", after.f1, "≥", F1)]
    for name in (MAJORITY, CONSTANT, BLANK):
        row = by_name[name]
        found.append(Bound(f"micro F1, {name}", row.f1, "<", CEILING))
        found.append(Bound(f"exact match, {name}", row.exact_match, "<", after.exact_match / 2))
    return found


def to_text(rows: Sequence[Row], found: Sequence[Bound]) -> str:
    """The table for people, and a line for each bound."""
    lines = [f"{'':24}micro F1   exact match   invalid"]
    lines += [f"{row.name:24}{row.f1:8.3f}{row.exact_match:14.3f}{row.invalid_rate:10.3f}" for row in rows]
    return "\n".join([*lines, "", "bounds", *map(str, found)])


def _row(name: str, task: Task, predictions: Sequence[Prediction], everywhere: frozenset[str]) -> Row:
    scores = label_set_metrics(task, [_without(task, prediction, everywhere) for prediction in predictions])
    return Row(name, scores["f1"], scores["exact_match"], scores["invalid_rate"])


def _without(task: Task, prediction: Prediction, labels: frozenset[str]) -> Prediction:
    """The prediction with these labels in neither gold nor answer."""
    gold = _strip(prediction.gold, labels) if isinstance(prediction.gold, dict) else prediction.gold
    answer = _strip(prediction.answer, labels) if prediction.answer is not None else None
    return replace(prediction, gold=gold, answer=answer)


def _strip(answer: Mapping[str, Any], labels: frozenset[str]) -> dict[str, Any]:
    return {
        key: [label for label in value if label not in labels] if isinstance(value, list) else value
        for key, value in answer.items()
    }


def _always(task: Task, predictions: Sequence[Prediction], labels: frozenset[str]) -> list[Prediction]:
    """The predictions of a model that gives these labels whatever it is shown."""
    return always(task, predictions, task.to_json(task.answer_from_labels(sorted(labels))))
