"""Label sets: how well the labels of an answer agree with those of the gold answer.

Each label counts under the dimension of the field it was given in, once however often it was given. An answer that does
not parse gives no labels, and so does the error answer; unknown labels and labels in a wrong field are false positives.
Rows whose gold is no object (none, or plain text) take no part in the scores; `scored` says how many did.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ontune.errors import TaskError
from ontune.evaluation.predictions import Prediction
from ontune.task.model import Task

__all__ = ["label_set_metrics"]

LabelSets = Mapping[str, frozenset[str]]  # dimension -> labels

RATES = {
    "invalid_rate": "invalid_json",
    "unknown_label_rate": "unknown_label",
    "wrong_dimension_rate": "wrong_dimension",
    "duplicate_rate": "duplicate",
    "not_encoded_rate": "not_encoded",
}


def label_set_metrics(task: Task, predictions: Sequence[Prediction]) -> dict[str, float]:
    """Scores over the rows with gold and rates over all rows, each between 0 and 1, and `scored`, a count.

    `exact_match`: the same labels in every field and the same error value, or none on both sides (subset accuracy);
    an answer that does not parse never matches. `precision`, `recall`, `f1`: micro averages. `macro_f1`: the mean over
    labels with support or predicted at least once. `sample_f1`: the mean over rows. `<dimension>_exact_match`, `_f1`,
    `_macro_f1`: the same within a dimension. `<kind>_rate`: the share of rows whose `errors` hold that code.
    Formulas: Sokolova and Lapalme (2009), "A systematic analysis of performance measures for classification tasks", as
    in scikit-learn with `zero_division=0`; `sample_f1` with `zero_division=1`, as nothing is right where nothing was
    asked. Without any row to count, a value is 0.
    """
    rows = [_Row.of(task, prediction) for prediction in predictions if isinstance(prediction.gold, dict)]
    found = [("scored", float(len(rows))), *_scores(rows), *_rates(predictions)]
    for dimension in dict.fromkeys(field.dimension for _, field in task.label_fields()):
        found += _dimension_scores(dimension, rows)
    names = Counter(name for name, _ in found)
    TaskError.check([f"task {task.name}: two metrics are called {name}" for name, count in names.items() if count > 1])
    return dict(found)


@dataclass(frozen=True)
class _Row:
    """One answer beside its gold: labels by dimension, and whether they match in each dimension and as a whole."""

    gold: LabelSets
    answer: LabelSets
    parsed: bool
    exact: bool

    @classmethod
    def of(cls, task: Task, prediction: Prediction) -> "_Row":
        answer = prediction.answer
        gold = prediction.gold if isinstance(prediction.gold, dict) else {}
        exact = answer is not None and _compared(task, answer) == _compared(task, gold)
        return cls(_label_sets(task, gold), _label_sets(task, answer), answer is not None, exact)

    def within(self, dimension: str) -> "_Row":
        gold, answer = self.gold[dimension], self.answer[dimension]
        return _Row({dimension: gold}, {dimension: answer}, self.parsed, self.parsed and gold == answer)

    def pairs(self) -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
        return _pairs(self.gold), _pairs(self.answer)


def _label_sets(task: Task, answer: dict[str, Any] | None) -> LabelSets:
    return {dimension: frozenset(labels) for dimension, labels in task.labels_of(answer).items()}


def _pairs(sets: LabelSets) -> set[tuple[str, str]]:
    return {(dimension, label) for dimension, labels in sets.items() for label in labels}


def _compared(task: Task, answer: dict[str, Any]) -> tuple[object, list[frozenset[str]]]:
    """What exact match compares: the error value and the labels field by field (two may share a dimension)."""
    error = answer.get(task.error.key) if task.error else None
    return error, [_labels_at(answer, path) for path, _ in task.label_fields()]


def _labels_at(answer: dict[str, Any], path: tuple[str, ...]) -> frozenset[str]:
    value: Any = answer
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return frozenset(item for item in value if isinstance(item, str)) if isinstance(value, list) else frozenset()


def _scores(rows: Sequence[_Row]) -> list[tuple[str, float]]:
    pairs = [row.pairs() for row in rows]
    hits, asked, given = _counts(pairs)
    return [
        ("exact_match", _mean(row.exact for row in rows)),
        ("precision", _ratio(hits.total(), given.total())),
        ("recall", _ratio(hits.total(), asked.total())),
        ("f1", _ratio(2 * hits.total(), asked.total() + given.total())),
        ("macro_f1", _macro_f1(hits, asked, given)),
        ("sample_f1", _mean(_ratio(2 * len(gold & answer), len(gold) + len(answer), 1.0) for gold, answer in pairs)),
    ]


def _dimension_scores(dimension: str, rows: Sequence[_Row]) -> list[tuple[str, float]]:
    prefix = re.sub(r"\W+", "_", dimension.lower())
    scores = _scores([row.within(dimension) for row in rows])
    return [(f"{prefix}_{name}", value) for name, value in scores if name in ("exact_match", "f1", "macro_f1")]


def _rates(predictions: Sequence[Prediction]) -> list[tuple[str, float]]:
    return [(name, _mean(code in prediction.errors for prediction in predictions)) for name, code in RATES.items()]


def _counts(
    pairs: Iterable[tuple[set[tuple[str, str]], set[tuple[str, str]]]],
) -> tuple[Counter[tuple[str, str]], Counter[tuple[str, str]], Counter[tuple[str, str]]]:
    """By label: true positives, support, and how often it was predicted."""
    hits: Counter[tuple[str, str]] = Counter()
    asked: Counter[tuple[str, str]] = Counter()
    given: Counter[tuple[str, str]] = Counter()
    for gold, answer in pairs:
        hits.update(gold & answer)
        asked.update(gold)
        given.update(answer)
    return hits, asked, given


def _macro_f1(
    hits: Counter[tuple[str, str]], asked: Counter[tuple[str, str]], given: Counter[tuple[str, str]]
) -> float:
    # Sorted: the same rows give the same floating-point sum in every process.
    return _mean(_ratio(2 * hits[pair], asked[pair] + given[pair]) for pair in sorted(asked.keys() | given.keys()))


def _ratio(part: float, whole: float, empty: float = 0.0) -> float:
    return part / whole if whole else empty


def _mean(values: Iterable[float]) -> float:
    numbers = list(values)
    return _ratio(sum(numbers), len(numbers))
