"""JSON Schema of a task's answers: what servers take as `response_format`."""

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ontune.task.exporters.export import Export, Order, free_order_only, header, lost_rules
from ontune.task.model import Choice, Constant, Field, Group, Labels, Task, Text

__all__ = ["export_json_schema", "json_schema", "response_format"]

COMPACT = (
    "compact JSON with xgrammar: any_whitespace=False, separators=(',', ':'); with llguidance: "
    "whitespace_flexible=False, item_separator=',', key_separator=':'",
    "uniqueItems is left out: llguidance refuses a schema that has it, xgrammar takes it and ignores it",
)
TEXTS = (
    "of a text with a maximum xgrammar lets no escape through (no quote, no newline), Outlines none like \\u001f, and "
    "llguidance no DEL that is not escaped: the other formats have what canonical JSON has",
)


def json_schema(task: Task) -> dict[str, Any]:
    """The schema of an answer, keys in training order; with an error answer, a choice of two objects.

    `uniqueItems` is left out on purpose: llguidance refuses a schema that has it, xgrammar takes it and ignores it.
    """
    answer = _object(task, task.fields)
    if task.error is None:
        return answer
    null = {"type": "null"}
    keys = task.error_answer("")
    error = {key: _one_of(task.error.values) if key == task.error.key else null for key in keys}
    return {"anyOf": [answer, _closed(error)]}


def response_format(task: Task) -> dict[str, Any]:
    """The field of a request to an OpenAI-compatible server."""
    name = re.sub(r"[^A-Za-z0-9_-]", "_", task.name)[:64]  # what such servers allow
    return {"type": "json_schema", "json_schema": {"name": name, "strict": True, "schema": json_schema(task)}}


def export_json_schema(task: Task, order: Order = "free") -> Export:
    """The schema as text, what it loses in its `$comment`."""
    free_order_only(order, "json-schema")
    lost = ("unique", "exclude_ancestors", "exclude_contradictions", "key_order", "repeated_key", "spaces", "escapes")
    texts = TEXTS if any(isinstance(field, Text) for _, field in task.leaf_fields()) else ()
    export = Export("", lost_rules(task, *lost, "tokens"), (*COMPACT, *texts))
    comment = header(task, export, "").replace("\n", ";").rstrip(";").strip()
    record = {"$comment": comment, **json_schema(task)}
    return replace(export, text=json.dumps(record, ensure_ascii=False))


def _object(task: Task, fields: Sequence[Field]) -> dict[str, Any]:
    return _closed({field.name: _field(task, field) for field in fields})


def _closed(properties: dict[str, Any]) -> dict[str, Any]:
    """An object with exactly these keys; engines write them in this order."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _field(task: Task, field: Field) -> dict[str, Any]:
    match field:
        case Labels():
            counts = {"minItems": field.min} | ({} if field.max is None else {"maxItems": field.max})
            return {"type": "array", "items": _one_of(task.ontology.labels(field.dimension)), **counts}
        case Choice():
            return _one_of(field.options)
        case Text():
            return {"type": "string", "maxLength": field.max_chars}
        case Constant():
            return {"type": "null"} if field.value is None else _one_of([field.value])
        case Group():
            return _object(task, field.fields)


def _one_of(values: Sequence[str]) -> dict[str, Any]:
    return {"type": "string", "enum": list(values)}
