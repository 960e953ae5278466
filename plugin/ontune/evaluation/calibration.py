"""Calibration of scores, field by field: bins to draw, and the temperature that fits best."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ontune.evaluation.label_matrix import Bools
from ontune.evaluation.measure import Floats
from ontune.evaluation.predictions import Prediction
from ontune.evaluation.probabilities import BINS, Decisions, Temperatures, bin_places, decisions

__all__ = ["Bin", "Calibration", "calibration", "calibration_bins", "fit_temperature"]

LEAST = 1e-12  # a score of 0 for what is true would make any temperature infinitely bad
RANGE = (0.05, 20.0)


@dataclass(frozen=True)
class Bin:
    """The decisions whose scores lie between two bounds: mean score, share of true ones, number."""

    low: float
    high: float
    confidence: float
    accuracy: float
    count: int


@dataclass(frozen=True)
class Calibration:
    """How one field's scores agree with the truth, and the temperature under which they would do so best."""

    bins: tuple[Bin, ...]
    ece: float
    adaptive_ece: float
    brier: float
    temperature: float


def calibration(predictions: Sequence[Prediction], temperatures: Temperatures | None = None) -> dict[str, Calibration]:
    """The calibration by field, of scores at the given temperatures; empty where no prediction has scores.

    The values are those of `probabilities`, of one field each.
    """
    best = fit_temperature(predictions)
    return {
        name: _calibration(field, (temperatures or {}).get(name, 1.0), best[name])
        for name, field in decisions(predictions).items()
    }


def _calibration(field: Decisions, temperature: float, best: float) -> Calibration:
    chances, truths, _ = field.judged(temperature)
    even = np.linspace(0, 1, BINS + 1)
    bins = calibration_bins(chances, truths, even)
    mass = calibration_bins(chances, truths, np.quantile(chances, even) if len(chances) else even)
    squares = (field.probabilities(temperature) - field.gold) ** 2
    brier = float(squares.mean()) if squares.size else 1.0
    return Calibration(tuple(bins), _error(bins), _error(mass), brier, best)


def calibration_bins(chances: Floats, truths: Bools, edges: Floats) -> list[Bin]:
    """The bins between the edges, empty ones too: those have no decision and 0 for both means."""
    places, width = bin_places(chances, edges), len(edges) - 1
    counts = np.bincount(places, minlength=width)
    means = [np.bincount(places, part, minlength=width) / np.maximum(counts, 1) for part in (chances, truths)]
    table = zip(
        edges[:-1].tolist(), edges[1:].tolist(), *(part.tolist() for part in means), counts.tolist(), strict=True
    )
    return [Bin(*row) for row in table]


def _error(bins: Sequence[Bin]) -> float:
    count = sum(item.count for item in bins)
    return sum(item.count * abs(item.confidence - item.accuracy) for item in bins) / count if count else 1.0


def fit_temperature(predictions: Sequence[Prediction]) -> dict[str, float]:
    """By field the temperature from 0.05 to 20 with the smallest negative log-likelihood of the gold; 1 without rows.

    Guo et al. (2017), "On calibration of modern neural networks", one against the rest for lists of labels.
    """
    return {
        name: _temperature(_loss(field)) if field.gold.size else 1.0 for name, field in decisions(predictions).items()
    }


def _loss(field: Decisions) -> Callable[[float], float]:
    def loss(logarithm: float) -> float:
        chances = np.clip(field.probabilities(float(np.exp(logarithm))), LEAST, 1 - LEAST)
        found = np.log(chances[field.gold]).sum()
        return -float(found if field.exclusive else found + np.log1p(-chances[~field.gold]).sum())

    return loss


def _temperature(loss: Callable[[float], float]) -> float:
    from scipy.optimize import minimize_scalar  # half a second to import: only who fits pays

    found: Any = minimize_scalar(loss, bounds=tuple(np.log(RANGE)), method="bounded")
    return float(np.exp(found.x))
