"""How much of a gold text an answer's text has: exact match, ANLS, ROUGE-L. And which texts those are."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import LCSseq, Levenshtein

from ontune.evaluation.measure import Floats, Prepared, Values, Weights, ratio
from ontune.evaluation.predictions import Prediction
from ontune.task.model import Task, Text

__all__ = ["anls", "exact_match", "plain", "rouge_l", "row_means", "texts", "value_at", "words"]

WORD = re.compile(r"[^\W_]+")
THRESHOLD = 0.5  # of ANLS: an answer that shares no more than half is wrong altogether


def value_at(answer: Mapping[str, Any] | None, path: Sequence[str]) -> Any:
    """The value at a path of keys, or None where the answer has none."""
    value: Any = answer
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None  # pyright: ignore[reportUnknownVariableType]
    return value  # pyright: ignore[reportUnknownVariableType]


def texts(task: Task, prediction: Prediction) -> tuple[str, str] | None:
    """The gold text and the answer's, or None for a row without gold text, which takes no part.

    The text of an object is that of the task's text fields, a line each; of a gold string it is the string itself, and
    then an answer that does not parse is its raw text. An answer object without such a field, and one that does not
    parse where an object is due, have the empty text.
    """
    paths = [path for path, field in task.leaf_fields() if isinstance(field, Text)]
    gold = prediction.gold if isinstance(prediction.gold, str) else _text(prediction.gold, paths)
    if gold is None:
        return None
    answer = _text(prediction.answer, paths)
    if answer is None:
        answer = prediction.raw if isinstance(prediction.gold, str) else ""
    return gold, answer.strip()


def _text(answer: Mapping[str, Any] | None, paths: Sequence[Sequence[str]]) -> str | None:
    found = [value for path in paths if isinstance(value := value_at(answer, path), str)]
    return "\n".join(found) if found else None


def row_means(columns: Mapping[str, Sequence[float] | Floats], counts: Mapping[str, str] | None = None) -> Prepared:
    """Each column's mean over the rows that take part: those with a number. NaN marks the rows that do not.

    `counts`: names of numbers of rows, each with the column whose rows it counts. A mean is 0 where none of all rows
    takes part, and undefined (NaN) where some do and the weights leave all of them out.
    """
    matrix = np.array(list(columns.values()), dtype=np.float64).T
    any_row = np.atleast_1d((~np.isnan(matrix)).any(axis=0))
    return _means(list(columns), matrix, any_row, counts or {})


def _means(names: Sequence[str], matrix: Floats, any_row: NDArray[np.bool_], counts: Mapping[str, str]) -> Prepared:
    there = ~np.isnan(matrix)
    values, part = np.where(there, matrix, 0.0), there.astype(np.float64)

    def measure(weights: Weights) -> dict[str, Values]:
        rows = weights @ part
        means = np.where(any_row, ratio(weights @ values, rows, np.nan), 0.0)
        found = {name: means[:, at] for at, name in enumerate(names)}
        return found | {name: rows[:, names.index(column)] for name, column in counts.items()}

    by_row = {name: matrix[:, at] for at, name in enumerate(names)}
    return Prepared(measure, lambda rows: _means(names, matrix[rows], any_row, counts), by_row)


def words(text: str) -> list[str]:
    """The words of a text in small letters: runs of letters and digits."""
    return WORD.findall(text.lower())


def plain(text: str) -> str:
    """A text as exact match and ANLS compare it: NFKC, no case, white space as one space, no full stop at the end."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split()).rstrip(". ")


def exact_match(gold: str, answer: str) -> float:
    """1 where both are the same plain text, two empty ones included, else 0."""
    return float(plain(gold) == plain(answer))


def anls(gold: str, answer: str) -> float:
    """Average normalised Levenshtein similarity of one row: 1 minus the edit distance over the longer length.

    0 from half the length on. Two empty texts: 1; one empty: 0. Biten et al. (2019), "Scene Text Visual Question
    Answering", equation 1; texts are compared as `plain` has them, where the paper leaves case alone to the evaluator.
    """
    distance = Levenshtein.normalized_distance(plain(gold), plain(answer))
    return 1.0 - distance if distance < THRESHOLD else 0.0


def rouge_l(gold: str, answer: str) -> float:
    """The F1 of the longest common subsequence of words: of gold it is the recall, of the answer the precision.

    0 where either text has no word. Lin (2004), "ROUGE: A Package for Automatic Evaluation of Summaries", section 3.1,
    with beta 1 and without stemming, as the package rouge-score has it; words are those of any script.
    """
    wanted, given = words(gold), words(answer)
    common = LCSseq.similarity(wanted, given)
    return 2 * common / (len(wanted) + len(given)) if common else 0.0
