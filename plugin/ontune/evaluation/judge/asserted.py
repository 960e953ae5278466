"""One metric of one case by DeepEval's `assert_test`, so that its own report of a test run shows it."""

import importlib

from ontune.evaluation.judge.cases import Case
from ontune.evaluation.judge.contract import Judge
from ontune.evaluation.judge.metrics import deepeval_case, deepeval_metric, failure_of, pictures_of, reason_of
from ontune.evaluation.judge.run import Judged, without_asking

__all__ = ["assert_judged"]


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
