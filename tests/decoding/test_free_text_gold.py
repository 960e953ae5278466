"""Any text stands in the answer in the tokens that the tokenizer itself gives it, whatever they merge it with."""

import json
import random
from functools import cache
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from decoding.adversaries import ADVERSARIES, check, runs
from decoding.synthetic import qwen_like_tokenizer
from ontune.decoding.mask import TokenMask
from ontune.demo.tiny_model import make_tokenizer
from ontune.ontology import Concept, Ontology
from ontune.task import Choice, Constant, ErrorAnswer, Group, Labels, Task, Text

ONTOLOGY = Ontology("o", "1", ("D",), (Concept("Add", "D"), Concept("Rest 3/4", "D")))
ERROR = ErrorAnswer("Error", ("none",))
LONG = 24
FIELDS = {
    "one": (Text("why", LONG),),
    "two": (Text("why", LONG), Text("more", LONG)),
    "lists": (Text("why", LONG), Labels("D", "D"), Labels("E", "D", 1, 1), Text("more", LONG), Labels("F", "D")),
    "choice": (Choice("sure", ("yes", "no")), Text("why", LONG), Choice("again", ("yes", "no"))),
    "groups": (Group("in", (Text("why", LONG), Group("deep", (Text("more", LONG),)))), Constant("end", None)),
    "marks": (Text("-", LONG), Text("…", LONG), Constant("!", "?"), Text("", LONG)),  # no letter between the texts
}
ENDS = [
    "He said: \\",
    '"No."',
    "(so)",
    "…",
    "?!",
    "a.",
    ")",
    "1.",
    " ",
    "  ",
    "\u3000",
    "'s",
    "'",
    "\n",
    "\t\n",
    "😀",
    "日本",
]
# What ends texts in real answers, and what stands around them: enough to make a tokenizer merge them.
PROSE = [
    '{"why":"It is so.","more":"(yes)."}',
    '{"why": "It is so.", "more": "(yes)."}',
    '{"-":"\\"No.\\"","…":"\\n…","!":"?","":"..."}',
    "She's said: \\\"it'll do.\\\" I'd 1.5, 12.",
    "  two  spaces   three    four",
    "日本語の文字。漢字、仮名😀😃 ünïcödé é",
    '"."} ."}, ).", ?","more":"( ":""} ","-":"( ",',
]


@cache
def tokenizer(name: str) -> Any:
    if name == "qwen-like":
        return qwen_like_tokenizer()
    return make_tokenizer([text for at, text in enumerate(PROSE) for _ in range(2 + at)] * 3, int(name))


TOKENIZERS = ["qwen-like", "290", "640"]


@cache
def mask(fields: str, tokens: str, spaced: bool) -> TokenMask:
    task = Task("t", ONTOLOGY, FIELDS[fields], error=ERROR)
    return TokenMask(task, tokenizer(tokens), spaced=spaced)


def texts() -> st.SearchStrategy[str]:
    piece = st.one_of(
        st.sampled_from(ENDS + PROSE[3].split() + list(PROSE[5])),
        st.text(max_size=2),
        st.text(" .'\"\\sSlrvetmd1(}é\u0301\xa0\u2028-", max_size=6),
    )
    return st.lists(piece, max_size=6).map("".join)


def answer(draw: Any, fields: Any, tokens: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for field in fields:
        match field:
            case Text():
                normalizer = tokenizer(tokens).backend_tokenizer.normalizer
                found[field.name] = normalizer.normalize_str(draw(texts()))[: field.max_chars]
            case Labels():
                most = 2 if field.max is None else field.max
                labels = st.lists(st.sampled_from(["Add", "Rest 3/4"]), min_size=field.min, max_size=most, unique=True)
                found[field.name] = draw(labels)
            case Choice():
                found[field.name] = draw(st.sampled_from(field.options))
            case Constant():
                found[field.name] = field.value
            case Group():
                found[field.name] = answer(draw, field.fields, tokens)
    return found


def written(value: object, spaced: bool) -> str:
    return json.dumps(value, ensure_ascii=False, separators=None if spaced else (",", ":"))


def encode(tokens: str, raw: str) -> list[int]:
    return tokenizer(tokens)(raw, add_special_tokens=False)["input_ids"]


def accepts(automaton: TokenMask, ids: list[int]) -> bool:
    """Whether the mask offers each of the tokens, and takes it."""
    state = automaton.start
    for token in [*ids, *automaton.end_ids[:1]]:
        if token not in automaton.next_tokens(state):
            return False
        state = automaton.advance(state, token)
    return automaton.is_done(state)


@pytest.mark.parametrize("spaced", [False, True], ids=["compact", "spaced"])
@pytest.mark.parametrize("tokens", TOKENIZERS)
@pytest.mark.parametrize("fields", FIELDS)
@settings(deadline=None, max_examples=25)
@given(data=st.data())
def test_the_tokenizers_own_tokens_of_any_text_are_accepted(fields, tokens, spaced, data):
    raw = written(answer(data.draw, FIELDS[fields], tokens), spaced)
    # A mark behind an escape, as in `\\n` and an accent, becomes another letter before any token is made of it.
    assume(tokenizer(tokens).backend_tokenizer.normalizer.normalize_str(raw) == raw)
    assert accepts(mask(fields, tokens, spaced), encode(tokens, raw)), raw


@pytest.mark.parametrize("tokens", TOKENIZERS)
@pytest.mark.parametrize("name", ADVERSARIES)
@pytest.mark.parametrize("fields", FIELDS)
def test_whatever_is_written_is_in_the_tokenizers_own_tokens(fields, name, tokens):
    automaton, task = mask(fields, tokens, False), Task("t", ONTOLOGY, FIELDS[fields], error=ERROR)
    width = 152_064 if tokens == "qwen-like" else 1024
    for ids in runs(automaton, name, 8, width):
        found = check(task, tokenizer(tokens), ids)
        assert (found.violations, found.invalid, found.non_canonical) == (0, 0, 0), tokenizer(tokens).decode(ids)


@pytest.mark.parametrize("tokens", ["290", "640"])
@pytest.mark.parametrize("fields", ["lists", "marks"])
def test_a_token_leads_on_where_it_is_allowed_and_nowhere_else(fields, tokens):
    automaton, chance = mask(fields, tokens, False), random.Random(0)
    for _ in range(3):
        state = automaton.start
        while not automaton.is_done(state):
            allowed = automaton.next_tokens(state).tolist()
            assert allowed == [token for token in range(1024) if automaton.advance(state, token)]
            state = automaton.advance(state, chance.choice(allowed))
