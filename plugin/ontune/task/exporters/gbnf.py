"""GBNF, for llama.cpp: `llama-server` takes it as a request's `grammar`, `llama-cli` with `--grammar-file`."""

from collections.abc import Iterator
from dataclasses import replace

from ontune.task.exporters.bnf import bnf
from ontune.task.exporters.export import Export, Order, header
from ontune.task.exporters.grammar import build_grammar, grammar_lost, order_notes
from ontune.task.model import Labels, Task, Text

__all__ = ["gbnf"]

MOST_TIMES = 1999  # below llama.cpp's MAX_REPETITION_THRESHOLD, at which it refuses the grammar
USE = "llama.cpp: --grammar-file FILE, or the field `grammar` of a request in the place of a JSON schema"


def gbnf(task: Task, order: Order = "free") -> Export:
    """The contract in GBNF."""
    export = Export("", (*grammar_lost(task, order), *_too_many(task, order)), (USE, *order_notes(order)))
    return replace(export, text=header(task, export, "#") + bnf(build_grammar(task, order), MOST_TIMES))


def _too_many(task: Task, order: Order) -> Iterator[str]:
    """The maxima above what llama.cpp takes."""
    fields = [field for _, field in task.leaf_fields()]
    if any(isinstance(field, Text) and field.max_chars > MOST_TIMES for field in fields):
        yield f"max_chars: llama.cpp repeats at most {MOST_TIMES} times: longer text has no maximum"
    if order == "free" and any(isinstance(field, Labels) and (field.max or 0) > MOST_TIMES for field in fields):
        yield f"max: llama.cpp repeats at most {MOST_TIMES} times: a longer list has no maximum"
