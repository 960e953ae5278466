"""Label Studio annotations: JSON and JSON-MIN exports, whose coordinates are percent of the picture."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qs, unquote, urlparse

from ontune.console import progress
from ontune_converters.account import Account
from ontune_converters.cvat import turned
from ontune_converters.layout import Place, find_image, found_in, places, split_of
from ontune_converters.regions import AnnotatedPicture, BadRegion, Region, pixel_region

__all__ = ["parse_result", "read", "recognise"]

Record = Mapping[str, Any]
UPLOAD = re.compile(r"^[0-9a-f]{8}-")  # what Label Studio puts before the name of an uploaded picture


def recognise(record: object) -> bool:
    """Whether parsed JSON is a Label Studio export: a list of tasks with a picture."""
    tasks = cast("list[object]", record) if isinstance(record, list) else [None]
    return bool(tasks) and all(isinstance(task, dict) and _image(cast("Record", task)) for task in tasks)


def read(source: Path, account: Account) -> list[AnnotatedPicture]:
    """The pictures of every export in a folder, or of one file. Results are counted as read."""
    found: list[AnnotatedPicture] = []
    for place in places(source, {".json"}, account):
        if recognise(record := place.json()):
            found += [_picture(task, place) for task in progress(record, place.name, len(record))]
    return found_in(source, found, "Label Studio files (a JSON list of tasks)")


def _image(task: Record) -> str:
    """The address of the task's picture: `data.image`, or any other text there that names a picture."""
    data = task.get("data", task)
    values = [data.get("image"), *data.values()] if isinstance(data, dict) else []
    names = [value for value in values if isinstance(value, str)]
    return next((name for name in names if re.search(r"\.(jpe?g|png|webp|bmp|gif|tiff?)$", name, re.IGNORECASE)), "")


def _picture(task: Record, place: Place) -> AnnotatedPicture:
    address = urlparse(_image(task))
    name = unquote(parse_qs(address.query).get("d", [address.path])[0]).lstrip("/")
    bare = name.rsplit("/", 1)[-1]
    if not find_image(name, place.file, place.root) and UPLOAD.match(bare):
        name = UPLOAD.sub("", bare) if find_image(UPLOAD.sub("", bare), place.file, place.root) else name
    at = f": task {task.get('id')}"
    items = [(f"{at}: result {number}", item) for number, item in enumerate(_results(task, place, at), start=1)]
    records = [item for _, item in items if isinstance(cast("object", item), dict)]
    sizes = (place.stated(name, item.get("original_width"), item.get("original_height")) for item in records)
    size = next((size for size in sizes if all(size)), (0, 0))
    return place.picture(name, size, items, parse_result, split_of(name) if "/" in name else split_of(place.name))


def _results(task: Record, place: Place, at: str) -> Iterator[Record]:
    """What was marked: the first annotation not cancelled; of JSON-MIN, lists of results beside the picture.

    The results of other annotations are dropped: they mark the same objects once more.
    """
    if "annotations" in task or "completions" in task:
        given = [one for one in _list(task.get("annotations") or task.get("completions")) if isinstance(one, dict)]
        kept = next((one for one in given if not one.get("was_cancelled")), None)
        for number, one in enumerate(given, start=1):
            if one is kept:
                yield from _list(one.get("result"))
            else:
                _drop("cancelled" if one.get("was_cancelled") else "other_annotation", one, place, at, number)
        if not given and task.get("predictions"):
            place.account.warn(
                "predictions_alone", f"{place.name}{at}: nobody marked anything; predictions are not read"
            )
        return
    for value in task.values():
        items = (item for item in _list(value) if isinstance(item, dict))
        yield from (item for item in items if any(str(key).endswith("labels") for key in item))


def _list(value: object) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []


def _drop(reason: str, annotation: Record, place: Place, at: str, number: int) -> None:
    """Counts the results of an annotation that is not used."""
    for result, _ in enumerate(_list(annotation.get("result")), start=1):
        place.account.read += 1
        place.account.drop(reason, f"{place.name}{at}: annotation {number}: result {result}")


def parse_result(item: Record, size: tuple[int, int], where: str, account: Account) -> Region:
    """The region of a rectangle (turned about its upper left corner) or a polygon. Raises BadRegion for others."""
    value: Record = item.get("value", item)
    labels = value.get("rectanglelabels") or value.get("polygonlabels") or []
    if len(labels) != 1:
        kind = ", ".join(key for key in value if str(key).endswith("labels") or key == "choices") or "no class"
        raise BadRegion("other_shape", f"labels {labels} ({kind}): expected one class of a rectangle or a polygon")
    width, height = size
    if "points" in value:
        points = [(float(x) * width / 100, float(y) * height / 100) for x, y in value["points"]]
        return pixel_region(labels[0], points, size, where, account, shape="polygon", confidence=item.get("score"))
    left, upper = value["x"] * width / 100, value["y"] * height / 100
    right, lower = left + value["width"] * width / 100, upper + value["height"] * height / 100
    angle = float(value.get("rotation") or 0)
    corners = [(left, upper), (right, upper), (right, lower), (left, lower)]
    points = turned(corners, (left, upper), angle) if angle else corners
    shape = "oriented" if angle else "box"
    return pixel_region(labels[0], points, size, where, account, shape=shape, confidence=item.get("score"))
