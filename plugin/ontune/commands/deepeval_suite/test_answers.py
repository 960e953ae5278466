"""Each answer against each metric, each probe, each goal: passed from its limit on.

A test is skipped where the judge failed, which is no score, and a goal where nothing in this run speaks of it.
"""

from typing import Any

import pytest

from ontune.evaluation.goals import Goal
from ontune.evaluation.judge import Case, Judged
from ontune.evaluation.judge.asserted import assert_judged, assert_known


def test_answer(case: Case, metric: str, session: Any) -> None:
    judged, failed = assert_judged(case, metric, session.judge, session.asked.threshold)
    session.judged.append(judged)
    if judged.score is None:
        pytest.skip(f"not judged: {judged.failure or judged.skipped}: {judged.reason}")
    if failed:
        pytest.fail(failed, pytrace=False)


def test_measure(case: Case, known: Judged, session: Any) -> None:
    check(case, known, session)


def test_probe(case: Case, known: Judged, session: Any) -> None:
    check(case, known, session)


def check(case: Case, known: Judged, session: Any) -> None:
    session.judged.append(known)
    if failed := assert_known(case, known, session.limit(known.metric)):
        pytest.fail(failed, pytrace=False)


def test_goal(goal: Goal, session: Any) -> None:
    value = session.value(goal.metric)
    if value is None:
        pytest.skip(f"{goal.metric}: nothing in this run speaks of it")
    if not goal.holds(value):
        pytest.fail(f"{goal.metric} is {value:.3f}: expected {goal.text}", pytrace=False)
