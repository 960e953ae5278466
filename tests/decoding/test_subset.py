"""On random paths the mask is a subset of what the exports allow in xgrammar and llguidance: the contract is one."""

import random
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import llguidance
import llguidance.hf
import numpy as np
import pytest
import xgrammar

from ontune.decoding.mask import TokenMask
from ontune.demo.tiny_model import make_tokenizer
from ontune.ontology.reader import read_ontology
from ontune.task import Group, Labels, Rules, Task, Text, load_task
from ontune.task.exporters import EXPORTERS
from random_answers import BLUEPRINT, NESTED, PLAIN
from small import ONTOLOGY
from task.exported import BAD, GOLD

PLAIN_STRICT = replace(PLAIN, name="strict", rules=Rules(exclude_ancestors=True, exclude_contradictions=True))
FREE = Task("free", ONTOLOGY, (Text("why", 40), Group("g", (Labels("Area", "Area", 2, 3), Text("more", 2)))))
TASKS = {task.name: task for task in (PLAIN, PLAIN_STRICT, NESTED, BLUEPRINT, FREE)}
WITHOUT_TEXT = ("edugraph", "strict", "blueprint")  # the schemas' strings are not all that JSON has
SEPARATORS = {"whitespace_flexible": False, "item_separator": ",", "key_separator": ":"}
WALKS = 20


@cache
def tokenizer():
    """With merges that cross the ends of labels, and pieces of characters of several bytes."""
    texts = [PLAIN.to_json(PLAIN.answer_from_labels(list(ONTOLOGY.by_name))), 'Größe "é" 😀 日本語 \\n no sheet']
    return make_tokenizer([*texts, *(concept.definition for concept in ONTOLOGY.concepts)] * 3, 600)


def bits(mask: Any) -> set[int]:
    """The ids whose bit is set, in 32-bit words from the lowest on."""
    return set(np.flatnonzero(np.unpackbits(np.frombuffer(mask, dtype=np.uint8), bitorder="little")).tolist())


class XGrammar:
    """The tokens that xgrammar allows, step by step."""

    def __init__(self, target: str, text: str, tokens: Any) -> None:
        size, stop = len(tokens), [tokens.eos_token_id]
        info = xgrammar.TokenizerInfo.from_huggingface(tokens, vocab_size=size, stop_token_ids=stop)
        compiler = xgrammar.GrammarCompiler(info, max_threads=1)
        if target == "json-schema":
            compiled = compiler.compile_json_schema(text, any_whitespace=False, separators=(",", ":"))
        else:
            compiled = compiler.compile_regex(text) if target == "regex" else compiler.compile_grammar(text)
        self.matcher = xgrammar.GrammarMatcher(compiled)
        self.words = xgrammar.allocate_token_bitmask(1, size)

    def allowed(self) -> set[int]:
        self.matcher.fill_next_token_bitmask(self.words)
        return bits(self.words.numpy().tobytes())

    def accept(self, token: int) -> bool:
        return self.matcher.accept_token(token)

    def reset(self) -> None:
        self.matcher.reset()


class LLGuidance:
    """The tokens that llguidance allows, step by step."""

    def __init__(self, target: str, text: str, tokens: Any) -> None:
        if target == "json-schema":
            grammar = llguidance.LLMatcher.grammar_from_json_schema(text, overrides=SEPARATORS)
        else:
            grammar = llguidance.grammar_from("grammar" if target == "ebnf" else target, text)
        self.matcher = llguidance.LLMatcher(llguidance.hf.from_tokenizer(tokens), grammar)
        assert not self.matcher.is_error(), self.matcher.get_error()

    def allowed(self) -> set[int]:
        return bits(self.matcher.compute_bitmask())

    def accept(self, token: int) -> bool:
        return self.matcher.consume_token(token)

    def reset(self) -> None:
        self.matcher.reset()


def walk(mask: TokenMask, chance: random.Random, end: int) -> Iterator[tuple[set[int], int]]:
    """What the mask allows at each step of a random answer, and the token that is taken; the end of the turn last."""
    state, token = mask.start, -1
    while token != end:
        allowed = set(mask.next_tokens(state).tolist())
        token = chance.choice(sorted(allowed))
        yield allowed, token
        state = mask.advance(state, token)


READERS: list[tuple[type[Any], str]] = [
    (XGrammar, "json-schema"),
    (XGrammar, "ebnf"),
    (XGrammar, "gbnf"),
    (XGrammar, "regex"),
    (LLGuidance, "json-schema"),
    (LLGuidance, "lark"),
    (LLGuidance, "ebnf"),
    (LLGuidance, "regex"),
]


CASES = [
    pytest.param(reader, target, name, id=f"{reader.__name__}-{target}-{name}")
    for reader, target in READERS
    for name in (WITHOUT_TEXT if target == "json-schema" else TASKS)
]


def is_subset(task: Task, tokens: Any, engine: Any, walks: int) -> None:
    """Walks at random; fails where the mask allows what the engine does not, or never less."""
    mask, chance, steps, narrower = TokenMask(task, tokens), random.Random(task.name), 0, 0
    for _ in range(walks):
        engine.reset()
        for allowed, token in walk(mask, chance, tokens.eos_token_id):
            theirs = engine.allowed()
            assert allowed <= theirs, [tokens.decode([one]) for one in sorted(allowed - theirs)]
            assert engine.accept(token)
            steps += 1
            narrower += allowed < theirs
    assert steps > 5 * walks
    assert narrower > 0  # canonical tokens, and each label once: what no export expresses


@pytest.mark.parametrize(("reader", "target", "name"), CASES)
def test_every_token_that_the_mask_allows_the_engine_allows(reader, target, name):
    text = EXPORTERS[target](TASKS[name], "free").text
    is_subset(TASKS[name], tokenizer(), reader(target, text, tokenizer()), WALKS)


@pytest.mark.parametrize(("reader", "target"), READERS, ids=lambda each: getattr(each, "__name__", each))
def test_so_it_is_with_the_whole_ontology(reader, target, shared_data):
    folder = shared_data / "ontology"
    task = load_task("edugraph", read_ontology(sorted(folder.glob("*.ttl")), "edugraph", "0.21.0"))
    tokens = make_tokenizer([task.to_json(task.answer_from_labels(list(task.ontology.by_name)))] * 3, 2000)
    is_subset(task, tokens, reader(target, EXPORTERS[target](task, "free").text, tokens), 3)


@pytest.mark.parametrize("name", ["edugraph", "nested", "blueprint"])
def test_the_mask_lets_through_the_gold_answers_and_none_of_the_bad(name):
    mask = TokenMask(TASKS[name], tokenizer())

    def accepts(text: str) -> bool:
        state = mask.start
        for token in [*tokenizer()(text, add_special_tokens=False)["input_ids"], tokenizer().eos_token_id]:
            state = mask.advance(state, token)
        return bool(state)

    assert [text for text in GOLD[name] if not accepts(text)] == []
    assert [text for _, text in BAD[name] if accepts(text)] == []
