"""Goals: `exact_match>=0.9` and the like, with a verdict that says what the sample proves and what it leaves open.

PASS and FAIL need the whole interval on one side of the limit; anything else is UNDECIDED, with the number of rows that
would decide it if the value stayed as it is: 25 of 25 does not prove 90 %, 35 of 35 does.
"""

import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias, cast

import yaml

from ontune.errors import InputError
from ontune.evaluation.estimates import Estimate
from ontune.evaluation.significance import wilson_needed
from ontune.resources import DATASET_INFO, find

__all__ = ["Goal", "Outcome", "Verdict", "judge", "load_goals", "parse_goals"]

Outcome: TypeAlias = Literal["PASS", "FAIL", "UNDECIDED"]

FORM = re.compile(r"\s*([^<>=%]*[^<>=%\s])\s*(>=|<=|>|<)\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(%?)\s*")
RELATIONS: Mapping[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
KEYS = {"about", "goals"}


@dataclass(frozen=True)
class Goal:
    """A metric and the limit that it has to keep."""

    text: str
    metric: str
    relation: str
    limit: float

    @classmethod
    def parse(cls, text: str) -> "Goal":
        """The goal that a text such as `exact_match>=0.9` or `exact_match>=90%` states. Raises InputError."""
        if not (match := FORM.fullmatch(text)):
            raise InputError(f"goal {text!r}: expected METRIC>=NUMBER, or <=, > or <, such as exact_match>=0.9")
        metric, relation, number, percent = match.groups()
        return cls(text.strip(), metric, relation, float(number) / (100 if percent else 1))

    def holds(self, value: float) -> bool:
        """Whether a value keeps the limit."""
        return RELATIONS[self.relation](value, self.limit)


@dataclass(frozen=True)
class Verdict:
    """What a goal came to, as it stands in report.json."""

    goal: Goal
    run: str
    verdict: Outcome
    value: float | None = None
    low: float | None = None
    high: float | None = None
    needed: int | None = None
    why: str | None = None

    def to_record(self) -> dict[str, Any]:
        keys = ("run", "value", "low", "high", "verdict", "needed", "why")
        return {"goal": self.goal.text, "metric": self.goal.metric} | {key: getattr(self, key) for key in keys}


def parse_goals(texts: Iterable[str]) -> list[Goal]:
    """The goals of the texts, each once. Raises InputError with all faults at once."""
    found: dict[str, Goal] = {}
    faults: list[str] = []
    for text in texts:
        try:
            goal = Goal.parse(text)
        except InputError as error:
            faults += error.faults
            continue
        found.setdefault(f"{goal.metric}{goal.relation}{goal.limit}", goal)
    InputError.check(faults)
    return list(found.values())


def load_goals(name: str, dataset_info: Path = DATASET_INFO) -> list[Goal]:
    """The goals of that name in goals/ (working directory, then package), or of the file at that path."""
    path = find("goals", name, ".yaml", dataset_info)
    try:
        record: object = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not YAML: {error}") from None
    items = cast("dict[str, Any]", record) if isinstance(record, dict) else {}
    texts = items.get("goals")
    if items.keys() - KEYS or not isinstance(texts, list) or not texts:
        raise InputError(f"{path}: {record!r}: expected a list `goals`, and `about`, a text, where wanted")
    try:
        return parse_goals(str(text) for text in cast("list[object]", texts))
    except InputError as error:
        raise InputError([f"{path}: {fault}" for fault in error.faults]) from None


def judge(goal: Goal, estimate: Estimate, run: str, level: float) -> Verdict:
    """The verdict on a value with its interval; UNDECIDED where it has none."""
    value, low, high = estimate.value, estimate.low, estimate.high
    if not estimate.n or math.isnan(value):
        return Verdict(goal, run, "UNDECIDED", why="no rows to count")
    if low is None or high is None:
        return Verdict(goal, run, "UNDECIDED", value, why=f"no interval: {_count(estimate.units, 'group')} of rows")
    sides = {goal.holds(low), goal.holds(high)}
    if len(sides) == 1 and estimate.bounds and {goal.holds(bound) for bound in estimate.bounds} != sides:
        worst, best = estimate.bounds
        why = f"rows that could not be measured may turn it: between {worst:.3f} and {best:.3f} with them"
        return Verdict(goal, run, "UNDECIDED", value, low, high, why=why)
    if len(sides) == 1:
        return Verdict(goal, run, "PASS" if sides.pop() else "FAIL", value, low, high)
    needed, why = _needed(goal, estimate, level)
    return Verdict(goal, run, "UNDECIDED", value, low, high, needed, why)


def _needed(goal: Goal, estimate: Estimate, level: float) -> tuple[int | None, str]:
    """How many rows would decide, and why these do not."""
    low, high = estimate.low or 0.0, estimate.high or 0.0
    span = f"{estimate.value:.3f} lies between {low:.3f} and {high:.3f} at {100 * level:g}%"
    if estimate.value == goal.limit or (estimate.method == "wilson" and goal.limit in (0, 1)):
        return None, f"{span}: no number of rows shows on which side of {goal.limit:g} it is{_provable(goal, estimate)}"
    if estimate.method == "wilson":
        units = wilson_needed(estimate.value, goal.limit, level)
        needed = None if units is None else math.ceil(units * estimate.n / estimate.units)
    else:  # the interval shrinks with the square root of the rows
        side = estimate.value - low if estimate.value > goal.limit else high - estimate.value
        needed = max(estimate.n + 1, math.ceil(estimate.n * (side / (estimate.value - goal.limit)) ** 2))
    return needed, f"{span}, on {_count(estimate.n, 'row')} in {_count(estimate.units, 'group')}"


def _provable(goal: Goal, estimate: Estimate) -> str:
    """Of a limit at the end of the scale, that no sample proves: the nearest one that this sample does."""
    low, high = estimate.low or 0.0, estimate.high or 0.0
    if goal.relation == "<=" and goal.limit == estimate.value == 0:
        return f"; these prove {goal.metric}<={math.ceil(high * 1000) / 1000:g}"
    if goal.relation == ">=" and goal.limit == estimate.value == 1:
        return f"; these prove {goal.metric}>={math.floor(low * 1000) / 1000:g}"
    return ""


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
