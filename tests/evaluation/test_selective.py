"""What is gained by leaving the least confident answers out."""

import pytest

from evaluation.fixtures import TASKS, predictions
from evaluation.scored import CHOICE, LABELS, choices, labelled
from ontune.evaluation.measure import point
from ontune.evaluation.probabilities import is_right, probabilities
from ontune.evaluation.selective import Abstention, Point, abstain_at, confident, risk_coverage

# Confidence 0.9 right, 0.8 wrong, 0.8 right, 0.6 right, 0.5 wrong.
ROWS = choices(
    [
        ("a", "a", {"a": 0.9, "b": 0.1}),
        ("b", "a", {"a": 0.8, "b": 0.2}),
        ("b", "b", {"a": 0.2, "b": 0.8}),
        ("a", "a", {"a": 0.6, "b": 0.4}),
        ("b", "a", {"a": 0.5, "b": 0.5}),
    ]
)


def test_the_curve_answers_equal_confidences_together():
    found = risk_coverage(CHOICE, ROWS)
    assert found
    assert found.points == (Point(0.2, 0), Point(0.6, pytest.approx(1 / 3)), Point(0.8, 0.25), Point(1, 0.4))
    assert found.area == pytest.approx((0 + 1 / 3 + 1 / 3 + 1 / 4 + 2 / 5) / 5)
    assert point(probabilities(CHOICE, ROWS), 5)["aurc"] == pytest.approx(found.area)


def test_a_long_curve_is_thinned_and_keeps_both_ends_and_its_area():
    rows = predictions("label_sets", 90)
    whole, thin = (risk_coverage(TASKS["label_sets"], rows, most=most) for most in (1000, 7))
    assert whole
    assert thin
    assert len(thin.points) == 7 < len(whole.points)
    assert (thin.points[0], thin.points[-1], thin.area) == (whole.points[0], whole.points[-1], whole.area)
    assert set(thin.points) < set(whole.points)


@pytest.mark.parametrize(
    ("precision", "expected"),
    [
        (1.0, Abstention(0.9, 0.2, 1.0)),
        (0.75, Abstention(0.6, 0.8, 0.75)),
        (0.7, Abstention(0.6, 0.8, 0.75)),
        (0.5, Abstention(0.5, 1.0, 0.6)),
    ],
)
def test_abstention_answers_as_much_as_the_precision_allows(precision, expected):
    found = abstain_at(CHOICE, ROWS, precision)
    assert found
    assert (found.confidence, found.coverage, found.precision) == pytest.approx(
        (expected.confidence, expected.coverage, expected.precision)
    )
    answered = confident(ROWS, found.confidence)
    assert len(answered) == round(found.coverage * 5)


def test_where_there_is_nothing_to_choose_from():
    assert abstain_at(CHOICE, ROWS[1:2], 0.9) is None  # the only answer is wrong
    without = [labelled("A", "A")]
    assert risk_coverage(LABELS, without) is abstain_at(LABELS, without, 0.5) is risk_coverage(LABELS, []) is None
    assert confident(without, 0.0) == []


def test_a_confidence_fitted_on_one_split_helps_on_another():
    task = TASKS["label_sets"]
    fitted, other = (predictions("label_sets", 300, seed=seed, skill=0.5) for seed in (0, 1))
    found = abstain_at(task, fitted, 0.9)
    assert found
    assert found.coverage < 1
    kept = confident(other, found.confidence)
    right, all_right = (sum(is_right(task, row) for row in rows) / len(rows) for rows in (kept, other))
    assert right > max(0.8, all_right + 0.1)
