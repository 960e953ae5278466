"""Backus-Naur form as llama.cpp writes it (GBNF), which xgrammar reads too: one line a rule, `root` first."""

from ontune.task.exporters.grammar import Character, Concat, Either, Grammar, Node, Ref, Repeat, Terminal, times

__all__ = ["bnf"]

CHARACTER = r'[^"\\\x00-\x1F] | "\\" (["\\bfnrt] | "u00" ("0" [0-7bef] | "1" [0-9a-f]))'


def bnf(grammar: Grammar, most_times: int | None = None) -> str:
    """The grammar's rules, a line each. What may be repeated more than `most_times` may be repeated without end."""
    return "".join(f"{name} ::= {_render(node, most_times)}\n" for name, node in grammar.items())


def _render(node: Node, most: int | None) -> str:
    match node:
        case Terminal():
            # Nothing else needs an escape: canonical JSON has no control characters, and UTF-8 stands as it is.
            escaped = node.text.replace("\\", "\\\\").replace('"', '\\"')
            return f'"{escaped}"'
        case Character():
            return CHARACTER
        case Ref():
            return node.name
        case Concat():
            return " ".join(
                _operand(part, most) if isinstance(part, Either) else _render(part, most) for part in node.parts
            )
        case Either():
            return " | ".join(_render(option, most) for option in node.options)
        case Repeat():
            bounded = most is None or node.max is None or node.max <= most
            return _operand(node.node, most) + times(node.min, node.max if bounded else None)


def _operand(node: Node, most: int | None) -> str:
    return _render(node, most) if isinstance(node, Ref) else f"({_render(node, most)})"
