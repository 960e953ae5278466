"""Numbers that a demo has to keep, and what the systems with one right answer a sample are held to."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ontune.evaluation import Prediction
from ontune.evaluation.baselines import Gold, always, most_frequent
from ontune.task import Task

__all__ = ["AFTER", "BEFORE", "BLANK", "MAJORITY", "Bound", "Results", "Row", "bounds", "make_rows", "to_text"]

EXACT_MATCH, CEILING, SAMPLES = 0.80, 0.35, 200  # the trained model's, the baselines', and on how many samples
MAJORITY = "most frequent answer"
BEFORE, AFTER, BLANK = "before training", "after training", "after, blank pictures"


@dataclass(frozen=True)
class Bound:
    """A number that has to be at least, or below, a limit."""

    what: str
    value: float
    relation: str
    limit: float

    @property
    def kept(self) -> bool:
        return self.value >= self.limit if self.relation == "≥" else self.value < self.limit

    def __str__(self) -> str:
        kept = "kept  " if self.kept else "MISSED"
        return f"  {kept} {self.what}: {self.value:.3g} {self.relation} {self.limit:.3g}"


@dataclass(frozen=True)
class Results:
    """What a demo found: a table for people with its bounds, and the whole for programs."""

    text: str
    bounds: Sequence[Bound]
    record: Mapping[str, Any]

    @property
    def kept(self) -> bool:
        return all(bound.kept for bound in self.bounds)

    def to_json(self) -> dict[str, Any]:
        found = [asdict(bound) | {"kept": bound.kept} for bound in self.bounds]
        return {**self.record, "bounds": found, "kept": self.kept}


@dataclass(frozen=True)
class Row:
    """One line of the table: the share of answers that equal gold, and of those that do not parse."""

    name: str
    exact_match: float
    invalid_rate: float


def make_rows(task: Task, train: Sequence[Gold], answers: Mapping[str, Sequence[Prediction]]) -> list[Row]:
    """The most frequent answer of `train` given always, on the rows of AFTER; then each of `answers` by its name."""
    most = most_frequent(task.to_json(gold) if isinstance(gold, dict) else str(gold) for gold in train)
    rows = {MAJORITY: always(task, answers[AFTER], most)} | dict(answers)
    return [_row(name, predictions) for name, predictions in rows.items()]


def bounds(rows: Sequence[Row], samples: int, ceilings: Mapping[str, float] = {}) -> list[Bound]:
    """What the table has to keep: the model is good, and neither guessing nor a blank picture is.

    `ceilings`: further rows by name that have to stay below a limit, a control of the demo's own.
    """
    found = [Bound("held-out samples", samples, "≥", SAMPLES)]
    limits = {MAJORITY: CEILING, BLANK: CEILING, **ceilings}
    for row in rows:
        if row.name == AFTER:
            found.append(Bound(f"exact match, {row.name}", row.exact_match, "≥", EXACT_MATCH))
        elif row.name in limits:
            found.append(Bound(f"exact match, {row.name}", row.exact_match, "<", limits[row.name]))
    return found


def to_text(rows: Sequence[Row], found: Sequence[Bound]) -> str:
    """The table for people, and a line for each bound."""
    lines = [f"{'':24}exact match   invalid"]
    lines += [f"{row.name:24}{row.exact_match:11.3f}{row.invalid_rate:10.3f}" for row in rows]
    return "\n".join([*lines, "", "bounds", *map(str, found)])


def _row(name: str, predictions: Sequence[Prediction]) -> Row:
    """Equal means the whole answer, every field of it."""
    right = sum(item.answer is not None and item.answer == item.gold for item in predictions)
    invalid = sum(item.answer is None for item in predictions)
    return Row(name, right / len(predictions), invalid / len(predictions))
