"""Predictions as label sets: one sparse 0/1 matrix of the gold labels and one of the labels given, row by row.

Each label counts under the dimension of the field it was given in, once however often it was given. An answer that does
not parse gives no labels, and so does the error answer; unknown labels and labels in a wrong field are false positives.
A row whose gold is no object (none, or plain text) takes no part: both of its sets are empty, and `scored` is false.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Any, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, hstack

from ontune.evaluation.choice import classes
from ontune.evaluation.measure import Floats, Rows, Weights
from ontune.evaluation.predictions import Prediction
from ontune.task.model import Answer, Choice, Task

__all__ = [
    "Bools",
    "Counts",
    "Key",
    "LabelMatrix",
    "Outcomes",
    "Sparse",
    "dimensions",
    "field_labels",
    "label_matrix",
    "order_of",
    "prefix",
    "value_at",
]

Key: TypeAlias = tuple[str, str]  # dimension of the field, label
Fields: TypeAlias = Sequence[tuple[tuple[str, ...], str]]  # path of keys, dimension
Bools: TypeAlias = NDArray[np.bool_]
Sparse: TypeAlias = Any  # csr_array, which has no types
Counts: TypeAlias = tuple[Floats, Floats, Floats]  # hits, missed, extra


@dataclass(frozen=True)
class Outcomes:
    """True positives, false negatives and false positives as 0/1 matrices (rows, columns) that share no cell.

    Sums of these three are all that label-set metrics need; where answers are good, they have few cells.
    """

    hits: Sparse
    missed: Sparse
    extra: Sparse

    @classmethod
    def of(cls, gold: Sparse, answer: Sparse) -> "Outcomes":
        hits = csr_array(gold.multiply(answer))
        return cls(hits, _nonzero(gold - hits), _nonzero(answer - hits))

    def by_row(self, columns: slice) -> Counts:
        """How many of each kind a row has in the columns."""
        hits, missed, extra = (np.asarray(part[:, columns].sum(axis=1), dtype=float) for part in self._parts())
        return hits, missed, extra

    @cached_property
    def _stacked(self) -> Sparse:
        return hstack(self._parts(), format="csr")

    def by_column(self, weights: Weights) -> Counts:
        """How many of each kind a column has under the weights: each (resamples, columns)."""
        summed = weights @ self._stacked
        width = self.hits.shape[1]
        return summed[:, :width], summed[:, width : 2 * width], summed[:, 2 * width :]

    def _parts(self) -> tuple[Sparse, Sparse, Sparse]:
        return self.hits, self.missed, self.extra


@dataclass(frozen=True)
class LabelMatrix:
    """Gold and given labels (rows, columns); columns are sorted by dimension as the task lists them, then by label."""

    columns: tuple[Key, ...]
    gold: Sparse
    answer: Sparse
    scored: Bools  # the gold is an object
    parsed: Bools  # the answer is one
    exact: Bools  # scored, and the same labels and options in every field, and the same error value

    @cached_property
    def outcomes(self) -> Outcomes:
        """What the labels given are beside the gold."""
        return Outcomes.of(self.gold, self.answer)

    def take(self, rows: Rows) -> "LabelMatrix":
        """These rows alone, of the same columns."""
        flags = (part[rows] for part in (self.scored, self.parsed, self.exact))
        return LabelMatrix(self.columns, self.gold[rows], self.answer[rows], *flags)

    def within(self, dimension: str) -> slice:
        """The columns of a dimension."""
        places = [place for place, (name, _) in enumerate(self.columns) if name == dimension]
        return slice(places[0], places[-1] + 1) if places else slice(0, 0)


def dimensions(task: Task) -> tuple[str, ...]:
    """The dimensions that the task asks for, in answer order."""
    return tuple(dict.fromkeys(field.dimension for _, field in task.label_fields()))


def prefix(dimension: str) -> str:
    """What the names of a dimension's metrics begin with."""
    return re.sub(r"\W+", "_", dimension.lower())


