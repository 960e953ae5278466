"""BERTScore of free text, by bert-score (the extra `feedback`), which loads torch and a model."""

import importlib
import os
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from ontune.errors import InputError, MissingExtra
from ontune.evaluation.measure import Prepared
from ontune.evaluation.predictions import Prediction
from ontune.evaluation.text_overlap import row_means, texts
from ontune.task.model import Task

__all__ = ["bertscore", "bertscore_f1"]

# A model of the hub that bert-score knows, or `FOLDER:LAYER` for any other: the layer whose embeddings are compared.
MODEL, DEFAULT = "ONTUNE_BERTSCORE_MODEL", "roberta-large"
BATCH = 32

Scorer = Callable[[list[str], list[str]], tuple[Any, Any, Any]]


def bertscore(task: Task, predictions: Sequence[Prediction]) -> Prepared:
    """`bertscore_f1`: the mean over the rows with gold text; 0 without any, NaN where all are left out.

    The model is that of the environment's ONTUNE_BERTSCORE_MODEL. Raises MissingExtra where bert-score is not
    installed, and InputError where the model cannot be loaded.
    """
    pairs = [texts(task, row) for row in predictions]
    scores = iter(bertscore_f1([pair for pair in pairs if pair is not None]))
    return row_means({"bertscore_f1": [np.nan if pair is None else next(scores) for pair in pairs]})


def bertscore_f1(pairs: Sequence[tuple[str, str]], model: str | None = None) -> list[float]:
    """The F1 of each (gold, answer): greedy matching of contextual embeddings, without idf or rescaling.

    Zhang et al. (2020), "BERTScore: Evaluating Text Generation with BERT". 0 where either text is empty.
    """
    asked = sorted({(gold.strip(), answer.strip()) for gold, answer in pairs if gold.strip() and answer.strip()})
    by_pair: dict[tuple[str, str], float] = {}
    if asked:  # only then is there anything to load a model for
        score = _scorer(model or os.environ.get(MODEL, DEFAULT))
        found = score([answer for _, answer in asked], [gold for gold, _ in asked])[2]
        by_pair = dict(zip(asked, found.tolist(), strict=True))
    return [float(by_pair.get((gold.strip(), answer.strip()), 0.0)) for gold, answer in pairs]


@lru_cache(maxsize=1)
def _scorer(model: str) -> Scorer:
    """The loaded model's scorer."""
    try:
        module = importlib.import_module("bert_score")
    except ImportError:
        raise MissingExtra("bert-score", "feedback") from None
    name, colon, layer = model.rpartition(":")
    if not colon or not layer.isdecimal():
        name, layer = model, ""
    try:
        scorer = module.BERTScorer(name, num_layers=int(layer) if layer else None, batch_size=BATCH)
    except (OSError, KeyError, ValueError, AssertionError) as error:
        raise InputError(
            f"{MODEL}: {model!r} cannot be loaded: {error!r}: expected a model that bert-score knows, or FOLDER:LAYER"
        ) from None
    return scorer.score
