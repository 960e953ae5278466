"""What `ontune questions` asks about: pages chosen, what is known of each, and the records that are there already."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ontune.console import message
from ontune.errors import InputError
from ontune.files import sha256_file
from ontune.inference.question_file import page_record, read_records
from ontune.inference.question_filters import Sieve
from ontune.inference.question_pages import KNOWN, Subject, read_classes, section_of, weak_pages
from ontune.inference.question_templates import Templates
from ontune.inference.questions import Drafted
from ontune.pages import read_pages, read_text

__all__ = ["CHOICE", "Choice", "Job", "new_records"]

Record = dict[str, Any]


@dataclass(frozen=True)
class Choice:
    """Which pages are asked about, and what is known of them: options as they were given."""

    content_type: str | None
    classes: Path | None
    source_type: str
    weak: Path | None
    by: tuple[str, ...]
    worst: int | None
    max_pages: int | None

    def __post_init__(self) -> None:
        given = {"--by": bool(self.by), "--worst": self.worst is not None}
        unused = [name for name, is_given in given.items() if is_given and not self.weak]
        InputError.check([f"{name} is for --pages, which is not given" for name in unused])


CHOICE = tuple(Choice.__dataclass_fields__)


@dataclass(frozen=True)
class Job:
    """What is to be asked, and the records there already; `occasion` is the file of weak spots, by its hash."""

    folder: Path
    out: Path
    subjects: Sequence[Subject]
    occasion: str = ""
    records: Sequence[Record] = ()
    left: Mapping[str, int] = field(default_factory=dict[str, int])  # pages that are not asked about, by why

    @classmethod
    def plan(cls, folder: Path, out: Path, choice: Choice, templates: Templates) -> "Job":
        """Reads everything. Raises InputError with all that is wrong."""
        records = read_records(out) if out.is_file() else []
        subjects = _subjects(folder, choice, templates, records)
        left: dict[str, int] = {}
        occasion = sha256_file(choice.weak) if choice.weak else ""
        if choice.weak:
            wanted = weak_pages(choice.weak, choice.by or ("page",), choice.worst, records)
            chosen = [_again(subjects[page_id], records) for page_id in wanted if page_id in subjects]
            left = {"not_in_folder": len(wanted) - len(chosen)}
            if not chosen:
                raise InputError(f"{choice.weak}: none of its pages, such as {wanted[:3]}, is in {folder}")
        else:
            there = {record["page_id"] for record in records}
            chosen = [subject for page_id, subject in subjects.items() if page_id not in there]
            left = {"in_file_already": len(subjects) - len(chosen)}
        taken = chosen[: choice.max_pages]
        left |= {"over_max_pages": len(chosen) - len(taken)}
        return cls(folder, out, taken, occasion, records, {why: count for why, count in left.items() if count})

    def image_path(self, subject: Subject) -> str:
        """The picture as it is found from the file's folder, or from PAGES where that lies elsewhere."""
        path, root = (self.folder / subject.page.image).resolve(), self.out.resolve().parent
        return path.relative_to(root).as_posix() if path.is_relative_to(root) else subject.page.image


def _subjects(folder: Path, choice: Choice, templates: Templates, records: Sequence[Record]) -> dict[str, Subject]:
    """The pages of the folder by id, with what is known of each; of pages with a record, what that says."""
    classes = read_classes(choice.classes) if choice.classes else {}
    before = {record["page_id"]: _known(record, templates) for record in records}
    found: dict[str, Subject] = {}
    for page in read_pages(folder):
        known = {"source_type": choice.source_type} | section_of(page.document)
        known |= before.get(page.page_id, {}) | classes.get(page.page_id, {})
        content_type = choice.content_type or known.get("content_type", "")
        section = (known["section_id"], known["section_name"], known["source_type"])
        found[page.page_id] = Subject(page, read_text(folder, page), *section, content_type)
    if not found:
        raise InputError(f"{folder}: no pages")
    used = {subject.content_type for subject in found.values()} - {"", *templates.kinds}
    InputError.check([f"no content type {name!r}: there are {list(templates.kinds)}" for name in sorted(used)])
    if unknown := len(classes.keys() - found.keys()):
        message(f"{choice.classes}: {unknown} of its {len(classes)} pages are not in {folder}")
    return found


def _known(record: Record, templates: Templates) -> dict[str, str]:
    """What a record says of its page; a content type that there is no template for any more is asked again."""
    known = {key: record[key] for key in KNOWN if isinstance(record.get(key), str)}
    return {key: value for key, value in known.items() if key != "content_type" or value in templates.kinds}


def _again(subject: Subject, records: Sequence[Record]) -> Subject:
    """The page with the questions that are to be replaced."""
    pairs = [pair for one in records if one["page_id"] == subject.page.page_id for pair in one["qa_pairs"]]
    return replace(subject, earlier=tuple(pair["question"] for pair in pairs))


def new_records(
    job: Job, templates: Templates, drafted: Sequence[Drafted], sieve: Sieve, generation: Mapping[str, str]
) -> Iterator[Record]:
    """The new records; a page of whose new questions none is kept keeps its old ones."""
    asked = {page.subject.page.page_id for page in drafted}
    old: dict[str, int] = {}
    for record in job.records:
        if record["page_id"] in asked:
            old[record["page_id"]] = len(record["qa_pairs"])
            continue
        for pair in record["qa_pairs"]:
            sieve.know(record["page_id"], pair["question"], pair.get("answer"))
    for page in drafted:
        subject = page.subject
        kept = sieve.keep(subject.page.page_id, page.items, templates.kinds[page.content_type].types, subject.text)
        if kept or not old.get(subject.page.page_id):
            yield page_record(subject, page.content_type, kept, job.image_path(subject), generation)
        else:
            message(f"{subject.page.page_id}: no new question was kept: its {old[subject.page.page_id]} old ones stay")
