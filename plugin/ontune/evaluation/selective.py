"""Answering selectively: what is gained by leaving the least confident answers to a person."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ontune.evaluation.predictions import Prediction
from ontune.evaluation.probabilities import Temperatures, confidences, risk_order
from ontune.task.model import Task

__all__ = ["Abstention", "Point", "RiskCoverage", "abstain_at", "confident", "risk_coverage"]


@dataclass(frozen=True)
class Point:
    """The share of rows answered, and the share of wrong answers among them."""

    coverage: float
    risk: float


@dataclass(frozen=True)
class RiskCoverage:
    """The curve from the most confident answers to all of them, and the area under it."""

    points: tuple[Point, ...]
    area: float


@dataclass(frozen=True)
class Abstention:
    """Answer where the confidence is at least this: the share answered and the share of right ones among them."""

    confidence: float
    coverage: float
    precision: float


def risk_coverage(
    task: Task, predictions: Sequence[Prediction], temperatures: Temperatures | None = None, most: int = 200
) -> RiskCoverage | None:
    """The curve, of at most so many points evenly spread; the area is of all. None where no row has scores."""
    order, ends, risks = risk_order(task, predictions, temperatures)
    if not len(order):
        return None
    found = np.cumsum(risks)[ends] / (ends + 1)
    area = float((np.diff(ends, prepend=-1) * found).sum() / len(order))
    chosen = np.unique(np.linspace(0, len(ends) - 1, min(most, len(ends))).round().astype(int))
    points = (Point(float((ends[at] + 1) / len(order)), float(found[at])) for at in chosen)
    return RiskCoverage(tuple(points), area)


def abstain_at(
    task: Task, predictions: Sequence[Prediction], precision: float, temperatures: Temperatures | None = None
) -> Abstention | None:
    """The lowest confidence at which the share of right answers is still `precision`; None where it never is.

    Fitted on these predictions: what it brings on others is for `confident` to show.
    """
    order, ends, risks = risk_order(task, predictions, temperatures)
    right = 1.0 - np.cumsum(risks)[ends] / (ends + 1)
    enough = np.flatnonzero(right >= precision)
    if not len(enough):
        return None
    last = enough[-1]
    lowest = confidences(predictions, temperatures)[order[ends[last]]]
    return Abstention(float(lowest), float((ends[last] + 1) / len(order)), float(right[last]))


def confident(
    predictions: Sequence[Prediction], confidence: float, temperatures: Temperatures | None = None
) -> list[Prediction]:
    """The predictions that are at least this confident; rows without scores are not."""
    found = confidences(predictions, temperatures)
    return [row for row, value in zip(predictions, found, strict=True) if value >= confidence]
