"""What reads the exports, each as a function (task, text of the export) -> (answer -> is it let through?)."""

import json
import re
from collections.abc import Callable
from functools import cache
from typing import Any, TypeAlias

import jsonschema
import llguidance
import llguidance.hf
import outlines_core
import outlines_core.json_schema
import xgrammar

from ontune.demo.tiny_model import make_tokenizer
from task.exported import GOLD

__all__ = ["ENGINES", "TOO_STRICT", "Accepts"]

Accepts: TypeAlias = Callable[[str], bool]

SEPARATORS = {"whitespace_flexible": False, "item_separator": ",", "key_separator": ":"}
ENCLOSED = {
    "key_order",
    "repeated_key",
    "spaces",
    "escapes:label",
}  # what engines refuse that write the text themselves


@cache
def tokenizer():
    return make_tokenizer([text for texts in GOLD.values() for text in texts] * 3, 500)


@cache
def compiler() -> xgrammar.GrammarCompiler:
    info = xgrammar.TokenizerInfo.from_huggingface(tokenizer(), vocab_size=len(tokenizer()))
    return xgrammar.GrammarCompiler(info, max_threads=1)


def xgrammar_accepts(compiled: xgrammar.CompiledGrammar) -> Accepts:
    def accepts(answer: str) -> bool:
        matcher = xgrammar.GrammarMatcher(compiled, terminate_without_stop_token=True)
        return bool(answer) and matcher.accept_string(answer) and matcher.is_terminated()

    return accepts


def llguidance_accepts(grammar: str) -> Accepts:
    llg = llguidance.hf.from_tokenizer(tokenizer())

    def accepts(answer: str) -> bool:
        matcher = llguidance.LLMatcher(llg, grammar)
        assert not matcher.is_error(), matcher.get_error()
        ids = llg.tokenize_str(answer)
        return matcher.try_consume_tokens(ids) == len(ids) and matcher.is_accepting()

    return accepts


def outlines_accepts(regex: str) -> Accepts:
    """Outlines' automaton, over a vocabulary of single characters."""
    characters = {character for texts in GOLD.values() for text in texts for character in text} | set(
        map(chr, range(32, 127))
    )
    ids = {character: number for number, character in enumerate(sorted(characters), start=1)}
    vocabulary = outlines_core.Vocabulary(0, {character: [number] for character, number in ids.items()})
    index = outlines_core.Index(regex, vocabulary)

    def accepts(answer: str) -> bool:
        state: int | None = index.get_initial_state()
        for character in answer:
            if state is None or character not in ids:
                return False
            state = index.get_next_state(state, ids[character])
        return state is not None and index.is_final_state(state)

    return accepts


def validator(text: str) -> Accepts:
    schema = json.loads(text)
    jsonschema.Draft202012Validator.check_schema(schema)
    checks = jsonschema.Draft202012Validator(schema)

    def accepts(answer: str) -> bool:
        try:
            return checks.is_valid(json.loads(answer))
        except ValueError:
            return False

    return accepts


def model(text: str) -> Accepts:
    """The module as Python imports it, from its text."""
    import pydantic

    module: dict[str, Any] = {"__name__": "exported"}
    exec(text, module)  # noqa: S102 - our own export

    def accepts(answer: str) -> bool:
        try:
            module["Answer"].model_validate_json(answer)
        except pydantic.ValidationError:
            return False
        return True

    return accepts


def python_re(text: str) -> Accepts:
    pattern = re.compile(text)
    return lambda answer: pattern.fullmatch(answer) is not None


def vllm_grammar(text: str) -> Accepts:
    return xgrammar_accepts(compiler().compile_grammar(json.loads(text)["structured_outputs"]["grammar"]))


# Good answers that an engine does not let through: their JSON strings are not all that JSON has.
TOO_STRICT: dict[tuple[str, str], re.Pattern[str]] = {
    ("json-schema", "xgrammar"): re.compile(r'"(why|copy)":"[^"]*\\'),  # any escape, where there is a maxLength
    ("json-schema", "llguidance"): re.compile("\x7f"),
    ("json-schema", "outlines"): re.compile(r'\\u00|\x7f|\\"inner|"Größe'),  # keys are not escaped either
}

# (format, engine): how the engine reads the format's text, and which of the lost rules it keeps none the less.
ENGINES: dict[tuple[str, str], tuple[Callable[[str], Accepts], set[str]]] = {
    ("json-schema", "jsonschema"): (validator, set()),
    ("json-schema", "xgrammar"): (
        lambda text: xgrammar_accepts(
            compiler().compile_json_schema(text, any_whitespace=False, separators=(",", ":"))
        ),
        ENCLOSED,
    ),
    ("json-schema", "llguidance"): (
        lambda text: llguidance_accepts(llguidance.LLMatcher.grammar_from_json_schema(text, overrides=SEPARATORS)),
        {*ENCLOSED, "escapes:needless"},
    ),
    ("json-schema", "outlines"): (
        lambda text: outlines_accepts(outlines_core.json_schema.build_regex_from_schema(text, "")),
        ENCLOSED,
    ),
    ("pydantic", "pydantic"): (model, set()),
    ("gbnf", "xgrammar"): (lambda text: xgrammar_accepts(compiler().compile_grammar(text)), set()),
    ("gbnf", "llguidance"): (lambda text: llguidance_accepts(llguidance.grammar_from("gbnf", text)), set()),
    ("ebnf", "xgrammar"): (lambda text: xgrammar_accepts(compiler().compile_grammar(text)), set()),
    ("lark", "llguidance"): (lambda text: llguidance_accepts(llguidance.grammar_from("lark", text)), set()),
    ("regex", "python"): (python_re, set()),
    ("regex", "xgrammar"): (lambda text: xgrammar_accepts(compiler().compile_regex(text)), set()),
    ("regex", "llguidance"): (lambda text: llguidance_accepts(llguidance.grammar_from("regex", text)), set()),
    ("regex", "outlines"): (outlines_accepts, set()),
    ("vllm", "xgrammar"): (vllm_grammar, set()),
}
