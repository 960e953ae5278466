"""Annotated pictures out of any format that is known: recognised by the files there are, read by its own module."""

import importlib
import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from ontune.errors import SourceError
from ontune_converters import coco, label_studio, labelme, yolo
from ontune_converters.account import Account
from ontune_converters.layout import files_below
from ontune_converters.regions import AnnotatedPicture

__all__ = ["FORMATS", "read_annotations", "recognise"]

# Name, and what tells it.
FORMATS = {
    "yolo": "data.yaml or classes.txt",
    "coco": "JSON with images, annotations and categories",
    "voc": "XML with <annotation>",
    "cvat": "XML with <annotations>",
    "label_studio": "a JSON list of tasks with a picture",
    "labelme": "JSON with shapes and imagePath",
    "roboflow_jsonl": "annotations.jsonl",
}
JSON = {"coco": coco.recognise, "labelme": labelme.recognise, "label_studio": label_studio.recognise}
HEAD = 4096  # bytes of an XML file that tell its root


def read_annotations(
    source: Path, account: Account, form: str | None = None, oriented: bool = False, confidences: bool = False
) -> list[AnnotatedPicture]:
    """The pictures of a folder or file, sorted by split and name. Raises SourceError where the format is not clear.

    `oriented`: YOLO lines of eight coordinates are oriented boxes. `confidences`: they may end with a detector's.
    """
    form = form or recognise(source)
    account.facts["format"] = form
    if form == "yolo":
        found = yolo.read(source, account, oriented, confidences)
    else:
        found = importlib.import_module(f"ontune_converters.{form}").read(source, account)
    splits: defaultdict[str, list[str]] = defaultdict(list)
    for picture in found:
        splits[picture.name].append(picture.split)
    SourceError.check(
        [
            f"{name}: annotated {len(of)} times, for {', '.join(sorted({*of}))}: expected one annotation of a picture"
            for name, of in sorted(splits.items())
            if len(of) > 1
        ]
    )
    return sorted(found, key=lambda picture: (picture.split, picture.name))


def recognise(source: Path) -> str:
    """The only format whose files are there. Raises SourceError for none and for several."""
    found = sorted(set(_forms(source)))
    if len(found) == 1:
        return found[0]
    known = ", ".join(f"{name} ({sign})" for name, sign in FORMATS.items())
    damaged = "" if found else "".join(f"; {name} is not JSON" for name in _damaged(source))
    seen = f"files of {' and '.join(found)}" if found else f"no annotations that are known{damaged}"
    raise SourceError(f"{source}: {seen}: name one with --format: {known}")


def _forms(source: Path) -> Iterator[str]:
    files = [source] if source.is_file() else files_below(source, {".yaml", ".yml", ".xml", ".json", ".jsonl"})
    tops = files if source.is_file() else [path for path in source.iterdir() if path.is_file()]
    if any(path.suffix in {".yaml", ".yml"} or path.name == "classes.txt" for path in tops):
        yield "yolo"
        return  # Label Studio and CVAT put notes of their own beside a YOLO export
    seen: set[tuple[Path, str]] = set()
    for path in files:
        if (place := (path.parent, path.suffix)) not in seen:  # a folder of thousands has one format
            form = _form(path)
            seen |= {place} if form else set()
            yield from [form] if form else []


def _damaged(source: Path) -> Iterator[str]:
    """The JSON files that cannot be read."""
    for path in [source] if source.is_file() else files_below(source, {".json"}):
        try:
            json.loads(path.read_bytes())
        except ValueError:
            yield path.name


def _form(path: Path) -> str:
    """The format of one file, or nothing."""
    content = path.read_bytes()
    if path.suffix == ".xml":
        head = content[:HEAD]
        return "cvat" if b"<annotations" in head else "voc" if b"<annotation" in head else ""
    if path.suffix == ".jsonl":
        return "roboflow_jsonl" if b'"suffix"' in content[:HEAD] else ""
    try:
        record = json.loads(content.decode("utf-8-sig"))
    except ValueError:
        return ""
    return next((form for form, is_one in JSON.items() if is_one(record)), "")
