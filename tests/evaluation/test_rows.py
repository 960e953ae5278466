"""Which rows are right: by each family's own rule, row by row as the metrics count them."""

from dataclasses import replace

import numpy as np
import pytest

from evaluation.fixtures import TASKS, predictions
from ontune.errors import InputError
from ontune.evaluation import compute_metrics
from ontune.evaluation.families import measure
from ontune.evaluation.rows import BLOCK, default_rule, right_rows, rule_of, rule_text
from ontune.task.parsing import parse


@pytest.mark.parametrize(
    ("family", "rule"),
    [
        ("label_sets", "exact_match>=1"),
        ("choice", "accuracy>=1"),
        ("probabilities", "accuracy>=1"),
        ("manuals", "numeric_exact_match>=1 and keyword_presence>=0.5"),
        ("feedback", "exercise_match>=1 and rouge_l>=0.5"),
        ("relations", "spatial_accuracy>=1"),
    ],
)
def test_families_have_their_rule(family, rule) -> None:
    task, rows = TASKS[family], predictions(family, BLOCK + 40)
    metrics = compute_metrics(task, rows)
    found = default_rule(metrics)
    assert rule_text(found) == rule
    right = right_rows(measure(task, rows), rows, found)
    same = np.array([row.answer == row.gold for row in rows])
    assert (right >= same).all()
    if len(found) == 1:
        assert right.mean() == pytest.approx(metrics[found[0].metric])


def manual(gold: str, answer: str) -> bool:
    task = TASKS["manuals"]
    raw = task.to_json({"answer": answer})
    row = replace(predictions("manuals", 1)[0], gold={"answer": gold}, raw=raw, answer=parse(task, raw)[0])
    other = predictions("manuals", 5)
    rows = [*other[1:], replace(row, id="z")]
    return bool(right_rows(measure(task, rows), rows, default_rule(compute_metrics(task, other)))[-1])


@pytest.mark.parametrize(
    ("gold", "answer", "right"),
    [
        ("Tighten the bolt to 40 Nm.", "The bolt is tightened to 40 Nm", True),
        ("Tighten the bolt to 40 Nm.", "Tighten the bolt to 47 Nm.", False),
        ("Tighten the bolt to 40 Nm.", "40 Nm", False),
        ("Molykote compound coat", "Use Molykote compound", True),  # no numbers: keywords alone
        ("Molykote compound coat", "Grease", False),
    ],
)
def test_manuals(gold, answer, right) -> None:
    assert manual(gold, answer) == right


def test_rows_without_gold_are_never_right() -> None:
    rows = predictions("label_sets", 4, skill=1.0)
    rows[1] = replace(rows[1], gold=None)
    task, rule = TASKS["label_sets"], default_rule(["exact_match"])
    assert right_rows(measure(task, rows), rows, rule).tolist() == [True, False, True, True]
    assert right_rows(measure(task, []), [], rule).tolist() == []


def test_rules_by_hand() -> None:
    names = ["exact_match", "f1"]
    assert rule_text(rule_of(["f1>=0.5"], names)) == "f1>=0.5"
    assert rule_text(rule_of([], names)) == "exact_match>=1"
    with pytest.raises(InputError, match=r"--right f2>=1: no metric 'f2': there are \['exact_match', 'f1'\]"):
        rule_of(["f2>=1", "f1>=0.5"], names)
