"""Thresholds label by label: fitted on one split, applied to another."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias, cast

import numpy as np

from ontune.errors import InputError
from ontune.evaluation.label_matrix import Bools
from ontune.evaluation.measure import Floats
from ontune.evaluation.predictions import Prediction
from ontune.evaluation.probabilities import Temperatures, decisions
from ontune.files import write_atomic
from ontune.task.model import Answer, Labels, Task

__all__ = ["DEFAULT", "Thresholds", "apply", "fit_thresholds", "read_thresholds", "write_thresholds"]

Limits: TypeAlias = Mapping[str, Mapping[str, float]]  # field -> label -> lowest score at which it is given

DEFAULT = 0.5  # of a label without support: more likely than not
FORMAT = 1


@dataclass(frozen=True)
class Thresholds:
    """What a file holds: thresholds, and the temperatures under which they were fitted."""

    thresholds: Limits
    temperatures: Temperatures = field(default_factory=dict[str, float])


def fit_thresholds(
    predictions: Sequence[Prediction], temperatures: Temperatures | None = None
) -> dict[str, dict[str, float]]:
    """By field and label the threshold with the best F1; of equal ones the highest, halfway to the next lower score.

    A label that is never gold, or is never gold with a score, gets 0.5. Fields that are a choice have no thresholds.
    Lipton et al. (2014), "Optimal thresholding of classifiers to maximize F1 measure".
    """
    found: dict[str, dict[str, float]] = {}
    for name, item in decisions(predictions).items():
        if not item.exclusive:
            chances = item.probabilities((temperatures or {}).get(name, 1.0))
            columns = zip(item.labels, chances.T, item.gold.T, strict=True)
            found[name] = {label: _threshold(scores, gold) for label, scores, gold in columns}
    return found


def _threshold(chances: Floats, gold: Bools) -> float:
    order = np.argsort(-chances, kind="stable")
    values, hits = chances[order], np.cumsum(gold[order])
    ends = np.flatnonzero((np.diff(values, append=-1.0) != 0) & (values > 0))
    scores = 2 * hits[ends] / (ends + 1 + gold.sum()) if gold.any() else np.zeros(0)
    if not scores.any():
        return DEFAULT
    best = ends[scores.argmax()]  # the first: the highest threshold
    below = values[best + 1] if best + 1 < len(values) else 0.0
    middle = float((values[best] + below) / 2)
    return middle if middle > below else float(values[best])  # two neighbouring numbers have no middle


def apply(
    task: Task, predictions: Sequence[Prediction], thresholds: Limits, temperatures: Temperatures | None = None
) -> list[Prediction]:
    """The predictions with the labels whose scores reach their thresholds, 0.5 for a label that has none.

    Of a field with a maximum the likeliest are given. `raw` is the new answer and `errors` are its own. What has no
    scores, does not parse or is the error answer stays as it is, and so do fields without thresholds.
    """
    fields = [(path, item) for path, item in task.label_fields() if ".".join(path) in thresholds]
    found: list[Prediction] = []
    for row in predictions:
        if not row.scores or row.answer is None or task.is_error(row.answer):
            found.append(row)
            continue
        answer = row.answer
        for path, item in fields:
            name = ".".join(path)
            if name in row.scores:
                chosen = _chosen(item, row.scores[name], thresholds[name], (temperatures or {}).get(name, 1.0))
                answer = _with(answer, path, chosen)
        answer = task.canonical(answer)
        codes = dict.fromkeys(refusal.code for refusal in task.refusals(answer))
        found.append(replace(row, answer=answer, raw=task.to_json(answer), errors=tuple(codes)))
    return found


def _chosen(item: Labels, scores: Mapping[str, float], limits: Mapping[str, float], temperature: float) -> list[str]:
    chances = {label: float(np.exp(min(score, 0.0) / temperature)) for label, score in scores.items()}
    enough = [label for label, chance in chances.items() if chance >= limits.get(label, DEFAULT)]
    return sorted(enough, key=lambda label: (-chances[label], label))[: item.max]


def _with(answer: Answer, path: Sequence[str], value: object) -> Answer:
    """A copy of the answer with another value at the path."""
    key, *rest = path
    inner = answer.get(key)
    return answer | {key: _with(inner if isinstance(inner, dict) else {}, rest, value) if rest else value}


def write_thresholds(path: Path, thresholds: Thresholds) -> None:
    """Writes the file: the same thresholds give the same bytes."""
    record = {"format": FORMAT, "thresholds": thresholds.thresholds, "temperatures": thresholds.temperatures}
    write_atomic(path, json.dumps(record, ensure_ascii=False, sort_keys=True, indent=1, default=dict))


def read_thresholds(path: Path) -> Thresholds:
    """The thresholds of a file. Raises InputError with what is wrong with it."""
    try:
        record = cast("object", json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not a file of thresholds: {error}") from None
    keys = {"format", "thresholds", "temperatures"}
    if not isinstance(record, dict) or set(record) != keys or record["format"] != FORMAT:
        raise InputError(f"{path}: expected a JSON object with exactly {sorted(keys)}, format {FORMAT}")
    InputError.check([f"{path}: {fault}" for fault in _faults(record)])
    return Thresholds(record["thresholds"], record["temperatures"])


def _faults(record: Mapping[str, Any]) -> list[str]:
    limits, temperatures = record["thresholds"], record["temperatures"]
    faults: list[str] = []
    if not isinstance(limits, dict) or not all(isinstance(item, dict) for item in limits.values()):
        return [f"thresholds is {limits!r}: expected an object of labels for each field"]
    for name, labels in limits.items():
        bad = {label: value for label, value in labels.items() if not _is_number(value) or not 0 <= value <= 1}
        faults += [f"thresholds of {name} has {label!r}: {value!r}: expected 0 to 1" for label, value in bad.items()]
    if not isinstance(temperatures, dict) or not all(
        _is_number(value) and value > 0 for value in temperatures.values()
    ):
        faults.append(f"temperatures is {temperatures!r}: expected a number above 0 for each field")
    return faults


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
