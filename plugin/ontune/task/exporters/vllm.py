"""What a request to vLLM's server carries: the grammar, or the schema for servers that know nothing else."""

import json

from ontune.task.exporters.ebnf import ebnf
from ontune.task.exporters.export import Export, Order
from ontune.task.exporters.json_schema import response_format
from ontune.task.model import Task

__all__ = ["vllm"]


def vllm(task: Task, order: Order = "free") -> Export:
    """Two keys of a request's body, of which one is sent: `structured_outputs` (exact) or `response_format`."""
    grammar = ebnf(task, order)
    record = {"structured_outputs": {"grammar": grammar.text}, "response_format": response_format(task)}
    notes = (
        "send one of the two keys: vLLM refuses a request with both",
        "structured_outputs (vLLM from 0.12 on; before, the same text is `guided_grammar`) is what is described here",
        "response_format loses what --to json-schema loses, and vLLM's own default lets white space through",
        *grammar.notes[1:],
    )
    return Export(json.dumps(record, ensure_ascii=False), grammar.lost, notes)
