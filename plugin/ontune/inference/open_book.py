"""Open-book questions at inference: the closed-book answers say which definitions to look up."""

import random
from collections.abc import Sequence
from dataclasses import replace

from ontune.evaluation.predictions import Prediction
from ontune.sharegpt import Sample, Turn
from ontune.task import Task
from ontune.task.openbook import OpenBook, closed_book

__all__ = ["close_book", "open_book"]


def close_book(samples: Sequence[Sample]) -> list[Sample]:
    """The samples without definitions in their question."""
    return [_asking(sample, closed_book(sample.prompt)) for sample in samples]


def open_book(task: Task, samples: Sequence[Sample], closed: Sequence[Prediction], seed: int) -> list[Sample]:
    """The samples with the definitions that each one's closed-book answer leads to, in an order drawn by seed."""
    book = OpenBook(task)
    answers = {prediction.id: prediction.answer for prediction in closed}
    opened: list[Sample] = []
    for sample in samples:
        labels = [label for given in task.labels_of(answers.get(sample.id)).values() for label in given]
        documents = book.inference_documents(labels, rng=random.Random(f"{seed}:{sample.id}"))
        opened.append(_asking(sample, book.prompt(sample.prompt, documents)))
    return opened


def _asking(sample: Sample, prompt: str) -> Sample:
    *before, _, gold = sample.conversations
    return replace(sample, conversations=(*before, Turn("human", prompt), gold))
