"""How a tokenizer spells text: what its tokens stand for, where it cuts, and which tokens it leaves side by side."""

import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from itertools import product
from typing import Any, Protocol

import numpy as np

from ontune.decoding import pretokens
from ontune.decoding.byte_pairs import BytePairs, byte_letters
from ontune.decoding.pretokens import Cut
from ontune.decoding.runs import Ids

__all__ = ["AnySpelling", "QwenSpelling", "Spelling", "floats", "is_byte_level", "spelling"]

Ways = frozenset[tuple[bool, str]]


class Spelling(Protocol):
    """What free text must know of a tokenizer; special tokens are not in `contents`."""

    @property
    def contents(self) -> Mapping[int, bytes]:
        """The bytes of each token."""
        ...

    def kinds(self, text: str) -> str:
        """The kinds of its characters, as `scan` takes them."""
        ...

    def unfinished(self, content: bytes) -> str:
        """The kinds of the characters that begin with these bytes."""
        ...

    def scan(self, state: str, kinds: str) -> Ways:
        """The ways to read a token's characters: whether they go on with the part before, and the state after."""
        ...

    def cut(self, state: str, content: bytes) -> Cut | None:
        """A fixed text as what goes on with the part before it, and the parts after that."""
        ...

    def encode(self, content: bytes) -> list[int]:
        """The tokens of one part of a text."""
        ...

    def merges(self, one: int, two: int) -> bool:
        """Whether two tokens do not stand side by side in one part."""
        ...

    def merged(self, token: int) -> Ids:
        """All tokens that do not stand behind this one in one part."""
        ...

    def is_stable(self, text: str) -> bool:
        """Whether the tokenizer takes the text as it is."""
        ...

    def tail(self, text: str) -> bytes:
        """The end of a fixed text that free text behind it may be merged with."""
        ...


def is_byte_level(tokenizer: Any) -> bool:
    """Whether the letters of tokens stand for bytes, as in GPT-2's vocabulary; those of others would be misread."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    parts = (backend.pre_tokenizer, backend.decoder) if backend else ()
    return any(part is not None and b"ByteLevel" in part.__getstate__() for part in parts)


def spelling(tokenizer: Any) -> Spelling:
    """The exact way a tokenizer spells, where it is of Qwen's kind; otherwise one that allows all ways."""
    exact = pretokens.is_known(tokenizer) and BytePairs.fits(tokenizer)
    return QwenSpelling(tokenizer) if exact else AnySpelling(tokenizer)


class QwenSpelling(BytePairs):
    """Byte-level merges within the parts of Qwen's regular expression, of normalised text."""

    def __init__(self, tokenizer: Any) -> None:
        super().__init__(tokenizer)
        self._kinds = pretokens.Kinds(tokenizer)
        self._normalizer = tokenizer.backend_tokenizer.normalizer
        self.scan = pretokens.scan

    def kinds(self, text: str) -> str:
        return text.translate(self._kinds)

    @lru_cache(maxsize=1 << 12)  # noqa: B019 - there is one object a tokenizer
    def unfinished(self, content: bytes) -> str:
        if content[0] > 0xF0:
            return "P"  # planes of no letters
        if content == b"\xf0":
            return "LNP"
        size = (2 if content[0] < 0xE0 else 3 if content[0] < 0xF0 else 4) - len(content)
        ends = map(bytes, product(range(0x80, 0xC0), repeat=size))
        text = b"".join(content + end for end in ends).decode(errors="ignore")
        return "".join(sorted(set(self.kinds(text))))

    def cut(self, state: str, content: bytes) -> Cut | None:
        text = content.lstrip(CONTINUING).decode()
        rest = content[: len(content) - len(text.encode())]  # of a character that the state has counted
        found = pretokens.cut(state, text, self.kinds(text))
        return (rest + found[0], found[1]) if found else None

    @lru_cache(maxsize=1 << 14)  # noqa: B019
    def is_stable(self, text: str) -> bool:
        return self._normalizer is None or self._normalizer.normalize_str(text) == text

    def tail(self, text: str) -> bytes:
        found = self.cut(pretokens.FRESH, text.encode())
        return found[1][-1] if found else b""


class AnySpelling:
    """Any tokens that text can be put together from; fixed text behind a token is split as if it stood alone."""

    def __init__(self, tokenizer: Any) -> None:
        letters, added = byte_letters(), tokenizer.added_tokens_decoder
        self.contents: dict[int, bytes] = {
            token: bytes(map(letters.__getitem__, text))
            for text, token in tokenizer.get_vocab().items()
            if token not in added and letters.keys() >= set(text)
        }
        self._tokenizer = tokenizer

    def kinds(self, text: str) -> str:
        return "P" * len(text)

    def unfinished(self, content: bytes) -> str:
        return "P"

    def scan(self, state: str, kinds: str) -> Ways:
        return frozenset({(False, "L")})  # a state behind which a quote begins a new part

    def cut(self, state: str, content: bytes) -> Cut | None:
        try:
            content.decode()
        except UnicodeDecodeError:
            return None
        return b"", (content, b"") if content else ()

    def encode(self, content: bytes) -> list[int]:
        return self._tokenizer(content.decode(), add_special_tokens=False)["input_ids"] if content else []

    def merges(self, one: int, two: int) -> bool:
        return False

    def merged(self, token: int) -> Ids:
        return np.zeros(0, dtype=np.int64)

    def is_stable(self, text: str) -> bool:
        return True

    def tail(self, text: str) -> bytes:
        return b""


CONTINUING = bytes(range(0x80, 0xC0))


def floats(character: str) -> bool:
    """Whether a character may change the one before it, or change places with it, when text is normalised."""
    code = ord(character)
    hangul = 0x1161 <= code <= 0x1175 or 0x11A8 <= code <= 0x11C2
    return hangul or unicodedata.category(character)[0] == "M"
