"""Feedback on exercises: whether the exercise is named, and how near the text comes to gold's."""

import re
from collections.abc import Sequence

import numpy as np

from ontune.evaluation.choice import read_choice
from ontune.evaluation.measure import Prepared
from ontune.evaluation.predictions import Prediction
from ontune.evaluation.text_overlap import rouge_l, row_means, texts, value_at
from ontune.task.model import Choice, Task

__all__ = ["exercise", "feedback"]

SEPARATOR = " - "  # a hyphen alone is part of an exercise's name: mountain-climbers, cat-cow pose
FIELD = "exercise"  # a choice field of this name says the exercise in structured answers


def feedback(task: Task, predictions: Sequence[Prediction]) -> Prepared:
    """Means over the rows with gold text (`feedback_scored`); `texts` says which texts of a row are compared.

    `rouge_l`: the text as a whole. `exercise_match`: of the rows whose gold names an exercise (`exercise_scored`),
    those whose answer names the same: that of the choice field `exercise` where the task has one, else what stands
    before the first ` - ` of the text. Without any row a value is 0, and NaN under weights that leave all its rows out.
    """
    pairs = [texts(task, row) for row in predictions]
    columns = {
        "rouge_l": [np.nan if pair is None else rouge_l(*pair) for pair in pairs],
        "exercise_match": [_match(task, row, pair) for row, pair in zip(predictions, pairs, strict=True)],
    }
    return row_means(columns, {"feedback_scored": "rouge_l", "exercise_scored": "exercise_match"})


def _match(task: Task, row: Prediction, pair: tuple[str, str] | None) -> float:
    for path, field in task.leaf_fields():
        if field.name == FIELD and isinstance(field, Choice) and not isinstance(row.gold, str):
            gold, answer = (value_at(answer, path) for answer in (row.gold, row.answer))
            if not isinstance(gold, str):
                return np.nan
            # Gold too: a dataset may write an option in other letters than the task.
            wanted = read_choice(field.options, gold) or gold
            return float(isinstance(answer, str) and read_choice(field.options, answer) == wanted)
    if pair is None or SEPARATOR not in pair[0]:
        return np.nan
    return float(exercise(pair[0]) == exercise(pair[1]))


def exercise(text: str) -> str:
    """The exercise that a text begins with: the words of its first line before the first ` - `, or of all that line.

    Compared without case and signs, so that high_knees and High knees are the same.
    """
    line = text.strip().partition("\n")[0]
    return " ".join(re.findall(r"[^\W_]+", line.partition(SEPARATOR)[0].casefold()))
