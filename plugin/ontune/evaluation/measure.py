"""What a metric family is: predictions once prepared, then measured under any weights of their rows.

One definition of a metric serves the point value (weights of one), the bootstrap (how often a row was drawn) and slices
(weights of 0 and 1). A family does all parsing when it is called; its measure is sums over rows, `weights @ rows`.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ontune.errors import TaskError
from ontune.evaluation.predictions import Prediction
from ontune.task.model import Task

__all__ = [
    "Family",
    "Floats",
    "Means",
    "Measure",
    "Prepared",
    "Rows",
    "Values",
    "Weights",
    "joined",
    "mean",
    "named",
    "point",
    "ratio",
]

Floats: TypeAlias = NDArray[np.float64]
Weights: TypeAlias = Floats  # (resamples, rows), rows in the order of the predictions
Values: TypeAlias = Floats  # (resamples,)
Measure: TypeAlias = Callable[[Weights], dict[str, Values]]
Rows: TypeAlias = NDArray[np.int64]  # places in the predictions


@dataclass(frozen=True)
class Prepared:
    """What a family has made of predictions: their measure, and the same of some rows without making it anew.

    `by_row` has the metrics that are plain means over rows: each row's value, NaN for rows that take no part.
    """

    measure: Measure
    of_rows: Callable[[Rows], "Prepared"]
    by_row: Mapping[str, Floats] = field(default_factory=dict[str, Floats])

    def __call__(self, weights: Weights) -> dict[str, Values]:
        """The metrics under each vector of weights."""
        return self.measure(weights)

    def take(self, rows: Rows) -> "Prepared":
        """The same of these rows alone, in their order."""
        return self.of_rows(rows)


Family: TypeAlias = Callable[[Task, Sequence[Prediction]], Prepared]


def point(measure: Measure, rows: int) -> dict[str, float]:
    """The metrics of all rows, each counted once."""
    return {name: float(values[0]) for name, values in measure(np.ones((1, rows))).items()}


def ratio(part: Floats, whole: Floats, empty: float = 0.0) -> Floats:
    """`part / whole`, and `empty` where the whole is 0."""
    return np.divide(part, whole, out=np.full(np.broadcast(part, whole).shape, empty), where=whole != 0)


def mean(weights: Weights, values: Floats | NDArray[np.bool_], counted: NDArray[np.bool_] | None = None) -> Values:
    """The weighted mean of one value a row over the rows that are counted; 0 where there are none."""
    rows = np.ones(len(values)) if counted is None else counted.astype(float)
    return ratio(weights @ (values * rows), weights @ rows)


class Means:
    """Weighted means of several values a row over the rows that are counted, summed in one product; 0 without any."""

    def __init__(self, values: Mapping[str, Floats | NDArray[np.bool_]], counted: NDArray[np.bool_]) -> None:
        self._names = list(values)
        rows = counted.astype(float)
        self._table = np.stack([rows, *(part * rows for part in values.values())], axis=1)
        self.by_row = {name: np.where(counted, part, np.nan) for name, part in values.items()}

    def __call__(self, weights: Weights) -> dict[str, Values]:
        """The means by name."""
        sums = weights @ self._table
        return {name: ratio(sums[:, at], sums[:, 0]) for at, name in enumerate(self._names, start=1)}


def joined(parts: Sequence[tuple[str, Prepared]]) -> Prepared:
    """The metrics of all parts, which are of the same predictions.

    A metric that an earlier part has too is preceded by the name of its own part.
    """

    def merged(of: Callable[[Prepared], Mapping[str, Values]]) -> dict[str, Values]:
        found: dict[str, Values] = {}
        for head, part in parts:
            for metric, values in of(part).items():
                name = metric
                while name in found:
                    name = f"{head}_{name}"
                found[name] = values
        return found

    return Prepared(
        lambda weights: merged(lambda part: part(weights)),
        lambda rows: joined([(name, part.take(rows)) for name, part in parts]),
        merged(lambda part: part.by_row),
    )


def named(task: Task, found: Sequence[tuple[str, Values]]) -> dict[str, Values]:
    """The metrics by name. Raises TaskError where two are called the same."""
    names = Counter(name for name, _ in found)
    TaskError.check([f"task {task.name}: two metrics are called {name}" for name, count in names.items() if count > 1])
    return dict(found)
