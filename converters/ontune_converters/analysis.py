"""Numbers about annotated pictures: counts, boxes, relations, resolution, imbalance; the form of analysis.json."""

import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from ontune.task import Task
from ontune_converters.balance import oversampled, weights
from ontune_converters.conditions import choice_of
from ontune_converters.regions import AnnotatedPicture, Region
from ontune_converters.relations import RELATIONS, THRESHOLDS, holds

__all__ = ["BOTTOM", "TOP", "Names", "analyse", "suspected_crop"]

BOTTOM, TOP = 0.6, 0.4  # of the height: centres below and above
ALIGNED = 0.1  # centres that differ by less are one above the other
FILLED = 0.8  # of a picture that its only object takes: it shows the object alone
SMALL = 0.25  # of the median picture's pixels
SEVERE = 3.0  # largest class to smallest
FEW, SOME = 30, 50  # objects a class, on average
PATTERN_SHARE, PATTERN_PAIRS = 0.6, 10  # of the pairs that stand so, and their number, before it is called a pattern

Record = dict[str, Any]


@dataclass(frozen=True)
class Names:
    """What a class stands for, by the task; a class that is none of the task's is an object of its own."""

    task: Task

    def object(self, label: str) -> str:
        return choice_of(self.task)[1].about(label).get("object", label)

    def condition(self, label: str) -> str:
        return choice_of(self.task)[1].about(label).get("condition", "")

    def unknown(self, labels: Iterable[str]) -> list[str]:
        return sorted({*labels} - {*choice_of(self.task)[1].options})


def analyse(pictures: Sequence[AnnotatedPicture], names: Names) -> Record:
    """All numbers, by split and over all; shares of pairs and of boxes are rounded to four digits."""
    splits = sorted({picture.split for picture in pictures})
    by_split = {split: [one for one in pictures if one.split == split] for split in splits}
    median = _median_pixels(pictures)
    train = by_split.get("train", list(pictures))
    counts = _counts(pictures, lambda label: label)
    return {
        "format": 1,
        "task": names.task.name,
        "unknown_classes": names.unknown(counts),
        "splits": {split: _summary(found, names, median) for split, found in by_split.items()},
        "all": _summary(pictures, names, median),
        "boxes": {"classes": _boxes(pictures, lambda label: label), "objects": _boxes(pictures, names.object)},
        "relations": {
            "thresholds": dict(THRESHOLDS) | {"aligned": ALIGNED},
            "classes": _relations(pictures, lambda label: label),
            "objects": _relations(pictures, names.object),
        },
        "cooccurrence": _cooccurrence(pictures),
        "imbalance": _imbalance(counts, _counts(train, lambda label: label), names),
        "patterns": _patterns(_relations(train, names.object)),
    }


def _regions(pictures: Iterable[AnnotatedPicture]) -> list[Region]:
    return [region for picture in pictures for region in picture.regions]


def _counts(pictures: Iterable[AnnotatedPicture], named: Callable[[str], str]) -> dict[str, int]:
    return dict(sorted(Counter(filter(None, (named(region.label) for region in _regions(pictures)))).items()))


def _summary(pictures: Sequence[AnnotatedPicture], names: Names, median: float) -> Record:
    """Counts of one split."""
    sizes = Counter(f"{width}x{height}" for width, height in (picture.size for picture in pictures))
    return {
        "pictures": len(pictures),
        "without_objects": sum(not picture.regions for picture in pictures),
        "missing": sum(picture.path is None for picture in pictures),
        "objects": len(_regions(pictures)),
        "shapes": dict(sorted(Counter(region.shape for region in _regions(pictures)).items())),
        "classes": _counts(pictures, lambda label: label),
        "conditions": _counts(pictures, names.condition),
        "object_types": _counts(pictures, names.object),
        "objects_a_picture": _spread([len(picture.regions) for picture in pictures if picture.regions]),
        "resolutions": dict(sorted(sizes.items(), key=lambda item: (-item[1], item[0]))),
        "suspected_crops": [
            {"picture": picture.name, "why": why} for picture in pictures if (why := suspected_crop(picture, median))
        ],
    }


def _spread(values: Sequence[float]) -> Record:
    """Mean, standard deviation (of all, not of a sample), minimum and maximum; null where there is no value."""
    if not values:
        return {"mean": None, "std": None, "min": None, "max": None}
    found = (statistics.fmean(values), statistics.pstdev(values), min(values), max(values))
    return dict(zip(("mean", "std", "min", "max"), (round(value, 4) for value in found), strict=True))


def _median_pixels(pictures: Iterable[AnnotatedPicture]) -> float:
    pixels = [picture.size[0] * picture.size[1] for picture in pictures if all(picture.size)]
    return statistics.median(pixels) if pixels else 0.0


