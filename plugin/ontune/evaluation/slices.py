"""Slices: parts of the predictions that may be worth less than the whole, by what is known of each row."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ontune.evaluation.label_matrix import Bools, field_labels, value_at
from ontune.evaluation.predictions import Prediction
from ontune.sharegpt import Sample
from ontune.task.model import Answer, Choice, Task
from ontune.task.parsing import parse

__all__ = ["Absent", "Slice", "slices"]

MOST_VALUES = 50  # a field with more tells rows apart and not parts
NONE = "(none)"
CARDINALITY = ((0, "0"), (4, "1–4"), (8, "5–8"))  # gold labels of a row; EduGraph's answers get harder beyond eight
FREQUENCY = ((0, "unseen"), (4, "1–4"))  # samples in training
APART = {"group", "solution"}  # the unit of the bootstrap, and a slice of its own
KIND = "question/solution"


@dataclass(frozen=True)
class Slice:
    """The rows that have one value of something."""

    by: str
    value: str
    rows: Bools  # as weights of 0 and 1

    @property
    def size(self) -> int:
        return int(self.rows.sum())


@dataclass(frozen=True)
class Absent:
    """A slice that there is not."""

    what: str
    why: str


def slices(
    task: Task, predictions: Sequence[Prediction], train: Sequence[Sample] | None = None
) -> tuple[list[Slice], list[Absent]]:
    """The slices of the predictions, by name and value, and those that are absent with the reason.

    By question or solution (`meta` `solution`), number of gold labels, training frequency of the row's rarest gold
    label or option (needs `train`), and each field of `meta` with 2 to 50 values. A row without the value is in
    `(none)`, so that the slices of one name hold every row once.
    """
    columns: dict[str, list[str] | str] = {
        KIND: _kinds(predictions),
        "cardinality": _cardinalities(task, predictions),
        "training frequency": _frequencies(task, predictions, train),
    }
    names = sorted({name for prediction in predictions for name in prediction.meta} - APART)
    columns |= {f"meta.{name}": [_text(row.meta.get(name)) for row in predictions] for name in names}
    found: list[Slice] = []
    absent: list[Absent] = []
    for by, values in columns.items():
        why = values if isinstance(values, str) else _fault(values)
        absent += [Absent(by, why)] if why else []
        found += [] if why else _parts(by, list(values))
    return found, absent


def _parts(by: str, values: list[str]) -> list[Slice]:
    array = np.array(values, dtype=object)
    return [Slice(by, value, array == value) for value in sorted(set(values), key=_order)]


def _order(value: str) -> tuple[bool, float, str]:
    """Numbers by size and before words, and what is missing last."""
    start = next(iter(value.split("–")[0].split()), "")
    number = float(start) if start.replace(".", "", 1).isdecimal() else float("inf")
    return value == NONE, -1 if value == FREQUENCY[0][1] else number, value


def _fault(values: list[str]) -> str | None:
    if not values:
        return "no rows"
    count = len(set(values))
    if count == 1:
        return f"all rows have {values[0]!r}"
    return f"{count} values: more than {MOST_VALUES}" if count > MOST_VALUES else None


def _text(value: object) -> str:
    if value is None:
        return NONE
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)


def _kinds(predictions: Sequence[Prediction]) -> list[str] | str:
    names = {True: "solution", False: "question"}
    values = [row.meta.get("solution") for row in predictions]
    if not any(isinstance(value, bool) for value in values):
        return "no row says in its meta `solution` which it is"
    return [names[value] if isinstance(value, bool) else NONE for value in values]


def _cardinalities(task: Task, predictions: Sequence[Prediction]) -> list[str] | str:
    if not any(True for _ in task.label_fields()):
        return "the task has no field of labels"
    sizes = [sum(map(len, map(set, task.labels_of(_gold(row)).values()))) for row in predictions]
    values = [_bucket(size, CARDINALITY, "9 or more") for size in sizes]
    return [value if _gold(row) else NONE for value, row in zip(values, predictions, strict=True)]


def _frequencies(task: Task, predictions: Sequence[Prediction], train: Sequence[Sample] | None) -> list[str] | str:
    if train is None:
        return "no training samples were named (--train)"
    if not (asked := _asked(task)):
        return "the task has no field of labels or options"
    seen = Counter(value for sample in train for value in asked(parse(task, sample.gold)[0]))
    if not seen:
        return f"none of the {len(train)} training samples has a label or an option"
    rarest = [min((seen[value] for value in asked(_gold(row))), default=None) for row in predictions]
    return [NONE if count is None else _bucket(count, FREQUENCY, "5 or more") for count in rarest]


def _bucket(count: int, ends: Sequence[tuple[int, str]], beyond: str) -> str:
    return next((name for end, name in ends if count <= end), beyond)


def _gold(row: Prediction) -> Answer | None:
    return row.gold if isinstance(row.gold, dict) else None


Asked = Callable[[Answer | None], set[tuple[tuple[str, ...], str]]]


def _asked(task: Task) -> Asked | None:
    """What gives an answer's labels and options, each with the path of its field; None where no field has any."""
    labels = [path for path, _ in task.label_fields()]
    choices = [path for path, field in task.leaf_fields() if isinstance(field, Choice)]
    if not labels and not choices:
        return None

    def values(answer: Answer | None) -> set[tuple[tuple[str, ...], str]]:
        found = {(path, label) for path in labels for label in field_labels(answer, path)}
        options = ((path, value_at(answer, path)) for path in choices)
        return found | {(path, option) for path, option in options if isinstance(option, str)}

    return values
