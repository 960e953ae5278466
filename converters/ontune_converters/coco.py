"""COCO annotations: `_annotations.coco.json` of Roboflow, `instances_*.json`, or any such file."""

from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, cast

from ontune.console import progress
from ontune.errors import SourceError
from ontune_converters.account import Account
from ontune_converters.layout import Place, found_in, places
from ontune_converters.regions import AnnotatedPicture, BadRegion, Point, Region, pixel_region
from ontune_converters.supervised import coco_box

__all__ = ["parse_annotation", "pictures_of", "read", "recognise"]

Record = Mapping[str, Any]
KEYS = {"images", "annotations", "categories"}


def recognise(record: object) -> bool:
    """Whether parsed JSON is a COCO file."""
    return isinstance(record, dict) and cast("dict[str, Any]", record).keys() >= KEYS


def read(source: Path, account: Account) -> list[AnnotatedPicture]:
    """The pictures of every COCO file in a folder, or of one file. Annotations are counted as read."""
    files = [(place, record) for place in places(source, {".json"}, account) if recognise(record := place.json())]
    found = [picture for place, record in files for picture in _pictures(record, place)]
    return found_in(source, found, f"COCO files (JSON with the keys {sorted(KEYS)})")


def pictures_of(record: dict[str, Any], file: Path, account: Account) -> list[AnnotatedPicture]:
    """The pictures of one parsed file, which may have been put together from several."""
    return list(_pictures(record, Place(file, file.parent, account)))


def _pictures(record: dict[str, Any], place: Place) -> Iterator[AnnotatedPicture]:
    try:
        names = _by_id(record, "categories", "name", place)
        images = _by_id(record, "images", "file_name", place)
    except (TypeError, KeyError) as error:
        raise SourceError(f"{place.name}: images or categories lack {error}") from None
    of_image = _by_image(record["annotations"], place)
    sizes = {image["id"]: (image.get("width"), image.get("height")) for image in record["images"]}
    for image_id, name in progress(images.items(), place.name, len(images)):
        size = place.stated(name, *sizes[image_id])
        yield place.picture(name, size, of_image.pop(image_id, []), partial(parse_annotation, names))
    for image_id, left in sorted(of_image.items(), key=str):
        place.account.read += len(left)
        for where, _ in left:
            place.account.drop("unknown_image", f"{place.name}{where}: no image {image_id!r}")


def _by_id(record: Record, key: str, named: str, place: Place) -> dict[int, str]:
    """The names of images or categories by their numbers. Raises SourceError with every number that two have."""
    found: dict[int, str] = {}
    faults: list[str] = []
    for item in record[key]:
        number, name = item["id"], str(item[named])
        if (first := found.setdefault(number, name)) != name:
            faults.append(f"{place.name}: {key}: {number!r} is {first!r} and {name!r}")
    SourceError.check(faults)
    return found


def _by_image(annotations: object, place: Place) -> defaultdict[object, list[tuple[str, Record]]]:
    """Each image's annotations with their places; what is no annotation is dropped. Raises SourceError for no list."""
    if not isinstance(annotations, list):
        raise SourceError(f"{place.name}: annotations is {annotations!r}: expected a list")
    found: defaultdict[object, list[tuple[str, Record]]] = defaultdict(list)
    for number, item in enumerate(cast("list[Any]", annotations), start=1):
        if isinstance(item, dict) and isinstance((record := cast("Record", item)).get("image_id"), Hashable):
            found[record.get("image_id")].append((f": annotation {record.get('id')}", record))
        else:
            place.account.read += 1
            place.account.drop("malformed", f"{place.name}: item {number} of annotations: {str(item)[:60]!r}")
    return found


def parse_annotation(
    names: Mapping[int, str], annotation: Record, size: tuple[int, int], where: str, account: Account
) -> Region:
    """The region of an annotation: its outline where it has exactly one, else its box. Raises BadRegion."""
    category: Any = annotation.get("category_id")
    if category not in names:
        raise BadRegion("unknown_class", f"category {category!r}: expected one of {sorted(names)}")
    rings = _rings(annotation.get("segmentation"), where, account)
    label, confidence = names[category], annotation.get("score")
    if len(rings) == 1:
        return pixel_region(label, rings[0], size, where, account, shape="polygon", confidence=confidence)
    corners = coco_box(annotation) if annotation.get("bbox") else [point for ring in rings for point in ring]
    if not corners:
        raise BadRegion("no_area", "neither bbox nor a polygon")
    return pixel_region(label, corners, size, where, account, confidence=confidence)


def _rings(segmentation: object, where: str, account: Account) -> list[list[Point]]:
    """The outlines; a mask in run lengths has none, its box is read."""
    if isinstance(segmentation, dict):
        account.warn("mask_left_out", f"{where}: run lengths: the box alone is read")
        return []
    rings: Any = segmentation or []
    if rings and not isinstance(rings[0], list):
        rings = [rings]
    return [list(zip(ring[::2], ring[1::2], strict=True)) for ring in rings]
