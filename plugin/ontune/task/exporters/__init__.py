"""Exporters: a task's answer contract in the formats of other engines, one a module.

Each format says which of the contract's rules it loses, since none of them can say all: that a label is given once
(in free order), that it stands beside no ancestor and contradicts no other, that the tokens are the tokenizer's own.
"""

from collections.abc import Mapping
from types import MappingProxyType

from ontune.task.exporters.ebnf import ebnf
from ontune.task.exporters.export import Export, Exporter, Order
from ontune.task.exporters.gbnf import gbnf
from ontune.task.exporters.json_schema import export_json_schema
from ontune.task.exporters.lark import lark
from ontune.task.exporters.pydantic_model import pydantic_model
from ontune.task.exporters.regex import regex
from ontune.task.exporters.vllm import vllm

__all__ = ["EXPORTERS", "Export", "Exporter", "Order"]

EXPORTERS: Mapping[str, Exporter] = MappingProxyType(
    {
        "json-schema": export_json_schema,
        "pydantic": pydantic_model,
        "gbnf": gbnf,
        "lark": lark,
        "ebnf": ebnf,
        "regex": regex,
        "vllm": vllm,
    }
)
