"""The files of QVED (clips sampled from QEVD) as records of one clip each; every fault of every file is collected.

Labels read `exercise - variation`, split at the first ` - `: names of exercises have hyphens (mountain-climbers).
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any, cast

from ontune.errors import SourceError

__all__ = ["SEPARATOR", "Clip", "Question", "Source", "exercise_name", "parse_label", "read_source"]

SEPARATOR = " - "
AUGMENTED = re.compile(r"(.+)_aug\d+")  # the original's name for the nth augmentation of a clip
SPLITS = {"train": "train", "test": "test", "val": "val", "valid": "val", "validation": "val"}
LABELS = ("fine_grained_labels_with_worker_ids.json", "fine_grained_labels.json", "ground_truth.json")
FEEDBACK, QUESTIONS = "feedbacks_short_clips.json", "questions.json"
MANIFEST, MOTION = "manifest.json", "exercise_motion_overview.json"
Record = dict[str, Any]


@dataclass(frozen=True)
class Question:
    """A question on a clip, its answer, and which kind it is of."""

    query: str
    response: str
    kind: str


@dataclass(frozen=True)
class Clip:
    """What all files say of one clip, by its file name; `parent` is the clip it was augmented from."""

    name: str
    split: str | None = None
    labels: tuple[str, ...] = ()
    descriptive: tuple[str, ...] = ()
    feedback: tuple[str, ...] = ()
    questions: tuple[Question, ...] = ()
    worker: str | None = None
    listed: str | None = None  # the exercise that the manifest gives
    path: str | None = None  # where the manifest says it lies
    parent: str | None = None

    @property
    def texts(self) -> tuple[str, ...]:
        """The labels in words, each once, else the first short one."""
        return tuple(dict.fromkeys(self.descriptive)) or self.labels[:1]

    @property
    def group(self) -> str:
        """What must not be on two sides of a split: the person, else the clip it was augmented from."""
        return f"worker/{self.worker}" if self.worker else f"clip/{Path(self.parent or self.name).stem}"


@dataclass
class Source:
    """The clips of one folder, and whether their exercises move."""

    folder: Path
    clips: dict[str, Clip] = field(default_factory=dict[str, Clip])
    moves: dict[str, bool] = field(default_factory=dict[str, bool])
    faults: list[str] = field(default_factory=list[str])
    seen: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])

    def put(self, name: str, what: str, where: str, values: Mapping[str, Any]) -> None:
        """Adds what one record says of a clip; a fault where an earlier one says something else."""
        clip = self.clips.get(name, Clip(name))
        for key, value in values.items():
            known = getattr(clip, key)
            if known not in (None, ()) and value not in (None, ()) and known != value:
                first = self.seen.get((name, key), "an earlier record")
                self.faults.append(f"{where}: {name}: {key} {value!r}, but {first} has {known!r}")
            self.seen.setdefault((name, key), f"{where} ({what})")
        self.clips[name] = replace(clip, **{key: value for key, value in values.items() if value not in (None, ())})


def parse_label(label: str) -> tuple[str | None, str]:
    """Exercise and variation of a label; no exercise where there is no ` - `."""
    exercise, separator, variation = label.partition(SEPARATOR)
    return (exercise_name(exercise), variation.strip()) if separator else (None, label.strip())


def exercise_name(name: str) -> str:
    """The name with spaces, as labels have it: folders have underscores."""
    return " ".join(name.replace("_", " ").split())


def read_source(folder: Path) -> Source:
    """All that a folder's files say of its clips. Raises SourceError with all faults of all files."""
    source = Source(folder)
    files = [name for name in (*LABELS, FEEDBACK, QUESTIONS, MANIFEST, MOTION) if (folder / name).is_file()]
    if not set(files) - {MANIFEST, MOTION}:
        expected = ", ".join((*LABELS, FEEDBACK, QUESTIONS))
        raise SourceError(f"{folder}: no labels in it: expected one of {expected}")
    for name in files:
        content = _read(folder / name, source.faults)
        if name == MANIFEST:
            _put_manifest(source, content, f"{folder.name}/{name}")
        elif name == MOTION:
            _put_motion(source, content, f"{folder.name}/{name}")
        else:
            _put_records(source, content, name, f"{folder.name}/{name}")
    _inherit(source)
    SourceError.check(source.faults)
    return source


def _read(path: Path, faults: list[str]) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        faults.append(f"{path.parent.name}/{path.name}: not JSON: {error}")
        return None


def _put_records(source: Source, content: Any, file: str, where: str) -> None:
    if content is None:
        return
    if not isinstance(content, list):
        source.faults.append(f"{where}: {type(content).__name__}: expected a list of records")
        return
    parse = {FEEDBACK: _feedback, QUESTIONS: _questions}.get(file, _labels)
    for number, item in enumerate(cast("list[Any]", content), start=1):
        place = f"{where}[{number}]"
        try:
            name, values = _parsed(item, parse)
        except (ValueError, KeyError) as error:
            source.faults.append(f"{place}: {error.args[0] if error.args else error}")
            continue
        source.put(name, file, place, values)


