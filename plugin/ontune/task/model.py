"""The answer contract: fields in training order, rules as data, and the views of an answer."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

from ontune.ontology.closure import ancestors, incompatible_pairs
from ontune.ontology.model import Ontology
from ontune.task.refusals import Refusal, refusals

__all__ = ["Answer", "Choice", "Constant", "ErrorAnswer", "Field", "Group", "Labels", "Rules", "Task", "Text"]

Answer: TypeAlias = dict[str, Any]  # one JSON object


@dataclass(frozen=True)
class Labels:
    """A list of `min` to `max` labels of one dimension."""

    name: str
    dimension: str
    min: int = 0
    max: int | None = None


@dataclass(frozen=True)
class Choice:
    """One of the options.

    `attributes` says of options what they stand for, such as (("wall cracked", (("object", "wall"), ("condition",
    "cracked"))),). It is for converters and slices; no answer depends on it.
    """

    name: str
    options: tuple[str, ...]
    attributes: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = ()

    def about(self, option: str) -> dict[str, str]:
        """What the option stands for; empty where the task does not say."""
        return dict(dict(self.attributes).get(option, ()))


@dataclass(frozen=True)
class Text:
    """Free text of at most `max_chars` characters."""

    name: str
    max_chars: int


@dataclass(frozen=True)
class Constant:
    """A key that always has the same value: a string, or null."""

    name: str
    value: str | None


@dataclass(frozen=True)
class Group:
    """An object of further fields."""

    name: str
    fields: tuple["Field", ...]


Field: TypeAlias = Labels | Choice | Text | Constant | Group


@dataclass(frozen=True)
class ErrorAnswer:
    """The answer for input that the task does not cover: one key, one of the values, and no other field.

    Where the key is that of a constant, all keys stay: one of the values takes the constant's place, and every other
    field is null.
    """

    key: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Rules:
    """Which label lists are refused; the defaults are what real gold obeys."""

    unique: bool = True
    exclude_ancestors: bool = False
    exclude_contradictions: bool = False


@dataclass(frozen=True)
class Task:
    """What is asked and what may be answered. The order of `fields` is the training order of the keys."""

    name: str
    ontology: Ontology
    fields: tuple[Field, ...]
    system: str = ""
    user: str = ""
    error: ErrorAnswer | None = None
    rules: Rules = Rules()
    metrics: tuple[str, ...] = ()
    goals: tuple[str, ...] = ()

    @cached_property
    def ancestors(self) -> dict[str, frozenset[str]]:
        """Every label's ancestors."""
        return ancestors(self.ontology)

    @cached_property
    def incompatible(self) -> frozenset[tuple[str, str]]:
        """Pairs (a < b) that contradict each other by implication."""
        return incompatible_pairs(self.ontology)

    def label_fields(self) -> Iterator[tuple[tuple[str, ...], Labels]]:
        """Every `labels` field with its path of keys, in answer order."""
        return ((path, field) for path, field in self.leaf_fields() if isinstance(field, Labels))

    def leaf_fields(self) -> Iterator[tuple[tuple[str, ...], Field]]:
        """Every field that is no group with its path of keys, in answer order."""
        return _walk(self.fields, ())

    def is_error(self, answer: Mapping[str, Any]) -> bool:
        """Whether an answer gives the error key a value of its own, be it one that the contract refuses."""
        key = self.error.key if self.error else None
        return key in answer and Constant(str(key), answer[str(key)]) not in self.fields

    def error_answer(self, value: str) -> Answer:
        """The error answer with that value, keys in field order. The task must have one."""
        assert self.error is not None  # noqa: S101 - narrows the type
        if all(field.name != self.error.key for field in self.fields):
            return {self.error.key: value}
        return {field.name: value if field.name == self.error.key else None for field in self.fields}

    def refusals(self, answer: object) -> list[Refusal]:
        """Why the contract refuses a parsed answer: nothing for an answer that obeys it."""
        return refusals(self, answer)

    def canonical(self, answer: Answer) -> Answer:
        """The answer deduplicated, labels in ontology order and keys in field order; unknown labels stay, last."""
        if self.error and set(answer) == {self.error.key}:
            return dict(answer)
        return self._canonical_fields(self.fields, answer)

    def to_json(self, answer: Answer) -> str:
        """Canonical JSON, compact: what a model is trained to write."""
        return json.dumps(self.canonical(answer), ensure_ascii=False, separators=(",", ":"))

    def _canonical_fields(self, fields: tuple[Field, ...], answer: Answer) -> Answer:
        ordered: Answer = {}
        for field in (field for field in fields if field.name in answer):
            value = answer[field.name]
            if isinstance(field, Labels) and isinstance(value, list):
                value = self._canonical_labels(value)  # pyright: ignore[reportUnknownArgumentType]
            elif isinstance(field, Group) and isinstance(value, dict):
                value = self._canonical_fields(field.fields, value)  # pyright: ignore[reportUnknownArgumentType]
            ordered[field.name] = value
        return ordered | {key: value for key, value in answer.items() if key not in ordered}

    def _canonical_labels(self, values: list[Any]) -> list[Any]:
        last = len(self.ontology.concepts)
        unique = {json.dumps(value): value for value in values}.values()
        return sorted(unique, key=lambda value: (self._place(value, last), str(value)))

    def _place(self, value: object, last: int) -> int:
        return self.ontology.position.get(value, last) if isinstance(value, str) else last

    def labels_of(self, answer: Answer | None) -> dict[str, list[str]]:
        """The labels an answer gives, by dimension as listed; empty for no answer and for the error answer."""
        found: dict[str, list[str]] = {field.dimension: [] for _, field in self.label_fields()}
        for path, field in self.label_fields():
            value: Any = answer
            for key in path:
                value = value.get(key) if isinstance(value, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
            if isinstance(value, list):
                found[field.dimension] += [label for label in value if isinstance(label, str)]  # pyright: ignore[reportUnknownVariableType]
        return found

    def answer_from_labels(self, labels: list[str]) -> Answer:
        """The canonical answer with these labels, each put under its own dimension. All labels must be known."""
        answer: Answer = {}
        for path, field in self.leaf_fields():
            inner = answer
            for key in path[:-1]:
                inner = inner.setdefault(key, {})
            if isinstance(field, Constant):
                inner[path[-1]] = field.value
            elif isinstance(field, Labels):
                of_dimension = (label for label in labels if self.ontology.by_name[label].dimension == field.dimension)
                inner[path[-1]] = list(of_dimension)
        return self.canonical(answer)


def _walk(fields: tuple[Field, ...], path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Field]]:
    for field in fields:
        if isinstance(field, Group):
            yield from _walk(field.fields, (*path, field.name))
        else:
            yield (*path, field.name), field
