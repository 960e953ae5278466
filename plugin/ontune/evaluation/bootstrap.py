"""Intervals by the bootstrap: whole groups (pages, videos, worksheets) are drawn with replacement.

Rows of one group are alike, so that drawing single rows would give intervals that are too narrow. Percentile intervals:
Efron and Tibshirani (1993), "An Introduction to the Bootstrap", chapter 13; drawn by cluster as in Field and Welsh
(2007), "Bootstrapping clustered data". A draw is a vector of weights: how often each row counts.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ontune.console import progress
from ontune.evaluation.measure import Measure, Values, Weights
from ontune.evaluation.predictions import Prediction

__all__ = ["LEVEL", "RESAMPLES", "SEED", "Groups", "draws", "groups_of", "intervals", "percentiles"]

Groups: TypeAlias = NDArray[np.int64]  # for each row the number of its group, counted from 0

RESAMPLES, SEED, LEVEL = 1000, 42, 0.95
CELLS = 1 << 22  # weights at a time: 32 MiB, whatever the number of rows


def groups_of(predictions: Sequence[Prediction]) -> Groups:
    """The number of each row's group, `meta["group"]`; a row without one is a group of its own."""
    numbers: dict[object, int] = {}
    keys = [_key(prediction, at) for at, prediction in enumerate(predictions)]
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64)


def _key(prediction: Prediction, at: int) -> object:
    group = prediction.meta.get("group")
    return group if isinstance(group, str) else at


def intervals(
    measure: Measure,
    groups: Groups,
    resamples: int = RESAMPLES,
    seed: int = SEED,
    level: float = LEVEL,
    what: str = "bootstrap",
) -> dict[str, tuple[float, float]]:
    """The percentile interval of every value of the measure; none without rows or resamples."""
    return percentiles(draws(measure, groups, resamples, seed, what), level)


def draws(
    measure: Measure, groups: Groups, resamples: int = RESAMPLES, seed: int = SEED, what: str = "bootstrap"
) -> dict[str, Values]:
    """Every value of the measure in each resample. The same groups and seed give the same draws: they can be paired."""
    if not len(groups) or not resamples:
        return {}
    size = max(1, CELLS // len(groups))
    chunks = progress(_weights(groups, resamples, seed, size), what, -(-resamples // size))
    found = [measure(weights) for weights in chunks]
    return {name: np.concatenate([values[name] for values in found]) for name in found[0]}


def percentiles(drawn: Mapping[str, Values], level: float = LEVEL) -> dict[str, tuple[float, float]]:
    """The middle `level` of every value's draws; draws where a value was undefined (NaN) are left out."""
    tails = [(1 - level) / 2, (1 + level) / 2]
    found: dict[str, tuple[float, float]] = {}
    for name, values in drawn.items():
        defined = values[~np.isnan(values)]
        low, high = np.quantile(defined, tails) if len(defined) else (np.nan, np.nan)
        found[name] = (float(low), float(high))
    return found


def _weights(groups: Groups, resamples: int, seed: int, size: int) -> Iterator[Weights]:
    """Chunks of resamples: each group as often as it was drawn, and so each of its rows."""
    rng = np.random.default_rng(seed)
    count = int(groups.max()) + 1
    for start in range(0, resamples, size):
        drawn = [
            np.bincount(rng.integers(count, size=count), minlength=count)
            for _ in range(start, min(start + size, resamples))
        ]
        yield np.stack(drawn).astype(np.float64)[:, groups]
