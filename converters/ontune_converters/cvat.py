"""CVAT annotations: `annotations.xml` of "CVAT for images", with boxes (rotated ones too) and polygons."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ontune.console import progress
from ontune.errors import SourceError
from ontune_converters.account import Account
from ontune_converters.layout import Place, found_in, places, split_of
from ontune_converters.regions import AnnotatedPicture, BadRegion, Point, Region, pixel_region
from ontune_converters.supervised import parse_xml

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

__all__ = ["parse_shape", "read", "turned"]

SHAPES = ("box", "polygon")
OTHER = ("polyline", "points", "mask", "ellipse", "cuboid", "skeleton")


def read(source: Path, account: Account) -> list[AnnotatedPicture]:
    """The pictures of every `<annotations>` file in a folder, or of one file. Shapes are counted as read."""
    found: list[AnnotatedPicture] = []
    faults: list[str] = []
    for place in places(source, {".xml"}, account):
        try:
            root = parse_xml(place.file.read_bytes())
        except ValueError as error:
            faults.append(f"{place.name}: {error}")
            continue
        if root.tag == "annotations":
            faults += [f"{place.name}: tracks of a video: export as CVAT for images"] * (root.find("track") is not None)
            found += _pictures(root, place)
    SourceError.check(faults)
    return found_in(source, found, "CVAT files (XML with <annotations>)")


def _pictures(root: "Element", place: Place) -> Iterator[AnnotatedPicture]:
    images = root.findall("image")
    for image in progress(images, place.name, len(images)):
        name = image.get("name", "")
        size = place.stated(name, image.get("width"), image.get("height"))
        shapes = [item for item in image if item.tag in (*SHAPES, *OTHER)]
        items = [(f": {name}: shape {number}", item) for number, item in enumerate(shapes, start=1)]
        yield place.picture(name, size, items, parse_shape, split_of(f"{image.get('subset') or ''}/{name}"))


def parse_shape(item: "Element", size: tuple[int, int], where: str, account: Account) -> Region:
    """The region of a `<box>` or `<polygon>`. Raises BadRegion for another shape."""
    label = item.get("label")
    if item.tag == "polygon":
        points = [_point(pair) for pair in item.get("points", "").split(";")]
        return pixel_region(label, points, size, where, account, shape="polygon")
    if item.tag != "box":
        raise BadRegion("other_shape", f"{item.tag}: expected {' or '.join(SHAPES)}")
    left, upper, right, lower = (float(item.get(key, "")) for key in ("xtl", "ytl", "xbr", "ybr"))
    angle = float(item.get("rotation") or 0)
    if not angle:
        return pixel_region(label, [(left, upper), (right, lower)], size, where, account)
    corners = [(left, upper), (right, upper), (right, lower), (left, lower)]
    center = ((left + right) / 2, (upper + lower) / 2)
    return pixel_region(label, turned(corners, center, angle), size, where, account, shape="oriented")


def _point(pair: str) -> Point:
    x, y = pair.split(",")
    return float(x), float(y)


def turned(points: Sequence[Point], center: Point, degrees: float) -> list[Point]:
    """The points turned clockwise about the centre, as a person sees it: y grows downwards."""
    sine, cosine = math.sin(math.radians(degrees)), math.cos(math.radians(degrees))
    from_center = [(x - center[0], y - center[1]) for x, y in points]
    return [(center[0] + x * cosine - y * sine, center[1] + x * sine + y * cosine) for x, y in from_center]
