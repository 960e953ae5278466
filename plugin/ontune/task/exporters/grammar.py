"""The contract as a context-free grammar: what the grammar formats have in common, before each one's own spelling."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from ontune.task.exporters.export import Order, lost_rules
from ontune.task.model import Choice, Constant, Field, Group, Labels, Task, Text

__all__ = [
    "CHARACTER",
    "ROOT",
    "Character",
    "Concat",
    "Either",
    "Grammar",
    "Node",
    "Ref",
    "Repeat",
    "Terminal",
    "build_grammar",
    "grammar_lost",
    "order_notes",
    "times",
]

ROOT, CHARACTER = "root", "char"


@dataclass(frozen=True)
class Terminal:
    """Fixed text of canonical JSON."""

    text: str


@dataclass(frozen=True)
class Character:
    """One character of a JSON string, escaped where canonical JSON escapes it and nowhere else."""


@dataclass(frozen=True)
class Ref:
    """Another rule."""

    name: str


@dataclass(frozen=True)
class Concat:
    """One part after the other."""

    parts: tuple["Node", ...]


@dataclass(frozen=True)
class Either:
    """One of the options."""

    options: tuple["Node", ...]


@dataclass(frozen=True)
class Repeat:
    """The node `min` to `max` times; without end where `max` is None."""

    node: "Node"
    min: int
    max: int | None


Node: TypeAlias = Terminal | Character | Ref | Concat | Either | Repeat
Grammar: TypeAlias = dict[str, Node]  # rules by name, each after the one that first needs it


def build_grammar(task: Task, order: Order = "free") -> Grammar:
    """The rules of a task's answers; `root` is the whole answer. A dimension's labels are one rule, written once."""
    builder = _Builder(task, order)
    forms = [_concat(*builder.object(task.fields))]
    if task.error:
        null, error = Terminal("null"), _words(task.error.values)
        values = ((key, error if key == task.error.key else null) for key in task.error_answer(""))
        forms.append(_concat(*_pairs(values)))
    return {ROOT: _either(forms), **builder.rules}


def grammar_lost(task: Task, order: Order) -> tuple[str, ...]:
    """What such a grammar cannot say. Canonical order makes labels unique, at the price of counting them."""
    free = order == "free"
    return lost_rules(
        task,
        *(("unique",) if free else ("min", "max")),
        *("exclude_ancestors", "exclude_contradictions", "tokens"),
    )


def order_notes(order: Order) -> tuple[str, ...]:
    """What else canonical order costs."""
    refused = "labels stand in ontology order, each once: an answer with its labels in another order is refused"
    return () if order == "free" else (refused,)


class _Builder:
    """Collects the rules that the parts of an answer refer to."""

    def __init__(self, task: Task, order: Order) -> None:
        self.task, self.order = task, order
        self.rules: Grammar = {}

    def object(self, fields: Sequence[Field]) -> Iterator[Node]:
        return _pairs((field.name, self._value(field)) for field in fields)

    def _value(self, field: Field) -> Node:
        match field:
            case Labels():
                return self._list(field)
            case Choice():
                return _words(field.options)
            case Text():
                return self._text(field)
            case Constant():
                return Terminal(_quoted(field.value))
            case Group():
                return _concat(*self.object(field.fields))

    def _text(self, field: Text) -> Node:
        """A character is a rule of its own: llama.cpp counts the rules in what is repeated, and refuses 2,000."""
        name = f"text-{field.max_chars}"
        self.rules[name] = _concat(Terminal('"'), Repeat(Ref(CHARACTER), 0, field.max_chars), Terminal('"'))
        self.rules[CHARACTER] = Character()
        return Ref(name)

    def _list(self, field: Labels) -> Node:
        labels = self.task.ontology.labels(field.dimension)
        name = f"label-{self.task.ontology.dimensions.index(field.dimension) + 1}"
        if field.max == 0:
            return Terminal("[]")
        if self.order == "canonical":
            filled = self._in_order(labels, name)
        else:
            self.rules[name] = _words(labels)
            more = Repeat(_concat(Terminal(","), Ref(name)), max(field.min - 1, 0), field.max and field.max - 1)
            filled = Ref(name) if field.max == 1 else _concat(Ref(name), more)
        return _concat(Terminal("["), filled if field.min else Repeat(filled, 0, 1), Terminal("]"))

    def _in_order(self, labels: Sequence[str], name: str) -> Node:
        """At least one label, none twice, in this order: some of one half, some of the other, or both."""
        if len(labels) == 1:
            return Terminal(_quoted(labels[0]))
        middle = len(labels) // 2
        one, other = self._in_order(labels[:middle], f"{name}-1"), self._in_order(labels[middle:], f"{name}-2")
        more = Concat((Terminal(","), other))  # the comma apart, everywhere: Lark's lexemes are greedy
        self.rules[name] = _either([_concat(one, Repeat(more, 0, 1)), other])
        return Ref(name)


def _pairs(values: "Iterator[tuple[str, Node]]") -> Iterator[Node]:
    """An object of these keys and values."""
    opening = "{"
    for key, value in values:
        yield Terminal(f"{opening}{_quoted(key)}:")
        yield value
        opening = ","
    yield Terminal("}")


def _words(words: Sequence[str]) -> Node:
    """One of the words, in quotes."""
    inner = _either([Terminal(_quoted(word)[1:-1]) for word in words])
    return _concat(Terminal('"'), inner, Terminal('"'))


def _quoted(value: str | None) -> str:
    return json.dumps(value, ensure_ascii=False)


def _either(options: Sequence[Node]) -> Node:
    return options[0] if len(options) == 1 else Either(tuple(options))


def _concat(*parts: Node) -> Node:
    """The parts in a row, flat, with neighbouring fixed texts in one."""
    flat: list[Node] = []
    for part in parts:
        for piece in part.parts if isinstance(part, Concat) else (part,):
            if flat and isinstance(flat[-1], Terminal) and isinstance(piece, Terminal):
                flat[-1] = Terminal(flat[-1].text + piece.text)
            else:
                flat.append(piece)
    return flat[0] if len(flat) == 1 else Concat(tuple(flat))


def times(least: int, most: int | None) -> str:
    """The sign for so many times; the grammar formats have taken it over from regular expressions."""
    signs = {(0, 1): "?", (0, None): "*", (1, None): "+"}
    return signs.get((least, most), f"{{{least},{'' if most is None else most}}}")
