"""Numbers with units compared: a gold text's against an answer's, and what is wrong where they differ."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from ontune.errors import DatasetError
from ontune.evaluation.quantity_reading import Quantity, read_quantities
from ontune.evaluation.units import BARE, CODE

__all__ = ["TORQUE", "VERDICTS", "Quantity", "Tolerance", "Verdict", "compare_quantities", "read_quantities"]

Verdict: TypeAlias = Literal["right", "wrong_number", "wrong_unit", "missing_stage", "missing", "extra"]

# The first that applies to any quantity is the verdict of the text; `missing_stage` is `missing` in staged gold.
VERDICTS: tuple[Verdict, ...] = ("wrong_number", "wrong_unit", "missing_stage", "missing", "extra", "right")


@dataclass(frozen=True)
class Tolerance:
    """How far a number may be off: per dimension in its first unit, relative, or in the gold's own unit.

    The widest of those given counts. A number in another unit than the gold's may be rounded to its last digit besides.
    """

    by_dimension: Mapping[str, float] = field(default_factory=dict[str, float])
    relative: float = 0.0
    own_unit: float = 0.0

    @classmethod
    def read(cls, value: object, where: str) -> "Tolerance":
        """The tolerance that a row's `meta` states: a number in the gold's unit, or text such as `1 Nm; 0.1 mm; 2 %`.

        Raises DatasetError that opens with `where` for anything else.
        """
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf:
            return cls(own_unit=float(value))
        parts = [read_quantities(part) for part in value.split(";")] if isinstance(value, str) else [[]]
        if not all(len(part) == 1 and part[0].unit is not CODE and part[0].low >= 0 for part in parts):
            raise DatasetError(f"{where}: tolerance is {value!r}: expected a number from 0, or text as in 1 Nm; 2 %")
        widths = {part[0].unit.dimension: part[0].high * part[0].unit.factor for part in parts}
        relative, own_unit = widths.pop("share", 0.0) / 100, widths.pop(BARE.dimension, 0.0)
        return cls(widths, relative, own_unit)

    def slack(self, gold: Quantity) -> float:
        """In the first unit of the gold's dimension."""
        size = max(abs(gold.low), abs(gold.high), 1e-12) * gold.unit.factor
        widths = (self.by_dimension.get(gold.unit.dimension, 0.0), self.relative * size)
        return max(*widths, self.own_unit * gold.unit.factor, 1e-9 * size)


_Same: TypeAlias = Callable[[Quantity, Quantity], bool]

TORQUE = Tolerance({"torque": 1.0})  # ±1 Nm, as the manuals' goal for numbers states it


def compare_quantities(gold: str, answer: str, tolerance: Tolerance = TORQUE) -> Verdict | None:
    """The verdict on the answer's numbers, or None where the gold text has none.

    Both texts are multisets of quantities, matched so that most are right; a span is right when both its ends are.
    Where gold has numbers with units, bare numbers count for nothing, except that one may stand where a unit is
    missing. An answer may say the same number twice, and may have a unit where gold has none. Stages are compared in
    their order. Which number belongs to which thing (front 60 Nm, rear 80 Nm) is not read.

    `wrong_number`: a number of the right dimension that is off. `wrong_unit`: the right number with another unit or
    none. `missing_stage`: a step of staged gold is not there, or not at its place. `missing`: another quantity is not
    there, or none is. `extra`: all is there, and a quantity besides. A text gets the first of these that applies.
    """
    wanted = _counted(read_quantities(gold))
    if not wanted:
        return None
    given = read_quantities(answer)
    if not given:
        return "missing"
    staged = len({quantity.stage for quantity in wanted}) > 1
    verdicts = _in_order(wanted, given, tolerance) if staged else _matched(wanted, given, tolerance)
    return next(code for code in VERDICTS if code in verdicts)


def _counted(quantities: Sequence[Quantity]) -> list[Quantity]:
    """Those with a unit, or all where none has one."""
    with_unit = [quantity for quantity in quantities if quantity.unit not in (BARE, CODE)]
    return with_unit or list(quantities)


