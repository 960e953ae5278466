"""One run against another on the same samples: which were won and lost, and what chance alone would do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ontune.errors import InputError
from ontune.evaluation.bootstrap import percentiles
from ontune.evaluation.estimates import Estimate, Measured, Settings
from ontune.evaluation.families import measure
from ontune.evaluation.predictions import Prediction
from ontune.evaluation.rows import Rule, right_rows
from ontune.evaluation.significance import mcnemar, permutation, wilson
from ontune.task.model import Task

__all__ = ["Matched", "Run", "compare", "match", "retention"]

SHOWN = 5  # ids in a message


@dataclass(frozen=True)
class Run:
    """One file of predictions under the name that it has in the report."""

    name: str
    file: str
    predictions: Sequence[Prediction]


@dataclass(frozen=True)
class Matched:
    """Runs on the same samples in the same order, and what was said about samples that not all of them have."""

    runs: tuple[Run, ...]
    notes: tuple[str, ...] = ()


def match(runs: Sequence[Run], common: bool = False) -> Matched:
    """The runs over the same ids. Raises InputError where they differ, unless `common` asks for the intersection.

    Golds have to agree in any case: other gold is another question.
    """
    ids = {run.name: {row.id for row in run.predictions} for run in runs}
    shared = set.intersection(*ids.values())
    union = set.union(*ids.values())
    missing = [
        f"{run.name} ({run.file}) lacks {_some(union - ids[run.name])}" for run in runs if ids[run.name] != union
    ]
    if missing and not common:
        raise InputError([*missing, "--common compares the samples that all runs have"])
    if not shared:
        raise InputError([*missing, "no sample is in all of the files"])
    kept = [Run(run.name, run.file, [row for row in run.predictions if row.id in shared]) for run in runs]
    InputError.check([fault for run in kept[1:] for fault in _gold_faults(kept[0], run)])
    notes = [f"Compared on the {len(shared)} samples that all runs have: {'; '.join(missing)}."] if missing else []
    return Matched(tuple(kept), tuple(notes))


def _gold_faults(a: Run, b: Run) -> list[str]:
    pairs = zip(a.predictions, b.predictions, strict=True)
    other = {left.id for left, right in pairs if left.gold != right.gold}
    return [f"{b.file}: other gold than in {a.file} for {_some(other)}"] if other else []


def _some(ids: set[str]) -> str:
    names = sorted(ids)
    return f"{len(names)} samples: {', '.join(names[:SHOWN])}{' …' if len(names) > SHOWN else ''}"


def compare(
    task: Task, runs: tuple[Run, Run], scores: tuple[Measured, Measured], rule: Rule, settings: Settings
) -> dict[str, Any]:
    """B against A, as it stands in report.json. `won` are the rows that B alone has right by the rule, `lost` A."""
    (a, b), (of_a, of_b) = runs, scores
    right_a, right_b = (right_rows(of.measure, run.predictions, rule) for run, of in zip(runs, scores, strict=True))
    counted = np.array([row.gold is not None for row in a.predictions], dtype=bool)
    won, lost = (
        [row.id for row, hit in zip(a.predictions, found, strict=True) if hit]
        for found in (
            right_b & ~right_a,
            right_a & ~right_b,
        )
    )
    differs = np.array([_differ(*pair) for pair in zip(a.predictions, b.predictions, strict=True)], dtype=bool)
    both = measure(task, [*a.predictions, *b.predictions])
    p_values = permutation(both, of_a.groups, differs, settings.resamples, settings.seed, f"{b.name} against {a.name}")
    return {
        "a": a.name,
        "b": b.name,
        "won": won,
        "lost": lost,
        "both_right": int(np.sum(right_a & right_b)),
        "both_wrong": int(np.sum(~right_a & ~right_b & counted)),
        "mcnemar_p": mcnemar(len(lost), len(won)),
        "rule": sorted({goal.metric for goal in rule}),
        "rows": len(a.predictions),
        "groups": len(np.unique(of_a.groups)),
        "permutation_p": {name: p for name, p in p_values.items() if name in of_a.estimates},
        "differences": _differences(of_a, of_b, settings.level),
    }


def _differ(left: Prediction, right: Prediction) -> bool:
    """Whether any metric may tell the two answers apart."""
    return (left.raw, left.answer, left.errors, left.scores) != (right.raw, right.answer, right.errors, right.scores)


def _differences(a: Measured, b: Measured, level: float) -> dict[str, dict[str, float | None]]:
    """B minus A with the percentile interval of paired draws: both runs on the same groups each time."""
    names = [name for name in a.estimates if name in b.estimates]
    spans = percentiles({name: b.drawn[name] - a.drawn[name] for name in names if name in a.drawn}, level)
    found: dict[str, dict[str, float | None]] = {}
    for name in names:
        value = b.estimates[name].value - a.estimates[name].value
        low, high = spans.get(name, (np.nan, np.nan))
        numbers = {"value": value, "low": low, "high": high}
        found[name] = {key: float(number) if np.isfinite(number) else None for key, number in numbers.items()}
    return found


def retention(a: Measured, b: Measured, level: float) -> Mapping[str, Estimate]:
    """`<metric>_retention`: which share of A's value B keeps, with the interval of paired draws. None where A has 0."""
    found: dict[str, Estimate] = {}
    for name, of_a in a.estimates.items():
        of_b = b.estimates.get(name)
        if not of_b or not of_a.value > 0:
            continue
        low, high = None, None
        if name in a.drawn and of_a.units > 1:
            drawn = np.divide(
                b.drawn[name], a.drawn[name], out=np.full_like(b.drawn[name], np.nan), where=a.drawn[name] > 0
            )
            low, high = percentiles({name: drawn}, level)[name]
            if low == high == 1:  # no group differs: how many there are says how much that means
                low = wilson(of_a.units, of_a.units, level)[0]
        found[f"{name}_retention"] = Estimate(of_b.value / of_a.value, low, high, of_a.n, of_a.units, "bootstrap")
    return found
