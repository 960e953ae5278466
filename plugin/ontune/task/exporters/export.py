"""What an exporter gives: the text, what the format cannot express, and what its user should know."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ontune.errors import InputError
from ontune.task.model import Labels, Task
from ontune.task.taskfile import task_sha256

__all__ = ["Export", "Exporter", "Order", "free_order_only", "header", "lost_rules"]

Order: TypeAlias = Literal["free", "canonical"]  # of the labels in a list; canonical is ontology order

RULES = {
    "unique": "a label may be given twice in a list",
    "exclude_ancestors": "a label may stand beside its own ancestor",
    "exclude_contradictions": "labels that contradict each other may stand together",
    "min": "a list may hold fewer labels than its minimum, but for a minimum of 1",
    "max": "a list may hold more labels than its maximum",
    "key_order": "engines that generate write the keys in this order, but what checks an answer takes any",
    "repeated_key": "what checks a parsed answer has not seen that a key was given twice",
    "spaces": "white space between the parts of the JSON is not ruled out",
    "escapes": "strings may have other escapes than canonical JSON, half a surrogate pair among them",
    "tokens": "the text is ruled, not its tokens: they may be others than the tokenizer's own",
}


@dataclass(frozen=True)
class Export:
    """A contract in another format. Each of `lost` is `rule: what gets through`; `notes` say how to use it."""

    text: str
    lost: tuple[str, ...]
    notes: tuple[str, ...] = ()


Exporter: TypeAlias = Callable[[Task, Order], Export]


def lost_rules(task: Task, *names: str) -> tuple[str, ...]:
    """The sentences about those of the named rules that the task has at all."""
    fields = [field for _, field in task.leaf_fields()]
    lists = [(field, len(task.ontology.labels(field.dimension))) for field in fields if isinstance(field, Labels)]
    absent = {
        "unique": not task.rules.unique or all(field.max in (0, 1) for field, _ in lists),
        "exclude_ancestors": not task.rules.exclude_ancestors,
        "exclude_contradictions": not task.rules.exclude_contradictions,
        "min": all(field.min < 2 for field, _ in lists),
        "max": all(field.max in (None, 0, 1) or field.max >= known for field, known in lists),
    }
    return tuple(f"{name}: {RULES[name]}" for name in names if not absent.get(name))


def free_order_only(order: Order, name: str) -> None:
    """Raises InputError where the labels' order is asked of a format that has no place for it."""
    if order != "free":
        raise InputError(f"--order {order}: {name} has labels in free order alone: expected gbnf, ebnf, lark or vllm")


def header(task: Task, export: Export, mark: str) -> str:
    """Comment lines for the top of a text: the task, what is lost, and the notes."""
    ontology = f"{task.ontology.name} {task.ontology.version}"
    lines = [f"Answers of the task {task.name}, ontology {ontology}; task_sha256 {task_sha256(task)}"]
    lines += [f"not expressed: {sentence}" for sentence in export.lost]
    lines += export.notes
    return "".join(f"{mark} {' '.join(line.split())}\n" for line in lines)
