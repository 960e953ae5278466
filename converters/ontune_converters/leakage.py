"""What a split gives away: pictures and label sets that stand on both sides of it, and pictures with two answers."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ontune.console import progress
from ontune.errors import SourceError
from ontune.files import sha256_file
from ontune.sharegpt import Sample
from ontune.task.openbook import closed_book

__all__ = ["Case", "Fingerprint", "Leakage", "find_leakage", "fingerprints", "label_set"]

Hashes = NDArray[np.uint64]
CELLS = 1 << 22  # of the distance table at a time: 32 MB
FAR = 255  # no two looks differ in so many bits


@dataclass(frozen=True)
class Fingerprint:
    """A file's bytes as their hash and, of a picture, its look as 64 bits (DCT perceptual hash)."""

    sha256: str
    look: int | None


@dataclass(frozen=True)
class Case:
    """A sample as the report sees it."""

    sample: Sample
    split: str
    prints: tuple[Fingerprint, ...]

    @property
    def name(self) -> str:
        return f"{self.split} {', '.join((*self.sample.images, *self.sample.videos)) or self.sample.id}"


@dataclass(frozen=True)
class Leakage:
    """The findings, a line each for people, and the share of each split's label sets that train has."""

    identical: tuple[str, ...]
    near: tuple[str, ...]
    conflicting: tuple[str, ...]
    label_sets: Mapping[str, Mapping[str, float]]

    def record(self) -> dict[str, Any]:
        """Counts, as JSON."""
        return {
            "identical": len(self.identical),
            "near_identical": len(self.near),
            "conflicting_gold": len(self.conflicting),
            "label_sets": {split: dict(counts) for split, counts in self.label_sets.items()},
        }


def fingerprints(images: Iterable[Path], videos: Iterable[Path]) -> dict[Path, Fingerprint]:
    """The fingerprint of each file. Raises SourceError with every file that cannot be read."""
    pictures = set(images)
    paths = sorted(pictures | set(videos))
    found: dict[Path, Fingerprint] = {}
    faults: list[str] = []
    for path in progress(paths, "files", len(paths)):
        try:
            found[path] = Fingerprint(sha256_file(path), _look(path) if path in pictures else None)
        except Exception as error:  # decoders of damaged files raise anything
            faults.append(f"{path}: cannot be read: {error}")
    SourceError.check(faults)
    return found


def _look(path: Path) -> int:
    with Image.open(path) as image:
        bits = cast("NDArray[np.bool_]", imagehash.phash(image).hash)
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def find_leakage(cases: Sequence[Case], near: int) -> Leakage:
    """What the splits of these samples give away; pictures are near when their looks differ in at most `near` bits."""
    return Leakage(
        tuple(_identical(cases)),
        tuple(dict.fromkeys(_near(cases, near))),
        tuple(_conflicting(cases)),
        _label_sets(cases),
    )


def _identical(cases: Iterable[Case]) -> Iterator[str]:
    """Each file content that several splits have."""
    holders: defaultdict[str, dict[str, list[str]]] = defaultdict(dict)
    for case in cases:
        paths = (*case.sample.images, *case.sample.videos)
        for path, fingerprint in zip(paths, case.prints, strict=True):
            holders[fingerprint.sha256].setdefault(case.split, []).append(path)
    for splits in holders.values():
        if len(splits) > 1:
            yield " = ".join(
                f"{split} {path}" for split, paths in sorted(splits.items()) for path in sorted(set(paths))
            )


def _conflicting(cases: Iterable[Case]) -> Iterator[str]:
    """Each question about the same files that has several answers."""
    golds: defaultdict[tuple[object, ...], dict[str, list[str]]] = defaultdict(dict)
    for case in cases:
        if case.prints:
            question = closed_book(case.sample.prompt)
            key = (question, *(fingerprint.sha256 for fingerprint in case.prints))
            golds[key].setdefault(label_set(case.sample.gold), []).append(f"{case.name}: {case.sample.gold}")
    for answers in golds.values():
        if len(answers) > 1:
            yield " ≠ ".join(sorted(names[0] for names in answers.values()))


def _near(cases: Sequence[Case], near: int) -> Iterator[str]:
    """Each sample with a picture that looks like one of an earlier split (train first) without being the same."""
    splits = sorted({case.split for case in cases}, key=lambda split: (split != "train", split))
    for at, split in enumerate(splits[1:], start=1):
        ours = [pair for case in cases if case.split == split for pair in _looks(case)]
        theirs = [pair for case in cases if case.split in splits[:at] for pair in _looks(case)]
        if ours and theirs:
            yield from _near_pairs(ours, theirs, near)


def _looks(case: Case) -> Iterator[tuple[str, Fingerprint]]:
    named = zip(case.sample.images, case.prints, strict=False)  # prints of videos follow and have no look
    return ((f"{case.split} {path}", fingerprint) for path, fingerprint in named)


def _near_pairs(
    ours: Sequence[tuple[str, Fingerprint]], theirs: Sequence[tuple[str, Fingerprint]], near: int
) -> Iterator[str]:
    """The distances of all pairs, a block of rows at a time: a loop over pairs would take minutes for thousands."""
    looks, others = _columns(ours), _columns(theirs)
    step = max(1, CELLS // len(theirs))
    for start in range(0, len(ours), step):
        block = slice(start, start + step)
        distances = np.bitwise_count(looks[0][block, None] ^ others[0]).astype(np.uint8)
        distances[looks[1][block, None] == others[1]] = FAR
        best, counts = distances.argmin(axis=1).tolist(), (distances <= near).sum(axis=1).tolist()
        for at, (nearest, count) in enumerate(zip(best, counts, strict=True)):
            if count:
                more = f" and {count - 1} more" * (count > 1)
                yield f"{ours[start + at][0]} ~ {theirs[nearest][0]} ({distances[at, nearest]} bits){more}"


def _columns(looks: Sequence[tuple[str, Fingerprint]]) -> tuple[Hashes, Hashes]:
    """The looks, and the first 64 bits of the contents' hashes."""
    return (
        np.array([fingerprint.look for _, fingerprint in looks], dtype=np.uint64),
        np.array([int(fingerprint.sha256[:16], 16) for _, fingerprint in looks], dtype=np.uint64),
    )


def label_set(gold: str) -> str:
    """The answer whatever the order of its labels and keys; an answer that is no JSON is itself."""
    try:
        return json.dumps(_unordered(json.loads(gold)), sort_keys=True, ensure_ascii=False)
    except ValueError:
        return gold


def _unordered(value: object) -> object:
    if isinstance(value, list):
        return sorted(map(json.dumps, map(_unordered, cast("list[object]", value))))
    if isinstance(value, dict):
        return {key: _unordered(item) for key, item in cast("dict[str, object]", value).items()}
    return value


def _label_sets(cases: Iterable[Case]) -> dict[str, dict[str, float]]:
    """For each split beside train: its samples and label sets, and the share of them whose set train has."""
    by_split: defaultdict[str, list[str]] = defaultdict(list)
    for case in cases:
        by_split[case.split].append(label_set(case.sample.gold))
    train = set(by_split.pop("train", []))
    return {split: _seen(sets, train) for split, sets in sorted(by_split.items())}


def _seen(sets: Sequence[str], train: set[str]) -> dict[str, float]:
    distinct = set(sets)
    return {
        "samples": len(sets),
        "samples_seen": round(sum(item in train for item in sets) / len(sets), 4),
        "sets": len(distinct),
        "sets_seen": round(len(distinct & train) / len(distinct), 4),
    }
