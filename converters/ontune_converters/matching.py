"""Which marked object a detection found: one to one, by how much their boxes share."""

from collections.abc import Callable, Sequence
from pathlib import PurePosixPath

from ontune_converters.regions import Region
from ontune_converters.relations import overlap

__all__ = ["Match", "by_name", "match"]

Match = tuple[int, int, float]  # places of a detection and of the object that it found, and their IoU


def match(found: Sequence[Region], truth: Sequence[Region], threshold: float) -> list[Match]:
    """The pairs that share at least `threshold` (intersection over union), each object in one pair at most.

    Detections choose in order of confidence, each the best object that is left, whatever classes they have: as COCO and
    Pascal VOC match within a class.
    """
    left = set(range(len(truth)))
    pairs: list[Match] = []
    for at in sorted(range(len(found)), key=lambda at: -certainty(found[at])):
        shared = {place: overlap(found[at].box, truth[place].box) for place in sorted(left)}
        best = max(shared, key=lambda place: shared[place], default=None)
        if best is not None and shared[best] >= threshold:
            left.remove(best)
            pairs.append((at, best, shared[best]))
    return sorted(pairs)


def certainty(region: Region) -> float:
    """The detector's confidence; what has none was marked by a person."""
    return 1.0 if region.confidence is None else region.confidence


def by_name(names: Sequence[str]) -> Callable[[str], str | None]:
    """Finds the one of the names that another one means: by its path, its file name, or that without the suffix.

    None where none or several fit.
    """
    spellings = (str, lambda name: PurePosixPath(name).name, lambda name: PurePosixPath(name).stem)
    places: list[dict[str, set[str]]] = [{} for _ in spellings]
    for name in names:
        for place, spell in zip(places, spellings, strict=True):
            place.setdefault(spell(name), set()).add(name)

    def find(wanted: str) -> str | None:
        plain = wanted.replace("\\", "/")
        for place, spell in zip(places, spellings, strict=True):
            if fitting := place.get(spell(plain)):
                return next(iter(fitting)) if len(fitting) == 1 else None
        return None

    return find
