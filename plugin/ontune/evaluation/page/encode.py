"""The page's data in little space: each string once, samples as rows of numbers that point at strings."""

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, get_args

from ontune.evaluation.page.samples import PageSample, RunAnswer
from ontune.evaluation.relation import Relation
from ontune.evaluation.slices import NONE

__all__ = ["Names", "encode_samples", "encode_scores", "finite", "to_script"]

RELATIONS: Sequence[str] = get_args(Relation)
LEAST = -9210  # thousandths of log odds of 0.0001: the smallest probability that the page carries
UNSAFE = re.compile("[<>&\u2028\u2029\ud800-\udfff]")  # what could end a script element, a line, or UTF-8


class Names:
    """Strings by the number that stands for them, in the order they came."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}

    def __call__(self, name: str) -> int:
        """The number of this string."""
        return self.numbers.setdefault(name, len(self.numbers))

    def all(self, names: Iterable[str]) -> list[int]:
        """The numbers of these strings."""
        return [self(name) for name in names]

    def __iter__(self) -> Iterator[str]:
        """The strings, each at its number."""
        return iter(self.numbers)


def to_script(value: object) -> str:
    """JSON that may stand in a script element: no markup, no separator and no half of a surrogate pair unescaped."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def finite(value: Any) -> Any:
    """The same record with null for every number that JSON cannot hold."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): finite(item) for key, item in value.items()}  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
    return value


def encode_samples(
    samples: Sequence[PageSample], runs: Sequence[str], labels: Names, pictures: Names
) -> dict[str, Any]:
    """Tables of strings, and a row a sample and run."""
    dimensions, fields, keys, values, errors = Names(), Names(), Names(), Names(), Names()
    rows = [
        [
            sample.id,
            pictures.all((*sample.images, *sample.videos)),
            {dimensions(dimension): labels.all(found) for dimension, found in sample.gold.items()},
            {fields(name): text for name, text in sample.values.items()},
            [number for key, value in sorted(sample.meta.items()) for number in (keys(key), values(_plain(value)))],
            int(sample.has_gold),
        ]
        for sample in samples
    ]

    def answer_row(answer: RunAnswer | None) -> list[Any] | None:
        if answer is None:
            return None
        marks = {
            dimensions(dimension): [
                number for mark in found for number in (labels(mark.label), RELATIONS.index(mark.relation))
            ]
            for dimension, found in answer.labels.items()
        }
        texts = {fields(name): text for name, text in answer.values.items()}
        right = None if answer.right is None else int(answer.right)
        return [marks, texts, right, answer.raw, errors.all(answer.errors), round(answer.seconds, 3)]

    answers = {run: [answer_row(sample.answers.get(run)) for sample in samples] for run in runs}
    tables = {"dimensions": dimensions, "fields": fields, "metaKeys": keys, "metaValues": values, "errors": errors}
    listed = {name: list(table) for name, table in tables.items()}
    return {"samples": rows, "answers": answers, "relations": list(RELATIONS), **listed}


def encode_scores(samples: Sequence[PageSample], runs: Sequence[str], labels: Names) -> dict[str, Any]:
    """By run and field, a row a sample with gold and scores: gold labels, and [label, thousandths of log odds, …].

    What is less probable than any slider reaches is left out; gold among it still counts as missed. Of a choice there
    is the best option alone.
    """
    found: dict[str, Any] = {}
    for run in runs:
        for sample in samples:
            answer = sample.answers.get(run)
            for field, gold in sample.by_field.items():
                scores = answer.scores.get(field) if answer and answer.scores else None
                if not scores or not sample.has_gold:
                    continue
                choice = field in sample.choices
                kept = sorted(_odds(scores, choice), key=lambda item: (-item[1], item[0]))[: 1 if choice else None]
                flat = [number for label, odds in kept if odds >= LEAST for number in (labels(label), odds)]
                empty: dict[str, Any] = {"choice": int(choice), "rows": []}
                found.setdefault(run, {}).setdefault(field, empty)["rows"].append([labels.all(gold), flat])
    return found


def _odds(scores: Mapping[str, float], exclusive: bool) -> list[tuple[str, int]]:
    """Thousandths of log odds; options that exclude each other are divided by their sum first."""
    chances = {label: math.exp(min(score, 0.0)) for label, score in scores.items()}
    whole = sum(chances.values()) if exclusive else 1.0
    return [(label, _log_odds(chance / whole)) for label, chance in chances.items()]


def _log_odds(chance: float) -> int:
    if chance <= 0 or chance >= 1:
        return -LEAST if chance else 2 * LEAST
    return min(-LEAST, round(1000 * math.log(chance / (1 - chance))))


def _plain(value: object) -> str:
    """A meta value as slices name it."""
    if value is None:
        return NONE
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
