"""Class weights and oversampling of a training split, by a stated rule.

Weight of a class (and of a condition): how often the most frequent one occurs, divided by how often it does. A sample
is written int(class weight x condition weight) times where that product is above 2, else once.
"""

from collections.abc import Mapping

__all__ = ["THRESHOLD", "copies", "oversampled", "weights"]

THRESHOLD = 2.0  # of the product of the weights; classes up to it are left alone


def weights(counts: Mapping[str, int]) -> dict[str, float]:
    """The most frequent value's count divided by each one's; values that do not occur have none."""
    largest = max(counts.values(), default=0)
    return {name: largest / count for name, count in counts.items() if count}


def copies(counts: Mapping[str, int], condition_of: Mapping[str, str]) -> dict[str, int]:
    """How often each sample of a class is written, from how often classes occur; conditions sum their classes."""
    conditions: dict[str, int] = {}
    for name, count in counts.items():
        if condition := condition_of.get(name):
            conditions[condition] = conditions.get(condition, 0) + count
    by_class, by_condition = weights(counts), weights(conditions)
    found: dict[str, int] = {}
    for name, weight in by_class.items():
        product = weight * by_condition.get(condition_of.get(name, ""), 1.0)
        found[name] = int(product) if product > THRESHOLD else 1
    return found


def oversampled(train: Mapping[str, int], counts: Mapping[str, int], condition_of: Mapping[str, str]) -> dict[str, int]:
    """How many samples of each class the training split has after oversampling, with weights from `counts`."""
    times = copies(counts, condition_of)
    return {name: count * times.get(name, 1) for name, count in train.items()}
