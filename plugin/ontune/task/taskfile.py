"""The task file: YAML that is read with all its faults named at once."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, asdict, fields
from pathlib import Path
from typing import Any, cast

import yaml

from ontune.errors import TaskError
from ontune.ontology.model import Ontology
from ontune.ontology.snapshot import load_ontology, snapshot_sha256
from ontune.resources import DATASET_INFO, find
from ontune.task.model import Choice, Constant, ErrorAnswer, Field, Group, Labels, Rules, Task, Text

__all__ = ["load_task", "task_sha256"]

KEYS = {"name", "ontology", "system", "user", "fields", "error", "rules", "metrics", "goals"}


def load_task(name: str, ontology: str | Ontology | None = None, dataset_info: Path = DATASET_INFO) -> Task:
    """The task of that name in tasks/ (working directory, then package), or at that path.

    `ontology` (a snapshot's file stem, its path, or the ontology itself) takes the place of the file's own.
    """
    path = find("tasks", name, ".yaml", dataset_info)
    try:
        record = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise TaskError(f"{path}: not YAML: {error}") from None
    if not isinstance(record, dict):
        raise TaskError(f"{path}: expected a mapping with the keys {sorted(KEYS)}")
    record = cast("dict[str, Any]", record)
    chosen = ontology or record.get("ontology")
    if not isinstance(chosen, str | Ontology):
        raise TaskError(f"{path}: ontology is {chosen!r}: expected the name of a snapshot")
    loaded = chosen if isinstance(chosen, Ontology) else load_ontology(chosen, dataset_info)
    return build_task(record, loaded, str(path))


def build_task(record: dict[str, Any], ontology: Ontology, where: str) -> Task:
    """The task of a parsed file. Raises TaskError with all faults at once."""
    faults: list[str] = []
    if unknown := {str(key) for key in record} - KEYS:
        faults.append(f"unknown keys {sorted(unknown)}: expected {sorted(KEYS)}")
    built = _fields(record.get("fields"), ontology, "fields", faults)
    error = _error(record.get("error"), faults)
    faults += _error_key_faults(error, built)
    rules = _rules(record.get("rules"), faults)
    if not _is_name(record.get("name")):
        faults.append(f"name is {record.get('name')!r}: expected a string")
    texts = [record.get(key, "") for key in ("system", "user")]
    extras = [record.get(key, []) for key in ("metrics", "goals")]
    if not all(isinstance(text, str) for text in texts):
        faults.append(f"system and user are {texts!r}: expected two texts")
    if not all(_is_names(extra) for extra in extras):
        faults.append(f"metrics and goals are {extras!r}: expected two lists of strings")
    TaskError.check([f"{where}: {fault}" for fault in faults])
    system, user = (text.strip() for text in texts)
    return Task(record["name"], ontology, built, system, user, error, rules, *map(tuple, extras))


def _is_name(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _is_names(value: object) -> bool:
    """Whether this is a list of strings, each once. YAML reads an unquoted yes, no, on or off as a truth value."""
    items = cast("list[object]", value) if isinstance(value, list | tuple) else [None]
    return all(map(_is_name, items)) and len(set(items)) == len(items)


def _is_count(value: object) -> bool:
    return type(value) is int and value >= 0


# What each key of a field must be. `fields` of a group is checked by its own fields.
CHECKS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "name": (_is_name, "a string"),
    "dimension": (_is_name, "a string"),
    "min": (_is_count, "a number from 0"),
    "max": (lambda value: value is None or _is_count(value), "a number from 0"),
    "options": (lambda value: bool(value) and _is_names(value), "a list of quoted strings, each once"),
    "max_chars": (lambda value: _is_count(value) and value > 0, "a number from 1"),
    "value": (lambda value: value is None or isinstance(value, str), "null or a quoted string"),
    "fields": (lambda _: True, ""),
}
KINDS: dict[str, type[Field]] = {
    "labels": Labels,
    "choice": Choice,
    "text": Text,
    "constant": Constant,
    "group": Group,
}


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
    """One field, or None and at least one fault more."""
    items = cast("Mapping[object, Any]", value) if isinstance(value, Mapping) else {}
    record: dict[str, Any] = {str(key): _frozen(item) for key, item in items.items()}
    kind = KINDS.get(str(record.pop("kind", None)))
    if kind is None:
        faults.append(f"{path} is {value!r}: expected a mapping with a kind out of {sorted(KINDS)}")
        return None
    attributes = _attributes(record, f"{path}.options", faults)
    if kind is Group:
        record["fields"] = _fields(items.get("fields"), ontology, f"{path}.fields", faults)
    if found := _key_faults(record, kind):
        faults += [f"{path}{fault}" for fault in found]
        return None
    field = kind(**record, **attributes)
    faults += [f"{path}: {fault}" for fault in _label_faults(field, ontology)]
    return field


def _attributes(record: dict[str, Any], path: str, faults: list[str]) -> dict[str, Any]:
    """What `options: {wall cracked: {object: wall, condition: cracked}}` says of options, which become a plain list."""
    options = record.get("options")
    if not isinstance(options, Mapping):
        return {}
    described = cast("Mapping[object, object]", options)
    record["options"] = tuple(described)
    found: list[tuple[object, tuple[tuple[str, str], ...]]] = []
    for option, value in described.items():
        said = cast("Mapping[str, str]", {} if value is None else value)
        if not isinstance(said, Mapping) or not all(map(_is_name, (*said, *said.values()))):  # pyright: ignore[reportUnnecessaryIsInstance]
            faults.append(f"{path}.{option} is {value!r}: expected a mapping of quoted strings, as object: wall")
        else:
            found.append((option, tuple(said.items())))
    return {"attributes": tuple(found)}


def _frozen(value: Any) -> Any:
    return tuple(cast("list[Any]", value)) if isinstance(value, list) else value


def _key_faults(record: dict[str, Any], kind: type[Field]) -> list[str]:
    allowed = {item.name: item.default is MISSING for item in fields(kind) if item.name in CHECKS}
    required = {key for key, needed in allowed.items() if needed}
    if record.keys() - allowed or required - record.keys():
        return [f" has the keys {sorted(record)}: expected kind and {list(allowed)}"]
    wrong = [key for key, value in record.items() if not CHECKS[key][0](value)]
    return [f".{key} is {record[key]!r}: expected {CHECKS[key][1]}" for key in wrong]


def _label_faults(field: Field, ontology: Ontology) -> list[str]:
    """What a field of labels asks for beyond what the ontology has."""
    if not isinstance(field, Labels):
        return []
    known = len(ontology.labels(field.dimension))
    if not known:
        return [f"dimension {field.dimension!r}: {ontology.name} has {list(ontology.dimensions)}"]
    top = known if field.max is None else field.max
    return [] if field.min <= min(top, known) else [f"min {field.min}, max {field.max} of {known} labels"]


def _error(value: object, faults: list[str]) -> ErrorAnswer | None:
    if value is None:
        return None
    record = cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}
    values = record.get("values")
    if set(record) != {"key", "values"} or not _is_name(record["key"]) or not values or not _is_names(values):
        faults.append(f"error is {value!r}: expected key and a list of values")
        return None
    return ErrorAnswer(record["key"], tuple(record["values"]))


def _error_key_faults(error: ErrorAnswer | None, built: Sequence[Field]) -> list[str]:
    """The error answer's key may be a constant's, which then tells the two kinds of answer apart."""
    field = next((field for field in built if error and field.name == error.key), None)
    if error is None or field is None:
        return []
    if not isinstance(field, Constant):
        return [f"error has the key {error.key!r}, which is a field's name too: expected another, or a constant's"]
    return [f"error has the value {field.value!r}, which its constant has too"] * (field.value in error.values)


def _rules(value: object, faults: list[str]) -> Rules:
    record = cast("Mapping[str, Any]", {} if value is None else value)
    allowed = {item.name for item in fields(Rules)}
    if (
        not isinstance(value, Mapping | None)
        or record.keys() - allowed
        or not all(isinstance(item, bool) for item in record.values())
    ):
        faults.append(f"rules is {value!r}: expected true or false for each of {sorted(allowed)}")
        return Rules()
    return Rules(**record)


def _deciding(items: list[tuple[str, Any]]) -> dict[str, Any]:
    """A field without what decides no answer."""
    return {key: value for key, value in items if key != "attributes"}


def task_sha256(task: Task) -> str:
    """The hash of what decides an answer: fields, error, rules and the ontology's content."""
    kinds = [type(field).__name__ for field in task.fields]
    record = {
        "fields": [asdict(field, dict_factory=_deciding) for field in task.fields],
        "kinds": kinds,
        "error": asdict(task.error) if task.error else None,
        "rules": asdict(task.rules),
        "ontology": snapshot_sha256(task.ontology),
        "system": task.system,
        "user": task.user,
    }
    return hashlib.sha256(json.dumps(record, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
