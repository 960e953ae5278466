"""One metric of one case by DeepEval's `assert_test`, so that its own report of a test run shows it."""

import importlib
from functools import lru_cache
from typing import Any

from ontune.evaluation.judge.cases import Case
from ontune.evaluation.judge.contract import Judge
from ontune.evaluation.judge.metrics import (
    deepeval_case,
    deepeval_metric,
    failure_of,
    load_deepeval,
    pictures_of,
    reason_of,
)
from ontune.evaluation.judge.run import Judged, without_asking

__all__ = ["assert_judged", "assert_known"]


def assert_judged(case: Case, name: str, judge: Judge, threshold: float) -> tuple[Judged, str | None]:
    """What the metric came to, and DeepEval's words where it is below the threshold."""
    if known := without_asking(case, name):
        below = known.score is not None and known.score < threshold
        return known, f"{name}: {known.reason}: {known.score} < {threshold}" if below else None
    pictures = pictures_of(case)
    metric = deepeval_metric(name, judge, pictures, threshold)
    words = None
    try:
        importlib.import_module("deepeval").assert_test(deepeval_case(case, pictures), [metric], run_async=False)
    except AssertionError as error:
        words = str(error)
    except Exception as error:
        failure = failure_of(error)
        return Judged(case.id, name, reason=str(failure), failure=failure.kind), None
    return Judged(case.id, name, float(metric.score), reason_of(metric)), words


def assert_known(case: Case, known: Judged, threshold: float) -> str | None:
    """DeepEval's words where a score that no judge gave is below the threshold; its report shows either."""
    metric = _known_metric()(known, threshold)
    try:
        importlib.import_module("deepeval").assert_test(deepeval_case(case, {}), [metric], run_async=False)
    except AssertionError as error:
        return str(error)
    return None


@lru_cache(maxsize=1)
def _known_metric() -> Any:
    """The class of DeepEval's metric whose score is known beforehand."""

    def start(self: Any, known: Judged, threshold: float) -> None:
        self.known, self.threshold, self.async_mode, self.verbose_mode = known, threshold, False, False

    def measure(self: Any, test_case: Any, *args: Any, **options: Any) -> float:
        self.score, self.reason = self.known.score, self.known.reason
        self.is_successful()
        return self.score

    async def a_measure(self: Any, test_case: Any, *args: Any, **options: Any) -> float:
        return self.measure(test_case)

    base = load_deepeval().metrics.BaseMetric
    name = property(lambda self: self.known.metric)
    methods = {"__init__": start, "measure": measure, "a_measure": a_measure, "__name__": name, "_required_params": []}
    return type("KnownMetric", (base,), methods)
