"""What of the predictions gets to the page."""

import json

import pytest

from ontune.evaluation import Prediction
from ontune.evaluation.page import Mark, page_samples
from ontune.task import Choice, ErrorAnswer, Group, Labels, Task, Text
from ontune.task.parsing import parse
from small import ONTOLOGY, small_task

PLAIN = small_task()
NESTED = Task(
    "nested",
    ONTOLOGY,
    (Labels("topics", "Area"), Group("page", (Choice("level", ("low", "high")), Text("why", 20)))),
    error=ErrorAnswer("refused", ("blank",)),
)


def prediction(task: Task, gold, raw: str, id_: str = "one", **other) -> Prediction:
    answer, errors = parse(task, raw)
    return Prediction(id_, "constrained", gold, raw, answer, tuple(errors), **other)


def nested(topics: list[str], level: str = "low", why: str = "so") -> dict:
    return {"topics": topics, "page": {"level": level, "why": why}}


GOLD = nested(["Addition"])


@pytest.mark.parametrize(
    ("task", "gold", "raw", "marks", "values", "right"),
    [
        (NESTED, GOLD, json.dumps(GOLD), [("Addition", "exact")], {"page.level": "low", "page.why": "so"}, True),
        (NESTED, GOLD, json.dumps(nested(["Arithmetic"])), [("Arithmetic", "ancestor")], None, False),
        (NESTED, GOLD, json.dumps(nested(["Addition"], why="else")), [("Addition", "exact")], None, False),
        (NESTED, GOLD, json.dumps(nested(["Addition", "Addition"])), [("Addition", "exact")], None, True),
        (NESTED, GOLD, "no JSON", [], {}, False),
        (NESTED, GOLD, '{"refused":"blank"}', [], {"refused": "blank"}, False),
        (NESTED, {"refused": "blank"}, '{"refused":"blank"}', [], {"refused": "blank"}, True),
        (NESTED, {"refused": "blank"}, json.dumps(GOLD), [("Addition", "wrong")], None, False),
        (NESTED, None, json.dumps(GOLD), [("Addition", "unknown")], None, None),
        (NESTED, "plain text", " plain text\n", [], {"answer": "plain text"}, True),
        (NESTED, "plain text", "another", [], {"answer": "another"}, False),
    ],
)
def test_one_answer(task, gold, raw, marks, values, right):
    (sample,) = page_samples(task, {"A": [prediction(task, gold, raw)]})
    answer = sample.answers["A"]
    assert answer.labels["Area"] == tuple(Mark(*mark) for mark in marks)
    assert values is None or answer.values == values
    assert answer.right is right
    assert sample.has_gold is (gold is not None)


def test_runs_are_joined_by_id():
    gold = {"Area": ["Addition", "Addition"], "Scope": [], "Ability": []}
    first = prediction(PLAIN, gold, json.dumps(gold), "b", images=("1.png",), meta={"group": "g"}, seconds=0.25)
    second = prediction(PLAIN, gold, "{}", "b", images=("2.png",))
    alone = prediction(PLAIN, None, "{}", "a")
    one, other = page_samples(PLAIN, {"A": [first], "B": [second, alone]})
    assert (one.id, other.id) == ("a", "b")
    assert (list(one.answers), list(other.answers)) == (["B"], ["A", "B"])
    assert (other.images, other.meta, other.gold["Area"]) == (("1.png",), {"group": "g"}, ("Addition",))
    assert other.by_field == {"Area": ("Addition",), "Scope": (), "Ability": ()}
    assert other.answers["A"].seconds == 0.25


@pytest.mark.parametrize(
    ("right", "expected"), [(None, False), ({}, False), ({"A": ["one"]}, True), ({"A": []}, False)]
)
def test_a_rule_may_say_what_is_right(right, expected):
    rows = {"A": [prediction(NESTED, GOLD, json.dumps(nested([])))]}
    (sample,) = page_samples(NESTED, rows, right)
    assert sample.answers["A"].right is expected
