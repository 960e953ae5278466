"""Pascal VOC annotations: one XML file a picture, with `<bndbox>` and, by Roboflow, `<polygon>`."""

from pathlib import Path
from typing import TYPE_CHECKING

from ontune.console import progress
from ontune.errors import SourceError
from ontune_converters.account import Account
from ontune_converters.layout import Place, found_in, places
from ontune_converters.regions import AnnotatedPicture, Point, Region, pixel_region
from ontune_converters.supervised import parse_xml, voc_box

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

__all__ = ["parse_object", "read"]


def read(source: Path, account: Account) -> list[AnnotatedPicture]:
    """The pictures of every `<annotation>` file in a folder, or of one file. Objects are counted as read."""
    found: list[AnnotatedPicture] = []
    faults: list[str] = []
    for place in progress(places(source, {".xml"}, account), "annotations"):
        try:
            root = parse_xml(place.file.read_bytes())
        except ValueError as error:
            faults.append(f"{place.name}: {error}")
            continue
        if root.tag == "annotation":
            found.append(_picture(root, place))
    SourceError.check(faults)
    return found_in(source, found, "Pascal VOC files (XML with <annotation>)")


def _picture(root: "Element", place: Place) -> AnnotatedPicture:
    name = root.findtext("filename") or place.file.with_suffix(".jpg").name
    size = place.stated(name, root.findtext("size/width"), root.findtext("size/height"))
    items = [(f": object {number}", item) for number, item in enumerate(root.findall("object"), start=1)]
    return place.picture(name, size, items, parse_object)


def parse_object(item: "Element", size: tuple[int, int], where: str, account: Account) -> Region:
    """The region of an `<object>`, whose pixels are numbered from 1. Raises BadRegion, or ValueError for no numbers."""
    label = item.findtext("name")
    if (polygon := item.find("polygon")) is not None:
        return pixel_region(label, _points(polygon), size, where, account, shape="polygon")
    return pixel_region(label, voc_box(item), size, where, account)


def _points(polygon: "Element") -> list[Point]:
    """Points `<x1>`, `<y1>`, `<x2>` …, in pixels from 0."""
    numbers = {child.tag: float(child.text or "") - 1 for child in polygon}
    return [(numbers[f"x{at}"], numbers[f"y{at}"]) for at in range(1, len(numbers) // 2 + 1)]
