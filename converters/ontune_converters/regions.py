"""Objects marked in pictures: the one record that every annotation format is read into."""

import math
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Literal, TypeAlias, cast

from PIL import Image

from ontune_converters.account import Account

__all__ = [
    "AnnotatedPicture",
    "BadRegion",
    "Box",
    "Gathered",
    "Point",
    "Region",
    "Shape",
    "make_region",
    "picture_size",
    "pixel_region",
    "stem",
]

Box: TypeAlias = tuple[float, float, float, float]  # left, upper, right, lower edge, of the picture's width and height
Point: TypeAlias = tuple[float, float]
Shape: TypeAlias = Literal["box", "polygon", "oriented"]

TOLERANCE = 0.01  # of the picture: a point so far outside is an annotator's slip of the hand, and moved to the edge
ROUNDING = 1e-6  # what printing and reading numbers may add: moved without a word
ORIENTATION = 0x0112  # the EXIF tag
AUGMENTED = re.compile(r"\.rf\.[0-9a-zA-Z]+$")  # what Roboflow ends the name of each copy of a picture with


class BadRegion(Exception):
    """Why an object cannot be used: the reason for the account, and what was found."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True)
class Region:
    """One object: its class as it is spelt, its box with edges in 0..1, and the points of a polygon or oriented box.

    `where` is the file and the line or record that it stands in; `confidence` is a detector's, in 0..1. Raises
    BadRegion for a box without area, edges outside the picture, or another confidence.
    """

    label: str
    box: Box
    where: str
    shape: Shape = "box"
    points: tuple[Point, ...] = ()
    confidence: float | None = None

    def __post_init__(self) -> None:
        left, upper, right, lower = self.box
        if not all(0 <= edge <= 1 for edge in self.box):
            raise BadRegion("out_of_range", f"box {self.box}: expected edges in 0..1")
        if not (left < right and upper < lower):
            raise BadRegion("no_area", f"box {_shown(self.box)}: expected left < right and upper < lower")
        given = cast("object", self.confidence)  # out of a file: anything
        if given is not None and not (isinstance(given, int | float) and 0 <= given <= 1):
            raise BadRegion("bad_confidence", f"confidence {given!r}: expected a number in 0..1")

    @property
    def center(self) -> Point:
        """Across and down, in 0..1."""
        left, upper, right, lower = self.box
        return (left + right) / 2, (upper + lower) / 2

    @property
    def area(self) -> float:
        """The share of the picture that the box takes."""
        left, upper, right, lower = self.box
        return (right - left) * (lower - upper)


@dataclass(frozen=True)
class AnnotatedPicture:
    """A picture and its objects in the order of the file; one that is `missing` has a reason instead of a file.

    `name` is its path below the source, `split` the official one.
    """

    name: str
    split: str
    path: Path | None
    size: tuple[int, int]
    regions: tuple[Region, ...]
    missing: str = ""

    @property
    def group(self) -> str:
        """What copies of one picture share, whatever augmented them: the name before Roboflow's `.rf.<hash>`."""
        return stem(self.name)

    def without(self, labels: Collection[str], account: Account) -> "AnnotatedPicture":
        """The picture without the objects of some classes, each counted."""
        for region in self.regions:
            if region.label in labels:
                account.drop("left_out", f"{region.where}: {region.label}")
        return replace(self, regions=tuple(region for region in self.regions if region.label not in labels))


def stem(name: str) -> str:
    """A picture's name without folders, suffix and the end that tells Roboflow's augmented copies apart."""
    return AUGMENTED.sub("", PurePosixPath(name).stem)


def make_region(
    label: str, points: Sequence[Point], where: str, account: Account, *, shape: Shape = "box",
    confidence: float | None = None,
) -> Region:  # fmt: skip
    """The region around points, two corners or a whole outline, each in 0..1 of the picture.

    Points up to 1 % outside are moved to the edge, with a warning. Raises BadRegion for any further away.
    """
    for value in (value for point in points for value in point):
        if not math.isfinite(value):
            raise BadRegion("not_a_number", f"coordinate {value}: expected a finite number")
        if not -TOLERANCE <= value <= 1 + TOLERANCE:
            raise BadRegion("out_of_range", f"coordinate {value:g}: expected 0..1 of the picture")
    inside = tuple((_clip(x), _clip(y)) for x, y in points)
    moved = max(abs(a - b) for one, other in zip(points, inside, strict=True) for a, b in zip(one, other, strict=True))
    if moved > ROUNDING:
        account.warn("moved_to_edge", f"{where}: by {moved:.4f} of the picture")
    xs, ys = ([point[axis] for point in inside] for axis in (0, 1))
    box = (min(xs), min(ys), max(xs), max(ys))
    outline = () if shape == "box" else _open(inside)
    if shape != "box" and len(set(outline)) < 3:
        raise BadRegion("no_area", f"outline of {len(set(outline))} different points: expected at least 3")
    return Region(label, box, where, shape, outline, confidence)


def pixel_region(
    label: object, points: Sequence[Point], size: tuple[float, float], where: str, account: Account, *,
    shape: Shape = "box", confidence: float | None = None,
) -> Region:  # fmt: skip
    """As `make_region`, of points in pixels of a picture of that size. Raises BadRegion for a size or class of none."""
    if not isinstance(label, str) or not label:
        raise BadRegion("unknown_class", f"class {label!r}: expected a name")
    width, height = size
    if not (width > 0 and height > 0):
        raise BadRegion("no_size", f"picture of {width:g} x {height:g} pixels")
    shares = [(x / width, y / height) for x, y in points]
    return make_region(label, shares, where, account, shape=shape, confidence=confidence)


@dataclass
class Gathered:
    """The objects of one picture, each counted: kept, or dropped with its reason."""

    account: Account
    kept: dict[tuple[object, ...], Region] = field(default_factory=dict[tuple[object, ...], Region])

    def take(self, where: str, read: Callable[[], Region]) -> None:
        """One object more; what is said twice is dropped the second time."""
        self.account.read += 1
        try:
            region = read()
        except BadRegion as bad:
            self.account.drop(bad.reason, f"{where}: {bad.detail}")
            return
        except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:  # a record of another form
            self.account.drop("malformed", f"{where}: {type(error).__name__}: {error}")
            return
        key = (region.label, region.box, region.points)
        if first := self.kept.get(key):
            self.account.drop("duplicate", f"{where}: the object of {first.where}")
            return
        if other := next((one for one in self.kept.values() if one.box == region.box), None):
            self.account.warn("same_box", f"{where}: {region.label}, but {other.where} has the same box: {other.label}")
        self.kept[key] = region

    @property
    def regions(self) -> tuple[Region, ...]:
        return tuple(self.kept.values())


def _clip(value: float) -> float:
    return min(max(value, 0.0), 1.0)


def _open(points: tuple[Point, ...]) -> tuple[Point, ...]:
    """The outline without last points that repeat the first: exports close their polygons."""
    while len(points) > 1 and points[0] == points[-1]:
        points = points[:-1]
    return points


def _shown(box: Box) -> str:
    return "(" + ", ".join(f"{edge:g}" for edge in box) + ")"


def picture_size(path: Path) -> tuple[int, int]:
    """Width and height as a person sees the picture, upright; (0, 0) where it cannot be read."""
    try:
        with Image.open(path) as image:
            turned = image.getexif().get(ORIENTATION) in {5, 6, 7, 8}
            return (image.height, image.width) if turned else image.size
    except Exception:  # decoders of damaged files raise anything; reading the picture itself names the reason
        return 0, 0
