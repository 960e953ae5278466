"""Each answer against each metric: passed from the threshold on; skipped where the judge failed, which is no score."""

from typing import Any

import pytest

from ontune.evaluation.judge import Case
from ontune.evaluation.judge.asserted import assert_judged


def test_answer(case: Case, metric: str, session: Any) -> None:
    judged, failed = assert_judged(case, metric, session.judge, session.threshold)
    session.judged.append(judged)
    if judged.score is None:
        pytest.skip(f"not judged: {judged.failure or judged.skipped}: {judged.reason}")
    if failed:
        pytest.fail(failed, pytrace=False)
