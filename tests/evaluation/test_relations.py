"""Relations: spatial accuracy over closed questions, as a whole and by relation."""

import json

import pytest

from evaluation.fixtures import TASKS
from ontune.evaluation import Prediction
from ontune.evaluation.measure import point
from ontune.evaluation.relations import relations
from ontune.task import Choice, Task, Text
from ontune.task.parsing import parse
from small import ONTOLOGY

YES_NO = Task("questions", ONTOLOGY, (Choice("answer", ("yes", "no")),), metrics=("relations",))
WHERE = TASKS["relations"]


def rows(task: Task, *table: tuple[str | None, str, str | None]) -> list[Prediction]:
    """Rows of (gold's answer, raw text, the relation asked about)."""
    found: list[Prediction] = []
    for at, (gold, raw, relation) in enumerate(table):
        answer, errors = parse(task, raw)
        asked = {} if gold is None else {task.fields[0].name: gold}
        meta = {"relation": relation} if relation else {}
        found.append(Prediction(f"s{at}", "free", asked or None, raw, answer, tuple(errors), meta=meta))
    return found


YES, NO = (json.dumps({"answer": word}) for word in ("yes", "no"))


@pytest.mark.parametrize(
    ("task", "table", "expected"),
    [
        (YES_NO, [], {"spatial_accuracy": 0, "spatial_scored": 0}),
        (YES_NO, [(None, YES, "below")], {"spatial_accuracy": 0, "spatial_scored": 0}),
        (
            YES_NO,
            [
                ("yes", YES, "below"),
                ("no", YES, "below"),
                ("no", "No, it is not.", "to the left"),
                ("yes", "?", "above"),
            ],
            {
                "spatial_accuracy": 2 / 4,
                "spatial_scored": 4,
                "relation_below_accuracy": 1 / 2,
                "relation_below_scored": 2,
                "relation_to_the_left_accuracy": 1,
                "relation_to_the_left_scored": 1,
                "relation_above_accuracy": 0,
                "relation_above_scored": 1,
            },
        ),
        (
            WHERE,
            [("above", '{"relation":"above"}', None), ("below", "It lies above.", None)],
            {
                "spatial_accuracy": 1 / 2,
                "spatial_scored": 2,
                "relation_above_accuracy": 1,
                "relation_above_scored": 1,
                "relation_below_accuracy": 0,
                "relation_below_scored": 1,
            },
        ),
    ],
)
def test_metrics(task: Task, table, expected):
    found = rows(task, *table)
    assert point(relations(task, found), len(found)) == pytest.approx(expected)


def test_a_task_without_choice_has_no_questions():
    task = Task("t", ONTOLOGY, (Text("text", 9),))
    assert point(relations(task, [Prediction("s", "free", {"text": "x"}, "x", None)]), 1) == {
        "spatial_accuracy": 0,
        "spatial_scored": 0,
    }
