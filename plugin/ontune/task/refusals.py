"""Why an answer is refused: one code a rule, the same codes that predictions carry."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from ontune.task.model import Field, Labels, Task

__all__ = ["CODES", "Refusal", "refusals"]

# `invalid_json`: not JSON, or JSON of another shape than the contract's. `not_encoded`: never asked, the prompt or a
# picture could not be read.
CODES = ("invalid_json", "unknown_label", "wrong_dimension", "duplicate", "ancestor", "contradiction", "not_encoded")


@dataclass(frozen=True)
class Refusal:
    """One rule that refuses an answer: its code and the values it is about."""

    code: str
    detail: str


def refusals(task: "Task", answer: object) -> list[Refusal]:
    """All refusals of a parsed answer, in field order."""
    if not isinstance(answer, Mapping):
        return [Refusal("invalid_json", f"{type(answer).__name__}: expected one JSON object")]
    record = cast("Mapping[str, object]", answer)
    if task.is_error(record):
        return _error_refusals(task, record)
    return list(_object_refusals(task, task.fields, record, ""))


def _error_refusals(task: "Task", answer: Mapping[str, object]) -> list[Refusal]:
    assert task.error is not None  # noqa: S101 - narrows the type; the caller has looked
    allowed = [task.error_answer(value) for value in task.error.values]
    if any(list(answer.items()) == list(other.items()) for other in allowed):
        return []
    others = f"among the keys {[*allowed[0]]}, the others null," if len(allowed[0]) > 1 else "alone"
    expected = f"{task.error.key!r} {others} with one of {list(task.error.values)}"
    return [Refusal("invalid_json", f"{dict(answer)!r}: expected {expected}")]


def _object_refusals(
    task: "Task", fields: "Sequence[Field]", answer: Mapping[str, object], path: str
) -> Iterator[Refusal]:
    names = [field.name for field in fields]
    if list(answer) != names:
        yield Refusal("invalid_json", f"{path or 'answer'} has the keys {list(answer)}: expected {names} in this order")
    for field in fields:
        if field.name in answer:
            yield from _field_refusals(task, field, answer[field.name], f"{path}{field.name}")


def _field_refusals(task: "Task", field: "Field", value: object, path: str) -> Iterator[Refusal]:
    from ontune.task import model

    if isinstance(field, model.Group):
        if isinstance(value, Mapping):
            yield from _object_refusals(task, field.fields, cast("Mapping[str, object]", value), f"{path}.")
        else:
            yield Refusal("invalid_json", f"{path} is {value!r}: expected an object")
    elif isinstance(field, model.Labels):
        yield from _labels_refusals(task, field, value, path)
    elif isinstance(field, model.Choice | model.Constant):
        options = field.options if isinstance(field, model.Choice) else (field.value,)
        if value not in options:
            yield Refusal("invalid_json", f"{path} is {value!r}: expected one of {list(options)}")
    elif not isinstance(value, str) or len(value) > field.max_chars:
        yield Refusal("invalid_json", f"{path} is {value!r}: expected text of at most {field.max_chars} characters")


def _labels_refusals(task: "Task", field: "Labels", value: object, path: str) -> Iterator[Refusal]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in cast("list[object]", value)):
        yield Refusal("invalid_json", f"{path} is {value!r}: expected a list of labels")
        return
    labels = cast("list[str]", value)
    if not field.min <= len(labels) <= (len(labels) if field.max is None else field.max):
        yield Refusal("invalid_json", f"{path} has {len(labels)} labels: expected {field.min} to {field.max}")
    yield from _vocabulary_refusals(task, field, labels, path)
    yield from _rule_refusals(task, labels, path)


def _vocabulary_refusals(task: "Task", field: "Labels", labels: list[str], path: str) -> Iterator[Refusal]:
    for label in labels:
        concept = task.ontology.by_name.get(label)
        if concept is None:
            yield Refusal("unknown_label", f"{path}: {label!r}; nearest: {task.ontology.nearest(label)}")
        elif concept.dimension != field.dimension:
            yield Refusal("wrong_dimension", f"{path}: {label!r} is in {concept.dimension}")


def _rule_refusals(task: "Task", labels: list[str], path: str) -> Iterator[Refusal]:
    rules = task.rules
    if rules.unique and (twice := sorted({label for label in labels if labels.count(label) > 1})):
        yield Refusal("duplicate", f"{path}: {twice}")
    if rules.exclude_ancestors and (pairs := ancestor_pairs(task, labels)):
        yield Refusal("ancestor", f"{path}: {pairs}")
    if rules.exclude_contradictions and (pairs := contradicting_pairs(task, labels)):
        yield Refusal("contradiction", f"{path}: {pairs}")


def ancestor_pairs(task: "Task", labels: Sequence[str]) -> list[tuple[str, str]]:
    """Each (label, ancestor of it) among the labels."""
    given = set(labels)
    return [(label, name) for label in labels for name in sorted(task.ancestors.get(label, frozenset()) & given)]


def contradicting_pairs(task: "Task", labels: Sequence[str]) -> list[tuple[str, str]]:
    """Each pair of the labels that contradict each other by implication."""
    given = sorted(set(labels))
    return [pair for at, a in enumerate(given) for b in given[at + 1 :] if (pair := (a, b)) in task.incompatible]
