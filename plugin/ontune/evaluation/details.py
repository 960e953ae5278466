"""What a report says of one run beside its metrics: labels, branches, confusion, slices, and what is absent."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from ontune.errors import InputError
from ontune.evaluation.calibration import calibration
from ontune.evaluation.choice import confusion_matrix
from ontune.evaluation.estimates import Measured, Settings, headline, of_rows
from ontune.evaluation.label_matrix import label_matrix
from ontune.evaluation.per_label import LabelScore, confused_pairs, per_branch, per_label
from ontune.evaluation.predictions import Prediction
from ontune.evaluation.selective import risk_coverage
from ontune.evaluation.slices import Absent, Slice, slices
from ontune.evaluation.thresholds import fit_thresholds
from ontune.sharegpt import Sample
from ontune.task.model import Task

__all__ = ["details"]

CURVES = ("calibration", "risk and coverage", "thresholds")


def details(
    task: Task,
    predictions: Sequence[Prediction],
    scores: Measured,
    train: Sequence[Sample] | None,
    by: Sequence[str],
    settings: Settings,
) -> dict[str, Any]:
    """The parts of report.json that are kept by run, and `absent`, which is not; `scores` are the run's."""
    matrix = label_matrix(task, predictions)
    parts, missing = _chosen(*slices(task, predictions, train), by)
    pairs = confused_pairs(task, predictions, matrix)
    absent = [asdict(item) for item in missing]
    curves = {name: asdict(found) for name, found in calibration(predictions).items()}
    curve = risk_coverage(task, predictions)
    absent += [] if curves else [{"what": what, "why": "no row has scores"} for what in CURVES]
    matrices = {name: asdict(found) for name, found in confusion_matrix(task, predictions).items()}
    return {
        "labels": [_label(task, score) for score in per_label(task, predictions, matrix)],
        "branches": [_label(task, score) for score in per_branch(task, predictions, matrix)],
        "confusion": {"pairs": [_pair(task, *pair) for pair in pairs], "matrices": matrices},
        "calibration": curves or None,
        "risk_coverage": asdict(curve) if curve else None,
        "thresholds": fit_thresholds(predictions) or None,
        "slices": [_slice(scores, part, settings) for part in parts],
        "absent": absent,
    }


def _label(task: Task, score: LabelScore) -> dict[str, Any]:
    concept = task.ontology.by_name.get(score.label)
    record = asdict(score)
    return {
        "label": record.pop("label"),
        "dimension": record.pop("dimension"),
        "parents": list(concept.parents if concept else ()),
    } | record


def _pair(task: Task, gold: str, given: str, count: int) -> dict[str, Any]:
    concept = task.ontology.by_name.get(gold) or task.ontology.by_name.get(given)
    return {"gold": gold, "predicted": given, "dimension": concept.dimension if concept else None, "count": count}


def _chosen(parts: Sequence[Slice], missing: Sequence[Absent], by: Sequence[str]) -> tuple[list[Slice], list[Absent]]:
    """The slices of these fields alone, or all. Raises InputError for a field that no row has."""
    if not by:
        return list(parts), list(missing)
    there = {part.by for part in parts} | {item.what for item in missing}
    unknown = [field for field in by if not {field, f"meta.{field}"} & there]
    names = sorted(name.removeprefix("meta.") for name in there)
    InputError.check([f"--by {field}: no such field: expected one of {names}" for field in unknown])
    wanted = {name for field in by for name in (field, f"meta.{field}")}
    return [part for part in parts if part.by in wanted], [item for item in missing if item.what in wanted]


def _slice(scores: Measured, part: Slice, settings: Settings) -> dict[str, Any]:
    rows = np.flatnonzero(part.rows).astype(np.int64)
    found = of_rows(scores, rows, settings, f"slice {part.by} {part.value}").estimates
    metrics = {
        name: {key: found[name].to_record()[key] for key in ("value", "low", "high")} for name in headline(found)
    }
    return {"by": part.by.removeprefix("meta."), "value": part.value, "n": part.size, "metrics": metrics}
