"""Detections that are recorded: JSON, COCO with scores, or YOLO text with confidences, of whatever detector."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from ontune.errors import SourceError
from ontune_converters import coco
from ontune_converters.account import Account
from ontune_converters.annotations import read_annotations
from ontune_converters.detections import Corners, Found, Seen, ordered, placed, regions_of
from ontune_converters.layout import files_below
from ontune_converters.matching import by_name
from ontune_converters.regions import AnnotatedPicture, Region
from ontune_converters.yolo import label_lines, read_export, read_lines

__all__ = ["RecordedDetector", "read_names"]

Record = Mapping[str, Any]
Regions = dict[str, tuple[Region, ...]]  # by the name of a picture


@dataclass(frozen=True)
class RecordedDetector:
    """A file or folder of detections; `names` is where the classes of plain YOLO text or COCO results stand."""

    path: Path
    names: Path | None
    confidence: float

    @property
    def name(self) -> str:
        return self.path.name

    def find(self, pictures: Sequence[Seen], account: Account) -> Iterator[Found]:
        """What is recorded of each picture; one of which nothing is has no objects, with a warning."""
        recorded = self._read(pictures, account)
        for seen in pictures:
            if seen.name not in recorded:
                account.warn("nothing_recorded", f"{self.name}: {seen.name}: taken as a picture without objects")
            yield Found(tuple(self._sure(recorded.get(seen.name, ()), account)))

    def _sure(self, regions: Sequence[Region], account: Account) -> Iterator[Region]:
        for region in regions:
            if region.confidence is None:
                account.warn("no_confidence", f"{region.where}: {region.label}: taken as sure")
            if region.confidence is not None and region.confidence < self.confidence:
                account.drop("low_confidence", f"{region.where}: {region.label} {region.confidence:g}")
            else:
                yield region

    def _read(self, pictures: Sequence[Seen], account: Account) -> Regions:
        if self.path.is_dir() and _is_plain(self.path):
            return self._text(pictures, account)
        loaded = _json(self.path) if self.path.suffix == ".json" else None
        items = cast("list[Record]", loaded) if isinstance(loaded, list) and loaded else []
        if items and all(isinstance(item, dict) and isinstance(item.get("detections"), list) for item in items):
            return _own(items, pictures, account, self.name)
        if items and all(
            isinstance(item, dict) and {"image_id", "category_id", "bbox"} <= item.keys() for item in items
        ):
            return self._results(items, pictures, account)
        found = read_annotations(self.path, account, confidences=True)
        return _placed(found, pictures, account)

    def _text(self, pictures: Sequence[Seen], account: Account) -> Regions:
        """A folder of label files, one a picture of that name, as `yolo predict save_txt save_conf` leaves it."""
        if self.names is None:
            raise SourceError(f"{self.path}: label files without data.yaml: name a file with the classes with --names")
        names = read_names(self.names)
        find = by_name([seen.name for seen in pictures])
        found: Regions = {}
        for file in files_below(self.path, {".txt"}):
            lines = label_lines(file, self.path)
            name = find(file.relative_to(self.path).as_posix())
            if name is None or name in found:
                _unused(account, name, len(lines), file.name)
            else:
                found[name] = ordered(read_lines(lines, names, account, confidences=True))
        return found

    def _results(self, items: Sequence[Record], pictures: Sequence[Seen], account: Account) -> Regions:
        """COCO results, a list of scored boxes: the file of the annotations says what their numbers mean."""
        known = _json(self.names) if self.names and self.names.suffix == ".json" else None
        if not coco.recognise(known):
            raise SourceError(
                f"{self.path}: COCO results: expected --names with the COCO file whose images and categories they mean"
            )
        numbered = [{"id": number, **item} for number, item in enumerate(items, start=1)]
        whole = {**cast("dict[str, Any]", known), "annotations": numbered}
        return _placed(coco.pictures_of(whole, self.path, account), pictures, account)


def read_names(file: Path) -> dict[int, str]:
    """Class names by number: of data.yaml, of a text with a name a line, or of the categories of a COCO file."""
    if file.suffix != ".json":
        return dict(read_export(file).names)
    try:
        return {int(one["id"]): str(one["name"]) for one in _json(file)["categories"]}
    except (KeyError, TypeError, ValueError) as error:
        raise SourceError(f"{file}: {error!r}: expected a COCO file with categories") from None


def _is_plain(folder: Path) -> bool:
    """Whether there are label files and nothing that says more."""
    if any((folder / name).is_file() for name in ("data.yaml", "data.yml", "dataset.yaml", "classes.txt")):
        return False
    return bool(files_below(folder, {".txt"})) and not files_below(folder, {".json", ".xml", ".yaml", ".yml", ".jsonl"})


def _json(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise SourceError(f"{file}: not JSON: {error}") from None


def _own(items: Sequence[Record], pictures: Sequence[Seen], account: Account, source: str) -> Regions:
    """`[{image, detections: [{class, confidence, box}]}]`: `box` has corners, `bbox` centre, width and height."""
    by_seen = {seen.name: seen for seen in pictures}
    find = by_name([*by_seen])
    found: Regions = {}
    for item in items:
        name = find(str(item.get("image")))
        if name is None or name in found:
            _unused(account, name, len(item["detections"]), f"{source}: {item.get('image')}")
            continue
        given = [cast("Record", one) if isinstance(one, dict) else {} for one in item["detections"]]
        rows = [(one.get("class"), _corners(one), one.get("confidence")) for one in given]
        found[name] = regions_of(rows, _sized(by_seen[name], item, account, source), account, source)
    return found


def _sized(seen: Seen, item: Record, account: Account, source: str) -> Seen:
    """The picture in the size that its boxes are meant in, where another one than its own is stated.

    Raises SourceError for a size that is no number.
    """
    stated = (item.get("width") or seen.size[0], item.get("height") or seen.size[1])
    if not all(isinstance(side, int | float) for side in stated):
        raise SourceError(f"{source}: {seen.name}: size {stated}: expected pixels")
    if stated == seen.size:
        return seen
    account.warn("other_size", f"{seen.name} is said to be {stated}, but is {seen.size}")
    return replace(seen, size=stated)


def _corners(one: Record) -> Corners:
    """The corners in pixels; NaN, which is refused with its place, where there are no four numbers."""
    try:
        first, second, third, fourth = (float(value) for value in one.get("box") or one["bbox"])
    except (KeyError, TypeError, ValueError):
        return math.nan, math.nan, math.nan, math.nan
    if one.get("box"):
        return first, second, third, fourth
    return first - third / 2, second - fourth / 2, first + third / 2, second + fourth / 2


def _placed(found: Sequence[AnnotatedPicture], pictures: Sequence[Seen], account: Account) -> Regions:
    return {name: ordered(of) for name, of in placed(found, pictures, account, "unknown_picture").items()}


def _unused(account: Account, name: str | None, count: int, where: str) -> None:
    """Counts detections in a picture that is not looked at, or `name`, of which some were read before."""
    account.read += count
    for number in range(1, count + 1):
        account.drop("picture_twice" if name else "unknown_picture", f"{where}: detection {number}")
