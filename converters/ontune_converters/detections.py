"""Stage 1: pictures to look at, and what a detector found in them."""

import io
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from PIL import Image

from ontune.errors import SourceError
from ontune_converters.account import Account
from ontune_converters.layout import files_below
from ontune_converters.matching import by_name, certainty
from ontune_converters.pictures import SUFFIXES, BadPicture, Picture, read_picture
from ontune_converters.regions import AnnotatedPicture, Gathered, Region, pixel_region

__all__ = ["Corners", "Detector", "Found", "Seen", "in_pixels", "look", "ordered", "placed", "record", "regions_of"]

Corners = tuple[float, float, float, float]  # left, upper, right, lower edge in pixels


@dataclass(frozen=True)
class Seen:
    """A picture that is looked at: `file` is upright and opaque, so that every detector sees what the model sees.

    It is the `original` wherever that is so already.
    """

    name: str
    picture: Picture
    file: Path
    original: Path
    size: tuple[int, int]


@dataclass(frozen=True)
class Found:
    """What a detector found in one picture, and how long it took; None where it was recorded before."""

    regions: tuple[Region, ...]
    seconds: float | None = None


class Detector(Protocol):
    """Looks at pictures, and gives what it found in each, in their order."""

    @property
    def name(self) -> str:
        """The file that the detections come from."""
        ...

    def find(self, pictures: Sequence[Seen], account: Account) -> Iterator[Found]:
        """What is in each picture. Each detection is counted as read, and as dropped where it cannot be used."""
        ...


def look(paths: Iterable[Path], scratch: Path) -> list[Seen]:
    """The pictures of files and folders, sorted by name: the path below its folder.

    Raises SourceError with every one that cannot be read, and every name that two have.
    """
    files: dict[str, Path] = {}
    faults: list[str] = []
    for path in paths:
        below = files_below(path, SUFFIXES) if path.is_dir() else [path]
        faults += [] if below else [f"{path}: no picture in it: expected files ending with {sorted(SUFFIXES)}"]
        for file in below:
            name = file.relative_to(path).as_posix() if path.is_dir() else file.name
            if (first := files.setdefault(name, file)) != file:
                faults.append(f"{file}: has the name {name!r} of {first}: look at them one after the other")
    seen: list[Seen] = []
    for name, file in sorted(files.items()):
        try:
            seen.append(_seen(name, file, scratch))
        except BadPicture as bad:
            faults.append(f"{file}: {bad}")
    SourceError.check(faults)
    return seen


def _seen(name: str, file: Path, scratch: Path) -> Seen:
    picture = read_picture(file)
    shown = file
    if picture.content is not None:
        shown = scratch / f"{picture.source_sha256}.png"
        shown.write_bytes(picture.content)
    with Image.open(io.BytesIO(picture.content) if picture.content else file) as image:
        kept = Picture(shown, picture.suffix, picture.source_sha256)  # without the content: there may be thousands
        return Seen(name, kept, shown.resolve(), file.resolve(), image.size)


def regions_of(
    found: Iterable[tuple[object, Corners, float | None]], seen: Seen, account: Account, source: str
) -> tuple[Region, ...]:
    """The regions of (class, corners, confidence), the surest first; each is counted.

    What reaches out of the picture is cut off at its edge, as every detector's boxes are.
    """
    gathered = Gathered(account)
    for number, (label, corners, confidence) in enumerate(found, start=1):
        where = f"{source}: {seen.name}: detection {number}"
        points = _points(corners, seen.size)
        gathered.take(
            where,
            lambda label=label, points=points, where=where, confidence=confidence: pixel_region(
                label, points, seen.size, where, account, confidence=confidence
            ),
        )
    return ordered(gathered.regions)


def ordered(regions: Iterable[Region]) -> tuple[Region, ...]:
    """The regions, the surest first; then by place and class, whatever order they came in."""
    return tuple(sorted(regions, key=lambda one: (-certainty(one), one.box, one.label)))


def _points(corners: Corners, size: tuple[int, int]) -> list[tuple[float, float]]:
    left, upper, right, lower = (
        edge if math.isnan(edge) else min(max(edge, 0.0), side)  # NaN is refused with its place
        for edge, side in zip(corners, (*size, *size), strict=True)
    )
    return [(left, upper), (right, lower)]


def placed(
    found: Sequence[AnnotatedPicture], seen: Sequence[Seen], account: Account, reason: str
) -> dict[str, tuple[Region, ...]]:
    """The regions by picture: of its own file, or else by name. What is of none of them is dropped with the reason."""
    files = {path: one.name for one in seen for path in (one.file, one.original)}
    find = by_name([one.name for one in seen])
    own = [(files.get(picture.path.resolve()) if picture.path else None, picture) for picture in found]
    others = [(find(picture.name), picture) for name, picture in own if name is None]
    regions: dict[str, tuple[Region, ...]] = {}
    # Files first: a picture of another split may have the same name.
    for name, picture in [*(pair for pair in own if pair[0] is not None), *others]:
        if name is None or name in regions:
            account.warn(reason, picture.name)
            for region in picture.regions:
                account.drop(reason, f"{region.where}: {picture.name}")
        else:
            regions[name] = picture.regions
    return regions


def record(seen: Sequence[Seen], found: Sequence[Sequence[Region]]) -> list[dict[str, Any]]:
    """The JSON form, edges in pixels: what `recorded:` reads again."""
    return [
        {
            "image": picture.name,
            "width": picture.size[0],
            "height": picture.size[1],
            "detections": [
                {"class": region.label, "confidence": region.confidence, "box": _edges(region, picture.size)}
                for region in regions
            ],
        }
        for picture, regions in zip(seen, found, strict=True)
    ]


def in_pixels(region: Region, size: tuple[int, int]) -> list[float]:
    """Left, upper, right and lower edge, to a hundredth of a pixel."""
    return [round(edge, 2) for edge in _edges(region, size)]


def _edges(region: Region, size: tuple[int, int]) -> list[float]:
    return [edge * side for edge, side in zip(region.box, (*size, *size), strict=True)]
