"""Where Qwen's tokenizers cut text before they merge its bytes: their regular expression as an automaton.

It reads character by character and says whether a character goes on with the part before or begins a new one. Of white
space that depends on what comes behind: the last space before a word belongs to the word, those before it are a part
of their own. So there are two ways to read a space, and each forbids what would prove it wrong.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

__all__ = ["EASY", "FRESH", "RUNNING", "STATES", "Cut", "Kinds", "cut", "is_known", "scan", "signature"]

PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
Cut = tuple[bytes, tuple[bytes, ...]]

# Kinds of characters: letters (those of contractions apart), N numbers, S space, W other white space, A apostrophe,
# P all others. Line ends do not stand in canonical JSON.
LETTERS = "Lsrel"
# States: what the part so far is. 1 one mark, A an apostrophe that may become a contraction, R and Y ('r, 'l) half of
# one, C a whole one, P marks, S or W white space with something else behind it, + white space with more behind it.
FRESH, RUNNING = ".", "+"
STATES = FRESH + "LN1ARYCPSW" + RUNNING
EASY = frozenset("LNCRYW")  # a quote behind these begins a new part
JOINED = {
    **{(state, kind): "L" for state in "L1ARYSW" for kind in LETTERS},
    **{(state, kind): "P" for state in "1APS" for kind in "AP"},
    **{("A", "s"): "C", ("A", "r"): "R", ("A", "l"): "Y", ("R", "e"): "C", ("Y", "l"): "C"},
    **{(RUNNING, kind): RUNNING for kind in "SW"},
}
BEGUN = dict.fromkeys(LETTERS, "L") | {"N": "N", "P": "1", "A": "A", "S": "S" + RUNNING, "W": "W" + RUNNING}


def is_known(tokenizer: Any) -> bool:
    """Whether a tokenizer cuts text as this automaton does."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    state = backend.pre_tokenizer.__getstate__().decode() if backend and backend.pre_tokenizer else ""
    pattern = PATTERN.replace("\\", "\\\\")
    return f'"Regex":"{pattern}"}},"behavior":"Isolated","invert":false}}' in state and state.count('"Regex"') == 1


class Kinds(dict[int, str]):
    """The kind of each character, for `str.translate`; those that are new to Python are shown to the tokenizer."""

    def __init__(self, tokenizer: Any) -> None:
        super().__init__()
        self._parts = tokenizer.backend_tokenizer.pre_tokenizer

    def __missing__(self, code: int) -> str:
        kind = self[code] = self._kind(chr(code))
        return kind

    def _kind(self, character: str) -> str:
        category = unicodedata.category(character)
        if category == "Cn":
            return {1: "L", 3: "N"}.get(len(self._parts.pre_tokenize_str(f"a{character}a")), "P")
        if category[0] == "L":
            small = character.lower()
            return "s" if small in "stmdſ" else "r" if small in "rv" else small if small in "el" else "L"
        if category[0] == "N":
            return "N"
        if character.isspace():
            return "S" if character == " " else "W"
        return "A" if character == "'" else "P"


def _steps(state: str, kind: str) -> Iterator[tuple[bool, str]]:
    """What a character does: whether it goes on with the part, and the state after it."""
    joined = JOINED.get((state, kind))
    if joined:
        yield True, joined
    if state == RUNNING and kind in "SW":
        yield False, kind
    elif not joined and state != RUNNING and not (state in "SW" and kind in "SW"):
        for begun in BEGUN[kind]:
            yield False, begun


@lru_cache(maxsize=1 << 17)
def scan(state: str, kinds: str) -> frozenset[tuple[bool, str]]:
    """The ways to read characters as one part, or the end of one: whether they go on with it, and the state after."""
    found = set(_steps(state, kinds[0]))
    for kind in kinds[1:]:
        found = {(first, after) for first, here in found for joined, after in _steps(here, kind) if joined}
    return frozenset(found)


@lru_cache(maxsize=1 << 12)
def cut(state: str, text: str, kinds: str) -> Cut | None:
    """The parts of a fixed text, the first being what goes on with the part before; None where it cannot follow.

    The text ends in a mark, so that there is one way to read it.
    """
    paths = [(state, [""])]
    for character, kind in zip(text, kinds, strict=True):
        paths = [
            (after, [*parts[:-1], parts[-1] + character] if joined else [*parts, character])
            for here, parts in paths
            for joined, after in _steps(here, kind)
        ]
    if not paths:
        return None
    first, *others = paths[0][1]
    return first.encode(), tuple(part.encode() for part in others)


def signature(kinds: str) -> str:
    """A shorter text of kinds that is read in the same ways: letters within a contraction count, others do not."""
    return re.sub(r"(.)\1{3,}", r"\1\1\1", kinds[:4] + re.sub(r"[srel]", "L", kinds[4:]))
