"""Probabilities: whether a model knows how sure it may be, where predictions have scores.

A score is the log-probability that a label (or option) is what is written next at its field's place. Labels of a list
are decided one against the rest: `exp(score / temperature)` counts as the score in [0, 1] of "this label belongs to the
answer". Options of a choice exclude each other: theirs are divided by their sum. A label without a score counts as 0,
so that a gold label outside the best few is a confident miss. Fields are called as in `scores`; inside a group, keys
are joined by a full stop. Rows whose gold is no object, or without scores, take no part.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ontune.evaluation.label_matrix import Bools, value_at
from ontune.evaluation.measure import Floats, Prepared, Rows, Values, Weights, ratio
from ontune.evaluation.predictions import Prediction
from ontune.task.model import Task

__all__ = ["BINS", "Decisions", "Temperatures", "confidences", "decisions", "is_right", "labels_at", "probabilities"]

Temperatures: TypeAlias = Mapping[str, float]  # by field; 1 where a field has none
Integers: TypeAlias = NDArray[np.int64]

BINS = 10


@dataclass(frozen=True)
class Decisions:
    """One field's scores over the rows that have them: (rows, labels), labels sorted."""

    labels: tuple[str, ...]
    rows: Integers  # places in the predictions
    scores: Floats  # log-probabilities; minus infinity where there is none
    gold: Bools
    given: Bools
    exclusive: bool  # a choice: one of the labels is right

    def probabilities(self, temperature: float = 1.0) -> Floats:
        """The scores in [0, 1]."""
        found = np.exp(np.minimum(self.scores, 0.0) / temperature)
        return ratio(found, found.sum(axis=1, keepdims=True)) if self.exclusive else found

    def judged(self, temperature: float = 1.0) -> tuple[Floats, Bools, Integers]:
        """Score, truth and row of what calibration is about: each label of a list, the likeliest option of a choice."""
        chances = self.probabilities(temperature)
        rows = np.repeat(self.rows, len(self.labels)).reshape(chances.shape)
        if not self.exclusive:
            return chances.ravel(), self.gold.ravel(), rows.ravel()
        best = (np.arange(len(chances)), chances.argmax(axis=1)) if chances.size else ([], [])
        return chances[best], self.gold[best], rows[best]


def decisions(predictions: Sequence[Prediction]) -> dict[str, Decisions]:
    """The scores by field, fields sorted."""
    names = {name for row in predictions for name in row.scores or {}}
    return {name: _decisions(predictions, name) for name in sorted(names)}


def _decisions(predictions: Sequence[Prediction], name: str) -> Decisions:
    rows = [
        (at, row, row.scores[name])
        for at, row in enumerate(predictions)
        if row.scores and name in row.scores and isinstance(row.gold, dict)
    ]
    sets = [(labels_at(row.gold, name), labels_at(row.answer, name)) for _, row, _ in rows]
    labels = sorted({label for (gold, _), (*_, found) in zip(sets, rows, strict=True) for label in (*gold, *found)})
    place = {label: at for at, label in enumerate(labels)}
    scores = np.full((len(rows), len(labels)), -np.inf)
    for at, (*_, found) in enumerate(rows):
        scores[at, [place[label] for label in found]] = list(found.values())
    gold, given = (_cells([pair[side] for pair in sets], place) for side in (0, 1))
    values = (value_at(side, name.split(".")) for _, row, _ in rows for side in (row.gold, row.answer))
    exclusive = any(isinstance(value, str) for value in values)
    return Decisions(tuple(labels), np.array([at for at, *_ in rows], dtype=np.int64), scores, gold, given, exclusive)


def labels_at(answer: object, name: str) -> frozenset[str]:
    """The labels of a field, or its one option; none where there is no such value."""
    value = value_at(answer, name.split("."))
    items = value if isinstance(value, list) else [value]
    return frozenset(item for item in items if isinstance(item, str))


def _cells(sets: Sequence[frozenset[str]], place: Mapping[str, int]) -> Bools:
    found = np.zeros((len(sets), len(place)), dtype=bool)
    for at, labels in enumerate(sets):
        found[at, [place[label] for label in labels if label in place]] = True
    return found


def is_right(task: Task, row: Prediction) -> bool:
    """Whether an answer has the gold's labels and options in all fields with scores, and its error value."""
    if row.answer is None or not isinstance(row.gold, dict):
        return False
    if task.error and row.answer.get(task.error.key) != row.gold.get(task.error.key):
        return False
    return all(labels_at(row.answer, name) == labels_at(row.gold, name) for name in row.scores or {})


def confidences(predictions: Sequence[Prediction], temperatures: Temperatures | None = None) -> Floats:
    """Each row's confidence in its answer, NaN for rows that take no part.

    It is that of the weakest decision: the smallest score of what was given and of what was left out (1 minus the
    label's score; of a choice, what was given alone). An answer that does not parse has 0, and so has a label given
    without a score.
    """
    found = np.full(len(predictions), np.nan)
    for name, field in decisions(predictions).items():
        chances = field.probabilities((temperatures or {}).get(name, 1.0))
        left_out = np.ones_like(chances) if field.exclusive else 1.0 - chances
        weakest = np.where(field.given, chances, left_out).min(axis=1, initial=1.0)
        unscored = [
            row.answer is None or not labels_at(row.answer, name) <= set(field.labels)
            for row in (predictions[at] for at in field.rows)
        ]
        found[field.rows] = np.fmin(found[field.rows], np.where(unscored, 0.0, weakest))
    return found