def _parsed(item: Any, parse: Callable[[Record], Record]) -> tuple[str, Record]:
    if not isinstance(item, dict):
        raise ValueError(f"{item!r}: expected an object")  # noqa: TRY004 - as JSON's
    record = cast("Record", item)
    path, split = record.get("video_path"), record.get("split")
    if not isinstance(path, str) or not (name := PurePosixPath(path).name):
        raise ValueError(f"video_path {path!r}: expected ./NAME.mp4")
    if split is not None and split not in SPLITS:
        raise ValueError(f"{name}: split {split!r}: expected one of {sorted(SPLITS)}")
    return name, {"split": SPLITS[split] if split else None, "parent": _parent(name)} | parse(record)


def _parent(name: str) -> str | None:
    path = PurePosixPath(name)
    match = AUGMENTED.fullmatch(path.stem)
    return f"{match[1]}{path.suffix}" if match else None


def _labels(record: Record) -> Record:
    worker = record.get("worker_id")
    return {
        "labels": tuple(_listed(record, "labels")),
        "descriptive": tuple(_listed(record, "labels_descriptive")),  # one a label, in its place
        "worker": None if worker is None else str(worker),
    }


def _feedback(record: Record) -> Record:
    if "feedbacks" in record:  # what a converter of the original looked for, in vain
        raise ValueError("key 'feedbacks': expected 'feedback'")
    return {"feedback": _texts(record, "feedback")}


def _questions(record: Record) -> Record:
    return {"questions": tuple(item for part in ("high_level", "fine_grain") for item in _pairs(record, part))}


def _pairs(record: Record, part: str) -> Iterator[Question]:
    columns = cast("Record", record.get(part) or {})
    queries, responses, kinds = (_listed(columns, key) for key in ("query", "response", "query_type"))
    if len(queries) != len(responses) or (kinds and len(kinds) != len(queries)):
        raise ValueError(f"{part}: {len(queries)} queries, {len(responses)} responses, {len(kinds)} types: not as many")
    for at, (query, response) in enumerate(zip(queries, responses, strict=True)):
        yield Question(query, response, kinds[at] if kinds else part)


def _texts(record: Record, key: str) -> tuple[str, ...]:
    """The texts, each once."""
    return tuple(dict.fromkeys(_listed(record, key)))


def _listed(record: Record, key: str) -> list[str]:
    """All texts: those of columns stand for what stands at their place in another."""
    value = record.get(key) or []
    items = cast("list[Any]", value if isinstance(value, list) else [value])
    if not all(isinstance(item, str) and item.strip() for item in items):
        raise ValueError(f"{key} {value!r}: expected a list of texts")
    return [" ".join(item.split()) for item in items]


def _put_manifest(source: Source, content: Any, where: str) -> None:
    """Each clip's exercise and path; an entry is the exercise's folder, or an object that has it."""
    if not isinstance(content, dict):
        source.faults.append(f"{where}: {type(content).__name__}: expected an object of path and exercise")
        return
    for path, value in cast("dict[str, Any]", content).items():
        found = _exercise_of(value)
        name = PurePosixPath(path).name
        if not found:
            source.faults.append(f"{where}: {path}: {value!r}: expected an exercise")
            continue
        parent = _parent(name)
        source.put(name, "manifest", where, {"listed": exercise_name(found), "path": path, "parent": parent})


def _exercise_of(value: Any) -> str | None:
    if isinstance(value, dict):
        record = cast("Record", value)
        value = next((record[key] for key in ("exercise", "exercise_name", "label", "class") if key in record), None)
    return value if isinstance(value, str) and value.strip() else None


def _put_motion(source: Source, content: Any, where: str) -> None:
    items = cast("Record", content) if isinstance(content, dict) else {"": content}
    for name, value in items.items():
        if isinstance(value, bool):
            source.moves[exercise_name(name)] = value
        elif content is not None:
            source.faults.append(f"{where}: {name!r} is {value!r}: expected true or false")


def _inherit(source: Source) -> None:
    """Augmented clips have what their parents have: nobody labelled them, and they may not stand in another split."""
    for name, clip in list(source.clips.items()):
        parent = source.clips.get(clip.parent or "")
        if parent is None:
            continue
        keys: Iterable[str] = ("labels", "descriptive", "feedback", "questions", "worker", "listed", "split")
        given = {key: getattr(parent, key) for key in keys if not getattr(clip, key)}
        if clip.split and parent.split and clip.split != parent.split:
            source.faults.append(
                f"{name}: split {clip.split}, but {parent.name}, whose copy it is, is in {parent.split}"
            )
        source.clips[name] = replace(clip, **given)
