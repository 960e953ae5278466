"""Where answers are wrong most surely: what to collect or generate next."""

import csv
import io
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ontune.evaluation.choice import classes
from ontune.evaluation.predictions import Prediction
from ontune.evaluation.significance import wilson
from ontune.task.model import Choice, Task

__all__ = ["COLUMNS", "Spot", "fields_of", "telling_nothing", "to_csv", "weak_spots"]

COLUMNS = ("kind", "value", "n", "wrong", "error_rate", "lower_bound", "examples")
CONCEPT, CONFUSED, PAGE = "concept", "confused", "page"
PAGES = ("page", "page_id")  # what sources call the page that a question is about
GOLD = ""  # no kind of a spot
EXAMPLES = 10
Pair = tuple[str, str]  # kind, value


@dataclass(frozen=True)
class Spot:
    """One value of one kind: on how many rows it is, on how many of them the answer is wrong, and some of those."""

    kind: str
    value: str
    n: int
    wrong: int
    lower_bound: float
    examples: tuple[str, ...]

    def to_record(self) -> dict[str, Any]:
        numbers = {"error_rate": round(self.wrong / self.n, 4), "lower_bound": round(self.lower_bound, 4)}
        counts = {"kind": self.kind, "value": self.value, "n": self.n, "wrong": self.wrong}
        return counts | numbers | {"examples": list(self.examples)}


def weak_spots(
    task: Task, predictions: Sequence[Prediction], right: NDArray[np.bool_], by: Iterable[str] = (), level: float = 0.95
) -> list[Spot]:
    """All values with a wrong answer, worst first: by the lower bound of the error rate, so that few rows do not lead.

    Kinds: every metadata field (or those of `by` alone) that tell rows apart, where a page's field is called `page`
    whatever the source called it; `concept`: a label or option, wrong where it was missed or wrongly given; `confused`:
    `gold > given` in the place of it, over the rows with that gold. Rows without gold take no part.
    """
    count = _Counts()
    left_out = set(telling_nothing(predictions))
    wanted = set(by)
    for row, hit, sets in zip(predictions, right, _sets(task, predictions), strict=True):
        if row.gold is None:
            continue
        named = ((PAGE if key in PAGES else key, key, value) for key, value in row.meta.items() if value != "")
        pairs = [
            (kind, str(value))
            for kind, key, value in named
            if value is not None and ({key, kind} & wanted if wanted else key not in left_out)
        ]
        for kind, value in dict.fromkeys(pairs):  # a row with both names of its page is one row of it
            count.add(kind, value, row.id, not hit)
        for gold, given in sets:
            count.add_labels(gold, given, row.id)
    spots = [count.spot(kind, value, level) for kind, value in count.wrong]
    return sorted(spots, key=lambda spot: (-spot.lower_bound, -spot.wrong, spot.kind, spot.value))


def fields_of(predictions: Sequence[Prediction]) -> set[str]:
    """The metadata fields that the rows have, under both names where one is a page's."""
    fields = {key for row in predictions for key in row.meta}
    return fields | ({PAGE} if fields & set(PAGES) else set[str]())


def telling_nothing(predictions: Sequence[Prediction]) -> list[str]:
    """The metadata fields that have one value in all rows, or another in each; a page is always worth its line."""
    values: defaultdict[str, set[str]] = defaultdict(set)
    seen: Counter[str] = Counter(key for row in predictions for key in row.meta)
    for row in predictions:
        for key, value in row.meta.items():
            values[key].add(str(value))
    counts = {key: len(found) for key, found in values.items() if key not in PAGES}
    return sorted(key for key, count in counts.items() if 1 < seen[key] == count or (count == 1 < len(predictions)))


class _Counts:
    """How many rows a value is on, and the ids of those with a wrong answer."""

    def __init__(self) -> None:
        self.rows: Counter[Pair] = Counter()
        self.wrong: defaultdict[Pair, list[str]] = defaultdict(list)
        self.share_of: dict[Pair, Pair] = {}  # whose rows a confused pair is counted over

    def add(self, kind: str, value: str, name: str, wrong: bool) -> None:
        self.rows[kind, value] += 1
        if wrong:
            self.wrong[kind, value].append(name)

    def add_labels(self, gold: set[str], given: set[str], name: str) -> None:
        for label in sorted(gold | given):
            self.add(CONCEPT, label, name, label not in gold & given)
        for label in sorted(gold):
            self.rows[GOLD, label] += 1
            for other in sorted(given - gold) if label not in given else ():
                pair = (CONFUSED, f"{label} > {other}")
                self.share_of[pair] = (GOLD, label)
                self.wrong[pair].append(name)

    def spot(self, kind: str, value: str, level: float) -> Spot:
        ids = self.wrong[kind, value]
        count = self.rows[self.share_of.get((kind, value), (kind, value))]
        return Spot(kind, value, count, len(ids), wilson(len(ids), count, level)[0], tuple(ids[:EXAMPLES]))


def _sets(task: Task, predictions: Sequence[Prediction]) -> Iterator[list[tuple[set[str], set[str]]]]:
    """For each row its gold and given values: labels by dimension, and the option of each choice."""
    choices = [(path, field) for path, field in task.leaf_fields() if isinstance(field, Choice)]
    read = [classes(task, predictions, path, field) for path, field in choices]
    for at, row in enumerate(predictions):
        golds, answers = (task.labels_of(item if isinstance(item, dict) else {}) for item in (row.gold, row.answer))
        labels = [(set(golds[name]), set(answers[name])) for name in golds]
        options = (column[at] for column in read)
        yield labels + [({gold} if gold else set[str](), {given} if given else set[str]()) for gold, given in options]


def to_csv(spots: Iterable[Spot]) -> str:
    """The lines of the file: a header, then one spot a line; examples are separated by spaces."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    records = (spot.to_record() | {"examples": " ".join(spot.examples)} for spot in spots)
    writer.writerows([record[column] for column in COLUMNS] for record in records)
    return text.getvalue()