def suspected_crop(picture: AnnotatedPicture, median_pixels: float) -> str:
    """Why a picture looks like an object cut out instead of a whole scene; "" where it does not."""
    if len(picture.regions) == 1 and picture.regions[0].area >= FILLED:
        return f"its only object takes {picture.regions[0].area:.0%} of it"
    width, height = picture.size
    if 0 < width * height < SMALL * median_pixels:
        return f"{width}x{height}: less than {SMALL:.0%} of the pixels of the median picture"
    return ""


def _boxes(pictures: Iterable[AnnotatedPicture], named: Callable[[str], str]) -> Record:
    """Area, width, height and y of the centre for each name, and the shares that lie at the bottom and at the top."""
    by_name: defaultdict[str, list[Region]] = defaultdict(list)
    for region in _regions(pictures):
        by_name[named(region.label)].append(region)
    return {name: _box_statistics(found) for name, found in sorted(by_name.items())}


def _box_statistics(regions: Sequence[Region]) -> Record:
    ys = [region.center[1] for region in regions]
    return {
        "count": len(regions),
        "area": _spread([region.area for region in regions]),
        "width": _spread([region.box[2] - region.box[0] for region in regions]),
        "height": _spread([region.box[3] - region.box[1] for region in regions]),
        "y": _spread(ys),
        "bottom": _share(y > BOTTOM for y in ys),
        "top": _share(y < TOP for y in ys),
    }


def _share(values: Iterable[bool]) -> float:
    found = list(values)
    return round(sum(found) / len(found), 4) if found else 0.0


def _relations(pictures: Iterable[AnnotatedPicture], named: Callable[[str], str]) -> list[Record]:
    """For each two names, the shares of their pairs in which the first stands so to the second.

    The first is always the one that is first by code point, whatever the order in the file: the sign depends on it.
    """
    pairs: defaultdict[tuple[str, str], list[tuple[Region, Region]]] = defaultdict(list)
    for picture in pictures:
        for one, other in combinations(picture.regions, 2):
            first, second = sorted((one, other), key=lambda region: (named(region.label), region.box))
            pairs[named(first.label), named(second.label)].append((first, second))
    return [_pair_statistics(names, found) for names, found in sorted(pairs.items()) if names[0] != names[1]]


def _pair_statistics(names: tuple[str, str], pairs: Sequence[tuple[Region, Region]]) -> Record:
    shares = {name: _share(holds(name, one.box, other.box) for one, other in pairs) for name in RELATIONS}
    apart = [(one.center[0] - other.center[0], one.center[1] - other.center[1]) for one, other in pairs]
    return {
        "one": names[0],
        "other": names[1],
        "pairs": len(pairs),
        **shares,
        "aligned": _share(abs(dx) < ALIGNED for dx, _ in apart),
        "distance": round(statistics.fmean((dx * dx + dy * dy) ** 0.5 for dx, dy in apart), 4),
    }


def _cooccurrence(pictures: Iterable[AnnotatedPicture]) -> dict[str, dict[str, int]]:
    """In how many pictures two classes stand together; a class with itself: in how many it stands at all."""
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for picture in pictures:
        labels = {region.label for region in picture.regions}
        for label in labels:
            found[label].update(labels)
    return {name: dict(sorted(counts.items())) for name, counts in sorted(found.items())}


def _imbalance(counts: Mapping[str, int], train: Mapping[str, int], names: Names) -> Record:
    """Ratio and verdicts, weights from all counts, and what oversampling makes of the training split."""
    condition_of = {name: names.condition(name) for name in counts}
    conditions: Counter[str] = Counter()
    for name, count in counts.items():
        conditions[condition_of[name]] += count
    conditions.pop("", None)
    ratio = max(counts.values()) / min(counts.values()) if counts else 0.0
    average = sum(counts.values()) / len(counts) if counts else 0.0
    after = oversampled(train, counts, condition_of)
    return {
        "ratio": round(ratio, 2),
        "verdict": "severe" if ratio > SEVERE else "mild",
        "average_a_class": round(average, 1),
        "data": "low" if average < FEW else "moderate" if average < SOME else "enough",
        "class_weights": {name: round(weight, 2) for name, weight in weights(counts).items()},
        "condition_weights": {name: round(weight, 2) for name, weight in sorted(weights(conditions).items())},
        "oversampling": {"before": sum(train.values()), "after": sum(after.values()), "classes": after},
    }


def _patterns(relations: Iterable[Record]) -> list[Record]:
    """What holds of most pairs of two objects, as sentences for prompts."""
    words = {"below": "below", "above": "above", "left": "left of", "right": "right of"}
    return [
        {
            "one": row["one"],
            "other": row["other"],
            "relation": name,
            "share": row[name],
            "pairs": row["pairs"],
            "text": f"In {row[name]:.0%} of {row['pairs']} pairs, a {row['one']} lies {word} a {row['other']}.",
        }
        for row in relations
        for name, word in words.items()
        if row["pairs"] >= PATTERN_PAIRS and row[name] >= PATTERN_SHARE
    ]
