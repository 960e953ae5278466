"""What a judge found, as it stands in a report, and as estimates that goals are held against."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ontune.evaluation.bootstrap import groups_of, intervals
from ontune.evaluation.estimates import Estimate, Settings
from ontune.evaluation.judge.cases import Case
from ontune.evaluation.judge.kappa import Agreement, agreement
from ontune.evaluation.judge.metrics import METRICS
from ontune.evaluation.judge.run import Judged
from ontune.evaluation.predictions import Prediction
from ontune.evaluation.significance import wilson
from ontune.evaluation.text_overlap import row_means

__all__ = ["THRESHOLD", "Opinion", "estimates", "judge_record", "passes"]

THRESHOLD = 0.7  # a score from which a row passes, for agreement

SAME = 1e-9  # what rounding may make of equal means


@dataclass(frozen=True)
class Opinion:
    """A judge's name, what it said of the rows, and how many questions it was asked and how many were kept."""

    name: str
    judged: Sequence[Judged]
    asked: int
    cached: int

    def of(self, metric: str) -> list[Judged]:
        return [item for item in self.judged if item.metric == metric]

    @property
    def metrics(self) -> list[str]:
        return list(dict.fromkeys(item.metric for item in self.judged))


def passes(judged: Sequence[Judged], threshold: float) -> dict[str, bool]:
    """Whether each row that was judged reaches the threshold, by id."""
    return {item.id: item.score >= threshold for item in judged if item.score is not None}


def estimates(opinion: Opinion, predictions: Sequence[Prediction], settings: Settings) -> dict[str, Estimate]:
    """Each metric's mean over the judged rows, with the bootstrap interval by group, on the metric's own scale.

    `bounds` are the mean if all rows that the judge failed on had the worst, or the best score.
    """
    rows = {row.id: row for row in predictions}
    found: dict[str, Estimate] = {}
    for name in opinion.metrics:
        items = opinion.of(name)
        judged = [item for item in items if item.score is not None]
        failed = sum(item.failure is not None for item in items)
        plain = _mean([item.score or 0.0 for item in judged], [rows[item.id] for item in judged], settings)
        found[name] = _scaled(_bounded(plain, failed), METRICS[name].low, METRICS[name].high)
    return found


def _mean(scores: Sequence[float], rows: Sequence[Prediction], settings: Settings) -> Estimate:
    """The mean of scores from 0 to 1; Wilson on the groups where no resample differs.

    Wilson's is the wider one there: no mean of numbers from 0 to 1 varies more than a rate of the same value.
    """
    if not scores:
        return Estimate(float("nan"), None, None, 0, 0, None)
    groups, value = groups_of(rows), float(np.mean(scores))
    n, units = len(scores), int(groups.max()) + 1
    if units < 2:
        return Estimate(value, None, None, n, units, None)
    measure = row_means({"score": list(scores)})
    span = intervals(measure, groups, settings.resamples, settings.seed, settings.level).get("score")
    if span is None:
        return Estimate(value, None, None, n, units, None)
    if span[1] - span[0] < SAME:
        return Estimate(value, *wilson(value * units, units, settings.level), n, units, "wilson")
    return Estimate(value, *span, n, units, "bootstrap")


def _bounded(plain: Estimate, failed: int) -> Estimate:
    if not failed or not plain.n:
        return plain
    total = plain.n + failed
    return replace(plain, bounds=(plain.value * plain.n / total, (plain.value * plain.n + failed) / total))


def _scaled(plain: Estimate, low: float, high: float) -> Estimate:
    def on_scale(value: float | None) -> float | None:
        return None if value is None else low + value * (high - low)

    bounds = plain.bounds and tuple(low + value * (high - low) for value in plain.bounds)
    value = low + plain.value * (high - low)
    return replace(plain, value=value, low=on_scale(plain.low), high=on_scale(plain.high), bounds=bounds)


def judge_record(
    opinion: Opinion,
    found: Mapping[str, Estimate],
    cases: Sequence[Case],
    threshold: float = THRESHOLD,
    second: Opinion | None = None,
    people: tuple[str, Mapping[str, bool]] | None = None,
) -> dict[str, Any]:
    """The `judge` of report.json; `people` are the name of a file and its verdicts by id."""
    return {
        "name": opinion.name,
        "rows": len(cases),
        "questions": opinion.asked + opinion.cached,
        "cached": opinion.cached,
        "threshold": threshold,
        "context": dict(Counter(case.source or "none" for case in cases)),
        "pictures": sum(bool(case.images) for case in cases),
        "judge_failed": sum(item.failure is not None for item in opinion.judged),
        "metrics": {name: _metric(opinion.of(name), found[name], threshold) for name in opinion.metrics},
        "second": second and _second(opinion, second, threshold),
        "people": people and _people(opinion, people, threshold),
    }


def _metric(items: Sequence[Judged], estimate: Estimate, threshold: float) -> dict[str, Any]:
    passed = passes(items, threshold)
    return estimate.to_record() | {
        "passed": sum(passed.values()),
        "failed": dict(sorted(Counter(item.failure for item in items if item.failure).items())),
        "skipped": dict(sorted(Counter(item.skipped for item in items if item.skipped).items())),
        "bounds": estimate.bounds and list(estimate.bounds),
    }


def _second(opinion: Opinion, second: Opinion, threshold: float) -> dict[str, Any]:
    verdicts = {
        name: (passes(opinion.of(name), threshold), passes(second.of(name), threshold)) for name in opinion.metrics
    }
    return {
        "name": second.name,
        "judge_failed": sum(item.failure is not None for item in second.judged),
        "agreement": {name: agreement(*pair).to_record() for name, pair in verdicts.items()},
    }


def _people(opinion: Opinion, people: tuple[str, Mapping[str, bool]], threshold: float) -> dict[str, Any]:
    file, labels = people
    ids = {item.id for item in opinion.judged}
    by_metric: dict[str, Agreement] = {
        name: agreement(passes(opinion.of(name), threshold), labels) for name in opinion.metrics
    }
    return {
        "file": file,
        "labels": len(labels),
        "not_judged": len(labels.keys() - ids),
        "agreement": {name: found.to_record() for name, found in by_metric.items()},
    }
