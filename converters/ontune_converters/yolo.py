"""YOLO text annotations: boxes, polygons and oriented boxes, in the layouts of Roboflow, Ultralytics and CVAT."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml

from ontune.console import progress
from ontune.errors import SourceError
from ontune_converters.account import Account
from ontune_converters.layout import files_below, is_picture
from ontune_converters.pictures import SUFFIXES
from ontune_converters.regions import AnnotatedPicture, BadRegion, Gathered, Point, Region, make_region, picture_size

__all__ = ["Export", "label_lines", "parse_data_yaml", "parse_line", "read", "read_export", "read_lines"]

KEYS = {"train": "train", "val": "val", "valid": "val", "test": "test"}  # of data.yaml, and the split each names


@dataclass(frozen=True)
class Export:
    """What data.yaml says: class names by number, where each split is said to be, and whether boxes are oriented."""

    names: Mapping[int, str]
    splits: Mapping[str, tuple[str, ...]]
    path: str = ""
    oriented: bool = False


def parse_data_yaml(text: str, where: str) -> Export:
    """The export that data.yaml describes, `names` as list or mapping. Raises SourceError with all faults at once."""
    try:
        loaded = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise SourceError(f"{where}: not YAML: {error}") from None
    if not isinstance(loaded, dict):
        raise SourceError(f"{where}: expected a mapping with names, train, val and test")
    record = cast("dict[str, Any]", loaded)
    faults: list[str] = []
    names = _names(record.get("names"), record.get("nc"), where, faults)
    splits: dict[str, tuple[str, ...]] = {}
    for key, split in KEYS.items():
        value = record.get(key)
        places = cast("list[object]", value) if isinstance(value, list) else [value] if value else []
        if not all(isinstance(place, str) for place in places):
            faults.append(f"{where}: {key} is {value!r}: expected a path, or a list of paths")
        splits[split] = splits.get(split, ()) + tuple(map(str, places))
    if "kpt_shape" in record:  # a line's box and key points would pass for a polygon
        faults.append(
            f"{where}: kpt_shape is {record['kpt_shape']!r}: key points are not read: export boxes or polygons"
        )
    SourceError.check(faults)
    kept = {split: places for split, places in splits.items() if places}
    return Export(names, kept, str(record.get("path") or ""), record.get("task") == "obb")


def _names(value: object, count: object, where: str, faults: list[str]) -> dict[int, str]:
    items = dict(enumerate(cast("list[object]", value))) if isinstance(value, list) else value
    pairs = cast("dict[object, object]", items) if isinstance(items, dict) else {}
    found: dict[int, str] = {}
    for key, name in pairs.items():
        if not (str(key).isdecimal() and isinstance(name, str) and name):
            faults.append(f"{where}: names has {key!r}: {name!r}: expected a number and a quoted name")
        else:
            found[int(str(key))] = name  # exactly as it is spelt: no strip, no case
    if not pairs:
        faults.append(f"{where}: names is {value!r}: expected a list of class names, or a mapping from their numbers")
    elif count is not None and count != len(pairs):
        faults.append(f"{where}: nc is {count!r}, but names has {len(pairs)} classes")
    return found


def parse_line(
    line: str, where: str, names: Mapping[int, str], account: Account, *, oriented: bool = False,
    confidences: bool = False,
) -> Region:  # fmt: skip
    """The region on one line: `class cx cy w h` or `class x1 y1 x2 y2 x3 y3 …`, in 0..1 of the picture.

    `oriented`: eight coordinates are an oriented box, which nothing else tells from a polygon. `confidences`: a last
    number is the detector's confidence. Raises BadRegion.
    """
    first, *rest = _numbers(line)
    label = names.get(int(first)) if first == int(first) else None
    if label is None:
        numbers = sorted(names)
        expected = f"{len(names)} classes ({numbers[0]}..{numbers[-1]})" if names else "no classes"
        raise BadRegion("unknown_class", f"class {first:g}, but {expected} are named")
    confidence = rest.pop() if confidences and len(rest) % 2 else None
    if len(rest) == 4:
        return make_region(label, _corners(*rest), where, account, confidence=confidence)
    if len(rest) >= 6 and len(rest) % 2 == 0:
        points = list(zip(rest[::2], rest[1::2], strict=True))
        shape = "oriented" if oriented and len(points) == 4 == len(set(points)) else "polygon"
        return make_region(label, points, where, account, shape=shape, confidence=confidence)
    raise BadRegion("malformed", f"{len(rest)} coordinates: expected 4 (box) or an even number from 6 (polygon)")


def _numbers(line: str) -> list[float]:
    try:
        numbers = [float(part) for part in line.split()]
        int(numbers[0])
    except (ValueError, OverflowError):
        raise BadRegion("malformed", f"{line[:60]!r}: expected numbers alone, a class first") from None
    return numbers


def _corners(cx: float, cy: float, width: float, height: float) -> list[Point]:
    """Two opposite corners. Raises BadRegion where the four numbers themselves are no shares of the picture."""
    if not all(-0.01 <= value <= 1.01 for value in (cx, cy, width, height)):  # NaN fails it too
        raise BadRegion("out_of_range", f"box {cx:g} {cy:g} {width:g} {height:g}: expected 0..1 of the picture")
    return [(cx - width / 2, cy - height / 2), (cx + width / 2, cy + height / 2)]


def read(source: Path, account: Account, oriented: bool = False, confidences: bool = False) -> list[AnnotatedPicture]:
    """The pictures of an export: a folder with data.yaml or classes.txt, or such a file. Lines are counted as read.

    `confidences`: a line may end with the confidence of the detector that wrote it.
    """
    file = source if source.is_file() else _description(source)
    root = file.parent
    export = read_export(file)
    found: list[AnnotatedPicture] = []
    for split, images, labels in _pairs(export, root, account):
        for path, label in progress(_matched(images, labels, root), f"{split} labels", None):
            lines = label_lines(label, root) if label else []
            name = _relative(path or label or root, root)
            regions = read_lines(lines, export.names, account, oriented or export.oriented, confidences)
            there = path if path and path.is_file() else None
            missing = "" if there else f"no picture for {_relative(label or path or root, root)}"
            if not label:
                account.warn("no_label_file", f"{name}: taken as a picture without objects")
            size = picture_size(there) if there else (0, 0)
            found.append(AnnotatedPicture(name, split, there, size, regions, missing))
    return found


def _description(folder: Path) -> Path:
    """data.yaml, or what takes its place. Raises SourceError where there is none."""
    named = [
        path for name in ("data.yaml", "data.yml", "dataset.yaml", "classes.txt") if (path := folder / name).is_file()
    ]
    if not named:
        named = sorted(folder.glob("*.y*ml"))
    if not named:
        raise SourceError(f"{folder}: no data.yaml or classes.txt in it: expected a YOLO export")
    return named[0]


def read_export(file: Path) -> Export:
    """What data.yaml, or classes.txt with a name a line, says. Raises SourceError."""
    text = _text(file, str(file))
    if file.suffix != ".txt":
        return parse_data_yaml(text, file.name)
    names = dict(enumerate(line for line in text.splitlines() if line))
    return Export(names, {"train": ("images",)})


def _pairs(export: Export, root: Path, account: Account) -> Iterator[tuple[str, list[Path], list[Path]]]:
    """Each split with its pictures and label files. Raises SourceError where no split that is named is there."""
    there = False
    for split, places in export.splits.items():
        images: list[Path] = []
        labels: list[Path] = []
        for place in places:
            found = resolve(place, export.path, root)
            if found is None:
                account.warn("missing_split", f"{split}: {place} is named, but is not there")
                continue
            there = True
            listed = _listed(found, root) if found.is_file() else files_below(found, SUFFIXES)
            images += listed
            folders = {label_path(path, root).parent for path in listed} | (
                {label_path(found / "x", root).parent} - {found}
            )
            labels += [path for folder in sorted(folders) if found.is_dir() for path in files_below(folder, {".txt"})]
            labels += (
                [] if found.is_dir() else [path for image in listed if (path := label_path(image, root)).is_file()]
            )
        yield split, sorted(set(images)), sorted(set(labels) - {root / "classes.txt"})
    if not there:
        raise SourceError(f"{root}: none of the splits is there: {dict(export.splits)}")


def resolve(place: str, path: str, root: Path) -> Path | None:
    """Where a split is; exports say `../train/images` of a folder beside data.yaml, so inside them comes first."""
    inside = place.replace("\\", "/")
    while inside.startswith(("../", "./")):
        inside = inside.split("/", 1)[1]
    tried = (root / inside, root / path / inside, root / path / place, root / place, Path(path) / place)
    return next((found for found in tried if found.exists()), None)


def _listed(file: Path, root: Path) -> list[Path]:
    """The pictures that a list names, a line each, as CVAT writes `train.txt`; names may begin with `data/` or `./`.

    One that is not there is kept: its labels are counted.
    """
    found: list[Path] = []
    for line in _text(file, _relative(file, root)).splitlines():
        if name := line.strip():
            plain = name.removeprefix("./")
            tried = (root / plain, root / plain.removeprefix("data/"), file.parent / plain, Path(name))
            found.append(next((path for path in tried if path.is_file()), tried[1]))
    return found


def label_path(image: Path, root: Path) -> Path:
    """The label file of a picture: `labels` instead of the last folder `images`, or beside it."""
    start = root if image.is_relative_to(root) else Path(image.anchor)  # a folder above the export may be `images` too
    parts = list(image.relative_to(start).parts)
    at = next((at for at in range(len(parts) - 2, -1, -1) if parts[at] == "images"), None)
    if at is not None:
        parts[at] = "labels"
    return start.joinpath(*parts).with_suffix(".txt")


def _matched(images: list[Path], labels: list[Path], root: Path) -> list[tuple[Path | None, Path | None]]:
    """Each picture with its label file, and each label file that no picture belongs to."""
    there = set(labels)
    wanted = {path: label_path(path, root) for path in images if is_picture(path)}
    pairs: list[tuple[Path | None, Path | None]] = [
        (path, label if label in there else None) for path, label in wanted.items()
    ]
    return pairs + [(None, label) for label in sorted(there - set(wanted.values()))]


def label_lines(file: Path, root: Path) -> list[tuple[str, str]]:
    """(line, place) of each line that is not blank."""
    name = _relative(file, root)
    lines = _text(file, name).splitlines()
    return [(line, f"{name}:{number}") for number, line in enumerate(lines, start=1) if line.strip()]


def _text(file: Path, name: str) -> str:
    """What a file holds, without a byte-order mark. Raises SourceError."""
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise SourceError(f"{name}: not UTF-8: {error}") from None


def read_lines(
    lines: list[tuple[str, str]], names: Mapping[int, str], account: Account, oriented: bool = False,
    confidences: bool = False,
) -> tuple[Region, ...]:  # fmt: skip
    """The regions on (line, place) pairs, each counted."""
    gathered = Gathered(account)
    options = {"oriented": oriented, "confidences": confidences}
    for line, where in lines:
        gathered.take(where, lambda line=line, where=where: parse_line(line, where, names, account, **options))
    return gathered.regions


def _relative(path: Path, root: Path) -> str:
    try:
        return path.resolve().relative_to(root.resolve()).as_posix()
    except ValueError:  # a split that data.yaml puts elsewhere
        return path.as_posix() if not path.is_absolute() else "/".join(path.parts[-3:])