def _in_order(wanted: Sequence[Quantity], given: Sequence[Quantity], tolerance: Tolerance) -> set[Verdict]:
    """Verdicts stage by stage; where a step too few or too many was given and the others are right, that alone."""
    given = [
        quantity
        for quantity in given
        if quantity.unit not in (BARE, CODE) or any(_same_number(gold, quantity) for gold in wanted)
    ]
    if len(given) == len(wanted):
        return {_staged(_pair(*pair, tolerance)) for pair in zip(wanted, given, strict=True)}
    if len(given) < len(wanted):
        within: bool = _runs_through(given, wanted, lambda answer, gold: _right(gold, answer, tolerance))
        alone: Verdict = "missing_stage"
    else:
        within = _runs_through(wanted, given, lambda gold, answer: _right(gold, answer, tolerance))
        alone = "extra"
    return {alone} if within else {alone, *(_staged(code) for code in _matched(wanted, given, tolerance))}


def _staged(code: Verdict) -> Verdict:
    return "missing_stage" if code == "missing" else code


def _runs_through(few: Sequence[Quantity], many: Sequence[Quantity], same: _Same) -> bool:
    """Whether the few are a subsequence of the many."""
    rest = iter(many)
    return all(any(same(one, other) for other in rest) for one in few)


def _matched(wanted: Sequence[Quantity], given: Sequence[Quantity], tolerance: Tolerance) -> set[Verdict]:
    """The verdicts of the best assignment, and `extra` for what it leaves and nothing else says."""
    from scipy.optimize import linear_sum_assignment  # a tenth of a second that only longer answers need

    codes: list[list[Verdict]] = [[_pair(gold, answer, tolerance) for answer in given] for gold in wanted]
    pairs = [*zip(*linear_sum_assignment([[COSTS[code] for code in row] for row in codes]), strict=True)]
    found: set[Verdict] = {codes[gold][answer] for gold, answer in pairs}
    if len(pairs) < len(wanted):
        found.add("missing")
    taken = {answer for gold, answer in pairs if codes[gold][answer] != "missing"}
    left = [quantity for at, quantity in enumerate(given) if at not in taken]
    if _counted(wanted)[0].unit not in (BARE, CODE):
        left = [quantity for quantity in left if quantity.unit not in (BARE, CODE)]
    known = [*wanted, *(given[answer] for answer in taken)]
    if any(not any(_right(other, quantity, tolerance) for other in known) for quantity in left):
        found.add("extra")
    return found


# A right pair outweighs whatever else an assignment could better.
COSTS: Mapping[Verdict, int] = {"right": -1_000_000, "wrong_unit": 1, "wrong_number": 2, "missing": 3}


def _pair(gold: Quantity, answer: Quantity, tolerance: Tolerance) -> Verdict:
    if _right(gold, answer, tolerance):
        return "right"
    if CODE in (gold.unit, answer.unit):
        return "wrong_number" if gold.unit is answer.unit else "missing"
    if _same_number(gold, answer):
        return "wrong_unit"
    return "wrong_number" if answer.unit.dimension in ("", gold.unit.dimension) or gold.unit is BARE else "missing"


def _right(gold: Quantity, answer: Quantity, tolerance: Tolerance) -> bool:
    if gold.unit is CODE or answer.unit is CODE:
        return gold.unit is answer.unit and gold.text == answer.text
    if gold.unit is BARE and answer.unit is not BARE:
        return _within(gold.written, answer.written, tolerance.slack(gold))
    if gold.unit.dimension != answer.unit.dimension:
        return False
    slack = tolerance.slack(gold)
    if gold.unit != answer.unit:
        slack += gold.place * gold.unit.factor + answer.place * answer.unit.factor
    return _within(gold.base, answer.base, slack)


def _within(gold: tuple[float, float], answer: tuple[float, float], slack: float) -> bool:
    return all(abs(a - b) <= slack * (1 + 1e-9) for a, b in zip(gold, answer, strict=True))


def _same_number(gold: Quantity, answer: Quantity) -> bool:
    return all(math.isclose(a, b, rel_tol=1e-9) for a, b in zip(gold.written, answer.written, strict=True))
