"""Values of metrics with what the sample leaves open: the interval, how it was made, and on how many rows."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ontune.evaluation.bootstrap import LEVEL, RESAMPLES, SEED, Groups, draws, groups_of, percentiles
from ontune.evaluation.families import measure as measure_of
from ontune.evaluation.measure import Measure, Values, point
from ontune.evaluation.predictions import Prediction
from ontune.evaluation.significance import wilson
from ontune.task.model import Task

__all__ = ["Estimate", "Measured", "Settings", "measured"]

SCORED = "scored"  # how many rows had gold to compare with: what scores are means over, and no score itself
ALL_ROWS = re.compile(r"(^|_)rate$")
SHARES = re.compile(r"(^|_)(exact_match|accuracy|rate)$")  # counts of rows over a count of rows …
MEANS = re.compile(r"balanced_|macro_|weighted_|mean_")  # … but not these
OPEN_ENDED = re.compile(r"distance|temperature|scored$|count$|seconds|tokens")  # not between 0 and 1


@dataclass(frozen=True)
class Settings:
    """How intervals are made."""

    resamples: int = RESAMPLES
    seed: int = SEED
    level: float = LEVEL


@dataclass(frozen=True)
class Estimate:
    """A value, its interval (None where there is none), the rows it is over and the independent units among them."""

    value: float
    low: float | None
    high: float | None
    n: int
    units: int
    method: str | None

    def to_record(self) -> dict[str, float | int | str | None]:
        """As it stands in report.json; a value that is undefined is null."""
        numbers = {"value": self.value, "low": self.low, "high": self.high}
        defined = {
            key: None if number is None or not np.isfinite(number) else number for key, number in numbers.items()
        }
        return defined | {"n": self.n, "method": self.method}


@dataclass(frozen=True)
class Measured:
    """The metrics of some predictions: the measure itself, the rows' groups, every resample's values, the estimates."""

    measure: Measure
    groups: Groups
    drawn: Mapping[str, Values]
    estimates: Mapping[str, Estimate]
    scored: int


def measured(
    task: Task,
    predictions: Sequence[Prediction],
    settings: Settings,
    groups: Groups | None = None,
    what: str = "bootstrap",
) -> Measured:
    """The metrics that the task names: Wilson intervals for rates where every row is its own group, else the bootstrap.

    A bootstrap that never varies (all groups right, say) says nothing: there the groups are counted by Wilson instead.
    A rate's bootstrap interval is never narrower than Wilson's: with few errors in few groups it would be.
    `groups` are those of the predictions' `meta` where nothing else is said.
    """
    measure = measure_of(task, predictions)
    groups = groups_of(predictions) if groups is None else groups
    values = point(measure, len(predictions))
    drawn = draws(measure, groups, settings.resamples, settings.seed, what)
    scored = int(values.get(SCORED, len(predictions)))
    spans = percentiles(drawn, settings.level)
    rows = _Rows(len(predictions), scored, int(groups.max(initial=-1)) + 1)
    found = {
        name: rows.estimate(name, value, spans.get(name), settings.level)
        for name, value in values.items()
        if name != SCORED
    }
    return Measured(measure, groups, drawn, found, scored)


@dataclass(frozen=True)
class _Rows:
    """How many rows there are, how many of them have gold, and how many groups they fall into."""

    count: int
    scored: int
    groups: int

    def estimate(self, name: str, value: float, span: tuple[float, float] | None, level: float) -> Estimate:
        n = self.count if ALL_ROWS.search(name) else self.scored
        if not n or np.isnan(value):
            return Estimate(value, None, None, n, n, None)
        if self.groups == self.count and _is_share(name, value * n):
            return Estimate(value, *wilson(round(value * n), n, level), n, n, "wilson")
        units = min(n, self.groups)
        if span is None or units < 2 or np.isnan(span[0]):
            return Estimate(value, None, None, n, units, None)
        if span[0] == span[1] and value in (0, 1) and not OPEN_ENDED.search(name):
            return Estimate(value, *wilson(value * units, units, level), n, units, "wilson")
        if _is_share(name, value * n):
            span = _wider(span, wilson(round(value * n), n, level))
        return Estimate(value, *span, n, units, "bootstrap")


def _wider(one: tuple[float, float], other: tuple[float, float]) -> tuple[float, float]:
    return min(one[0], other[0]), max(one[1], other[1])


def _is_share(name: str, hits: float) -> bool:
    return bool(SHARES.search(name)) and not MEANS.search(name) and abs(hits - round(hits)) < 1e-6
