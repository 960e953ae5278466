"""The task file: YAML that is read with all its faults named at once."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, cast

import yaml

from ontune.errors import TaskError
from ontune.ontology.model import Ontology
from ontune.ontology.snapshot import load_ontology, snapshot_sha256
from ontune.resources import DATASET_INFO, find
from ontune.task.model import Choice, ErrorAnswer, Field, Group, Labels, Rules, Task, Text

__all__ = ["load_task", "task_sha256"]

KEYS = {"name", "ontology", "system", "user", "fields", "error", "rules", "metrics", "goals"}


def load_task(name: str, ontology: str | Ontology | None = None, dataset_info: Path = DATASET_INFO) -> Task:
    """The task of that name in tasks/ (working directory, then package), or at that path.

    `ontology` (a snapshot's file stem, its path, or the ontology itself) takes the place of the file's own.
    """
    path = find("tasks", name, ".yaml", dataset_info)
    try:
        record = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise TaskError(f"{path}: not YAML: {error}") from None
    if not isinstance(record, dict):
        raise TaskError(f"{path}: expected a mapping with the keys {sorted(KEYS)}")
    chosen = ontology or str(record.get("ontology"))  # pyright: ignore[reportUnknownArgumentType, reportUnknownMemberType]
    loaded = chosen if isinstance(chosen, Ontology) else load_ontology(chosen, dataset_info)
    return build_task(cast("dict[str, Any]", record), loaded, str(path))


def build_task(record: dict[str, Any], ontology: Ontology, where: str) -> Task:
    """The task of a parsed file. Raises TaskError with all faults at once."""
    faults: list[str] = []
    if unknown := record.keys() - KEYS:
        faults.append(f"unknown keys {sorted(unknown)}: expected {sorted(KEYS)}")
    built = _fields(record.get("fields"), ontology, "fields", faults)
    error = _error(record.get("error"), faults)
    rules = _rules(record.get("rules"), faults)
    if not isinstance(record.get("name"), str):
        faults.append(f"name is {record.get('name')!r}: expected a string")
    TaskError.check([f"{where}: {fault}" for fault in faults])
    texts = (str(record.get("system", "")).strip(), str(record.get("user", "")).strip())
    extras = (tuple(record.get("metrics", ())), tuple(record.get("goals", ())))
    return Task(record["name"], ontology, built, *texts, error, rules, *extras)


def _fields(value: object, ontology: Ontology, path: str, faults: list[str]) -> tuple[Field, ...]:
    if not isinstance(value, list) or not value:
        faults.append(f"{path} is {value!r}: expected a list of fields")
        return ()
    built: list[Field] = []
    for at, item in enumerate(cast("list[object]", value)):
        field = _field(item, ontology, f"{path}[{at}]", faults)
        built += [field] if field else []
    names = [field.name for field in built]
    if len(set(names)) != len(names):
        faults.append(f"{path}: names {names} repeat")
    return tuple(built)


def _field(value: object, ontology: Ontology, path: str, faults: list[str]) -> Field | None:
    kinds: dict[str, type[Labels | Choice | Text | Group]] = {
        "labels": Labels,
        "choice": Choice,
        "text": Text,
        "group": Group,
    }
    record = dict(cast("Mapping[str, Any]", value)) if isinstance(value, Mapping) else {}
    kind = kinds.get(str(record.pop("kind", None)))
    if kind is None:
        faults.append(f"{path} is {value!r}: expected a mapping with a kind out of {sorted(kinds)}")
        return None
    if kind is Group:
        record["fields"] = _fields(record.get("fields"), ontology, f"{path}.fields", faults)
    record = {key: _frozen(item) for key, item in record.items()}
    try:
        field = kind(**record)
    except TypeError:
        allowed = [item.name for item in fields(kind)]
        faults.append(f"{path} has the keys {sorted(record)}: expected kind and {allowed}")
        return None
    faults += [f"{path}: {fault}" for fault in _value_faults(field, ontology)]
    return field


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _value_faults(field: Field, ontology: Ontology) -> list[str]:
    match field:
        case Labels():
            known = len(ontology.labels(field.dimension))
            if not known:
                return [f"dimension {field.dimension!r}: {ontology.name} has {list(ontology.dimensions)}"]
            top = known if field.max is None else field.max
            return [] if 0 <= field.min <= top and field.min <= known else [f"min {field.min}, max {field.max}"]
        case Choice():
            return [] if field.options else ["a choice without options"]
        case Text():
            return [] if field.max_chars > 0 else [f"max_chars {field.max_chars}: expected more than 0"]
        case Group():
            return []


def _error(value: object, faults: list[str]) -> ErrorAnswer | None:
    if value is None:
        return None
    record = cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}
    if set(record) != {"key", "values"} or not isinstance(record["values"], list) or not record["values"]:
        faults.append(f"error is {value!r}: expected key and a list of values")
        return None
    return ErrorAnswer(str(record["key"]), tuple(cast("list[str]", record["values"])))


def _rules(value: object, faults: list[str]) -> Rules:
    record = cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}
    allowed = {item.name for item in fields(Rules)}
    if record.keys() - allowed or not all(isinstance(item, bool) for item in record.values()):
        faults.append(f"rules is {value!r}: expected true or false for each of {sorted(allowed)}")
        return Rules()
    return Rules(**record)


def task_sha256(task: Task) -> str:
    """The hash of what decides an answer: fields, error, rules and the ontology's content."""
    kinds = [type(field).__name__ for field in task.fields]
    record = {
        "fields": [asdict(field) for field in task.fields],
        "kinds": kinds,
        "error": asdict(task.error) if task.error else None,
        "rules": asdict(task.rules),
        "ontology": snapshot_sha256(task.ontology),
        "system": task.system,
        "user": task.user,
    }
    return hashlib.sha256(json.dumps(record, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
