"""Baselines that see no picture: what a run has to be better than to have learned anything."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias, TypeVar

from ontune.evaluation.families import compute_metrics
from ontune.evaluation.predictions import Prediction
from ontune.task.model import Answer, Task
from ontune.task.parsing import parse

__all__ = ["Gold", "always", "baselines", "best_constant", "label_set", "most_frequent"]

Gold: TypeAlias = Answer | str | None
Item = TypeVar("Item", str, frozenset[str])

MAJORITY, MOST_COMMON_SET = "majority", "most_common_set"


def baselines(task: Task, predictions: Sequence[Prediction], gold: Iterable[Gold]) -> dict[str, dict[str, float]]:
    """The metrics of constant answers on these rows, chosen on `gold` (the training data's, or the rows' own).

    `majority`: the most frequent gold answer. `most_common_set`: the labels with the best micro F1 when they are always
    given, for tasks with labels. Both are empty without gold.
    """
    known = [item for item in gold if item is not None]
    found: dict[str, dict[str, float]] = {MAJORITY: {}, MOST_COMMON_SET: {}}
    if not known or not predictions:
        return found
    found[MAJORITY] = compute_metrics(
        task, always(task, predictions, most_frequent(_text(task, item) for item in known))
    )
    sets = [label_set(task, item) for item in known if isinstance(item, dict)]
    if any(sets):
        answer = task.to_json(task.answer_from_labels(_allowed(task, best_constant(sets), sets)))
        found[MOST_COMMON_SET] = compute_metrics(task, always(task, predictions, answer))
    return found


def most_frequent(items: Iterable[Item]) -> Item:
    """What is there most often, of equals the greatest: no constant has a better exact match on these."""
    counts = Counter(items)
    most = max(counts.values())
    return max((item for item, count in counts.items() if count == most), key=_order)


def _order(item: str | frozenset[str]) -> tuple[str, ...]:
    return (item,) if isinstance(item, str) else tuple(sorted(item))


def best_constant(sets: Sequence[frozenset[str]]) -> frozenset[str]:
    """The labels with the best micro F1 on these when they are always given: the k most frequent, for the best k."""
    counts = Counter(label for labels in sets for label in labels)
    ranked = sorted(counts, key=lambda label: (-counts[label], label))
    asked = counts.total()

    def micro_f1(k: int) -> float:
        return 2 * sum(counts[label] for label in ranked[:k]) / (k * len(sets) + asked)

    return frozenset(ranked[: max(range(1, len(ranked) + 1), key=micro_f1)])


def _allowed(task: Task, labels: frozenset[str], sets: Sequence[frozenset[str]]) -> list[str]:
    """Of the labels the most frequent ones that the fields have room for, or the answer would be invalid."""
    counts = Counter(label for found in sets for label in found)
    room = {field.dimension: field.max for _, field in task.label_fields()}
    ranked = sorted(labels, key=lambda label: (-counts[label], label))
    dimension = {label: task.ontology.by_name[label].dimension for label in ranked}
    return [label for name, most in room.items() for label in [one for one in ranked if dimension[one] == name][:most]]


def label_set(task: Task, answer: Gold) -> frozenset[str]:
    """The labels of an answer that the ontology has, whatever their field."""
    found = task.labels_of(answer if isinstance(answer, dict) else None)
    return frozenset(label for labels in found.values() for label in labels if label in task.ontology.by_name)


def always(task: Task, predictions: Sequence[Prediction], raw: str) -> list[Prediction]:
    """The predictions of a model that writes the same whatever it is shown."""
    answer, errors = parse(task, raw)
    constant = {"raw": raw, "answer": answer, "errors": tuple(errors), "scores": None}
    return [_changed(row, constant) for row in predictions]


def _changed(row: Prediction, values: Mapping[str, object]) -> Prediction:
    """A copy with other values that are not checked again: they are the same, and right, for 100,000 rows."""
    found = object.__new__(Prediction)
    vars(found).update(vars(row), **values)
    return found


def _text(task: Task, gold: Gold) -> str:
    return task.to_json(gold) if isinstance(gold, dict) else str(gold)
