"""A Python module with one pydantic model, `Answer`, that refuses all that the contract refuses in a parsed answer."""

import json
import re
from collections.abc import Iterable, Sequence
from keyword import iskeyword

from ontune.task.exporters.export import Export, Order, free_order_only, header, lost_rules
from ontune.task.model import Choice, Constant, Field, Group, Labels, Task, Text

__all__ = ["pydantic_model"]

USE = (
    "Answer.model_validate_json(text) checks; an engine that is given the model sees Answer.model_json_schema() alone, "
    "and so loses what --to json-schema loses"
)
# Keys that become aliases, since a model has such a name already; as do keys that are no names.
TAKEN = re.compile(
    r"_.*|model_.*|key_\d+|keys_in_order|construct|copy|dict|from_orm|json|parse_(file|obj|raw)|schema(_json)?"
    r"|update_forward_refs|validate"
)
IMPORTS = """\
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, RootModel, model_validator
"""
OBJECT = '''

class Object(BaseModel):
    """An object with exactly its keys, in their order."""

    model_config = ConfigDict(extra="forbid", strict=True)

    @model_validator(mode="before")
    @classmethod
    def keys_in_order(cls, value: Any) -> Any:
        expected = [field.alias or name for name, field in cls.model_fields.items()]
        if isinstance(value, dict) and list(value) != expected:
            raise ValueError(f"has the keys {list(value)}: expected {expected} in this order")
        return value
'''
CHECK = '''

def apart(labels: list[str]) -> list[str]:
    """The labels, where none is given twice or excludes another."""
    given = set(labels)
    if UNIQUE and len(given) < len(labels):
        raise ValueError(f"given twice: {sorted(label for label in given if labels.count(label) > 1)}")
    if pairs := [(label, other) for label in labels for other in EXCLUDES.get(label, ()) if other in given]:
        raise ValueError(f"exclude each other: {pairs}")
    return labels
'''


def pydantic_model(task: Task, order: Order = "free") -> Export:
    """The module; it imports pydantic alone."""
    free_order_only(order, "pydantic")
    export = Export("", lost_rules(task, "repeated_key", "spaces", "escapes", "tokens"), (USE,))
    body = "".join(_Module(task).parts)
    text = f"{header(task, export, '#')}\n{IMPORTS}\n{_rules(task)}{OBJECT}{CHECK}{body}"
    return Export(text, export.lost, export.notes)


def _rules(task: Task) -> str:
    """The rules about labels, as data."""
    excludes: dict[str, list[str]] = {}
    for dimension in dict.fromkeys(field.dimension for _, field in task.label_fields()):
        for label in task.ontology.labels(dimension):
            above = sorted(task.ancestors[label]) if task.rules.exclude_ancestors else []
            if others := [*above, *_contradicted(task, label)]:
                excludes[label] = others
    return (
        f"UNIQUE = {task.rules.unique}\nEXCLUDES: dict[str, list[str]] = {json.dumps(excludes, ensure_ascii=False)}\n"
    )


def _contradicted(task: Task, label: str) -> Iterable[str]:
    """The labels that contradict it and follow it, so that each pair is named once."""
    return sorted(b for a, b in task.incompatible if a == label) if task.rules.exclude_contradictions else ()


class _Module:
    """Collects types and classes, each before what refers to it."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.parts: list[str] = []
        self._labels: dict[str, str] = {}
        self._groups = 0
        if task.error is None:
            self._class("Answer", [(field.name, self._type(field)) for field in task.fields])
            return
        self._class("LabelledAnswer", [(field.name, self._type(field)) for field in task.fields])
        error = _one_of(task.error.values)
        keys = task.error_answer("")
        self._class("ErrorAnswer", [(key, error if key == task.error.key else "None") for key in keys])
        self.parts.append("\n\nclass Answer(RootModel[LabelledAnswer | ErrorAnswer]):\n    pass\n")

    def _type(self, field: Field) -> str:
        match field:
            case Labels():
                bounds = f"min_length={field.min}, max_length={field.max}"
                return f"Annotated[list[{self._label(field.dimension)}], Field({bounds}), AfterValidator(apart)]"
            case Choice():
                return _one_of(field.options)
            case Text():
                return f"Annotated[str, Field(max_length={field.max_chars})]"
            case Constant():
                return "None" if field.value is None else _one_of([field.value])
            case Group():
                inner = [(each.name, self._type(each)) for each in field.fields]
                self._groups += 1
                return self._class(f"Group{self._groups}", inner)

    def _label(self, dimension: str) -> str:
        """The type of a dimension's labels."""
        if dimension not in self._labels:
            self._labels[dimension] = f"Label{len(self._labels) + 1}"
            self.parts.append(f"\n\n{self._labels[dimension]} = {_one_of(self.task.ontology.labels(dimension))}\n")
        return self._labels[dimension]

    def _class(self, name: str, fields: Sequence[tuple[str, str]]) -> str:
        lines = [_attribute(number, key, kind) for number, (key, kind) in enumerate(fields, start=1)]
        self.parts.append(f"\n\nclass {name}(Object):\n" + "".join(lines))
        return name


def _attribute(number: int, key: str, kind: str) -> str:
    if key.isidentifier() and not iskeyword(key) and not TAKEN.fullmatch(key):
        return f"    {key}: {kind}\n"
    return f"    key_{number}: Annotated[{kind}, Field(alias={json.dumps(key, ensure_ascii=False)})]\n"


def _one_of(values: Sequence[str]) -> str:
    return f"Literal[{', '.join(json.dumps(value, ensure_ascii=False) for value in values)}]"