def order_of(task: Task) -> Callable[[Key], tuple[int, str]]:
    """The sorting key of columns: by dimension as the task lists them, then by label."""
    places = {dimension: place for place, dimension in enumerate(dimensions(task))}
    return lambda key: (places[key[0]], key[1])


def value_at(answer: object, path: Sequence[str]) -> object:
    """The value at a path of keys; None where there is none."""
    for key in path:
        answer = cast("dict[str, object]", answer).get(key) if isinstance(answer, dict) else None
    return answer


def field_labels(answer: Answer | None, path: Sequence[str]) -> list[str]:
    """The labels of the field at a path, as given; none where the answer has no such list."""
    value = value_at(answer, path)
    return [item for item in cast("list[object]", value) if isinstance(item, str)] if isinstance(value, list) else []


def label_matrix(task: Task, predictions: Sequence[Prediction]) -> LabelMatrix:
    """The matrices of the predictions, in their order."""
    fields = [(path, field.dimension) for path, field in task.label_fields()]
    numbers: dict[Key, int] = {}
    gold_cells, answer_cells = _Cells(numbers), _Cells(numbers)
    flags: list[tuple[bool, bool, bool]] = []
    before, given = None, _field_sets(fields, None)
    for row in predictions:
        gold = row.gold if isinstance(row.gold, dict) else None
        answer = row.answer if gold is not None else None
        asked = _field_sets(fields, gold)
        if answer is not before:  # a constant answer is one object in all rows
            given, before = _field_sets(fields, answer), answer
        gold_cells.add(fields, asked)
        answer_cells.add(fields, given)
        exact = asked == given and _same_error(task, gold, answer)
        flags.append((gold is not None, answer is not None, exact))
    columns = sorted(numbers, key=order_of(task))
    place = np.empty(len(columns), dtype=np.int32)
    place[[numbers[key] for key in columns]] = np.arange(len(columns), dtype=np.int32)
    scored, parsed, exact = np.array(flags, dtype=bool).reshape(-1, 3).T
    for path, field in task.leaf_fields():
        if isinstance(field, Choice):
            exact &= np.array([gold == given for gold, given in classes(task, predictions, path, field)], dtype=bool)
    return LabelMatrix(tuple(columns), gold_cells.matrix(place), answer_cells.matrix(place), scored, parsed, exact)


def _field_sets(fields: Fields, answer: Answer | None) -> list[frozenset[str]]:
    """The labels field by field: two fields may share a dimension."""
    return [frozenset(field_labels(answer, path)) for path, _ in fields]


def _same_error(task: Task, gold: Answer | None, answer: Answer | None) -> bool:
    """Whether both are answers with the same error value, or with none."""
    if gold is None or answer is None:
        return False
    return not task.error or gold.get(task.error.key) == answer.get(task.error.key)


class _Cells:
    """The columns of row after row, numbered as first seen, and how many each row has."""

    def __init__(self, numbers: dict[Key, int]) -> None:
        self._numbers, self._found, self._sizes = numbers, list[int](), list[int]()

    def add(self, fields: Fields, sets: Sequence[frozenset[str]]) -> None:
        """One row more."""
        keys = {(name, label) for (_, name), labels in zip(fields, sets, strict=True) for label in labels}
        self._found += [self._numbers.setdefault(key, len(self._numbers)) for key in keys]
        self._sizes.append(len(keys))

    def matrix(self, place: NDArray[np.int32]) -> Sparse:
        """The rows with their columns at these places."""
        ends = np.array([0, *accumulate(self._sizes)], dtype=np.int32)
        places = place[np.array(self._found, dtype=np.int32)]
        matrix = csr_array((np.ones(len(places)), places, ends), shape=(len(self._sizes), len(place)))
        matrix.sort_indices()  # the same rows give the same floating-point sum in every process
        return matrix


def _nonzero(matrix: Sparse) -> Sparse:
    found = csr_array(matrix)
    found.eliminate_zeros()
    return found
