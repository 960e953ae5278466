"""What the page shows of a sample: its gold answer beside each run's, every label with its relation to gold."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from ontune.evaluation.label_matrix import value_at
from ontune.evaluation.predictions import Prediction, Scores
from ontune.evaluation.relation import Relation, relation
from ontune.task.model import Answer, Choice, Constant, Labels, Task

__all__ = ["Mark", "PageSample", "RunAnswer", "page_samples"]


@dataclass(frozen=True)
class Mark:
    """A label that a run gave, and what it is to the gold labels of its dimension."""

    label: str
    relation: Relation


@dataclass(frozen=True)
class RunAnswer:
    """What one run answered: labels by dimension, all other fields as text, and whether all of it is gold's.

    `right` is None where there is no gold. `scores` are log-probabilities by field and label.
    """

    labels: Mapping[str, tuple[Mark, ...]]
    values: Mapping[str, str]
    right: bool | None
    raw: str
    errors: tuple[str, ...] = ()
    scores: Scores | None = None
    seconds: float = 0.0


@dataclass(frozen=True)
class PageSample:
    """One sample of the page: gold as labels by dimension and other fields as text, and each run's answer by name.

    `by_field` has the gold labels (or the one option) of every field that may carry scores; `choices` names the fields
    of one option. Pictures and videos are paths relative to the media root.
    """

    id: str
    answers: Mapping[str, RunAnswer]
    images: tuple[str, ...] = ()
    videos: tuple[str, ...] = ()
    has_gold: bool = True
    gold: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    values: Mapping[str, str] = field(default_factory=dict[str, str])
    by_field: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    choices: tuple[str, ...] = ()
    meta: Mapping[str, Any] = field(default_factory=dict[str, Any])


def page_samples(
    task: Task, runs: Mapping[str, Sequence[Prediction]], right: Mapping[str, Collection[str]] | None = None
) -> list[PageSample]:
    """The samples of all runs, sorted by id; gold, pictures and meta are those of the first run that has the sample.

    `right` names the ids that each run answers rightly, by whatever rule; a run that it lacks is right where all fields
    are those of gold.
    """
    found: dict[str, dict[str, Prediction]] = {}
    for name, predictions in runs.items():
        for prediction in predictions:
            found.setdefault(prediction.id, {})[name] = prediction
    return [_sample(task, found[sample_id], right or {}) for sample_id in sorted(found)]


def _sample(task: Task, by_run: Mapping[str, Prediction], right: Mapping[str, Collection[str]]) -> PageSample:
    first = next(iter(by_run.values()))
    gold = first.gold if isinstance(first.gold, dict) else {}
    scored = {".".join(path): (path, item) for path, item in task.leaf_fields() if isinstance(item, Labels | Choice)}
    return PageSample(
        id=first.id,
        answers={name: _answer(task, prediction, first.gold, right.get(name)) for name, prediction in by_run.items()},
        images=first.images,
        videos=first.videos,
        has_gold=first.gold is not None,
        gold={dimension: tuple(dict.fromkeys(labels)) for dimension, labels in task.labels_of(gold).items()},
        values=_whole(first.gold) if isinstance(first.gold, str) else _texts(task, gold),
        by_field={name: _options(value_at(gold, path)) for name, (path, _) in scored.items()},
        choices=tuple(name for name, (_, item) in scored.items() if isinstance(item, Choice)),
        meta=first.meta,
    )


def _answer(task: Task, prediction: Prediction, gold: Answer | str | None, right: Collection[str] | None) -> RunAnswer:
    wanted = task.labels_of(gold if isinstance(gold, dict) else None)
    marks = {
        dimension: tuple(
            Mark(label, relation(task, label, wanted[dimension]) if isinstance(gold, dict) else "unknown")
            for label in dict.fromkeys(labels)
        )
        for dimension, labels in task.labels_of(prediction.answer).items()
    }
    by_rule = None if right is None or gold is None else prediction.id in right
    return RunAnswer(
        labels=marks,
        values=_whole(prediction.raw.strip()) if isinstance(gold, str) else _texts(task, prediction.answer or {}),
        right=_right(task, prediction, gold) if by_rule is None else by_rule,
        raw=prediction.raw,
        errors=prediction.errors,
        scores=prediction.scores,
        seconds=prediction.seconds,
    )


def _right(task: Task, prediction: Prediction, gold: Answer | str | None) -> bool | None:
    if gold is None:
        return None
    if isinstance(gold, str):
        return prediction.raw.strip() == gold.strip()
    return prediction.answer is not None and _compared(task, prediction.answer) == _compared(task, gold)


def _compared(task: Task, answer: Answer) -> tuple[object, list[frozenset[str] | str]]:
    """The error value and every field's value: a label list as a set, all else as text."""
    error = answer.get(task.error.key) if task.error else None
    values = [(item, value_at(answer, path)) for path, item in task.leaf_fields()]
    return error, [frozenset(_options(value)) if isinstance(item, Labels) else _text(value) for item, value in values]


def _texts(task: Task, answer: Answer) -> dict[str, str]:
    """What is neither labels nor the same in every answer, by path: choices and texts, or the error answer."""
    if task.error and task.is_error(answer):
        return {task.error.key: _text(answer[task.error.key])}
    fields = [(path, item) for path, item in task.leaf_fields() if not isinstance(item, Labels | Constant)]
    found = {".".join(path): value_at(answer, path) for path, _ in fields}
    return {name: _text(value) for name, value in found.items() if value is not None}


def _whole(text: str) -> dict[str, str]:
    """A text answer that is no object, under the name that stands for all of it."""
    return {"answer": text}


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _options(value: object) -> tuple[str, ...]:
    values = cast("list[object]", value) if isinstance(value, list) else [value]
    return tuple(dict.fromkeys(item for item in values if isinstance(item, str)))
