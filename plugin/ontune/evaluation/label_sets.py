"""Label sets: how well the labels of an answer agree with those of the gold answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ontune.evaluation.agreement import Agreement
from ontune.evaluation.answer_errors import answer_errors
from ontune.evaluation.hierarchical import closed, hierarchical, lca_distance
from ontune.evaluation.label_matrix import Bools, Counts, LabelMatrix, dimensions, label_matrix, prefix
from ontune.evaluation.measure import Floats, Means, Prepared, Rows, Values, Weights, named, point, ratio
from ontune.evaluation.predictions import Prediction
from ontune.task.model import Task

__all__ = ["label_set_metrics", "label_sets"]

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


def label_sets(task: Task, predictions: Sequence[Prediction]) -> Prepared:
    """Scores over the rows with gold, rates over all rows, and `scored`, the number of rows with gold.

    `exact_match`: the same labels in every field, the same option of every choice and the same error value, or none on
    both sides (subset accuracy); texts are not compared, and an answer that does not parse never matches. `precision`,
    `recall`, `f1`, `jaccard`: micro averages; `macro_…`: the mean over labels with support or predicted at least once;
    `weighted_…`: the mean over labels weighted by support; `sample_…`: the mean over rows. `hamming_loss`: wrong
    decisions (a label missed or given wrongly) as a share of rows times labels of the ontology. `<dimension>_…`: the
    same within a dimension, where `exact_match` is about labels alone. `hierarchical_…`, `lca_distance`: see
    `hierarchical`. `…_rate`: the share of rows that `answer_errors` finds.
    Formulas: Sokolova and Lapalme (2009), "A systematic analysis of performance measures for classification tasks"; as
    in scikit-learn with `zero_division=0`. In a mean over rows, one with no label on both sides counts 1, and one with
    labels on one side alone 0. Without any row to count, a value is 0, and NaN under weights that leave all out.
    """
    matrix = label_matrix(task, predictions)
    errors = answer_errors(task, predictions)
    return _prepared(task, _Parts(matrix, closed(task, matrix), lca_distance(task, matrix), errors))


@dataclass(frozen=True)
class _Parts:
    """All that is made of rows one by one."""

    matrix: LabelMatrix
    below: LabelMatrix  # closed under ancestors
    distances: Floats
    errors: Mapping[str, Bools]

    def take(self, rows: Rows) -> "_Parts":
        errors = {name: found[rows] for name, found in self.errors.items()}
        return _Parts(self.matrix.take(rows), self.below.take(rows), self.distances[rows], errors)


def _prepared(task: Task, of: _Parts) -> Prepared:
    matrix = of.matrix
    rates = Means(of.errors, np.ones(len(matrix.scored), dtype=bool))
    near = hierarchical(task, matrix, of.below, of.distances)
    asked = dimensions(task)
    whole = _Scores(Agreement(matrix, slice(None), {"exact_match": matrix.exact}), _vocabulary(task, asked))
    parts = {prefix(name): _within(task, matrix, name) for name in asked}

    def values(weights: Weights) -> dict[str, Values]:
        counts = matrix.outcomes.by_column(weights)
        scored = weights @ matrix.scored.astype(float)
        found = [("scored", scored), *whole(weights, counts, scored).items()]
        for head, part in parts.items():
            scores = part(weights, counts, scored)
            found += [(f"{head}_{name}", scores[name]) for name in WITHIN]
        found += near(weights).items()
        # As of `row_means`: weights that leave out all rows with gold say nothing, where there are such rows.
        nothing = (scored == 0) & matrix.scored.any()
        found[1:] = [(name, np.where(nothing, np.nan, part)) for name, part in found[1:]]
        return named(task, [*found, *rates(weights).items()])

    by_row = whole.agreement.by_row | rates.by_row
    return Prepared(values, lambda rows: _prepared(task, of.take(rows)), by_row)


@dataclass(frozen=True)
class _Scores:
    """Agreement, exact match and Hamming loss over some columns."""

    agreement: Agreement
    labels: int  # of the ontology

    def __call__(self, weights: Weights, counts: Counts, scored: Values) -> dict[str, Values]:
        _, missed, extra = (part[:, self.agreement.columns].sum(axis=1) for part in counts)
        return {**self.agreement(weights, counts), "hamming_loss": ratio(missed + extra, scored * self.labels)}


def _within(task: Task, matrix: LabelMatrix, dimension: str) -> _Scores:
    columns = matrix.within(dimension)
    _, missed, extra = matrix.outcomes.by_row(columns)
    exact = matrix.parsed & matrix.scored & (missed + extra == 0)
    return _Scores(Agreement(matrix, columns, {"exact_match": exact}), _vocabulary(task, [dimension]))


def _vocabulary(task: Task, names: Sequence[str]) -> int:
    return sum(len(task.ontology.labels(name)) for name in names)
