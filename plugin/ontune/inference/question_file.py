"""Drafted questions as `ontune convert service_manual` reads them: one object a page, one page a line."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from ontune.errors import InputError
from ontune.files import write_lines
from ontune.inference.question_filters import Draft
from ontune.inference.question_pages import Subject

__all__ = ["merged", "page_record", "read_records", "write_records"]

Record = dict[str, Any]


def page_record(
    subject: Subject, content_type: str, drafts: Sequence[Draft], image_path: str, generation: Mapping[str, str]
) -> Record:
    """The object of one page; ids are numbered in the order of the drafts."""
    pairs = [
        {
            "id": f"{subject.page.page_id}-q{number:02}",
            "question": draft.question,
            "answer": draft.answer,
            "question_type": draft.question_type,
        }
        for number, draft in enumerate(drafts, start=1)
    ]
    return {
        "page_id": subject.page.page_id,
        "image_path": image_path,
        "section_id": subject.section_id,
        "section_name": subject.section_name,
        "source_type": subject.source_type,
        "content_type": content_type,
        "generation": {**generation, "prompt_template": content_type},
        "qa_pairs": pairs,
    }


def merged(old: Iterable[Record], new: Sequence[Record]) -> list[Record]:
    """All records by page: new ones in the place of the old ones of their page."""
    fresh = {record["page_id"] for record in new}
    return sorted([*(record for record in old if record["page_id"] not in fresh), *new], key=lambda one: one["page_id"])


def write_records(path: Path, records: Iterable[Record]) -> None:
    """Writes one record a line, in one step."""
    write_lines(path, (json.dumps(record, ensure_ascii=False) for record in records))


def read_records(path: Path) -> list[Record]:
    """The records of a file. Raises InputError with every line that is none."""
    records: list[Record] = []
    faults: list[str] = []
    for number, line in enumerate(path.read_bytes().split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            records.append(_record(json.loads(line)))
        except (ValueError, LookupError, TypeError) as error:
            faults.append(f"{path}:{number}: no page with its questions: {error!r}")
    InputError.check(faults)
    return records


def _record(found: object) -> Record:
    record = cast("Record", found)
    if not isinstance(record["page_id"], str) or not all(isinstance(pair["question"], str) for pair in _pairs(record)):
        raise TypeError("expected texts as page_id and question")
    return record


def _pairs(record: Record) -> list[Record]:
    return record["qa_pairs"]
