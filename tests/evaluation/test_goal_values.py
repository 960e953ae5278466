"""Where a goal's value comes from, and what is said where it has none."""

from dataclasses import replace

import pytest

from evaluation.fixtures import TASKS, predictions
from ontune.errors import InputError
from ontune.evaluation.estimates import Settings, measured
from ontune.evaluation.goal_values import check_metrics, folder_gb, given_value, verdicts
from ontune.evaluation.goals import parse_goals

TASK = TASKS["label_sets"]
FAST = Settings(resamples=200)


def judge(text, rows, **given):
    found = measured(TASK, rows, FAST).estimates | {name: given_value(value) for name, value in given.items()}
    return verdicts(parse_goals([text]), TASK, "A", rows, found, FAST)[0]


def timed(*seconds: float):
    rows = predictions("label_sets", len(seconds), per_group=1)
    return [replace(row, seconds=value) for row, value in zip(rows, seconds, strict=True)]


@pytest.mark.parametrize(
    ("text", "seconds", "verdict", "needed", "value"),
    [
        ("seconds_p95<=3", [1.0] * 25, "UNDECIDED", 73, 1.0),
        ("seconds_p95<=3", [1.0] * 73, "PASS", None, 1.0),
        ("seconds_p95<=3", [1.0] * 20 + [4.0] * 20, "FAIL", None, 4.0),
        ("seconds_p50<=3", [1.0] * 25, "PASS", None, 1.0),
        ("seconds_mean<3", [1.0, 1.5] * 20, "PASS", None, 1.25),
        ("seconds_mean<3", [1.0, 4.9] * 10, "UNDECIDED", None, 2.95),
        ("seconds_mean<3", [2.0], "UNDECIDED", None, 2.0),
        ("seconds_mean<3", [0.0, 0.0], "UNDECIDED", None, None),
        ("seconds_p95<=3", [0.0, 0.0], "UNDECIDED", None, None),
    ],
)
def test_latency(text, seconds, verdict, needed, value) -> None:
    found = judge(text, timed(*seconds))
    assert (found.verdict, found.value and pytest.approx(found.value)) == (verdict, value)
    assert needed is None or found.needed == needed


@pytest.mark.parametrize(
    ("text", "given", "verdict", "why"),
    [
        ("peak_memory_gb<=8", {"peak_memory_gb": 7.5}, "PASS", None),
        ("peak_memory_gb<=8", {"peak_memory_gb": 8.5}, "FAIL", None),
        ("mine>=1", {"mine": 1}, "PASS", None),
        ("peak_memory_gb<=8", {}, "UNDECIDED", "--measured"),
        ("folder_gb<=8", {}, "UNDECIDED", "--model-folder"),
        ("faithfulness>0.7", {}, "UNDECIDED", "no judge was run"),
        ("probe_pass_rate>0.7", {}, "UNDECIDED", "no probes were run"),
        ("anls>=0.9", {}, "UNDECIDED", "a metric of manuals"),
        ("meteor>=0.5", {}, "UNDECIDED", "a metric of meteor"),
        ("condition_blocked_accuracy>=0.5", {}, "UNDECIDED", "no row is of that class"),
        ("f1_retention>=0.95", {}, "UNDECIDED", "ontune compare"),
        ("f1>=0.1", {}, "PASS", None),
    ],
)
def test_sources(text, given, verdict, why) -> None:
    found = judge(text, predictions("label_sets", 40), **given)
    assert found.verdict == verdict
    assert found.why is None if why is None else why in found.why


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("exact_mach>=0.9", r"no metric 'exact_mach': the nearest are \['exact_match'"),
        ("zzzzzz>=0.9", "no metric 'zzzzzz': there are"),
        ("seconds_p95>=3", "expected seconds_p95<=NUMBER"),
        ("exact_mach_retention>=0.9", "no metric"),
        ("peak_memory_gb<=8", None),
        ("f1_retention>=0.9", None),
        ("class_any_accuracy>=0.9", None),
        ("seconds_p99<=1", None),
    ],
)
def test_misspelled(text, fault) -> None:
    computed = measured(TASK, predictions("label_sets", 4), FAST).estimates
    goals = parse_goals(["f1>=0.9", text])
    if fault is None:
        return check_metrics(goals, TASK, computed)
    with pytest.raises(InputError, match=fault) as caught:
        check_metrics([*goals, *parse_goals(["nothing_near>=1"])], TASK, computed)
    assert len(caught.value.faults) == 2
    return None


def test_folder_size(tmp_path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/w.bin").write_bytes(b"0" * 1500)
    (tmp_path / "b.json").write_bytes(b"0" * 500)
    assert folder_gb(tmp_path) == pytest.approx(2000 / 1e9)
