"""Label sets: how well the labels of an answer agree with those of the gold answer."""

import re
from collections.abc import Sequence

import numpy as np

from ontune.evaluation.label_matrix import LabelMatrix, dimensions, label_matrix
from ontune.evaluation.measure import Floats, Measure, Values, Weights, mean, named, point, ratio
from ontune.evaluation.predictions import Prediction
from ontune.task.model import Task

__all__ = ["agreement", "label_set_metrics", "label_sets", "prefix"]

RATES = {
    "invalid_rate": "invalid_json",
    "unknown_label_rate": "unknown_label",
    "wrong_dimension_rate": "wrong_dimension",
    "duplicate_rate": "duplicate",
    "not_encoded_rate": "not_encoded",
}
WITHIN = (
    "exact_match",
    "precision",
    "recall",
    "f1",
    "macro_f1",
    "weighted_f1",
    "sample_f1",
    "sample_jaccard",
    "hamming_loss",
)


def label_set_metrics(task: Task, predictions: Sequence[Prediction]) -> dict[str, float]:
    """The metrics of `label_sets`, each row counted once."""
    return point(label_sets(task, predictions), len(predictions))


def label_sets(task: Task, predictions: Sequence[Prediction]) -> Measure:
    """Scores over the rows with gold and rates over all rows, and `scored`, the number of rows with gold.

    `exact_match`: the same labels in every field and the same error value, or none on both sides (subset accuracy);
    an answer that does not parse never matches. `precision`, `recall`, `f1`, `jaccard`: micro averages; `macro_…`: the
    mean over labels with support or predicted at least once; `weighted_…`: the mean over labels weighted by support;
    `sample_…`: the mean over rows. `hamming_loss`: wrong decisions (a label missed or given wrongly) as a share of rows
    times labels of the ontology. `<dimension>_…`: the same within a dimension. `<kind>_rate`: the share of rows whose
    `errors` hold that code.
    Formulas: Sokolova and Lapalme (2009), "A systematic analysis of performance measures for classification tasks", as
    in scikit-learn with `zero_division=0`; in a sample's mean a row with no label on both sides counts 1, with labels
    on one side alone 0. Without any row to count, a value is 0.
    """
    matrix = label_matrix(task, predictions)
    errors = {name: np.array([code in row.errors for row in predictions], dtype=bool) for name, code in RATES.items()}
    parts = [_Scores(matrix, slice(None), matrix.exact, _vocabulary(task, dimensions(task)))]
    heads = ["", *(f"{prefix(dimension)}_" for dimension in dimensions(task))]
    parts += [_within(task, matrix, dimension) for dimension in dimensions(task)]

    def values(weights: Weights) -> dict[str, Values]:
        found: list[tuple[str, Values]] = [("scored", weights @ matrix.scored.astype(float))]
        columns = matrix.outcomes.by_column(weights)
        for head, part in zip(heads, parts, strict=True):
            wanted = part(weights, columns)
            found += [(f"{head}{name}", value) for name, value in wanted.items() if not head or name in WITHIN]
        found += [(name, mean(weights, rows)) for name, rows in errors.items()]
        return named(task, found)

    return values


def prefix(dimension: str) -> str:
    """What the names of a dimension's metrics begin with."""
    return re.sub(r"\W+", "_", dimension.lower())


def agreement(hits: Floats, missed: Floats, extra: Floats, empty: float = 0.0) -> dict[str, Floats]:
    """Precision, recall, F1 and Jaccard index of counts of any shape; `empty` where there is nothing on both sides."""
    union = hits + missed + extra
    found = {
        "precision": ratio(hits, hits + extra),
        "recall": ratio(hits, hits + missed),
        "f1": ratio(2 * hits, union + hits),
        "jaccard": ratio(hits, union),
    }
    return {name: np.where(union == 0, empty, value) for name, value in found.items()}


class _Scores:
    """The scores over some columns, prepared row by row."""

    def __init__(self, matrix: LabelMatrix, columns: slice, exact: np.ndarray, labels: int) -> None:
        self.columns, self.labels, self.scored = columns, labels, matrix.scored
        self.rows = {"exact_match": exact.astype(float)}
        samples = agreement(*matrix.outcomes[columns].by_row(), empty=1.0)
        self.rows |= {f"sample_{name}": value for name, value in samples.items()}

    def __call__(self, weights: Weights, sums: tuple[Floats, Floats, Floats]) -> dict[str, Values]:
        hits, missed, extra = (part[:, self.columns] for part in sums)
        found = averages(hits, missed, extra)
        wrong = (missed + extra).sum(axis=1)
        found["hamming_loss"] = ratio(wrong, weights @ self.scored.astype(float) * self.labels)
        return found | {name: mean(weights, rows, self.scored) for name, rows in self.rows.items()}


def averages(hits: Floats, missed: Floats, extra: Floats) -> dict[str, Values]:
    """Micro, macro and weighted averages of counts (resamples, labels)."""
    used, support = (hits + missed + extra > 0).astype(float), hits + missed
    found = agreement(hits.sum(axis=1), missed.sum(axis=1), extra.sum(axis=1))
    for name, each in agreement(hits, missed, extra).items():
        found[f"macro_{name}"] = ratio(each.sum(axis=1), used.sum(axis=1))
        found[f"weighted_{name}"] = ratio((each * support).sum(axis=1), support.sum(axis=1))
    return found


def _within(task: Task, matrix: LabelMatrix, dimension: str) -> _Scores:
    columns = matrix.within(dimension)
    _, missed, extra = matrix.outcomes[columns].by_row()
    exact = matrix.parsed & matrix.scored & (missed + extra == 0)
    return _Scores(matrix, columns, exact, _vocabulary(task, [dimension]))


def _vocabulary(task: Task, names: Sequence[str]) -> int:
    return sum(len(task.ontology.labels(name)) for name in names)
