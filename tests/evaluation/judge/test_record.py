"""What scores and failures come to: means over judged rows, intervals by group, and goals that failures leave open."""

import sys
from dataclasses import replace

import pytest

from evaluation.fixtures import TASKS, predictions
from ontune.errors import InputError, MissingExtra
from ontune.evaluation.estimates import Settings
from ontune.evaluation.goals import Goal, judge
from ontune.evaluation.judge import Judged, Opinion, estimates, judge_all, judge_record, load_deepeval, make_cases

ROWS = predictions("manuals", 40)
FAST = Settings(200)
MANUAL = TASKS["manuals"]


def opinion(scores, metric="correctness", name="judge-1") -> Opinion:
    """One item a row; a text is the kind of a failure."""
    pairs = zip(ROWS, scores, strict=False)
    items = [
        Judged(row.id, metric, failure=score) if isinstance(score, str) else Judged(row.id, metric, score)
        for row, score in pairs
    ]
    return Opinion(name, items, len(items), 0)


def goal(text, found):
    return judge(Goal.parse(text), found[text.split(">")[0]], "A", 0.95)


def test_a_mean_is_over_judged_rows_and_failures_are_counted_apart() -> None:
    said = opinion([1.0, 0.0, "timeout", "refused", "refused", *[0.5] * 35])
    found = estimates(said, ROWS, FAST)
    record = judge_record(said, found, make_cases(MANUAL, ROWS))
    metric = record["metrics"]["correctness"]
    assert metric["value"] == pytest.approx(0.5)
    assert metric["n"] == 37
    assert metric["failed"] == {"refused": 2, "timeout": 1}
    assert record["judge_failed"] == 3
    assert metric["bounds"] == pytest.approx([0.5 * 37 / 40, (0.5 * 37 + 3) / 40])
    assert metric["passed"] == 1
    assert record["context"] == {"gold": 40}


@pytest.mark.parametrize(
    ("failed", "text", "verdict"),
    [
        (0, "correctness>0.7", "PASS"),
        (2, "correctness>0.7", "PASS"),
        (12, "correctness>0.7", "UNDECIDED"),
        (12, "correctness>0.97", "FAIL"),
        (40, "correctness>0.7", "UNDECIDED"),
    ],
)
def test_failures_that_could_turn_a_goal_leave_it_open(failed, text, verdict) -> None:
    scores = [0.8 + 0.01 * (at % 20) for at in range(40)]
    found = estimates(opinion(["malformed"] * failed + scores[failed:]), ROWS, FAST)
    outcome = goal(text, found)
    assert outcome.verdict == verdict
    assert bool(outcome.why) == (verdict == "UNDECIDED")


def test_intervals_are_by_group_and_never_of_no_width() -> None:
    ones = estimates(opinion([0.9] * 40), ROWS, FAST)["correctness"]
    assert ones.low < 0.9 < ones.high, "ten groups that agree do not prove a number"
    assert (ones.n, ones.units, ones.method) == (40, 10, "wilson")
    by_group = estimates(opinion([float(at // 4 % 2) for at in range(40)]), ROWS, FAST)["correctness"]
    alone = [replace(row, meta={}) for row in ROWS]
    by_row = estimates(opinion([float(at // 4 % 2) for at in range(40)]), alone, FAST)["correctness"]
    assert by_group.high - by_group.low > by_row.high - by_row.low
    one_group = [replace(row, meta={"group": "g"}) for row in ROWS]
    assert estimates(opinion([0.5] * 40), one_group, FAST)["correctness"].low is None


def test_the_score_of_feedback_is_on_its_own_scale() -> None:
    found = estimates(opinion(["server", *[0.75, 1.0] * 19, 0.75], "judge_score"), ROWS, FAST)["judge_score"]
    assert found.value == pytest.approx(1 + 4 * (19 * 1.75 + 0.75) / 39)
    assert 1 <= found.low < found.value < found.high <= 5
    assert found.bounds == pytest.approx(((found.value * 39 + 1) / 40, (found.value * 39 + 5) / 40))


def test_a_second_judge_and_people_are_held_against_the_first() -> None:
    first = opinion([1.0, 1.0, 0.0, 0.0, "timeout"])
    second = opinion([1.0, 0.0, 0.0, 0.0, 1.0], name="judge-2")
    people = {ROWS[0].id: True, ROWS[2].id: False, "elsewhere": True}
    record = judge_record(first, estimates(first, ROWS, FAST), [], 0.7, second, ("labels.csv", people))
    assert record["second"]["name"] == "judge-2"
    assert record["second"]["agreement"]["correctness"] == {"n": 4, "agree": 0.75, "kappa": 0.5}
    assert record["people"] == {
        "file": "labels.csv",
        "labels": 3,
        "not_judged": 1,
        "agreement": {"correctness": {"n": 2, "agree": 1, "kappa": 1}},
    }


def test_cases(tmp_path) -> None:
    row = replace(ROWS[0], meta={"group": "g", "question": "Which torque?", "page_text": "Torque: 40 Nm"})
    text = row.gold["answer"]
    case = make_cases(MANUAL, [row])[0]
    assert (case.question, case.gold, case.context, case.source) == (
        "Which torque?",
        text,
        "Torque: 40 Nm",
        "page_text",
    )
    case = make_cases(MANUAL, [ROWS[0]], {ROWS[0].id: "Asked?"})[0]
    assert (case.question, case.context, case.source, case.images) == ("Asked?", text, "gold", ())
    bare = replace(ROWS[0], gold=None, answer=None, raw=" ")
    case = make_cases(MANUAL, [bare])[0]
    assert (case.question, case.answer, case.gold, case.context, case.source) == (MANUAL.user, "", None, None, None)
    labels = predictions("label_sets", 1)[0]
    case = make_cases(TASKS["label_sets"], [labels])[0]
    assert (case.answer, case.gold) == (labels.raw, TASKS["label_sets"].to_json(labels.gold))
    with pytest.raises(InputError, match="--judge-blind") as caught:
        make_cases(MANUAL, ROWS, media_root=tmp_path)
    assert len(caught.value.faults) == 10, "a picture each, not a row each"


def test_without_deepeval_it_says_what_to_install(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "deepeval.metrics", None)
    load_deepeval.cache_clear()
    with pytest.raises(MissingExtra, match=r"pip install 'ontune\[deepeval\]'"):
        judge_all(make_cases(MANUAL, ROWS), ["correctness"], lambda *question: {}, 1)
    load_deepeval.cache_clear()
