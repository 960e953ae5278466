"""Free text inside a JSON string, token by token: characters and escapes may end in a later token."""

import re
from typing import Any, NamedTuple

import numpy as np

from ontune.decoding.runs import Ids

__all__ = ["FreeText", "Ids", "read_bytes"]

# One character as canonical JSON writes it: an escape where there must be one, UTF-8 as it is.
CHARACTER = (
    rb"[\x20\x21\x23-\x5b\x5d-\x7f]|[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]"
    rb"|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}"
    rb"|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2}"
    rb"|\\[\"\\bfnrt]|\\u00(?:0[0-7bef]|1[0-9a-f])"
)
UNFINISHED = (
    rb"[\xc2-\xdf]|\xe0[\xa0-\xbf]?|[\xe1-\xec\xee\xef][\x80-\xbf]?|\xed[\x80-\x9f]?"
    rb"|\xf0(?:[\x90-\xbf][\x80-\xbf]?)?|[\xf1-\xf3][\x80-\xbf]{0,2}|\xf4(?:[\x80-\x8f][\x80-\xbf]?)?"
    rb"|\\(?:u(?:0(?:0[01]?)?)?)?"
)
CHARACTERS = re.compile(CHARACTER)
TEXT = re.compile(rb"((?:" + CHARACTER + rb")*)(" + UNFINISHED + rb")?")


class Reading(NamedTuple):
    """What a stretch of bytes holds: so many whole characters, and the bytes of one that is not finished."""

    characters: int
    pending: bytes

    @property
    def cost(self) -> int:
        """The characters it takes at least, once it is finished."""
        return self.characters + bool(self.pending)


def read_bytes(content: bytes) -> Reading | None:
    """How the bytes read as a piece of a JSON string; None where they do not."""
    found = TEXT.fullmatch(content)
    return Reading(len(CHARACTERS.findall(found[1])), found[2] or b"") if found else None


class FreeText:
    """The tokens of a byte-level tokenizer that may stand in free text; special tokens may not."""

    def __init__(self, tokenizer: Any) -> None:
        vocabulary: dict[str, int] = tokenizer.get_vocab()
        added: dict[int, Any] = tokenizer.added_tokens_decoder
        letters = _bytes_of_letters()
        self._bytes = {
            token: bytes(map(letters.__getitem__, text))
            for text, token in vocabulary.items()
            if token not in added and letters.keys() >= set(text)
        }
        self._tables: dict[bytes, tuple[Ids, Ids]] = {}

    def read(self, pending: bytes, token: int) -> Reading | None:
        """What a token adds to unfinished bytes; None where it may not follow them."""
        return read_bytes(pending + self._bytes[token]) if token in self._bytes else None

    def tokens(self, pending: bytes, characters: int) -> Ids:
        """The tokens that may follow unfinished bytes within so many characters, those that take fewest first."""
        ids, costs = self._tables.get(pending) or self._table(pending)
        return ids[: np.searchsorted(costs, characters, side="right")]

    def _table(self, pending: bytes) -> tuple[Ids, Ids]:
        """All tokens that may follow, with what they take; reads the whole vocabulary, once for each `pending`."""
        readings = ((token, self.read(pending, token)) for token in self._bytes)
        costs = sorted((reading.cost, token) for token, reading in readings if reading)
        rows = np.array(costs, dtype=np.int64).reshape(-1, 2)
        self._tables[pending] = (rows[:, 1].copy(), rows[:, 0].copy())
        return self._tables[pending]


def _bytes_of_letters() -> dict[str, int]:
    """The byte that each letter of a byte-level vocabulary stands for, as in GPT-2: printable ones for themselves."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(0x100) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(0x100 + place): byte for place, byte in enumerate(others)}
