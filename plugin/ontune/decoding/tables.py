"""What the automaton knows of the tokenizer: a trie of the words of each slot, and the tokens of the runs between."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ontune.decoding.contract import Contract
from ontune.decoding.pieces import encode_pieces
from ontune.decoding.trie import Trie, build_trie

__all__ = ["Tables", "compile_tables"]


@dataclass(frozen=True)
class Tables:
    """The tokens of a contract: `tries` by the number of the slot, `runs` by their text."""

    tries: Mapping[int, Trie]
    runs: Mapping[str, tuple[int, ...]]


def compile_tables(contract: Contract, tokenizer: Any) -> tuple[Tables, list[str]]:
    """The tables, and the faults of the tokenizer; with any, the tables are not to be used."""
    pieces, faults = encode_pieces(contract, tokenizer)
    tries = {} if faults else {slot: build_trie(words.flat, words.lengths) for slot, words in pieces.words.items()}
    return Tables(tries, pieces.runs), faults
