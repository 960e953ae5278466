"""Lark, in the dialect of llguidance: labels and texts are lexemes, what joins them are rules."""

import json
from dataclasses import replace

from ontune.task.exporters.export import Export, Order, header
from ontune.task.exporters.grammar import (
    CHARACTER,
    ROOT,
    Character,
    Concat,
    Either,
    Grammar,
    Node,
    Ref,
    Repeat,
    Terminal,
    build_grammar,
    grammar_lost,
    order_notes,
    times,
)
from ontune.task.exporters.regex import render_regex
from ontune.task.model import Task

__all__ = ["lark"]

USE = 'llguidance: grammar_from("lark", text); vLLM and SGLang with the guidance backend'


def lark(task: Task, order: Order = "free") -> Export:
    """The contract in Lark for llguidance."""
    export = Export("", grammar_lost(task, order), (USE, *order_notes(order)))
    grammar = build_grammar(task, order)
    rules = "".join(f"{_name(name, grammar)}: {_render(node, grammar)}\n" for name, node in grammar.items())
    return replace(export, text=header(task, export, "//") + rules)


def _is_lexeme(node: Node) -> bool:
    """Whether it refers to no rule of its own: it becomes a lexeme then, which llguidance reads faster."""
    match node:
        case Ref():
            return node.name == CHARACTER
        case Concat():
            return all(map(_is_lexeme, node.parts))
        case Either():
            return all(map(_is_lexeme, node.options))
        case Repeat():  # what may end or go on with the same character (a list's comma) is no lexeme: those are greedy
            return node.node == Ref(CHARACTER)
        case _:
            return True


def _name(name: str, grammar: Grammar) -> str:
    if name == ROOT:
        return "start"
    return name.replace("-", "_").upper() if _is_lexeme(grammar[name]) else name.replace("-", "_")


def _render(node: Node, grammar: Grammar) -> str:
    match node:
        case Terminal():
            return json.dumps(node.text, ensure_ascii=False)
        case Character():
            return f"/{render_regex(node, grammar)}/"
        case Ref():
            return _name(node.name, grammar)
        case Concat():
            return " ".join(
                _operand(part, grammar) if isinstance(part, Either) else _render(part, grammar) for part in node.parts
            )
        case Either():
            return " | ".join(_render(option, grammar) for option in node.options)
        case Repeat():
            return _operand(node.node, grammar) + times(node.min, node.max)


def _operand(node: Node, grammar: Grammar) -> str:
    return _render(node, grammar) if isinstance(node, Ref | Terminal) else f"({_render(node, grammar)})"
