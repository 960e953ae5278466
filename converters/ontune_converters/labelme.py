"""labelme annotations: one JSON file a picture, with rectangles, polygons and rotated rectangles."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PureWindowsPath
from typing import Any, cast

from ontune.console import progress
from ontune.errors import SourceError
from ontune_converters.account import Account
from ontune_converters.layout import Place, found_in, places
from ontune_converters.regions import AnnotatedPicture, BadRegion, Region, Shape, pixel_region
from ontune_converters.supervised import labelme_box

__all__ = ["parse_shapes", "read", "recognise"]

OUTLINES: dict[str, Shape] = {"polygon": "polygon", "oriented_rectangle": "oriented", "rotation": "oriented"}


def recognise(record: object) -> bool:
    """Whether parsed JSON is a labelme file."""
    return isinstance(record, dict) and cast("dict[str, Any]", record).keys() >= {"shapes", "imagePath"}


def read(source: Path, account: Account) -> list[AnnotatedPicture]:
    """The pictures of every labelme file in a folder, or of one file. Objects are counted as read."""
    found: list[AnnotatedPicture] = []
    for place in progress(places(source, {".json"}, account), "annotations"):
        if recognise(record := place.json()):
            found.append(_picture(record, place))
    return found_in(source, found, "labelme files (JSON with shapes and imagePath)")


def _picture(record: Mapping[str, Any], place: Place) -> AnnotatedPicture:
    name = PureWindowsPath(str(record["imagePath"])).name  # its folders are those of the computer that saved it
    size = place.stated(name, record.get("imageWidth"), record.get("imageHeight"))
    if not isinstance(shapes := record["shapes"], list):
        raise SourceError(f"{place.name}: shapes is {shapes!r}: expected a list")
    return place.picture(name, size, _objects(cast("list[Mapping[str, Any]]", shapes)), parse_shapes)


def _objects(shapes: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, Sequence[Mapping[str, Any]]]]:
    """Shapes that share a label and a group are one object; what is no shape is refused when it is parsed."""
    found: dict[object, tuple[str, list[Mapping[str, Any]]]] = {}
    for number, shape in enumerate(shapes, start=1):
        group = shape.get("group_id") if isinstance(cast("object", shape), dict) else None
        key = number if group is None else repr((shape.get("label"), group))
        found.setdefault(key, (f": shape {number}", []))[1].append(shape)
    yield from found.values()


def parse_shapes(shapes: Sequence[Mapping[str, Any]], size: tuple[int, int], where: str, account: Account) -> Region:
    """The region of one object: the outline of a single shape, else the box around all. Raises BadRegion."""
    label = shapes[0].get("label")
    kinds = [str(shape.get("shape_type") or "polygon") for shape in shapes]
    if other := sorted({*kinds} - {"rectangle", *OUTLINES}):
        raise BadRegion("other_shape", f"{', '.join(other)}: expected rectangle, polygon or oriented_rectangle")
    if len(shapes) == 1 and kinds[0] in OUTLINES:
        points = [(float(x), float(y)) for x, y in shapes[0]["points"]]
        return pixel_region(label, points, size, where, account, shape=OUTLINES[kinds[0]])
    known = ["rectangle" if kind == "rectangle" else "polygon" for kind in kinds]
    plain = [{**shape, "shape_type": kind} for shape, kind in zip(shapes, known, strict=True)]
    return pixel_region(label, labelme_box(plain), size, where, account)
