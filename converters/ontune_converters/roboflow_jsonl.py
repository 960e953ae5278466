"""Roboflow's JSONL annotations: `{"image", "prefix", "suffix"}`, boxes as `<loc…>` tokens or JSON in the suffix."""

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ontune.console import progress
from ontune.errors import SourceError
from ontune_converters.account import Account
from ontune_converters.layout import Place, found_in, places
from ontune_converters.regions import AnnotatedPicture, BadRegion, Region, make_region, pixel_region

__all__ = ["parse_part", "read"]

BINS = 1024  # of a location token, along each side: <loc0000> … <loc1023>
TOKENS = re.compile(r"^\s*<loc(\d{4})><loc(\d{4})><loc(\d{4})><loc(\d{4})>\s*(.+?)\s*$", re.DOTALL)
KEYS = {"image", "prefix", "suffix"}


def read(source: Path, account: Account) -> list[AnnotatedPicture]:
    """The pictures of every `annotations.jsonl` in a folder, or of one file. Boxes are counted as read."""
    found: list[AnnotatedPicture] = []
    faults: list[str] = []
    for place in places(source, {".jsonl"}, account):
        records = _records(place, faults)
        known = {number: record for number, record in records if isinstance(record, dict) and record.keys() >= KEYS}
        lines: defaultdict[str, list[int]] = defaultdict(list)
        for number, record in known.items():
            lines[str(record["image"])].append(number)
        if known:  # else it is no file of this form
            others = [number for number, _ in records if number not in known]
            faults += [f"{place.name}:{number}: expected the keys {sorted(KEYS)}" for number in others]
        for name, numbers in progress(lines.items(), place.name, len(lines)):
            found.append(_picture(name, {number: known[number]["suffix"] for number in numbers}, place))
    SourceError.check(faults)
    return found_in(source, found, f"Roboflow JSONL files (lines with the keys {sorted(KEYS)})")


def _records(place: Place, faults: list[str]) -> list[tuple[int, Any]]:
    """Each line that is not blank, parsed, with its number; faults join the others."""
    try:
        text = place.file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        faults.append(f"{place.name}: not UTF-8: {error}")
        return []
    found: list[tuple[int, Any]] = []
    for number, line in enumerate(text.split("\n"), start=1):  # splitlines() would part texts at U+2028 and U+0085
        try:
            found += [(number, json.loads(line))] if line.strip() else []
        except ValueError as error:
            faults.append(f"{place.name}:{number}: not JSON: {error}")
    return found


def _picture(name: str, suffixes: Mapping[int, object], place: Place) -> AnnotatedPicture:
    """One picture with what its lines say, whose numbers are the keys: a line may be about one class alone."""
    items = [
        (f":{number}: object {at}", part)
        for number, suffix in suffixes.items()
        for at, part in enumerate(_parts(suffix), start=1)
    ]
    return place.picture(name, (0, 0), items, parse_part)


def _parts(suffix: object) -> Iterator[object]:
    """Each object of an answer: the items of a JSON list, or what stands between semicolons."""
    text = str(suffix).strip().removeprefix("```json").removesuffix("```").strip()
    if text.startswith("["):
        try:
            yield from json.loads(text)
        except ValueError:
            yield text
        return
    yield from (part for part in text.split(";") if part.strip())


def parse_part(part: object, size: tuple[int, int], where: str, account: Account) -> Region:
    """The region of `<loc y1><loc x1><loc y2><loc x2> class` or `{"bbox_2d": pixels, "label"}`. Raises BadRegion."""
    if isinstance(part, dict):
        left, upper, right, lower = (float(edge) for edge in part["bbox_2d"])
        return pixel_region(part.get("label"), [(left, upper), (right, lower)], size, where, account)
    match = TOKENS.match(str(part))
    if match is None:
        raise BadRegion("malformed", f"{str(part)[:60]!r}: expected four <loc…> tokens and a class")
    upper, left, lower, right = (int(token) / BINS for token in match.groups()[:4])
    return make_region(match[5], [(left, upper), (right, lower)], where, account)
