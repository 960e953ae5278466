"""Predictions with scores, for tests that count by hand: one field of labels, or a choice."""

import math
from collections.abc import Mapping, Sequence

from evaluation.fixtures import make_task
from ontune.evaluation import Prediction
from ontune.task import Choice, Labels, Task
from small import ONTOLOGY

LABELS = Task("areas", ONTOLOGY, (Labels("Area", "Area", 0, 3),), metrics=("probabilities",))
CHOICE = make_task("choice", Choice("class", ("a", "b", "c")), "probabilities")
MANY = {"A": "Addition", "C": "Circle", "D": "Disc"}


def labelled(gold: str, given: str | None, at: int = 0, **chances: float) -> Prediction:
    """A row over Addition, Circle and Disc, each by its first letter."""
    sides = [None if text is None else {"Area": [MANY[letter] for letter in text]} for text in (gold, given)]
    scores = {"Area": {MANY[letter]: math.log(chance) for letter, chance in chances.items()}} if chances else None
    return Prediction(f"s{at:03}", "free", sides[0], "", sides[1], scores=scores)


def chosen(gold: str, given: str, at: int = 0, **chances: float) -> Prediction:
    scores = {"class": {option: math.log(chance) for option, chance in chances.items()}}
    return Prediction(f"s{at:03}", "free", {"class": gold}, "", {"class": given}, scores=scores)


def choices(table: Sequence[tuple[str, str, Mapping[str, float]]]) -> list[Prediction]:
    return [chosen(gold, given, at, **chances) for at, (gold, given, chances) in enumerate(table)]
