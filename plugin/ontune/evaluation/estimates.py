"""Values of metrics with what the sample leaves open: the interval, how it was made, and on how many rows."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ontune.evaluation.answer_errors import RATES
from ontune.evaluation.bootstrap import LEVEL, RESAMPLES, SEED, Groups, draws, groups_of, percentiles
from ontune.evaluation.families import measure as measure_of
from ontune.evaluation.measure import Floats, Prepared, Rows, Values, point
from ontune.evaluation.predictions import Prediction
from ontune.evaluation.significance import wilson
from ontune.task.model import Task

__all__ = [
    "COUNT",
    "EXTRAS",
    "Estimate",
    "Measured",
    "Settings",
    "count_of",
    "headline",
    "measured",
    "of_rows",
    "without_extras",
]

COUNT = re.compile(r"scored|.+_scored|with_scores")  # how many rows a value is over, and no value itself
ALL_ROWS = frozenset(RATES)
# The counts of values that have none of their own name (`numeric_exact_match` has `numeric_scored`), first one there.
COUNTS = (
    (re.compile(r"ece|adaptive_ece|brier|aurc"), ("with_scores",)),
    (re.compile(r"anls|rouge_l|exact_match|meteor|bertscore.*"), ("manuals_scored", "feedback_scored", "scored")),
    (re.compile(r".*accuracy|unread_rate"), ("choice_scored",)),
    (re.compile(r".*"), ("scored", "choice_scored", "manuals_scored", "feedback_scored", "spatial_scored")),
)
SHARES = re.compile(r"(^|_)(exact_match|exercise_match|accuracy|rate)$")  # rows that hit over rows, but for means
MEANS = re.compile(r"balanced_|worst_|macro_|weighted_")
WHOLE = ("exact_match", "accuracy")  # their rows are those of f1, balanced_accuracy and other values of no single row
OPEN_ENDED = re.compile(r"distance")  # not between 0 and 1
# What a screen or a slice shows of all there is: where a run is good and where it is weak.
HEADLINES = (
    *("exact_match", "f1", "macro_f1", "hierarchical_f1", "accuracy", "balanced_accuracy", "spatial_accuracy"),
    *(
        "numeric_exact_match",
        "keyword_presence",
        "exercise_match",
        "anls",
        "rouge_l",
        "ece",
        "invalid_rate",
        "unread_rate",
        "answer_relevancy",
        "faithfulness",
        "correctness",
        "hallucination",
        "judge_score",
        "probe_pass_rate",
    ),
)
EXTRAS = {"meteor": "meteor", "bertscore": "bertscore_f1"}  # families that load what is not always there, or slow


@dataclass(frozen=True)
class Settings:
    """How intervals are made."""

    resamples: int = RESAMPLES
    seed: int = SEED
    level: float = LEVEL


@dataclass(frozen=True)
class Estimate:
    """A value, its interval (None where there is none), the rows it is over and the independent units among them.

    `bounds`, where some rows could not be measured: the value if all of those were the worst, or the best.
    """

    value: float
    low: float | None
    high: float | None
    n: int
    units: int
    method: str | None
    bounds: tuple[float, float] | None = None

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

    measure: Prepared
    groups: Groups
    drawn: Mapping[str, Values]
    estimates: Mapping[str, Estimate]


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
    groups = groups_of(predictions) if groups is None else groups
    return _measured(measure_of(task, predictions), groups, settings, what)


def of_rows(whole: Measured, rows: Rows, settings: Settings, what: str) -> Measured:
    """The metrics of some of the rows, which are not prepared anew: slices."""
    groups = np.unique(whole.groups[rows], return_inverse=True)[1].astype(np.int64)
    return _measured(whole.measure.take(rows), groups, settings, what)


def _measured(measure: Prepared, groups: Groups, settings: Settings, what: str) -> Measured:
    values = point(measure, len(groups))
    drawn = draws(measure, groups, settings.resamples, settings.seed, what)
    spans = percentiles(drawn, settings.level)
    rows = _Rows(groups, values, measure.by_row)
    found = {
        name: rows.estimate(name, value, spans.get(name), settings.level)
        for name, value in values.items()
        if not COUNT.fullmatch(name)
    }
    return Measured(measure, groups, drawn, found)


def headline(names: Iterable[str]) -> list[str]:
    """Those of the names that say most, in a fixed order; the first three where none of them is known."""
    there = list(names)
    return [name for name in HEADLINES if name in there] or there[:3]


def without_extras(task: Task, metrics: Iterable[str]) -> Task:
    """The task without the families that load much or are slow, but for those of `metrics`."""
    wanted = set(metrics)
    return replace(task, metrics=tuple(name for name in task.metrics if name not in EXTRAS or EXTRAS[name] in wanted))


def count_of(name: str, counts: Mapping[str, float]) -> float | None:
    """How many rows the value of that name is over, where a count says so; `counts` are all values of the measure."""
    stems = [key for key in counts if key.endswith("_scored") and name.startswith(key.removesuffix("scored"))]
    if stems:
        return counts[max(stems, key=len)]
    known = (key for form, keys in COUNTS if form.fullmatch(name) for key in keys if key in counts)
    return next((counts[key] for key in known), None)


@dataclass(frozen=True)
class _Rows:
    """Each row's group, the counts among the values, and the rows that take part in a value where that is known."""

    groups: Groups
    values: Mapping[str, float]
    by_row: Mapping[str, Floats]

    def estimate(self, name: str, value: float, span: tuple[float, float] | None, level: float) -> Estimate:
        n, units = self._over(name)
        if not n or np.isnan(value):
            return Estimate(value, None, None, n, n, None)
        if units == n and _is_share(name, value * n):
            return Estimate(value, *wilson(round(value * n), n, level), n, n, "wilson")
        if span is None or units < 2 or np.isnan(span[0]):
            return Estimate(value, None, None, n, units, None)
        if span[0] == span[1] and value in (0, 1) and not OPEN_ENDED.search(name):
            return Estimate(value, *wilson(value * units, units, level), n, units, "wilson")
        if _is_share(name, value * n):
            span = _wider(span, wilson(round(value * n), n, level))
        return Estimate(value, *span, n, units, "bootstrap")

    def _over(self, name: str) -> tuple[int, int]:
        """How many rows the value is over, and into how many groups these fall: other rows' groups tell nothing."""
        if name in self.by_row:
            return self._taking_part(name)
        counted = None if name in ALL_ROWS else count_of(name, self.values)
        n = len(self.groups) if counted is None else round(counted)
        known = (self._taking_part(key) for key in WHOLE if key in self.by_row)
        return next((found for found in known if found[0] == n), (n, min(n, len(np.unique(self.groups)))))

    def _taking_part(self, name: str) -> tuple[int, int]:
        there = ~np.isnan(self.by_row[name])
        return int(there.sum()), int(np.count_nonzero(np.bincount(self.groups[there])))


def _wider(one: tuple[float, float], other: tuple[float, float]) -> tuple[float, float]:
    return min(one[0], other[0]), max(one[1], other[1])


def _is_share(name: str, hits: float) -> bool:
    return bool(SHARES.search(name)) and not MEANS.search(name) and abs(hits - round(hits)) < 1e-6