def probabilities(task: Task, predictions: Sequence[Prediction]) -> Prepared:
    """`with_scores`, the number of rows that take part, and four values of which smaller ones are better.

    `ece`: expected calibration error over ten bins of equal width, the mean over decisions of the distance between a
    bin's mean score and its share of right ones; Guo et al. (2017), "On calibration of modern neural networks". Most
    labels are far from most rows, and easy: `adaptive_ece` has bins of equal mass (of all rows, whatever the weights);
    Nixon et al. (2019), "Measuring calibration in deep learning". Decisions are each label of a list and the likeliest
    option of a choice, of all fields together. `brier`: the mean over rows and labels of the squared distance between
    score and truth; Brier (1950). `aurc`: the area under the risk-coverage curve, the mean over coverages of the share
    of wrong answers (see `is_right`) among the most confident ones, equal confidences answered together; Geifman and
    El-Yaniv (2017), "Selective classification for deep neural networks". Without such rows each is 1, the worst.
    """
    fields = decisions(predictions)
    chances, truths, rows = _pooled(list(fields.values()))
    equal_width = np.linspace(0, 1, BINS + 1)
    equal_mass = np.quantile(chances, equal_width) if len(chances) else equal_width
    tables = {
        name: _bin_table(chances, truths, rows, edges, len(predictions))
        for name, edges in (("ece", equal_width), ("adaptive_ece", equal_mass))
    }
    some = np.array([bool(row.scores) and isinstance(row.gold, dict) for row in predictions], dtype=float)
    wrong = np.array([not is_right(task, row) for row in predictions], dtype=float)
    squares = _squares(list(fields.values()), len(predictions))
    return _prepared(_Rows(some, tables, squares, confidences(predictions), wrong))


@dataclass(frozen=True)
class _Rows:
    """All that is made of rows one by one: with scores or not, counts by bin, squared distances, confidence, risk."""

    some: Floats
    tables: Mapping[str, Floats]
    squares: tuple[Floats, Floats]
    confidences: Floats
    wrong: Floats

    def take(self, rows: Rows) -> "_Rows":
        tables = {name: table[rows] for name, table in self.tables.items()}
        sums, sizes = self.squares
        return _Rows(self.some[rows], tables, (sums[rows], sizes[rows]), self.confidences[rows], self.wrong[rows])


def _prepared(of: _Rows) -> Prepared:
    aurc = _aurc(of.confidences, of.wrong)

    def values(weights: Weights) -> dict[str, Values]:
        errors = {name: _calibration_error(weights @ table) for name, table in of.tables.items()}
        brier = ratio(*(weights @ part for part in of.squares), empty=1.0)
        return {"with_scores": weights @ of.some, **errors, "brier": brier, "aurc": aurc(weights)}

    return Prepared(values, lambda rows: _prepared(of.take(rows)))


def _pooled(fields: Sequence[Decisions]) -> tuple[Floats, Bools, Integers]:
    """What is judged of all fields, one after another."""
    parts = [field.judged() for field in fields] or [(np.zeros(0), np.zeros(0, bool), np.zeros(0, np.int64))]
    chances, truths, rows = zip(*parts, strict=True)
    return np.concatenate(chances), np.concatenate(truths), np.concatenate(rows)


def bin_places(chances: Floats, edges: Floats) -> Integers:
    """The bin of each score: a bin holds its lower edge, and the last its upper one too."""
    return np.asarray(np.searchsorted(edges[1:-1], chances, side="right"), dtype=np.int64)


def _bin_table(chances: Floats, truths: Bools, rows: Integers, edges: Floats, count: int) -> Floats:
    """For each row, bin after bin: decisions, the sum of their scores, and how many are true."""
    width = len(edges) - 1
    cells = rows * width + bin_places(chances, edges)
    parts = (np.ones(len(cells)), chances, truths.astype(float))
    sums = [np.bincount(cells, part, count * width).astype(np.float64).reshape(count, width) for part in parts]
    return np.concatenate(sums, axis=1)


def _calibration_error(sums: Floats) -> Values:
    counts, chances, truths = np.split(sums, 3, axis=1)
    return ratio(np.abs(chances - truths).sum(axis=1), counts.sum(axis=1), empty=1.0)


def _squares(fields: Sequence[Decisions], count: int) -> tuple[Floats, Floats]:
    """For each row the sum of squared distances and the number of labels."""
    sums, sizes = np.zeros(count), np.zeros(count)
    for field in fields:
        sums[field.rows] += ((field.probabilities() - field.gold) ** 2).sum(axis=1)
        sizes[field.rows] += len(field.labels)
    return sums, sizes


def _aurc(found: Floats, wrong: Floats) -> Callable[[Weights], Values]:
    order, ends = _by_confidence(found)
    risks = wrong[order]

    def area(weights: Weights) -> Values:
        counts = weights[:, order]
        covered, wrong = np.cumsum(counts, axis=1)[:, ends], np.cumsum(counts * risks, axis=1)[:, ends]
        steps = np.diff(covered, axis=1, prepend=0.0)
        return ratio((steps * ratio(wrong, covered)).sum(axis=1), steps.sum(axis=1), empty=1.0)

    return area


def risk_order(
    task: Task, predictions: Sequence[Prediction], temperatures: Temperatures | None = None
) -> tuple[Integers, Integers, Floats]:
    """The rows that take part, most confident first; where each run of equal confidences ends; 1 for wrong answers."""
    order, ends = _by_confidence(confidences(predictions, temperatures))
    return order, ends, np.array([not is_right(task, predictions[at]) for at in order], dtype=float)


def _by_confidence(found: Floats) -> tuple[Integers, Integers]:
    order = np.argsort(-found, kind="stable").astype(np.int64)[: int((~np.isnan(found)).sum())]
    return order, np.flatnonzero(np.diff(found[order], append=np.nan) != 0).astype(np.int64)
