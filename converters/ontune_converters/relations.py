"""Where one object lies from another, from their boxes; y grows downwards, so that below is a larger y."""

from collections.abc import Mapping
from types import MappingProxyType

from ontune_converters.regions import Box

__all__ = ["OPPOSITE", "RELATIONS", "THRESHOLDS", "holds", "overlap", "related"]

RELATIONS = ("below", "above", "left", "right", "overlaps", "contains")
OPPOSITE = {"below": "above", "above": "below", "left": "right", "right": "left"}
# Shares: of the picture's height and width, by which the centres must differ at least; of the union that is shared; of
# the other box that lies inside.
THRESHOLDS: Mapping[str, float] = MappingProxyType(
    {"below": 0.05, "above": 0.05, "left": 0.1, "right": 0.1, "overlaps": 0.1, "contains": 0.9}
)
ROUNDING = 1e-9  # of floating point: a difference of exactly the threshold is none
AXES = {"left": (0, -1), "right": (0, 1), "above": (1, -1), "below": (1, 1)}  # of the centre, and the sign


def holds(relation: str, one: Box, other: Box) -> bool:
    """Whether the first box is below (above, left of, right of) the second, overlaps or contains it."""
    threshold = THRESHOLDS[relation]
    if relation in AXES:
        axis, sign = AXES[relation]
        return sign * (_center(one, axis) - _center(other, axis)) > threshold + ROUNDING
    if relation == "overlaps":
        return overlap(one, other) >= threshold
    return _shared(one, other) >= threshold * _area(other)


def related(one: Box, other: Box) -> tuple[str, ...]:
    """Every relation in which the first box stands to the second."""
    return tuple(relation for relation in RELATIONS if holds(relation, one, other))


def overlap(one: Box, other: Box) -> float:
    """Intersection over union."""
    shared = _shared(one, other)
    union = _area(one) + _area(other) - shared
    return shared / union if union else 0.0


def _center(box: Box, axis: int) -> float:
    return (box[axis] + box[axis + 2]) / 2


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def _shared(one: Box, other: Box) -> float:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return max(width, 0.0) * max(height, 0.0)
