"""What is wrong with answers in themselves, whatever the gold is, and also where the task's rules are off."""

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ontune.evaluation.label_matrix import field_labels
from ontune.evaluation.predictions import Prediction
from ontune.task.model import Labels, Task
from ontune.task.refusals import ancestor_pairs, contradicting_pairs

__all__ = ["RATES", "answer_errors"]

RATES = {
    "invalid_rate": "invalid_json",
    "unknown_label_rate": "unknown_label",
    "wrong_dimension_rate": "wrong_dimension",
    "duplicate_rate": "duplicate",
    "redundant_rate": "ancestor",
    "contradicting_rate": "contradiction",
    "not_encoded_rate": "not_encoded",
}
NONE: frozenset[str] = frozenset()


def answer_errors(task: Task, predictions: Sequence[Prediction]) -> dict[str, NDArray[np.bool_]]:
    """By rate, whether each row is such a case: `errors` hold the code, or the answer itself shows it.

    `invalid_rate`: no answer, or one of another shape than the contract's; `redundant_rate`: a label beside its
    ancestor; `contradicting_rate`: a pair that contradicts by implication; `duplicate_rate`: a label twice, each within
    one field; `unknown_label_rate`, `wrong_dimension_rate`: at least one such label; `not_encoded_rate`: never asked.
    """
    fields = list(task.label_fields())
    apart = _apart(task)
    fits = [frozenset(task.ontology.labels(field.dimension)) for _, field in fields]

    @cache  # the same lists of labels come again and again
    def codes(place: int, labels: tuple[str, ...]) -> frozenset[str]:
        given = set(labels)
        fine = len(given) == len(labels) and given <= fits[place]
        if fine and all(map(given.isdisjoint, map(apart.__getitem__, labels))):
            return NONE
        return _codes(task, fields[place][1], labels)

    def found(prediction: Prediction) -> set[str]:
        known = set(prediction.errors)
        if prediction.answer is None:
            return known if "not_encoded" in known else known | {"invalid_json"}
        for place, (path, _) in enumerate(fields):
            known |= codes(place, tuple(field_labels(prediction.answer, path)))
        return known

    rows = [found(prediction) for prediction in predictions]
    return {name: np.array([code in row for row in rows], dtype=bool) for name, code in RATES.items()}


def _apart(task: Task) -> dict[str, set[str]]:
    """For each label what may not stand beside it: its ancestors, and what contradicts it."""
    found = {label: set(above) for label, above in task.ancestors.items()}
    for one, other in task.incompatible:
        found[one].add(other)
    return found


def _codes(task: Task, field: Labels, labels: tuple[str, ...]) -> frozenset[str]:
    concepts = [task.ontology.by_name.get(label) for label in labels]
    tests = {
        "unknown_label": None in concepts,
        "wrong_dimension": any(concept and concept.dimension != field.dimension for concept in concepts),
        "duplicate": len(set(labels)) < len(labels),
        "ancestor": bool(ancestor_pairs(task, labels)),
        "contradiction": bool(contradicting_pairs(task, labels)),
    }
    return frozenset(code for code, true in tests.items() if true)
