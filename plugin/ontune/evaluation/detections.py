"""Detections: what two stages are worth together, a detector that finds objects and a classifier that names them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ontune.evaluation.bootstrap import LEVEL, RESAMPLES, SEED, Groups, intervals
from ontune.evaluation.choice import slug
from ontune.evaluation.measure import Floats, Measure, Values, Weights, point, ratio
from ontune.evaluation.significance import wilson

__all__ = ["Outcome", "counts", "end_to_end", "measured"]


@dataclass(frozen=True)
class Outcome:
    """What came of an object: marked in the truth (`gold` is its class), found by the detector, or both.

    `named`: the detector's class stands for the same object, in whatever condition. `answered`: the classifier's class.
    """

    picture: str
    gold: str | None
    condition: str | None
    found: bool
    named: bool
    answered: str | None

    @property
    def right(self) -> bool:
        """Detected, and rightly classified."""
        return self.found and self.gold is not None and self.answered == self.gold


def counts(outcomes: Sequence[Outcome]) -> dict[str, int]:
    """`objects` in the truth are `right`, `wrong` (detected, another class) or `missed`; the rest is `false`."""
    found = {
        "objects": [one.gold is not None for one in outcomes],
        "detections": [one.found for one in outcomes],
        "right": [one.right for one in outcomes],
        "wrong": [one.gold is not None and one.found and not one.right for one in outcomes],
        "missed": [not one.found for one in outcomes],
        "false": [one.gold is None for one in outcomes],
    }
    return {name: sum(rows) for name, rows in found.items()}


def end_to_end(outcomes: Sequence[Outcome]) -> Measure:
    """The metrics of both stages over the outcomes; a share of nothing is 0, and NaN under weights that leave all out.

    `detection_precision`, `detection_recall`, `detection_f1`: detections that are an object, objects that were
    detected, whatever their classes. `detection_object_accuracy`: of the detected objects those that the detector
    called what they are, in whatever condition. `classification_accuracy`: of the detected objects those rightly
    classified. `end_to_end_recall`: of all objects those detected and rightly classified; `end_to_end_precision`: of
    all detections; `end_to_end_f1`. `class_<class>_recall` and `condition_<condition>_recall`: `end_to_end_recall` of
    the objects of one.

    Precision, recall and F1 as in Everingham et al. (2010), "The Pascal Visual Object Classes Challenge".
    """
    shares = _shares(outcomes)
    return lambda weights: _with_f1(weights, shares)


def _shares(outcomes: Sequence[Outcome]) -> dict[str, tuple[Floats, Floats]]:
    """For each metric but F1 the outcomes that hit, and those that it is a share of."""

    def column(of: Callable[[Outcome], bool]) -> Floats:
        return np.array([float(of(one)) for one in outcomes])

    objects, detections = column(lambda one: one.gold is not None), column(lambda one: one.found)
    hits, right = objects * detections, column(lambda one: one.right)
    named = hits * column(lambda one: one.named)
    shares = {
        "detection_precision": (hits, detections),
        "detection_recall": (hits, objects),
        "detection_object_accuracy": (named, hits),
        "classification_accuracy": (right, hits),
        "end_to_end_precision": (right, detections),
        "end_to_end_recall": (right, objects),
    }
    for kind, values in (("class", [one.gold for one in outcomes]), ("condition", [one.condition for one in outcomes])):
        for value in sorted({value for value in values if value is not None}):
            part = np.array([float(one == value) for one in values])
            shares[_free(f"{kind}_{slug(value)}", shares)] = (right * part, part)
    return shares


def _free(stem: str, taken: Mapping[str, object]) -> str:
    """A name ending in `_recall` that no other class has, whose spelling may differ in signs alone."""
    names = [stem, *(f"{stem}_{at}" for at in range(2, len(taken) + 3))]
    return next(name for one in names if (name := f"{one}_recall") not in taken)


def _with_f1(weights: Weights, shares: Mapping[str, tuple[Floats, Floats]]) -> dict[str, Values]:
    found: dict[str, Values] = {}
    for name, (part, whole) in shares.items():
        # A draw without any row of a class says nothing of it.
        found[name] = ratio(weights @ part, weights @ whole, np.nan if whole.any() else 0.0)
        stage = name.removesuffix("_recall")
        if stage in ("detection", "end_to_end"):
            precision = found[f"{stage}_precision"]
            found[f"{stage}_f1"] = ratio(2 * precision * found[name], precision + found[name])
    return found


def measured(outcomes: Sequence[Outcome], resamples: int = RESAMPLES) -> dict[str, dict[str, float | None]]:
    """Each metric's `value`, and the ends of its interval, `low` and `high`: pictures are drawn, not objects.

    As in all reports: a share's interval is never narrower than Wilson's, and where no draw differs Wilson's is that of
    the pictures. One picture alone gives none.
    """
    measure = end_to_end(outcomes)
    numbers: dict[str, int] = {}
    groups: Groups = np.array([numbers.setdefault(one.picture, len(numbers)) for one in outcomes], dtype=np.int64)
    ends = intervals(measure, groups, resamples, SEED, what="pictures drawn")
    shares, everything = _shares(outcomes), np.ones(len(outcomes))
    found: dict[str, dict[str, float | None]] = {}
    for name, value in point(measure, len(outcomes)).items():
        part, whole = shares.get(name, (None, everything))
        pictures = len(np.unique(groups[whole > 0]))
        low, high = _span(value, ends[name], part, whole, pictures) if pictures > 1 and ends else (None, None)
        found[name] = {"value": value, "low": low, "high": high}
    return found


def _span(
    value: float, drawn: tuple[float, float], part: Floats | None, whole: Floats, pictures: int
) -> tuple[float, float]:
    if drawn[0] == drawn[1] and value in (0, 1):
        return wilson(value * pictures, pictures, LEVEL)
    if part is None:
        return drawn
    low, high = wilson(part.sum(), whole.sum(), LEVEL)
    return min(low, drawn[0]), max(high, drawn[1])
