"""Predictions of every metric family, made on the spot: the same arguments give the same records.

Gold depends on `seed` alone, so that runs of other `skill` answer the same questions; `skill` is the share of answers
(of labels, for label sets) that come out right. Groups are pages, videos, pictures or worksheets of `per_group` rows.
"""

import math
from collections.abc import Callable, Mapping
from random import Random
from typing import Any

from ontune.evaluation import Prediction
from ontune.evaluation.predictions import Decoding
from ontune.task import Choice, Task, Text, task_sha256
from ontune.task.parsing import parse
from small import ONTOLOGY, small_task

CLASSES = (
    "Toe drain",
    "Toe drain- Blocked",
    "Toe drain- Damaged",
    "rock toe",
    "rock toe damaged",
    "slope drain",
    "slope drain blocked",
    "slope drain damaged",
    "vegetation",
)
RELATIONS = ("above", "below", "left", "right", "overlaps", "contains")
EXERCISES = ("squats", "high plank", "mountain-climbers", "cat-cow pose")
MISTAKES = ("hips too high", "knees inwards", "no obvious issue", "back not straight")


def make_task(name: str, field: Choice | Text, *metrics: str) -> Task:
    return Task(name, ONTOLOGY, (field,), "Answer with one JSON object.", "What is it?", metrics=metrics)


LABEL_SETS = small_task()
TASKS: Mapping[str, Task] = {
    "label_sets": LABEL_SETS,
    "choice": make_task("conditions", Choice("class", CLASSES), "choice"),
    "probabilities": make_task("conditions", Choice("class", CLASSES), "choice", "probabilities"),
    "manuals": make_task("manual", Text("answer", 500), "manuals"),
    "feedback": make_task("feedback", Text("feedback", 500), "feedback"),
    "relations": make_task("relations", Choice("relation", RELATIONS), "relations"),
}
Row = tuple[dict[str, Any], dict[str, Any], dict[str, Any]]  # gold, a wrong answer, meta


def predictions(
    family: str,
    count: int = 40,
    seed: int = 0,
    skill: float = 0.8,
    decoding: Decoding = "constrained",
    per_group: int = 4,
) -> list[Prediction]:
    """The predictions of a family, sorted by id; free ones do not always parse."""
    asked, answers = Random(f"{family} {seed}"), Random(f"{family} {seed} {skill} {decoding}")
    task = TASKS[family]
    found: list[Prediction] = []
    for at in range(count):
        group = at // per_group
        gold, wrong, meta = ROWS[family](asked, answers, group, skill)
        answer = gold if answers.random() < skill else wrong
        raw = task.to_json(answer)
        if decoding == "free" and answers.random() < 0.1:
            raw = raw[: len(raw) // 2]
        parsed, errors = parse(task, raw)
        scores = make_scores(task, gold, answer, answers) if family in ("label_sets", "probabilities") else None
        picture = meta.pop("image", f"{family}/media/{group:05}.png")
        record = Prediction(
            f"{family}-{at:06}",
            decoding,
            gold,
            raw,
            parsed,
            tuple(errors),
            scores,
            () if picture.endswith(".mp4") else (picture,),
            (picture,) if picture.endswith(".mp4") else (),
            {"group": f"g{group:05}", "split": "val"} | meta,
            len(raw) // 4,
            round(0.2 + answers.random() / 2, 4),
            f"tiny-{skill}",
            task.name,
            task_sha256(task),
        )
        found.append(record)
    return found


def _label_row(asked: Random, answers: Random, group: int, skill: float) -> Row:
    gold = [label for label in ONTOLOGY.by_name if asked.random() < 0.15] or ["Addition"]
    wrong = [label for label in ONTOLOGY.by_name if answers.random() < (skill if label in gold else (1 - skill) / 4)]
    meta = {"generator": ("counting", "clocks", "shapes")[group % 3], "solution": asked.random() < 0.5}
    return LABEL_SETS.answer_from_labels(gold), LABEL_SETS.answer_from_labels(wrong), meta


def _choice_row(asked: Random, answers: Random, group: int, skill: float) -> Row:
    gold = asked.choice(CLASSES)
    near = [name for name in CLASSES if name != gold]
    condition = next((word for word in ("blocked", "damaged") if word in gold.lower()), "normal")
    thing = next(thing for thing in ("toe drain", "rock toe", "slope drain", "vegetation") if thing in gold.lower())
    return {"class": gold}, {"class": answers.choice(near)}, {"object": thing, "condition": condition}


def _manual_row(asked: Random, answers: Random, group: int, skill: float) -> Row:
    number, kind = asked.randrange(20, 120), asked.choice(["procedure", "specification", "wiring"])
    gold = {
        "procedure": f"Stage 1: {number} Nm, Stage 2: 90°",
        "specification": f"{number} Nm",
        "wiring": f"Pin {number % 9 + 1}, 12 V",
    }[kind]
    wrong = answers.choice([gold.replace("Nm", "lb-ft"), gold.replace(str(number), str(number + 7)), "Not stated."])
    section = ("11 - Engine", "21 - Clutch", "61 - Electrical")[group % 3]
    meta = {"page": f"page-{group:04}", "section": section, "content_type": kind, "question_type": "factual"}
    return {"answer": gold}, {"answer": wrong}, meta


def _feedback_row(asked: Random, answers: Random, group: int, skill: float) -> Row:
    exercise = EXERCISES[group % len(EXERCISES)]
    gold, other = asked.choice(MISTAKES), answers.choice(MISTAKES)
    wrong = f"{answers.choice(EXERCISES)} - {other}"
    meta = {"exercise": exercise, "image": f"feedback/media/{group:05}.mp4"}
    return {"feedback": f"{exercise} - {gold}"}, {"feedback": wrong}, meta


def _relation_row(asked: Random, answers: Random, group: int, skill: float) -> Row:
    gold = asked.choice(RELATIONS)
    meta = {"question": f"Where is the {asked.choice(CLASSES)} from the {asked.choice(CLASSES)}?"}
    return {"relation": gold}, {"relation": answers.choice(RELATIONS)}, meta


ROWS: Mapping[str, Callable[[Random, Random, int, float], Row]] = {
    "label_sets": _label_row,
    "choice": _choice_row,
    "probabilities": _choice_row,
    "manuals": _manual_row,
    "feedback": _feedback_row,
    "relations": _relation_row,
}


def make_scores(task: Task, gold: dict[str, Any], answer: dict[str, Any], rng: Random) -> dict[str, dict[str, float]]:
    """Log-probabilities: near 1 for what is answered, a little higher for gold than for other labels."""
    found: dict[str, dict[str, float]] = {}
    for field in task.fields:
        if isinstance(field, Choice):
            weights = [math.exp(2.5 * (option == answer[field.name]) + rng.random()) for option in field.options]
            values = [weight / sum(weights) for weight in weights]
            found[field.name] = dict(zip(field.options, map(math.log, values), strict=True))
            continue
        names = ONTOLOGY.labels(field.dimension)  # pyright: ignore[reportAttributeAccessIssue]
        chance = {name: 0.1 + 0.6 * (name in answer[field.name]) + 0.2 * (name in gold[field.name]) for name in names}
        found[field.name] = {name: math.log(chance[name] + 0.09 * rng.random()) for name in names}
    return found
