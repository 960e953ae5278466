"""Samples: one ShareGPT multimodal record a line, read by both hosts unchanged."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias, TypeVar, cast

from ontune.errors import DatasetError
from ontune.files import write_lines

__all__ = ["Meta", "Sample", "Turn", "read_records", "read_samples", "write_samples"]

Meta: TypeAlias = Mapping[str, str | int | float | bool | None]


class _WithId(Protocol):
    @property
    def id(self) -> str: ...


Record = TypeVar("Record", bound=_WithId)

KEYS = {"id", "conversations", "system", "images", "videos", "meta"}


@dataclass(frozen=True)
class Turn:
    """One turn: who speaks, and the text with an `<image>` or `<video>` tag for each medium."""

    role: Literal["human", "gpt"]
    value: str


@dataclass(frozen=True)
class Sample:
    """One sample, checked when made; media paths are relative to `data/`, gold is the last turn.

    `meta["group"]` is the unit for splits and clusters. Raises DatasetError with all faults at once.
    """

    id: str
    conversations: tuple[Turn, ...]
    system: str = ""
    images: tuple[str, ...] = ()
    videos: tuple[str, ...] = ()
    meta: Meta = field(default_factory=dict[str, str | int | float | bool | None])

    def __post_init__(self) -> None:
        DatasetError.check([f"sample {self.id!r}: {fault}" for fault in _faults(self)])

    @property
    def gold(self) -> str:
        """The answer to be learned."""
        return self.conversations[-1].value

    @property
    def prompt(self) -> str:
        """The last human turn, with its media tags."""
        return self.conversations[-2].value

    def to_json(self) -> str:
        """The line of the file: six keys, `meta` as a string of flat JSON with sorted keys."""
        record = {
            "id": self.id,
            "conversations": [{"from": turn.role, "value": turn.value} for turn in self.conversations],
            "system": self.system,
            "images": self.images,
            "videos": self.videos,
            "meta": json.dumps(self.meta, ensure_ascii=False, sort_keys=True),
        }
        return json.dumps(record, ensure_ascii=False)

    @classmethod
    def from_json(cls, line: str, where: str) -> "Sample":
        """The sample on one line. `where` (`file:line`) opens every message."""
        try:
            return cls._from_record(json.loads(line))
        except DatasetError as error:
            raise DatasetError([f"{where}: {fault}" for fault in error.faults]) from None
        except (json.JSONDecodeError, KeyError, TypeError, AttributeError, ValueError) as error:
            raise DatasetError(f"{where}: not a sample with the keys {sorted(KEYS)}: {error!r}") from None

    @classmethod
    def _from_record(cls, record: dict[str, Any]) -> "Sample":
        if extra := record.keys() ^ KEYS:
            raise DatasetError(f"keys {sorted(record)}: {sorted(extra)} missing or unknown")
        DatasetError.check(list(_type_faults(record)))
        turns = tuple(Turn(turn["from"], turn["value"]) for turn in record["conversations"])
        media = (tuple(record["images"]), tuple(record["videos"]))
        return cls(record["id"], turns, record["system"], *media, json.loads(record["meta"]))


def _type_faults(record: dict[str, Any]) -> Iterator[str]:
    """What a file may hold and Python's types would not."""
    texts = {key: record[key] for key in ("id", "system")}
    texts |= {f"turn {number}": turn["value"] for number, turn in enumerate(record["conversations"], start=1)}
    yield from (f"{key} is {text!r}: expected a string" for key, text in texts.items() if not isinstance(text, str))
    for key in ("images", "videos"):
        if not isinstance(record[key], list) or not all(isinstance(path, str) for path in record[key]):
            yield f"{key} is {record[key]!r}: expected a list of strings"


def _faults(sample: Sample) -> Iterator[str]:
    if not sample.id:
        yield "empty id"
    roles = [turn.role for turn in sample.conversations]
    if len(roles) < 2 or roles != ["human", "gpt"] * (len(roles) // 2):
        yield f"turns {roles}: expected human and gpt in turn, gpt last"
    yield from _media_faults(sample, "<image>", sample.images)
    yield from _media_faults(sample, "<video>", sample.videos)
    if not isinstance(sample.meta.get("group"), str):
        yield f"meta has group {sample.meta.get('group')!r}: expected a string"
    nested = [key for key, value in sample.meta.items() if isinstance(cast("object", value), dict | list | tuple)]
    yield from (f"meta {key!r} is not flat" for key in nested)


def _media_faults(sample: Sample, tag: str, paths: tuple[str, ...]) -> Iterator[str]:
    asked = sum(turn.value.count(tag) for turn in sample.conversations if turn.role == "human")
    if asked != len(paths):
        yield f"{asked} {tag} tags in the human turns for {len(paths)} files"
    if any(tag in turn.value for turn in sample.conversations if turn.role == "gpt"):
        yield f"an answer contains {tag}: LLaMA-Factory would count it as a medium"
    yield from (f"path {path!r}: expected relative to data/, without '..'" for path in paths if _escapes(path))


def _escapes(path: str) -> bool:
    return not path or Path(path).is_absolute() or ".." in Path(path).parts


def read_samples(path: Path) -> list[Sample]:
    """The samples of a file, in its order. Raises DatasetError with every bad line and every repeated id."""
    return read_records(path, Sample.from_json)


def read_records(path: Path, parse: Callable[[str, str], Record]) -> list[Record]:
    """A record a line, in the file's order; `parse` is given the line and its place.

    Raises DatasetError for no file, and with every bad line and every repeated id.
    """
    if not path.is_file():
        raise DatasetError(f"{path}: no such file")
    found: list[Record] = []
    faults: list[str] = []
    seen: dict[str, int] = {}
    try:
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                try:
                    record = parse(line, f"{path}:{number}")
                except DatasetError as error:
                    faults += error.faults
                    continue
                if first := seen.get(record.id):
                    faults.append(f"{path}:{number}: id {record.id!r} stands on line {first} already")
                seen.setdefault(record.id, number)
                found.append(record)
    except UnicodeDecodeError as error:
        faults.append(f"{path}: not UTF-8: {error}")
    DatasetError.check(faults)
    return found


def write_samples(path: Path, samples: Iterable[Sample]) -> None:
    """Writes the samples in their order, atomically."""
    write_lines(path, (sample.to_json() for sample in samples))
