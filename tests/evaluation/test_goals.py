"""Goals: how they are written, what the sample proves, and how many rows would decide."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.fixtures import TASKS
from ontune.errors import InputError
from ontune.evaluation.estimates import Estimate
from ontune.evaluation.goal_values import check_metrics
from ontune.evaluation.goals import Goal, judge, load_goals, parse_goals
from ontune.evaluation.significance import wilson

SHIPPED = sorted((Path(__file__).resolve().parents[2] / "dataset_info" / "goals").glob("*.yaml"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("exact_match>=0.9", ("exact_match", ">=", 0.9)),
        (" seconds_p95 <= 3 ", ("seconds_p95", "<=", 3.0)),
        ("f1 > 90%", ("f1", ">", 0.9)),
        ("a.b-c<-1.5e-3", ("a.b-c", "<", -0.0015)),
        ("exact_match", None),
        ("exact_match=0.9", None),
        ("exact_match>=", None),
        (">=0.9", None),
        ("f1>=0.9.1", None),
        ("f1>=x", None),
        ("", None),
    ],
)
def test_parse(text, expected) -> None:
    if expected is None:
        with pytest.raises(InputError, match="expected METRIC>=NUMBER"):
            Goal.parse(text)
        return
    goal = Goal.parse(text)
    assert (goal.metric, goal.relation, pytest.approx(goal.limit)) == expected
    assert goal.text == text.strip()


def test_all_bad_goals_are_named_and_the_same_one_counts_once() -> None:
    with pytest.raises(InputError) as caught:
        parse_goals(["f1", "f1>=0.5", "f2=1"])
    assert len(caught.value.faults) == 2
    assert len(parse_goals(["f1>=0.5", "f1 >= 50%", "f1>=0.6"])) == 2


def rate(hits: int, count: int, units: int | None = None) -> Estimate:
    units = count if units is None else units
    return Estimate(hits / count, *wilson(hits / count * units, units), count, units, "wilson")


@pytest.mark.parametrize(
    ("text", "estimate", "verdict", "needed"),
    [
        ("a>=0.9", rate(25, 25), "UNDECIDED", 35),
        ("a>=0.9", rate(35, 35), "PASS", None),
        ("a>=0.9", rate(23, 25), "UNDECIDED", 865),
        ("a>=0.9", rate(15, 25), "FAIL", None),
        ("a>=0.9", rate(9, 10), "UNDECIDED", None),
        ("a<=0.02", rate(0, 250), "PASS", None),
        ("a<=0.02", rate(0, 100), "UNDECIDED", 189),
        ("a<=0", rate(0, 1000), "UNDECIDED", None),
        ("a<=0", rate(1, 1000), "FAIL", None),
        ("a>=1", rate(1000, 1000), "UNDECIDED", None),
        ("a>=1", rate(999, 1000), "FAIL", None),
        ("a>=0.9", rate(100, 100, units=25), "UNDECIDED", 140),
        ("a>=0.5", Estimate(0.6, 0.45, 0.75, 40, 10, "bootstrap"), "UNDECIDED", 90),
        ("a>=0.5", Estimate(0.6, 0.51, 0.75, 40, 10, "bootstrap"), "PASS", None),
        ("a>0.5", Estimate(0.5, 0.5, 0.5, 1, 1, None), "FAIL", None),
        ("a>=0.5", Estimate(0.5, 0.5, 0.5, 1, 1, None), "PASS", None),
        ("a>=0.5", Estimate(0.9, None, None, 40, 1, None), "UNDECIDED", None),
        ("a>=0.5", Estimate(0.0, None, None, 0, 0, None), "UNDECIDED", None),
        ("a>=0.5", Estimate(float("nan"), None, None, 3, 3, None), "UNDECIDED", None),
    ],
)
def test_verdicts(text, estimate, verdict, needed) -> None:
    found = judge(Goal.parse(text), estimate, "A", 0.95)
    assert (found.verdict, found.needed) == (verdict, needed)
    assert bool(found.why) == (verdict == "UNDECIDED")
    assert found.to_record()["goal"] == text


@given(
    st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.sampled_from([0.3, 0.5, 0.9])
)
def test_a_stronger_goal_never_passes_where_a_weaker_one_does_not(counts, limit) -> None:
    order = ["FAIL", "UNDECIDED", "PASS"]
    weak, strong = (judge(Goal.parse(f"a>={value}"), rate(*counts), "A", 0.95) for value in (limit, limit + 0.1))
    assert order.index(strong.verdict) <= order.index(weak.verdict)
    if weak.needed:
        hits = counts[0] / counts[1]
        low, high = wilson(hits * weak.needed, weak.needed)
        assert low >= limit or high <= limit
        assert weak.needed > counts[1]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("goals: [", "not YAML"),
        ("[]", "expected a list `goals`"),
        ("goals: []", "expected a list `goals`"),
        ("goals: [f1>=0.9]\nwhat: x", "expected a list `goals`"),
        ("goals: [f1, 'f2=3']", "expected METRIC>=NUMBER"),
        ("about: words\ngoals: [f1>=0.9]", None),
    ],
)
def test_files(tmp_path, text, fault) -> None:
    path = tmp_path / "goals" / "mine.yaml"
    path.parent.mkdir()
    path.write_text(text)
    if fault is None:
        assert load_goals("mine", tmp_path) == load_goals(str(path), tmp_path) == [Goal.parse("f1>=0.9")]
        return
    with pytest.raises(InputError, match=fault) as caught:
        load_goals("mine", tmp_path)
    assert all(str(path) in line for line in caught.value.faults)


def test_an_unknown_name_says_which_there_are(tmp_path) -> None:
    with pytest.raises(InputError, match="service_manual"):
        load_goals("service_manuals", tmp_path)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_goals_name_metrics_that_there_are(path) -> None:
    check_metrics(load_goals(path.stem), TASKS["label_sets"], {})


def test_the_goals_of_all_original_systems_are_shipped() -> None:
    names = {path.stem for path in SHIPPED}
    assert names == {
        *("edugraph", "edugraph-blueprint", "service_manual", "feedback"),
        *("conditions", "conditions-zero-shot", "conditions-int8", "conditions-int4"),
    }
