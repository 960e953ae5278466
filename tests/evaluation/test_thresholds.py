"""Thresholds: the best F1 by an exhaustive search, applied elsewhere, and kept in a file."""

import json
import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from evaluation.fixtures import TASKS, predictions
from evaluation.scored import LABELS, choices, labelled
from ontune.errors import InputError
from ontune.evaluation.label_sets import label_set_metrics
from ontune.evaluation.thresholds import (
    DEFAULT,
    Thresholds,
    apply,
    fit_thresholds,
    read_thresholds,
    write_thresholds,
)

ADDITION = "Addition"


def column(*pairs: tuple[bool, float]):
    return [labelled("A" if gold else "", "", at, A=chance) for at, (gold, chance) in enumerate(pairs)]


@pytest.mark.parametrize(
    ("pairs", "threshold"),
    [
        ([(True, 0.8), (False, 0.4)], 0.6),  # halfway
        ([(True, 0.8), (True, 0.4)], 0.2),  # halfway to 0, where nothing is lower
        ([(True, 0.8), (False, 0.5), (False, 0.5), (True, 0.4)], 0.65),  # 2/3 either way: the highest
        ([(True, 0.8), (False, 0.8), (False, 0.2)], 0.5),
        ([(False, 0.9), (False, 0.1)], DEFAULT),  # no support
    ],
)
def test_the_best_threshold(pairs, threshold):
    assert fit_thresholds(column(*pairs))["Area"][ADDITION] == pytest.approx(threshold)


def test_labels_without_scores_or_support_have_the_default():
    found = fit_thresholds([labelled("D", "", A=0.9)])
    assert found == {"Area": {"Addition": DEFAULT, "Disc": DEFAULT}}
    assert fit_thresholds([]) == {}
    assert fit_thresholds(choices([("a", "a", {"a": 0.9, "b": 0.1})])) == {}


chance = st.sampled_from([0.1, 0.4, 0.7]) | st.floats(0.01, 1.0)


@settings(deadline=None, max_examples=80)
@given(st.lists(st.tuples(st.booleans(), chance), min_size=1, max_size=9))
def test_no_other_threshold_is_better(pairs):
    rows = column(*pairs)
    threshold = fit_thresholds(rows)["Area"][ADDITION]
    gold, chances = [pair[0] for pair in pairs], [math.exp(math.log(pair[1])) for pair in pairs]

    def score(limit: float) -> float:
        return float(f1_score(gold, [chance >= limit for chance in chances], zero_division=0))

    assert score(threshold) == pytest.approx(max(map(score, [*chances, 2.0])), abs=1e-9)
    assert label_set_metrics(LABELS, apply(LABELS, rows, {"Area": {ADDITION: threshold}}))["f1"] == pytest.approx(
        score(threshold), abs=1e-9
    )


def test_fitted_on_one_split_they_help_on_another():
    task = TASKS["label_sets"]
    fitted, other = (predictions("label_sets", 300, seed=seed, skill=0.6) for seed in (0, 1))
    thresholds = fit_thresholds(fitted)
    before, after = (label_set_metrics(task, rows)["f1"] for rows in (other, apply(task, other, thresholds)))
    assert after > before


@pytest.mark.parametrize(
    ("row", "given", "errors"),
    [
        (labelled("A", "D", A=0.6, C=0.4), ["Addition"], ()),
        (labelled("A", "D", A=0.4, C=0.6), ["Circle"], ()),  # no threshold of its own: the default
        (labelled("A", "D", A=0.1, C=0.1), [], ()),
        (labelled("A", "D"), ["Disc"], ()),  # no scores
    ],
)
def test_labels_that_reach_their_thresholds_are_given(row, given, errors):
    (found,) = apply(LABELS, [row], {"Area": {"Addition": 0.5, "Disc": 0.9}})
    assert found.answer == {"Area": given}
    assert found.errors == errors
    assert row.scores is None or json.loads(found.raw) == found.answer


def test_what_does_not_parse_and_the_error_answer_stay():
    task = TASKS["label_sets"]
    some = predictions("label_sets", 1)[0]
    error = replace(some, answer={"Error": "UnsupportedMaterial"})
    unread = replace(some, answer=None, raw="{", errors=("invalid_json",))
    assert apply(task, [error, unread], fit_thresholds([some])) == [error, unread]


def test_at_most_the_field_s_maximum_is_given_the_likeliest_first_and_errors_are_the_answer_s_own():
    chances = {"Addition": 0.9, "Circle": 0.6, "Disc": 0.8, "Clock": 0.7}
    row = labelled("A", "A", A=0.9)
    row = replace(row, scores={"Area": {label: math.log(value) for label, value in chances.items()}})
    (found,) = apply(LABELS, [row], {"Area": {}})
    assert found.answer == {"Area": ["Addition", "Disc", "Clock"]}
    assert found.errors == ("wrong_dimension",)


def test_temperatures_count():
    row = labelled("A", "", A=0.25)
    assert apply(LABELS, [row], {"Area": {}})[0].answer == {"Area": []}
    assert apply(LABELS, [row], {"Area": {}}, {"Area": 2.0})[0].answer == {"Area": ["Addition"]}
    assert fit_thresholds([row], {"Area": 2.0})["Area"]["Addition"] == pytest.approx(0.25)


def test_a_file_gives_back_what_was_written(tmp_path):
    path = tmp_path / "thresholds.json"
    thresholds = Thresholds(fit_thresholds(predictions("label_sets", 30)), {"Area": 1.5})
    write_thresholds(path, thresholds)
    assert read_thresholds(path) == thresholds
    before = path.read_bytes()
    write_thresholds(path, read_thresholds(path))
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("record", "fault"),
    [
        ("{", "not a file of thresholds"),
        ([], "expected a JSON object with exactly"),
        ({"format": 2, "thresholds": {}, "temperatures": {}}, "expected a JSON object with exactly"),
        ({"format": 1, "thresholds": {"Area": 1}, "temperatures": {}}, "expected an object of labels"),
        ({"format": 1, "thresholds": {"Area": {"a": 2}}, "temperatures": {}}, "'a': 2: expected 0 to 1"),
        ({"format": 1, "thresholds": {"Area": {"a": True}}, "temperatures": {}}, "'a': True: expected 0 to 1"),
        ({"format": 1, "thresholds": {}, "temperatures": {"Area": 0}}, "expected a number above 0"),
    ],
)
def test_bad_files_are_named(tmp_path, record, fault):
    path = tmp_path / "t.json"
    path.write_text(record if isinstance(record, str) else json.dumps(record))
    with pytest.raises(InputError, match=r"t\.json") as caught:
        read_thresholds(path)
    assert fault in str(caught.value)
    with pytest.raises(InputError, match="not a file of thresholds"):
        read_thresholds(tmp_path / "none.json")
