"""EBNF, for xgrammar and so for SGLang (`ebnf`) and vLLM (`structured_outputs.grammar`)."""

from dataclasses import replace

from ontune.task.exporters.bnf import bnf
from ontune.task.exporters.export import Export, Order, header
from ontune.task.exporters.grammar import build_grammar, grammar_lost, order_notes
from ontune.task.model import Task

__all__ = ["ebnf"]

USE = "xgrammar: Grammar.from_ebnf(text); SGLang: the field `ebnf` of a request"


def ebnf(task: Task, order: Order = "free") -> Export:
    """The contract in xgrammar's EBNF, which is GBNF."""
    export = Export("", grammar_lost(task, order), (USE, *order_notes(order)))
    return replace(export, text=header(task, export, "#") + bnf(build_grammar(task, order)))
