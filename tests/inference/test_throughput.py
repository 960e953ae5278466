"""Throughput of what was answered now, latency of all that was answered."""

import pytest

from ontune.evaluation import Prediction
from ontune.inference.throughput import speed, speed_text


def prediction(seconds: float, tokens: int = 10, lost: bool = False) -> Prediction:
    errors = ("not_encoded",) if lost else ()
    return Prediction("x", "free", None, "", None, errors, tokens=tokens, seconds=seconds)


OLD, NEW, LOST = prediction(1.0), prediction(3.0), prediction(0.0, 0, lost=True)
TABLE = {
    "all now": (([OLD, NEW], [OLD, NEW], 4.0), (2, 0.5, 5.0, 2.0, 2.9)),
    "one before": (([OLD, NEW], [NEW], 4.0), (1, 0.25, 2.5, 2.0, 2.9)),
    "all before": (([OLD, NEW], [], 0.1), (0, None, None, 2.0, 2.9)),
    "one lost": (([OLD, LOST], [OLD, LOST], 2.0), (1, 0.5, 5.0, 1.0, 1.0)),
    "none": (([LOST], [LOST], 2.0), (0, None, None, None, None)),
}


@pytest.mark.parametrize("name", TABLE)
def test_speed(name) -> None:
    given, expected = TABLE[name]
    record = speed(*given)
    keys = ["answered", "samples_per_second", "tokens_per_second", "latency_p50", "latency_p95"]
    assert [record[key] for key in keys] == pytest.approx(list(expected))
    assert speed_text(record).startswith(f"{expected[0]} answered now")
    assert ("samples/s" in speed_text(record)) == (expected[1] is not None)
