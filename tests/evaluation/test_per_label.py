"""Labels and branches one by one, and which labels are taken for which."""

import pytest

from evaluation.fixtures import TASKS, predictions
from ontune.evaluation import Prediction
from ontune.evaluation.label_sets import label_set_metrics
from ontune.evaluation.per_label import LabelScore, confused_pairs, per_branch, per_label

TASK = TASKS["label_sets"]


def predict(gold: str, answer: str, at: int = 0) -> Prediction:
    areas = [{"Area": text.split(), "Scope": [], "Ability": []} for text in (gold, answer)]
    return Prediction(f"s{at}", "free", areas[0], "", areas[1])


ROWS = [predict("Addition", "Addition Shapes"), predict("Addition", "Adition", 1), predict("Circle", "Circle", 2)]


def test_each_label_with_its_support():
    assert per_label(TASK, ROWS) == [
        LabelScore("Addition", "Area", 2, 1, 1, 1.0, 0.5, pytest.approx(2 / 3)),
        LabelScore("Adition", "Area", 0, 1, 0, 0.0, 0.0, 0.0),
        LabelScore("Circle", "Area", 1, 1, 1, 1.0, 1.0, 1.0),
        LabelScore("Shapes", "Area", 0, 1, 0, 0.0, 0.0, 0.0),
    ]


def test_each_branch_with_what_lies_below_it():
    found = {score.label: (score.support, score.predicted, score.hits) for score in per_branch(TASK, ROWS)}
    expected = {"Addition": (2, 1, 1), "Arithmetic": (2, 1, 1), "Adition": (0, 1, 0)}
    assert found == expected | {"Circle": (1, 1, 1), "Shapes": (1, 2, 1), "Geometry": (1, 2, 1)}


def test_pairs_are_missed_and_wrongly_given_in_one_row_and_dimension():
    rows = [
        predict("Addition Circle", "Disc Subtraction"),
        predict("Addition", "Subtraction", 1),
        predict("Addition Circle", "Addition Circle Disc", 2),
        Prediction("s3", "free", {"Area": ["Circle"], "Scope": []}, "", {"Area": [], "Scope": ["Clock"]}),
    ]
    assert confused_pairs(TASK, rows) == [
        ("Addition", "Subtraction", 2),
        ("Addition", "Disc", 1),
        ("Circle", "Disc", 1),
        ("Circle", "Subtraction", 1),
    ]


def test_they_agree_with_the_metrics():
    rows = predictions("label_sets", 80, decoding="free")
    labels, metrics = per_label(TASK, rows), label_set_metrics(TASK, rows)
    assert sum(score.f1 for score in labels) / len(labels) == pytest.approx(metrics["macro_f1"])
    branches = per_branch(TASK, rows)
    assert sum(score.f1 for score in branches) / len(branches) == pytest.approx(metrics["hierarchical_macro_f1"])
    assert all(isinstance(value, int) for value in (labels[0].support, labels[0].predicted, labels[0].hits))


def test_no_rows():
    assert per_label(TASK, []) == per_branch(TASK, []) == confused_pairs(TASK, []) == []
