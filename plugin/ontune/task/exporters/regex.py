"""A regular expression without groups, anchors or look-around: Python, Rust, Outlines, vLLM and SGLang all read it."""

import re

from ontune.task.exporters.export import Export, Order, free_order_only
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
    times,
)
from ontune.task.model import Task

__all__ = ["regex", "render_regex"]

ONE_CHARACTER = r'(?:[^"\\\x00-\x1f]|\\["\\bfnrt]|\\u00(?:0[0-7bef]|1[0-9a-f]))'
SPECIAL = re.compile(r"[\\.^$*+?{}\[\]|()]")


def regex(task: Task, order: Order = "free") -> Export:
    """The contract as one line that must match the whole answer; a list writes its labels out twice."""
    free_order_only(order, "regex")
    grammar = build_grammar(task)
    text = render_regex(grammar[ROOT], grammar)
    notes = (
        "must match the whole answer; it has no comments, and the newline at its end is no part of it",
        f"{len(text)} characters; engines that build the whole automaton first (outlines_core) take minutes from some "
        "hundred labels with a maximum above 2 on: there, use llguidance or xgrammar, or another format",
    )
    return Export(text, grammar_lost(task, order), notes)


def _escape(text: str) -> str:
    """The text with what a regular expression would read otherwise escaped, and nothing else."""
    return SPECIAL.sub(r"\\\g<0>", text)


def render_regex(node: Node, grammar: Grammar) -> str:
    """A node with all rules that it refers to put in their places."""
    match node:
        case Terminal():
            return _escape(node.text)
        case Character():
            return ONE_CHARACTER
        case Ref():
            return render_regex(grammar[node.name], grammar)
        case Concat():
            return "".join(render_regex(part, grammar) for part in node.parts)
        case Either():
            return f"(?:{'|'.join(render_regex(option, grammar) for option in node.options)})"
        case Repeat():
            inner = render_regex(node.node, grammar)
            return (inner if node.node == Ref(CHARACTER) else f"(?:{inner})") + times(node.min, node.max)
