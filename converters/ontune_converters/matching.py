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
    places: list[dict[str, set[str]]] = [{}, {}, {}, {}]
    for name in names:
        path = PurePosixPath(name)
        for place, spelling in zip(places, (name, _bare(path), path.name, path.stem), strict=True):
            place.setdefault(spelling, set()).add(name)
    whole, bare, files, stems = places

    def find(wanted: str) -> str | None:
        path = PurePosixPath(wanted.replace("\\", "/"))
        # What has no suffix may have a full stop, as every name of Roboflow's: x_jpg.rf.0a1b
        by_path = ((whole, str(path)), (bare, str(path)), (bare, _bare(path)))
        for place, spelling in (*by_path, (files, path.name), (stems, path.name), (stems, path.stem)):
            if fitting := place.get(spelling):
                return next(iter(fitting)) if len(fitting) == 1 else None
        return None

    return find


def _bare(path: PurePosixPath) -> str:
    return (path.parent / path.stem).as_posix()  # `with_suffix` takes no empty name
