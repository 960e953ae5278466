"""Feedback: the exercise an answer names, in text and in structured answers, and ROUGE-L of its text."""

import json

import pytest

from evaluation.fixtures import TASKS
from ontune.evaluation import Prediction, compute_metrics
from ontune.evaluation.feedback import exercise, feedback
from ontune.evaluation.measure import point
from ontune.task import Choice, Labels, Task, Text
from ontune.task.parsing import parse
from small import ONTOLOGY

TASK = TASKS["feedback"]
STRUCTURED = Task(
    "structured",
    ONTOLOGY,
    (Choice("exercise", ("squats", "mountain-climbers")), Labels("mistakes", "Area"), Text("feedback", 200)),
    metrics=("label_sets", "choice", "feedback"),
)


def row(task: Task, gold: object, raw: str, at: int = 0) -> Prediction:
    answer, errors = parse(task, raw)
    return Prediction(f"s{at:03}", "free", gold, raw, answer, tuple(errors))  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("squats - feet too wide", "squats"),
        ("mountain-climbers - hips too high", "mountain climbers"),
        ("cat-cow pose - no obvious issue - slow", "cat cow pose"),
        ("high_knees - speed=2.25 rps", "high knees"),
        ("squats-feet too wide", "squats feet too wide"),
        ("squats", "squats"),
        ("squats - one\npushups - two", "squats"),
        (" - nothing before", "nothing before"),
        ("", ""),
    ],
)
def test_exercise(text: str, expected: str):
    assert exercise(text) == expected


@pytest.mark.parametrize(
    ("gold", "raw", "match"),
    [
        ("squats - feet too wide", "squats - all well", 1),
        ("squats - feet too wide", "Squats", 1),
        ("high knees - slow", "high_knees - fast", 1),
        ("mountain-climbers - hips too high", "mountain - hips too high", 0),
        ("squats - feet too wide", "pushups - feet too wide", 0),
        ("squats - feet too wide", "", 0),
        ("Keep your hips level!", "squats - keep them level", None),
        (None, "squats - well", None),
    ],
)
def test_exercise_match(gold: str | None, raw: str, match: float | None):
    found = point(feedback(TASK, [row(TASK, gold, raw)]), 1)
    assert found["exercise_scored"] == (match is not None)
    assert found["exercise_match"] == (match or 0)
    assert found["feedback_scored"] == (gold is not None)


def structured(exercise: str | None, text: str = "Well done.") -> dict[str, object]:
    return {"exercise": exercise, "mistakes": ["Addition"], "feedback": text}


@pytest.mark.parametrize(
    ("gold", "raw", "match"),
    [
        (structured("squats"), json.dumps(structured("squats", "No.")), 1),
        (structured("mountain-climbers"), json.dumps(structured("Mountain climbers")), 1),
        (structured("Mountain climbers"), json.dumps(structured("mountain-climbers")), 1),
        (structured("squats"), json.dumps(structured("mountain-climbers")), 0),
        (structured("squats"), "squats - well", 0),
        (structured(None, "squats - well"), json.dumps(structured("squats", "squats - well")), None),
    ],
)
def test_exercise_match_of_structured_answers(gold: object, raw: str, match: float | None):
    found = point(feedback(STRUCTURED, [row(STRUCTURED, gold, raw)]), 1)
    assert (found["exercise_match"] if found["exercise_scored"] else None) == match


def test_families_of_a_structured_task_go_together():
    gold = structured("squats")
    found = compute_metrics(STRUCTURED, [row(STRUCTURED, gold, json.dumps(gold))])
    assert [found[name] for name in ("exact_match", "accuracy", "exercise_match", "rouge_l")] == [1, 1, 1, 1]
