"""Which pages questions are drafted about, and what is known of each beside its picture."""

import csv
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ontune.errors import InputError
from ontune.pages import Page

__all__ = ["KINDS", "KNOWN", "Subject", "read_classes", "section_of", "weak_pages"]

KNOWN = ("section_id", "section_name", "source_type", "content_type")
KINDS = ("page", "section_id", "section_name", "content_type")  # of weak spots, that name pages
NUMBERED = re.compile(r"(\d+)(?=[\s._-])")


@dataclass(frozen=True)
class Subject:
    """A page to ask about; `content_type` is empty where it is to be found out.

    `earlier` are the questions that the new ones replace.
    """

    page: Page
    text: str
    section_id: str
    section_name: str
    source_type: str
    content_type: str = ""
    earlier: tuple[str, ...] = ()


def section_of(document: str) -> dict[str, str]:
    """The section that a document is: its name, and the number that this begins with (`21 - Clutch.pdf`)."""
    name = Path(document).stem
    number = NUMBERED.match(name)
    return {"section_id": number[1] if number else "", "section_name": name}


def read_classes(path: Path) -> dict[str, dict[str, str]]:
    """What a CSV file says of pages by `page_id`; columns of no concern, and empty cells, are passed over.

    Raises InputError for a file without page ids, or with several lines for a page.
    """
    columns, rows = _read_csv(path)
    if "page_id" not in columns or not set(columns) & set(KNOWN):
        raise InputError(f"{path}: columns {list(columns)!r:.200}: expected page_id and some of {list(KNOWN)}")
    found: dict[str, dict[str, str]] = {}
    faults: list[str] = []
    for number, row in enumerate(rows, start=2):
        if row["page_id"] in found:
            faults.append(f"{path}:{number}: page {row['page_id']!r} has a line already")
        found[row["page_id"]] = {key: row[key].strip() for key in KNOWN if (row.get(key) or "").strip()}
    InputError.check(faults)
    return found


def weak_pages(
    path: Path, kinds: Collection[str], worst: int | None, records: Iterable[Mapping[str, Any]]
) -> list[str]:
    """The pages that weak spots of these kinds name, in the order of the file, each once.

    A section's or content type's pages are those that the records (of drafted questions) have it for. `worst`: only so
    many weak spots count, the first ones.
    """
    columns, rows = _read_csv(path)
    if not {"kind", "value"} <= set(columns):
        raise InputError(
            f"{path}: columns {list(columns)!r:.200}: expected kind and value, as `ontune weak-spots` writes them"
        )
    spots = [(row["kind"], row["value"]) for row in rows if row["kind"] in kinds][:worst]
    if not spots:
        there = sorted({row["kind"] for row in rows})
        raise InputError(f"{path}: no weak spot of the kinds {sorted(kinds)}: there are {there or 'none'}")
    known = list(records)
    named = [
        [value] if kind == "page" else [str(one["page_id"]) for one in known if one.get(kind) == value]
        for kind, value in spots
    ]
    return list(dict.fromkeys(page_id for pages in named for page_id in pages))


def _read_csv(path: Path) -> tuple[Sequence[str], list[dict[str, str]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, restval="")
            return list(reader.fieldnames or ()), list(reader)
    except (csv.Error, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not readable as CSV: {error}") from None
