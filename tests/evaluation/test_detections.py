"""What a detector and a classifier are worth together."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ontune.evaluation.detections import Outcome, counts, measured
from ontune.evaluation.significance import wilson

RIGHT = Outcome("p", "toe drain", "normal", True, True, "toe drain")
WRONG = Outcome("p", "toe drain blocked", "blocked", True, True, "toe drain")
UNNAMED = Outcome("q", "toe drain blocked", "blocked", True, False, "toe drain blocked")
UNREAD = Outcome("q", "rock toe", "normal", True, False, None)
MISSED = Outcome("q", "rock toe", "normal", False, False, None)
FALSE = Outcome("q", None, None, True, False, "rock toe")


def test_each_object_counts_once() -> None:
    rows = [RIGHT, WRONG, UNNAMED, UNREAD, MISSED, FALSE]
    found = counts(rows)
    assert found == {"objects": 5, "detections": 5, "right": 2, "wrong": 2, "missed": 1, "false": 1}
    values = {name: one["value"] for name, one in measured(rows, resamples=0).items()}
    assert values == {
        "detection_precision": 0.8,
        "detection_recall": 0.8,
        "detection_f1": pytest.approx(0.8),
        "detection_object_accuracy": 0.5,
        "classification_accuracy": 0.5,
        "end_to_end_precision": 0.4,
        "end_to_end_recall": 0.4,
        "end_to_end_f1": pytest.approx(0.4),
        "class_toe_drain_recall": 1,
        "class_toe_drain_blocked_recall": 0.5,
        "class_rock_toe_recall": 0,
        "condition_normal_recall": pytest.approx(1 / 3),
        "condition_blocked_recall": 0.5,
    }


@pytest.mark.parametrize(
    ("rows", "name", "expected"),
    [
        ([], "end_to_end_recall", 0),
        ([FALSE], "detection_recall", 0),
        ([FALSE], "end_to_end_f1", 0),
        ([MISSED], "detection_precision", 0),
        ([MISSED], "classification_accuracy", 0),
        ([RIGHT], "end_to_end_f1", 1),
    ],
)
def test_shares_of_nothing(rows, name, expected) -> None:
    assert measured(rows, resamples=20)[name]["value"] == expected


def test_classes_that_are_spelt_alike_stay_apart() -> None:
    other = Outcome("p", "toe-drain", "normal", True, True, "rock toe")
    values = measured([RIGHT, other], resamples=0)
    assert sorted(values[name]["value"] for name in values if name.startswith("class_toe_drain")) == [0, 1]


def test_pictures_are_drawn_and_not_objects() -> None:
    one = measured([RIGHT] * 20 + [MISSED] * 20)["end_to_end_recall"]
    assert (one["value"], one["low"], one["high"]) == (0.5, 0, 1), "two pictures decide little, however many objects"
    pair = measured([RIGHT, replace(RIGHT, picture="r"), UNREAD])["class_toe_drain_recall"]
    assert (pair["low"], pair["high"]) == wilson(2, 2), "draws without the class say nothing of it"


def test_intervals_are_no_surer_than_the_sample() -> None:
    found = measured([RIGHT, replace(RIGHT, picture="r")] * 20)
    for name in ("detection_precision", "end_to_end_recall", "end_to_end_f1"):
        assert (found[name]["value"], found[name]["low"], found[name]["high"]) == (1, *wilson(2, 2)), name
    found = measured([replace(one, picture=f"{at}") for at, one in enumerate([RIGHT] * 19 + [MISSED])])
    assert found["end_to_end_recall"]["low"] <= wilson(19, 20)[0]
    assert found["end_to_end_recall"]["high"] >= wilson(19, 20)[1]
    assert [measured([RIGHT] * 5)["end_to_end_recall"][end] for end in ("low", "high")] == [None, None], "one picture"


@given(st.lists(st.sampled_from([RIGHT, WRONG, UNNAMED, UNREAD, MISSED, FALSE]), max_size=12))
def test_what_was_marked_and_what_was_found_add_up(rows) -> None:
    found = counts(rows)
    assert found["objects"] == found["right"] + found["wrong"] + found["missed"]
    assert found["detections"] == found["right"] + found["wrong"] + found["false"]
    values = {name: one["value"] for name, one in measured(rows, resamples=0).items()}
    assert all(0 <= value <= 1 and not math.isnan(value) for value in values.values())
    assert values["end_to_end_recall"] == pytest.approx(values["detection_recall"] * values["classification_accuracy"])
