"""Rows judged side by side: each score with its reason, each failure with its kind."""

import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path

from ontune.console import progress
from ontune.evaluation.judge.cases import Case
from ontune.evaluation.judge.contract import Judge, Kind
from ontune.evaluation.judge.metrics import (
    METRICS,
    deepeval_case,
    deepeval_metric,
    failure_of,
    load_deepeval,
    pictures_of,
    reason_of,
    skipped,
)
from ontune.evaluation.judge.pictures import Picture
from ontune.files import write_lines

__all__ = ["Judged", "judge_all", "without_asking", "write_judged"]


@dataclass(frozen=True)
class Judged:
    """What a metric came to for one row: a score from 0 to 1, or why there is none."""

    id: str
    metric: str
    score: float | None = None
    reason: str = ""
    failure: Kind | None = None
    skipped: str | None = None


def judge_all(
    cases: Sequence[Case], metrics: Sequence[str], judge: Judge, workers: int = 8, what: str = "judge"
) -> list[Judged]:
    """Every metric of every case, in their order. Raises InputError where the judge cannot be asked at all."""
    load_deepeval()
    pool = ThreadPoolExecutor(workers)
    try:
        futures = {pool.submit(_row, case, metrics, judge): at for at, case in enumerate(cases)}
        found = {futures[done]: done.result() for done in progress(as_completed(futures), what, len(futures))}
    except BaseException:  # a stop does not wait for what has not begun
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()
    return [judged for at in range(len(cases)) for judged in found[at]]


def _row(case: Case, metrics: Sequence[str], judge: Judge) -> list[Judged]:
    pictures = pictures_of(case)
    return [_judge_one(case, name, judge, pictures) for name in metrics]


def _judge_one(case: Case, name: str, judge: Judge, pictures: Mapping[str, Picture]) -> Judged:
    if known := without_asking(case, name):
        return known
    metric = deepeval_metric(name, judge, pictures, threshold=0.5)
    try:
        metric.measure(deepeval_case(case, pictures), _show_indicator=False)
    except Exception as error:  # the judge's failures come through DeepEval in many coats
        failure = failure_of(error)
        return Judged(case.id, name, reason=str(failure), failure=failure.kind)
    return Judged(case.id, name, float(metric.score), reason_of(metric))


def without_asking(case: Case, name: str) -> Judged | None:
    """What is known without the judge: that there is nothing to judge, or the score of an empty answer."""
    if why := skipped(name, case):
        return Judged(case.id, name, skipped=why)
    return None if case.answer else Judged(case.id, name, METRICS[name].empty, "empty answer")


def write_judged(path: Path, judged: Sequence[Judged], judge: str) -> None:
    """Writes a line for each row and metric: the score on the metric's own scale, or what there is in its place."""
    write_lines(path, _lines(judged, judge))


def _lines(judged: Sequence[Judged], judge: str) -> Iterator[str]:
    for item in judged:
        metric = METRICS[item.metric]
        score = None if item.score is None else metric.low + item.score * (metric.high - metric.low)
        yield json.dumps(asdict(item) | {"score": score, "judge": judge}, ensure_ascii=True)
