"""The rows that EduGraph publishes: worksheets' `meta.json`, exercises' `metadata.jsonl`, annotations and ShareGPT."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any, cast

from ontune.errors import SourceError
from ontune.files import LFS_POINTER
from ontune.sharegpt import Meta
from ontune_converters.account import Account
from ontune_converters.labels import Stated, parse_labels
from ontune_converters.pictures import BadPicture, Picture, find_picture, read_picture

__all__ = [
    "Entry",
    "Row",
    "Source",
    "check_faults",
    "hidden",
    "parse_entries",
    "read_entries",
    "read_full_rows",
    "read_rows",
]

NAMES = ("annotations.jsonl", "meta.json", "metadata.jsonl", "train_dataset.jsonl")  # what a folder is searched for
FULL = "metadata.full.jsonl"  # beside metadata.jsonl: the generator's own record of each row
SPLITS = {  # what a folder may be called, to the split's name
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}
# What of a generator's record goes into a sample's meta; its labels and seeds say nothing more.
KEPT = (
    *("sample_key", "spec", "target_id", "generator", "view", "mode", "instance"),
    *("content_fingerprint", "task_fingerprint"),
)


@dataclass(frozen=True)
class Source:
    """A folder that rows and pictures lie in, or one file of rows there.

    `inside`: what a picture that is a link may lead to (the Hub's cache links to its store). `media_root`: where the
    pictures lie instead.
    """

    path: Path
    name: str
    inside: Path
    media_root: Path | None = None

    @classmethod
    def local(cls, path: Path, media_root: Path | None = None) -> "Source":
        root = path if path.is_dir() else path.parent
        return cls(path, path.resolve().name, media_root or root, media_root)

    @cached_property
    def root(self) -> Path:
        """The folder that pictures are named from."""
        return self.media_root or self.folder

    @cached_property
    def folder(self) -> Path:
        """The folder that rows are named from."""
        return self.path if self.path.is_dir() else self.path.parent

    @cached_property
    def folder_name(self) -> str:
        """What that folder is called, also where it is given as `.`."""
        return self.folder.resolve().name


@dataclass(frozen=True)
class Entry:
    """One JSON object of a file of rows: where it stands, and its file's folder below the source."""

    where: str
    folder: PurePosixPath
    record: Mapping[str, Any]


@dataclass(frozen=True)
class Row:
    """One picture with what is stated of it. `picture` is relative to the source's root; `split` may be ""."""

    where: str
    source: Source
    picture: str
    stated: Stated
    meta: Meta
    split: str = ""

    @property
    def name(self) -> str:
        """The picture's name, the same whether the folder of a split or the one above was given as the source."""
        if not self.split:
            return self.picture
        first, *rest = PurePosixPath(self.picture).parts
        return PurePosixPath(self.split, *rest if rest and first.casefold() in SPLITS else (first, *rest)).as_posix()

    def load(self, account: Account) -> Picture | None:
        """The picture, checked; where it cannot be used the row is dropped with the reason."""
        try:
            path = find_picture(self.source.root, self.picture, self.source.inside)
            picture = read_picture(path)
        except BadPicture as error:
            account.drop(error.reason, f"{self.where}: {error.detail}")
            return None
        if path.name != PurePosixPath(self.picture).name:
            account.warn("name_case", f"{self.where}: {self.picture!r} is {path.name!r}")
        return picture


def read_rows(source: Source, answers: bool, faults: list[str]) -> list[Row]:
    """All rows of a source, in the order of their files' names; what is wrong with them joins `faults`."""
    rows: list[Row] = []
    files = _row_files(source)
    if not files:
        faults.append(f"{source.path}: none of {', '.join(NAMES)} in it; name another file of rows itself")
    for file in files:
        full = _read_full(file.with_name(FULL), source, faults) if file.name == "metadata.jsonl" else {}
        rows += parse_entries(read_entries(file, source, faults), source, full, answers, faults)
    return _re_rooted(rows, source)


def _row_files(source: Source) -> list[Path]:
    if source.path.is_file():
        return [source.path]
    return sorted(path for name in NAMES for path in source.path.rglob(name) if not hidden(path, source.path))


def hidden(path: Path, root: Path) -> bool:
    """Whether the file, or a folder between it and the root, has a name that starts with a dot."""
    return any(part.startswith(".") for part in path.relative_to(root).parts)


def read_entries(file: Path, source: Source, faults: list[str]) -> list[Entry]:
    """The objects of a JSON array or of JSON lines; a line that is none, or a file that cannot be read, is a fault."""
    place = PurePosixPath(source.name, file.relative_to(source.folder).as_posix())
    place = place if source.path.is_dir() else place.parent
    folder = PurePosixPath(file.relative_to(source.folder).as_posix()).parent
    parse = _parse_array if file.suffix.casefold() == ".json" else _parse_lines
    try:
        text = _read_text(file)
    except (OSError, ValueError) as error:
        faults.append(f"{place}: {error}")
        return []
    entries: list[Entry] = []
    for where, record in parse(text, str(place), faults):
        if isinstance(record, dict):
            entries.append(Entry(where, folder, cast("dict[str, Any]", record)))
        else:
            faults.append(f"{where}: {json.dumps(record)[:40]!r}: expected an object")
    return entries


def _read_text(file: Path) -> str:
    content = file.read_bytes()
    if content.startswith(LFS_POINTER):
        raise ValueError("a Git LFS pointer instead of content: run git lfs pull")
    return content.decode("utf-8-sig")


def _parse_array(text: str, place: str, faults: list[str]) -> Iterator[tuple[str, object]]:
    try:
        items = json.loads(text)
    except json.JSONDecodeError as error:
        faults.append(f"{place}:{error.lineno}: not JSON: {error.msg}")
        return
    if not isinstance(items, list):
        faults.append(f"{place}: {type(items).__name__}: expected a JSON array of objects")
        return
    for at, item in enumerate(cast("list[object]", items)):
        yield f"{place}[{at}]", item


def _parse_lines(text: str, place: str, faults: list[str]) -> Iterator[tuple[str, object]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            yield f"{place}:{number}", json.loads(line)
        except json.JSONDecodeError as error:
            faults.append(f"{place}:{number}: not JSON: {error.msg}")


def check_faults(faults: Sequence[str], rows: Iterable[Row], account: Account) -> None:
    """Raises SourceError with all faults, if there are any, and with the pictures that could not be used either."""
    if faults:
        for row in rows:
            row.load(account)
        raise SourceError([*faults, *account.drops()])


def read_full_rows(source: Source, faults: list[str]) -> list[Row]:
    """The rows of the generator's own records, `metadata.full.jsonl`. Raises SourceError where there are none."""
    files = sorted(path for path in source.folder.rglob(FULL) if not hidden(path, source.folder))
    if not files:
        raise SourceError(f"{source.path}: no {FULL} in it: sample keys stand there alone")
    return [
        row for file in files for row in parse_entries(read_entries(file, source, faults), source, {}, False, faults)
    ]


def _read_full(file: Path, source: Source, faults: list[str]) -> dict[str, Mapping[str, Any]]:
    """The generator's records by `file_name`; nothing where the file is not there."""
    entries = read_entries(file, source, faults) if file.is_file() else []
    return {str(entry.record.get("file_name")): entry.record for entry in entries}


def parse_entries(
    entries: Iterable[Entry], source: Source, full: Mapping[str, Mapping[str, Any]], answers: bool, faults: list[str]
) -> Iterator[Row]:
    """The rows of the entries, each parsed as the form that its keys show; what is wrong joins `faults`."""
    for entry in entries:
        record = entry.record
        try:
            if "questionImage" in record or "answerImage" in record:
                yield from _parse_worksheet(entry, source, answers)
            elif "conversations" in record:
                yield _parse_annotation(entry, source)
            else:
                yield _parse_exercise(entry, source, {**full.get(str(record.get("file_name")), {}), **record})
        except (ValueError, KeyError, TypeError) as error:
            text = f"no {error}" if isinstance(error, KeyError) else str(error)
            faults.append(f"{entry.where}: {text}")


def _parse_worksheet(entry: Entry, source: Source, answers: bool) -> Iterator[Row]:
    """The question's row of a worksheet in `meta.json`, and by choice its answer page's, with the same labels."""
    record = entry.record
    stated = parse_labels(record["labels"])
    question = _text(record, "questionImage")
    module = entry.folder.name or source.folder_name
    group = str(record.get("contentHash") or _page(question))
    meta = {"generator": module, "worksheet": str(record.get("source", "")), "source": entry.where}
    row = _row(entry, source, question, stated, {**meta, "group": group, "solution": False})
    yield row
    if answers and record.get("answerImage"):
        answer = _row(entry, source, _text(record, "answerImage"), stated, {**meta, "group": group, "solution": True})
        yield replace(answer, meta={**answer.meta, "page": row.meta["page"]})


def _parse_exercise(entry: Entry, source: Source, record: Mapping[str, Any]) -> Row:
    """The row of a published exercise; the generator's own record adds fingerprints, generator and view."""
    file = _text(record, "file_name")
    stated = parse_labels(record["labels"] if "labels" in record else record["tags"])
    kept: dict[str, Any] = {key: record[key] for key in KEPT if isinstance(record.get(key), str | int)}
    group = str(record.get("content_fingerprint") or record.get("task_fingerprint") or _page(file))
    solution = bool(record.get("solution", record.get("mode") == "solution"))
    split = _split(entry.folder, source)
    meta = {"generator": PurePosixPath(file).parent.name, **kept, "source": entry.where, "solution": solution}
    return _row(entry, source, file, stated, {**meta, "group": group}, split)


def _parse_annotation(entry: Entry, source: Source) -> Row:
    """The row of a ShareGPT record, or of one whose `conversations` is the label object itself."""
    record = entry.record
    images = record.get("images")
    image = str(images[0]) if isinstance(images, list) and len(cast("list[object]", images)) == 1 else ""
    picture = image or _text(record, "image" if "image" in record else "file_name")
    talk = record["conversations"]
    if isinstance(talk, list):
        turns = cast("list[Mapping[str, str]]", talk)
        answers = [turn for turn in turns if turn.get("from", turn.get("role")) in {"gpt", "assistant"}]
        if not answers:
            raise ValueError("conversations has no turn of gpt or assistant")
        talk = answers[-1].get("value", answers[-1].get("content"))
    meta = {"generator": PurePosixPath(picture).parent.name, "source": entry.where, "group": _page(picture)}
    return _row(entry, source, picture, parse_labels(talk), meta, _split(entry.folder, source))


def _row(entry: Entry, source: Source, picture: str, stated: Stated, meta: Meta, split: str = "") -> Row:
    # An absolute name swallows the folder here and stays absolute: it is refused where pictures are looked for.
    row = Row(entry.where, source, (entry.folder / picture).as_posix(), stated, meta, split)
    return replace(row, meta={**meta, "page": _page(row.name), **({"split": split} if split else {})})


def _text(record: Mapping[str, Any], key: str) -> str:
    value = record[key]
    if not isinstance(value, str) or not value:
        raise ValueError(f"{key} is {value!r}: expected the name of a file")
    return value


def _page(picture: str) -> str:
    """The page that a picture shows, whether it is the question or the solution."""
    return re.sub(r"_(mode-[QS]|question|answer)$", "", PurePosixPath(picture).with_suffix("").as_posix())


def _split(folder: PurePosixPath, source: Source) -> str:
    """The split that the nearest folder names, the source's own included; "" where none does."""
    parts = (source.folder_name, *folder.parts)
    return next((SPLITS[part.casefold()] for part in reversed(parts) if part.casefold() in SPLITS), "")


def _re_rooted(rows: list[Row], source: Source) -> list[Row]:
    """The rows, each picture's leading folders cut off as far as the source's media root asks for: alike for all."""
    if source.media_root is None or not rows:
        return rows
    most = max(len(PurePosixPath(row.picture).parts) for row in rows)
    found = _count_found(rows, source.root)
    best = max(range(most), key=lambda cut: (found(cut), -cut))
    return [replace(row, picture=_cut(row.picture, best)) for row in rows]


def _count_found(rows: list[Row], root: Path) -> Callable[[int], int]:
    return lambda cut: sum((root / _cut(row.picture, cut)).is_file() for row in rows)


def _cut(picture: str, parts: int) -> str:
    path = PurePosixPath(picture)
    return picture if path.is_absolute() else PurePosixPath(*path.parts[min(parts, len(path.parts) - 1) :]).as_posix()
