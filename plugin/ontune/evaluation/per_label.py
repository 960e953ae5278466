"""Label by label: which are found and which are not, with all that lies below them, and which are taken for others."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ontune.evaluation.agreement import agreement
from ontune.evaluation.hierarchical import closed
from ontune.evaluation.label_matrix import LabelMatrix, dimensions, label_matrix
from ontune.evaluation.predictions import Prediction
from ontune.task.model import Task

__all__ = ["LabelScore", "confused_pairs", "per_branch", "per_label"]


@dataclass(frozen=True)
class LabelScore:
    """One label's counts over the rows with gold, and its scores: 0 where there is nothing to divide by."""

    label: str
    dimension: str  # of the field it stands in
    support: int
    predicted: int
    hits: int
    precision: float
    recall: float
    f1: float


def per_label(task: Task, predictions: Sequence[Prediction], matrix: LabelMatrix | None = None) -> list[LabelScore]:
    """The scores of each label that is gold or was given at least once, unknown ones too, in the matrix's order.

    `matrix` is that of the predictions, where the caller has it already.
    """
    return _label_scores(matrix or label_matrix(task, predictions))


def per_branch(task: Task, predictions: Sequence[Prediction], matrix: LabelMatrix | None = None) -> list[LabelScore]:
    """The same on the ancestor closure: a label counts in a row where it, or any label below it, does."""
    return _label_scores(closed(task, matrix or label_matrix(task, predictions)))


def confused_pairs(
    task: Task, predictions: Sequence[Prediction], matrix: LabelMatrix | None = None
) -> list[tuple[str, str, int]]:
    """Missed label, label wrongly given in the same dimension of the same row, and how many rows; most first."""
    matrix = matrix or label_matrix(task, predictions)
    found: list[tuple[str, str, int]] = []
    for dimension in dimensions(task):
        columns = matrix.within(dimension)
        names = [label for _, label in matrix.columns[columns]]
        pairs = (matrix.outcomes.missed[:, columns].T @ matrix.outcomes.extra[:, columns]).tocoo()
        cells = zip(pairs.row.tolist(), pairs.col.tolist(), pairs.data.tolist(), strict=True)
        found += [(names[gold], names[given], int(count)) for gold, given, count in cells]
    return sorted(found, key=lambda pair: (-pair[2], pair))


def _label_scores(matrix: LabelMatrix) -> list[LabelScore]:
    counts = matrix.outcomes.by_column(np.ones((1, len(matrix.scored))))
    hits, missed, extra = (part[0] for part in counts)
    scores = agreement(hits, missed, extra)
    table = zip(
        *((part.astype(int).tolist()) for part in (hits + missed, hits + extra, hits)),
        *(scores[name].tolist() for name in ("precision", "recall", "f1")),
        strict=True,
    )
    return [LabelScore(label, dimension, *row) for (dimension, label), row in zip(matrix.columns, table, strict=True)]
