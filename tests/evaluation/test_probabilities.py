"""Values of scores: cases counted by hand, plain loops as the oracle, and scikit-learn's Brier score."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss

from evaluation.fixtures import TASKS, predictions
from evaluation.scored import CHOICE, LABELS, choices, chosen, labelled
from ontune.evaluation import FAMILIES, Prediction
from ontune.evaluation.measure import point
from ontune.evaluation.probabilities import confidences, decisions, is_right, probabilities


def values(task, rows) -> dict[str, float]:
    return point(probabilities(task, rows), len(rows))


NOTHING = {"with_scores": 0, "ece": 1, "adaptive_ece": 1, "brier": 1, "aurc": 1}


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param([], NOTHING, id="no rows"),
        pytest.param([labelled("A", "A")], NOTHING, id="no scores"),
        pytest.param(
            [Prediction("s", "free", None, "", None, scores={"Area": {"Addition": -1.0}})], NOTHING, id="no gold"
        ),
        pytest.param(
            [labelled("A", "A", A=1.0, C=1e-9)],
            {"with_scores": 1, "ece": 0, "adaptive_ece": 0, "brier": 0, "aurc": 0},
            id="sure and right",
        ),
        pytest.param(
            [labelled("A", "C", A=1e-9, C=1.0)],
            {"ece": 1, "brier": 1, "aurc": 1},
            id="sure and wrong",
        ),
        pytest.param(
            [labelled("AC", "A", A=0.8, C=0.3), labelled("A", "A", 1, A=0.9, C=0.3)],
            # Bins: 0.8 alone, 0.9 alone, twice 0.3 with one of two true.
            {"ece": (0.2 + 0.1 + 2 * 0.2) / 4, "brier": (0.04 + 0.49 + 0.01 + 0.09) / 4, "aurc": 0.5},
            id="four decisions; of two equally confident answers one is wrong",
        ),
        pytest.param(
            [labelled("AD", "A", A=0.8, C=0.1)],
            {"brier": (0.04 + 0.01 + 1) / 3},
            id="a gold label without a score is a confident miss",
        ),
        pytest.param(
            [labelled("", "", A=0.2)], {"brier": 0.04, "ece": 0.2, "aurc": 0}, id="nothing asked, nothing given"
        ),
    ],
)
def test_lists_of_labels(rows, expected):
    found = values(LABELS, rows)
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1e-8)


def test_options_of_a_choice_exclude_each_other():
    table = [("a", "a", {"a": 0.4, "b": 0.1}), ("b", "a", {"a": 0.3, "b": 0.2}), ("c", "b", {"a": 0.5, "b": 0.5})]
    rows = choices(table)
    found = values(CHOICE, rows)
    # Divided by their sums: 0.8, 0.6 and 0.5; the first alone is right. A tie goes to the option that sorts first.
    assert found["ece"] == pytest.approx((0.2 + 0.6 + 0.5) / 3)
    assert found["brier"] == pytest.approx((2 * 0.04 + 2 * 0.36 + 0.25 + 0.25 + 1) / 9)
    assert found["aurc"] == pytest.approx((0 + 1 / 2 + 2 / 3) / 3)
    assert confidences(rows) == pytest.approx([0.8, 0.6, 0.5])


@pytest.mark.parametrize(
    ("row", "confidence"),
    [
        (labelled("A", "A", A=0.9, C=0.2), 0.8),
        (labelled("A", "AC", A=0.9, C=0.2), 0.2),
        (labelled("A", "", A=0.9, C=0.2), 0.1),
        (labelled("A", "AD", A=0.9, C=0.2), 0.0),  # given without a score
        (labelled("D", "A", A=0.9), 0.9),
        (labelled("A", None, A=0.9), 0.0),
        (labelled("A", "A"), np.nan),
        (chosen("a", "c", a=0.5, b=0.5), 0.0),
    ],
)
def test_confidence_is_that_of_the_weakest_decision(row, confidence):
    assert confidences([row]) == pytest.approx([confidence], nan_ok=True)


def test_fields_are_decided_apart_and_the_weakest_counts():
    scores = {"Area": {"Addition": -0.1}, "Scope": {"Clock": -1.0}}
    gold = {"Area": ["Addition"], "Scope": ["Clock"], "Ability": []}
    row = Prediction("s", "free", gold, "", gold, scores=scores)
    assert confidences([row]) == pytest.approx(np.exp([-1.0]))
    assert list(decisions([row])) == ["Area", "Scope"]
    assert is_right(TASKS["label_sets"], row)


@pytest.mark.parametrize(
    ("gold", "answer", "right"),
    [
        ({"Area": ["Addition", "Circle"]}, {"Area": ["Circle", "Addition"]}, True),
        ({"Area": ["Addition"]}, {"Area": ["Addition"], "Scope": ["Clock"]}, True),  # no scores for Scope
        ({"Area": ["Addition"]}, {"Area": []}, False),
        ({"Area": []}, {"Error": "UnsupportedMaterial"}, False),
        ({"Error": "UnsupportedMaterial"}, {"Error": "UnsupportedMaterial"}, True),
        ({"Area": []}, None, False),
        ("text", {"Area": []}, False),
    ],
)
def test_right_in_all_fields_with_scores(gold, answer, right):
    row = Prediction("s", "free", gold, "", answer, scores={"Area": {"Addition": -1.0}})
    assert is_right(TASKS["label_sets"], row) is right


def test_fields_of_a_group_are_called_by_their_path():
    row = Prediction(
        "s", "free", {"page": {"topics": ["a"]}}, "", {"page": {"topics": []}}, scores={"page.topics": {"a": -1.0}}
    )
    found = decisions([row])["page.topics"]
    assert (found.gold.tolist(), found.given.tolist(), found.exclusive) == ([[True]], [[False]], False)


# ---------------------------------------------------------------------------------------------------- plain loops' word
chance = st.sampled_from([0.05, 0.1, 0.3, 0.5, 0.5000001, 0.9, 1.0]) | st.floats(0.001, 1.0)
subset = st.sets(st.sampled_from("ACD")).map(lambda letters: "".join(sorted(letters)))
scored_rows = st.lists(
    st.builds(lambda gold, given, a, c, d: (gold, given, a, c, d), subset, subset, chance, chance, chance),
    min_size=1,
    max_size=8,
)


def by_loops(rows: list[Prediction], task) -> dict[str, float]:
    pairs = [
        (np.exp(score), label in row.gold["Area"])  # pyright: ignore[reportArgumentType, reportCallIssue, reportOptionalSubscript]
        for row in rows
        for label, score in (row.scores or {})["Area"].items()
    ]
    ece, edges = 0.0, np.linspace(0, 1, 11)
    for at in range(10):
        members = [pair for pair in pairs if edges[at] <= pair[0] and (pair[0] < edges[at + 1] or at == 9)]
        ece += abs(sum(chance - true for chance, true in members)) / len(pairs)
    sure, order = confidences(rows), []
    for value in sorted(set(sure.tolist()), reverse=True):
        covered = [row for row, own in zip(rows, sure, strict=True) if own >= value]
        risk = sum(not is_right(task, row) for row in covered) / len(covered)
        order += [risk] * (sure == value).sum()
    brier = brier_score_loss([true for _, true in pairs], [min(chance, 1.0) for chance, _ in pairs])
    return {"ece": ece, "brier": brier, "aurc": sum(order) / len(order), "with_scores": len(rows)}


@settings(deadline=None, max_examples=60)
@given(scored_rows)
def test_values_are_those_of_plain_loops_and_scikit_learn(table):
    rows = [labelled(gold, given, at, A=a, C=c, D=d) for at, (gold, given, a, c, d) in enumerate(table)]
    found, expected = values(LABELS, rows), by_loops(rows, LABELS)
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1e-9)
    assert 0 <= found["adaptive_ece"] <= 1


@settings(deadline=None, max_examples=50)
@given(scored_rows, st.data())
def test_a_weight_says_how_often_a_row_counts(table, data):
    rows = [labelled(gold, given, at, A=a, C=c, D=d) for at, (gold, given, a, c, d) in enumerate(table)]
    weights = data.draw(st.lists(st.integers(0, 3), min_size=len(rows), max_size=len(rows)))
    repeated = [row for row, count in zip(rows, weights, strict=True) for _ in range(count)]
    found = {name: float(value[0]) for name, value in probabilities(LABELS, rows)(np.array([weights], float)).items()}
    expected = values(LABELS, repeated)
    del found["adaptive_ece"], expected["adaptive_ece"]  # its bins are those of all rows
    assert found == pytest.approx(expected, abs=1e-9)


def test_it_is_a_family_and_better_scores_have_better_values():
    assert FAMILIES["probabilities"] is probabilities
    task = TASKS["probabilities"]
    good, bad = (values(task, predictions("probabilities", 80, skill=skill)) for skill in (0.95, 0.3))
    assert all(good[name] < bad[name] for name in ("brier", "aurc"))
