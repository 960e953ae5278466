"""Answers of any JSON schema, for requests that bring their own: a library's grammar, without an ontology's rules."""

import importlib
import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from transformers import LogitsProcessor

from ontune.errors import InputError, MissingExtra

__all__ = ["SchemaLogitsProcessor", "compile_schema"]

# Free white space lets a model write spaces for ever.
COMPACT = {"whitespace_flexible": False, "item_separator": ",", "key_separator": ":"}


def compile_schema(schema: str, tokenizer: Any, end_ids: Sequence[int]) -> Any:
    """What follows an answer of the schema token by token, at its start.

    Raises MissingExtra without llguidance, and InputError where it cannot hold a model to all that the schema says.
    """
    words = _tokenizer(tokenizer, tuple(end_ids))
    llguidance = importlib.import_module("llguidance")
    try:
        grammar = llguidance.LLMatcher.grammar_from_json_schema(json.loads(schema), overrides=COMPACT)
    except (ValueError, RuntimeError) as error:
        raise InputError(f"response_format: {error}") from None
    matcher = llguidance.LLMatcher(words, grammar)
    if matcher.is_error():
        raise InputError(f"response_format: {matcher.get_error()}")
    return matcher


@lru_cache(maxsize=4)
def _tokenizer(tokenizer: Any, end_ids: tuple[int, ...]) -> Any:
    """The library's own tokenizer, which takes seconds to make."""
    try:
        llguidance = importlib.import_module("llguidance.hf")
    except ImportError:
        raise MissingExtra("llguidance", "schema") from None
    return llguidance.from_tokenizer(tokenizer, eos_token=list(end_ids))


class SchemaLogitsProcessor(LogitsProcessor):
    """Scores with minus infinity for every token that the schema forbids, for prompts of one width.

    Matchers go by what a row has written, not by its place: beams change places.
    """

    def __init__(self, matcher: Any, end_ids: Sequence[int], prompt_length: int) -> None:
        self._start = matcher
        self._end_ids = list(end_ids)
        self._prompt_length = prompt_length
        self._known: dict[tuple[int, ...], Any] = {}

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor) -> torch.FloatTensor:
        """The masked scores; after a whole answer comes an end of turn. Raises ValueError where the matcher fails."""
        written = [tuple(row) for row in input_ids[:, self._prompt_length :].tolist()]
        self._known = {prefix: self._after(prefix) for prefix in dict.fromkeys(written)}
        allowed = np.zeros(scores.shape, dtype=bool)
        for row, prefix in zip(allowed, written, strict=True):
            matcher = self._known[prefix]
            if matcher.is_stopped():
                row[self._end_ids] = True
            else:  # the model's logits may be wider than the vocabulary
                bits = np.unpackbits(np.frombuffer(matcher.compute_bitmask(), dtype=np.uint8), bitorder="little")
                row[: len(bits)] = bits[: len(row)]
        forbidden = torch.from_numpy(~allowed).to(scores.device)
        return scores.masked_fill(forbidden, -torch.inf)  # pyright: ignore[reportReturnType] - keeps the type

    def _after(self, prefix: tuple[int, ...]) -> Any:
        """The matcher behind what a row has written; one that has stopped stays, whatever pads the row."""
        if not prefix:
            return self._start.deep_copy()
        before = self._known[prefix[:-1]]
        if before.is_stopped():
            return before
        matcher = before.deep_copy()
        matcher.consume_token(prefix[-1])
        if matcher.is_error():
            raise ValueError(f"no answer of the schema begins with the tokens {[*prefix]}: {matcher.get_error()}")
        return matcher
