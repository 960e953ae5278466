"""METEOR of free text, by nltk (the extra `feedback`)."""

import importlib
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from ontune.errors import MissingExtra
from ontune.evaluation.measure import Prepared
from ontune.evaluation.predictions import Prediction
from ontune.evaluation.text_overlap import row_means, texts, words
from ontune.task.model import Task

__all__ = ["meteor", "meteor_score"]


def meteor(task: Task, predictions: Sequence[Prediction]) -> Prepared:
    """`meteor`: the mean of `meteor_score` over the rows with gold text; 0 without any, NaN where all are left out.

    Raises MissingExtra where nltk is not installed.
    """
    pairs = [texts(task, row) for row in predictions]
    return row_means({"meteor": [np.nan if pair is None else meteor_score(*pair) for pair in pairs]})


def meteor_score(gold: str, answer: str) -> float:
    """METEOR of one text with the modules exact and Porter stem; 0 where either text has no word.

    10 P R / (R + 9 P) of the matched words, less half the cube of chunks over matches: Banerjee and Lavie (2005),
    "METEOR: An Automatic Metric for MT Evaluation with Improved Correlation with Human Judgments". The module of
    WordNet synonyms is left out everywhere: it needs data that nltk downloads, and a score must not depend on whether
    they are there.
    """
    return _scorer()(gold, answer)


class _NoSynonyms:
    """WordNet without a word in it."""

    def synsets(self, _: str) -> list[Any]:
        return []


@lru_cache(maxsize=1)
def _scorer() -> Callable[[str, str], float]:
    try:
        module = importlib.import_module("nltk.translate.meteor_score")
    except ImportError:
        raise MissingExtra("nltk", "feedback") from None

    def score(gold: str, answer: str) -> float:
        return float(module.single_meteor_score(words(gold), words(answer), wordnet=_NoSynonyms()))

    return score
