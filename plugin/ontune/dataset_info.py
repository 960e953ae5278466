"""Entries of dataset_info.json: read, and added without touching what else the file holds."""

import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ontune.errors import DatasetError
from ontune.files import write_atomic

__all__ = ["FILE", "Entry", "check_names", "load_entries", "register", "resolve"]

FILE = "dataset_info.json"
COLUMNS = {"messages": "conversations", "system": "system", "images": "images", "videos": "videos"}


@dataclass(frozen=True)
class Entry:
    """One split: its name, its file, and the task and ontology that its answers obey (LLaMA-Factory ignores those)."""

    name: str
    path: Path
    task: str | None = None
    ontology: str | None = None

    def to_record(self, directory: Path) -> dict[str, Any]:
        """The entry's JSON, with the file relative to the folder of dataset_info.json."""
        record: dict[str, Any] = {
            "file_name": Path(os.path.relpath(self.path, directory)).as_posix(),
            "formatting": "sharegpt",
            "columns": COLUMNS,
        }
        return record | {key: value for key in ("task", "ontology") if (value := getattr(self, key))}

    @classmethod
    def from_record(cls, name: str, record: dict[str, Any], directory: Path) -> "Entry":
        path = Path(os.path.normpath(directory / str(record.get("file_name", ""))))
        return cls(name, path, record.get("task"), record.get("ontology"))


def load_entries(directory: Path) -> dict[str, Entry]:
    """All entries of the folder's dataset_info.json, by name; empty where there is no file."""
    records = _read(directory / FILE)[1]
    return {name: Entry.from_record(name, record, directory) for name, record in records.items()}


def resolve(name: str, directory: Path) -> Entry:
    """The entry of that name, or a nameless one for a path to a samples file.

    Raises DatasetError with the names there are, or when the entry's file is missing.
    """
    entries = load_entries(directory)
    entry = entries.get(name)
    if entry is None:
        by_path = {item.path.resolve(): item for item in entries.values()}
        entry = by_path.get(Path(name).resolve(), Entry(name, Path(name)))
    if not entry.path.is_file():
        raise DatasetError(
            f"dataset {name!r}: no file {entry.path}, and {directory / FILE} names {sorted(entries) or 'nothing'}"
        )
    return entry


def register(entries: Iterable[Entry], directory: Path, remove: Iterable[str] = ()) -> None:
    """Adds, replaces and removes entries; every other entry keeps its bytes, a missing file is created."""
    entries = list(entries)
    check_names(entries, directory)
    before, records = _read(directory / FILE)
    text = before
    for name in sorted(records.keys() & set(remove)):
        text = _drop(text, name)
        del records[name]
    for entry in sorted(entries, key=lambda item: item.name):
        record = entry.to_record(directory)
        if records.get(entry.name) != record:
            text = _put(text, entry.name, record)
    if text != before or not (directory / FILE).is_file():
        write_atomic(directory / FILE, text)


def check_names(entries: Iterable[Entry], directory: Path) -> None:
    """Raises DatasetError where an entry of the same name is about another file."""
    there = load_entries(directory)
    DatasetError.check(
        [
            f"{directory / FILE}: {entry.name!r} is about {there[entry.name].path}, not {entry.path}: rename one"
            for entry in entries
            if entry.name in there and there[entry.name].path.resolve() != entry.path.resolve()
        ]
    )


def _read(path: Path) -> tuple[str, dict[str, dict[str, Any]]]:
    try:
        text = path.read_bytes().decode() if path.is_file() else "{}\n"  # bytes: read_text would change line ends
        records: dict[str, Any] = json.loads(text)
    except json.JSONDecodeError as error:
        raise DatasetError(f"{path}:{error.lineno}: not JSON: {error.msg}") from None
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path}: not UTF-8: {error}") from None
    if not isinstance(records, dict):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise DatasetError(f"{path}: expected a JSON object, one key a dataset")
    if other := [f"{name} is {value!r}" for name, value in records.items() if not isinstance(value, dict)]:
        raise DatasetError(f"{path}: {', '.join(other)}: expected a JSON object each")
    return text, records


def _put(text: str, name: str, record: dict[str, Any]) -> str:
    """The text of a JSON object with one key set, and every other character as it was."""
    indent = _indent(text)
    body = json.dumps(record, indent=len(indent), ensure_ascii=False).replace("\n", f"\n{indent}")
    spans = _value_spans(text)
    if span := spans.get(name):
        return text[: span[0]] + body + text[span[1] :]
    item = f"{json.dumps(name)}: {body}"
    if spans:
        end = max(end for _, end in spans.values())
        return f"{text[:end]},\n{indent}{item}{text[end:]}"
    return f"{{\n{indent}{item}\n}}\n"


def _drop(text: str, name: str) -> str:
    """The text of a JSON object without one key, its comma and its line."""
    spans = _value_spans(text)
    names = list(spans)
    at = names.index(name)
    if at:
        return text[: spans[names[at - 1]][1]] + text[spans[name][1] :]
    start = text.index("{") + 1
    rest = text[spans[name][1] :]
    return text[:start] + rest.lstrip().removeprefix(",")


def _indent(text: str) -> str:
    match = re.search(r'\n([ ]+)"', text)
    return match[1] if match else "  "


def _value_spans(text: str) -> dict[str, tuple[int, int]]:
    """Where each top-level value starts and ends."""
    decoder = json.JSONDecoder()
    spans: dict[str, tuple[int, int]] = {}
    at = _skip(text, text.index("{") + 1, "")
    while text[at] != "}":
        key, at = decoder.raw_decode(text, at)
        start = _skip(text, at, ":")
        _, end = decoder.raw_decode(text, start)
        spans[key] = (start, end)
        at = _skip(text, end, ",")
    return spans


def _skip(text: str, at: int, characters: str) -> int:
    while text[at].isspace() or text[at] in characters:
        at += 1
    return at
