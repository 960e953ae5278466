"""Families beside each other, and rows that are taken out of what was prepared."""

import json
from dataclasses import replace

import numpy as np
import pytest

from evaluation.fixtures import TASKS, predictions
from ontune.evaluation import Prediction, compute_metrics
from ontune.evaluation.families import measure
from ontune.task import Choice, Labels, Task, Text
from ontune.task.parsing import parse
from small import ONTOLOGY

STRUCTURED = Task(
    "structured",
    ONTOLOGY,
    (Choice("kind", ("sum", "clock")), Labels("Area", "Area"), Text("why", 200)),
    metrics=("label_sets", "choice", "manuals", "feedback"),
)
GOLD = {"kind": "sum", "Area": ["Addition"], "why": "Two numbers are added."}


def structured(**changed: object) -> Prediction:
    raw = json.dumps(GOLD | changed)
    answer, errors = parse(STRUCTURED, raw)
    return Prediction("a", "free", GOLD, raw, answer, tuple(errors))


@pytest.mark.parametrize(
    ("changed", "exact", "accuracy", "text"),
    [
        ({}, 1, 1, 1),
        ({"why": "No idea."}, 1, 1, 0),
        ({"kind": "clock"}, 0, 0, 1),
        ({"Area": ["Shapes"]}, 0, 1, 1),
        ({"Area": ["Addition", "Addition"]}, 1, 1, 1),
    ],
)
def test_exact_match_of_a_structured_answer_is_all_but_its_texts(changed, exact, accuracy, text) -> None:
    found = compute_metrics(STRUCTURED, [structured(**changed)])
    assert (found["exact_match"], found["accuracy"], found["manuals_exact_match"]) == (exact, accuracy, text)
    assert found["rouge_l"] == found["feedback_rouge_l"]


@pytest.mark.parametrize("family", sorted(TASKS))
def test_rows_taken_are_worth_what_they_are_alone(family) -> None:
    task, rows = TASKS[family], predictions(family, 60)
    rows[7] = replace(rows[7], gold=None)
    some = np.array([3, 7, 11, 12, 40, 59])
    weights = np.array([[1.0] * 6, [2, 0, 1, 0, 3, 0]])
    taken, alone = measure(task, rows).take(some)(weights), measure(task, [rows[at] for at in some])(weights)
    assert alone.keys() <= taken.keys()  # a class that none of them has is undefined among those taken
    # Bins of equal mass, and what object or condition a class stands for, are known from all rows.
    of_all = {name for name in alone if "object" in name or "condition" in name or name == "adaptive_ece"}
    for name in alone.keys() - of_all:
        assert np.allclose(taken[name], alone[name], equal_nan=True), name
    assert all(np.isnan(taken[name]).any() or name.endswith("scored") for name in taken.keys() - alone.keys())
    assert measure(task, rows).take(some).by_row.keys() == measure(task, rows).by_row.keys()


@pytest.mark.parametrize("family", sorted(TASKS))
def test_values_by_row_have_the_metric_as_their_mean(family) -> None:
    task, rows = TASKS[family], predictions(family, 40)
    found = measure(task, rows)
    values = found(np.ones((1, 40)))
    assert found.by_row or family == "probabilities"
    for name, by_row in found.by_row.items():
        assert np.nanmean(by_row) == pytest.approx(values[name][0]), name
