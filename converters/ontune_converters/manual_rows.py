"""Questions about manual pages as their pipeline writes them: `vlm_*.jsonl`, or one Q&A file a page."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, cast

from ontune.pages import INDEX
from ontune_converters.edugraph_rows import SPLITS, Entry, Source, hidden, read_entries

__all__ = ["KEYS", "Row", "read_rows"]

KEYS = ("page_id", "section_id", "section_name", "source_type", "content_type", "question_type", "qa_id")
STAGES = ("qa_unique", "qa_filtered", "qa_raw")  # folders of Q&A files: each is made from the next
ROLES = {"user": "human", "human": "human", "assistant": "gpt", "gpt": "gpt"}


@dataclass(frozen=True)
class Row:
    """One question: `images` are named from `folder`, or from one above it within `root`; none for text alone."""

    where: str
    root: Path
    folder: Path
    images: tuple[str, ...]
    question: str
    answer: str
    meta: Mapping[str, str | int | float | bool | None]
    split: str = ""


def read_rows(path: Path, faults: list[str]) -> tuple[str, list[Row]]:
    """Which form a source has, and its rows; what is wrong with them joins `faults`.

    A folder's finished `vlm_*.jsonl` come first; without any, the furthest of the stages that lead there, and then
    every Q&A file below it; folders of pages are passed over.
    """
    source = Source.local(path)
    form, files = _files(path)
    if not files:
        faults.append(
            f"{path}: no vlm_*.jsonl in it, and no Q&A file (*.json); the file of `ontune questions` is named itself"
        )
    entries = [entry for file in files for entry in _entries(file, source, faults)]
    rows: list[Row] = []
    for entry in entries:
        try:
            rows += list(_parse(entry, source))
        except (ValueError, KeyError) as error:
            found = f"no {error}" if isinstance(error, KeyError) else str(error)
            faults += [f"{entry.where}: {fault}" for fault in found.split("\n")]
    return form, rows


def _files(path: Path) -> tuple[str, list[Path]]:
    if path.is_file():
        return path.name, [path]
    visible = sorted(file for file in path.rglob("*.json*") if file.is_file() and not hidden(file, path))
    if finished := [file for file in visible if file.name.startswith("vlm_") and file.suffix == ".jsonl"]:
        return "vlm_*.jsonl", finished
    pages = {file.parent for file in visible if file.name == INDEX}  # the texts there are no questions
    questions = [file for file in visible if file.suffix == ".json" and pages.isdisjoint(file.parents)]
    for stage in STAGES:
        if found := [file for file in questions if file.parent.name == stage]:
            return stage, found
    return "*.json", questions


def _entries(file: Path, source: Source, faults: list[str]) -> Iterator[Entry]:
    """The objects of a file of JSON lines or of a JSON array, or the one object of a Q&A file."""
    if file.suffix.casefold() == ".json":
        try:
            record = json.loads(file.read_bytes())
        except (OSError, ValueError):
            record = None  # told with its place below
        if isinstance(record, dict):
            name = file.relative_to(source.folder).as_posix()
            yield Entry(f"{source.name}/{name}", PurePosixPath(name).parent, cast("dict[str, Any]", record))
            return
    yield from read_entries(file, source, faults)


def _parse(entry: Entry, source: Source) -> Iterator[Row]:
    """The row of a finished record, or those of a page's Q&A file."""
    if "qa_pairs" in entry.record:
        yield from _parse_page(entry, source)
    elif "conversations" in entry.record:
        yield _parse_finished(entry, source)
    else:
        raise ValueError(f"neither conversations nor qa_pairs among its keys {sorted(entry.record)}")


def _parse_finished(entry: Entry, source: Source) -> Row:
    record = entry.record
    turns = _objects(record, "conversations")
    roles = [ROLES.get(str(turn.get("role", turn.get("from")))) for turn in turns]
    if roles != ["human", "gpt"]:
        raise ValueError(f"conversations has the roles {roles}: expected user and assistant")
    texts: list[object] = [turn.get("content", turn.get("value")) for turn in turns]
    meta = _meta(record["metadata"])
    images = _images(record["images"] if "images" in record and "image" not in record else record["image"])
    stem = PurePosixPath(entry.where.rsplit(":", 1)[0]).stem
    return _row(entry, source, images, texts, meta, SPLITS.get(stem.removeprefix("vlm_").casefold(), ""))


def _parse_page(entry: Entry, source: Source) -> Iterator[Row]:
    record = entry.record
    images = _images(record["image_path"])
    generation = record.get("generation")
    model = cast("dict[str, Any]", generation).get("model") if isinstance(generation, dict) else generation
    for at, pair in enumerate(_objects(record, "qa_pairs")):
        own = {key: record.get(key) for key in KEYS[:5]}
        of_pair = {"question_type": pair.get("question_type"), "qa_id": pair.get("id")}
        others = {key: value for key, value in pair.items() if key not in {"id", "question", "answer", "question_type"}}
        meta = _meta(own | of_pair | others | ({"generator": model} if model else {}))
        place = Entry(f"{entry.where}[{at}]", entry.folder, record)
        yield _row(place, source, images, [pair.get("question"), pair.get("answer")], meta, "")


def _row(
    entry: Entry, source: Source, images: tuple[str, ...], texts: list[object], meta: dict[str, Any], split: str
) -> Row:
    if not all(isinstance(text, str | None) for text in texts):
        raise ValueError(f"question and answer are {texts!r}: expected two texts")
    try:
        json.dumps([*texts, *images, meta], ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"half of a surrogate pair, which no file can hold: {error.object[error.start]!r}") from None
    if any("<video>" in str(text) for text in texts):
        raise ValueError(f"question and answer are {texts!r}: expected no tag of a video")
    question, answer = (str(text or "").replace("<image>", "").strip() for text in texts)
    folder = source.folder / entry.folder
    return Row(entry.where, source.folder, folder, images, question, answer, meta, split)


def _objects(record: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    found = record[key]
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in cast("list[object]", found)):
        raise ValueError(f"{key} is {found!r:.100}: expected a list of objects")
    return cast("list[dict[str, Any]]", found)


def _images(value: object) -> tuple[str, ...]:
    """The pictures of a row: null for none, one name, or a list of them."""
    if value is None:
        return ()
    names = cast("list[object]", value) if isinstance(value, list) else [value]
    if not all(isinstance(name, str) and name for name in names):
        raise ValueError(f"image is {value!r}: expected a name, a list of names, or null")
    return tuple(map(str, names))


def _meta(found: object) -> dict[str, Any]:
    """The seven keys, and what else is flat; a list of texts is joined by `;`, as evaluation reads keywords.

    Raises ValueError with every key of the seven that is missing or no text.
    """
    if not isinstance(found, dict):
        raise ValueError(f"metadata is {found!r:.100}: expected an object")  # noqa: TRY004 - the file's fault
    record = cast("dict[str, Any]", found)
    wrong = [f"metadata has {key} {record.get(key)!r}: expected a text" for key in KEYS if not _is_text(record, key)]
    wrong += [f"metadata has an empty {key}" for key in ("page_id", "qa_id") if record.get(key) == ""]
    if wrong:
        raise ValueError("\n".join(wrong))
    joined = {key: ";".join(value) if _is_texts(value) else value for key, value in record.items()}
    return {key: value for key, value in joined.items() if isinstance(value, str | int | float | bool)}


def _is_text(record: Mapping[str, Any], key: str) -> bool:
    return isinstance(record.get(key), str)


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in cast("list[object]", value))
