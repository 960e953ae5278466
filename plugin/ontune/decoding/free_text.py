"""Free text inside a JSON string, token by token: characters and escapes may end in a later token."""

import re
from typing import NamedTuple

from ontune.decoding.runs import Ids

__all__ = ["Ids", "Reading", "read_bytes", "read_text"]

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
QUOTE = ord('"')
TEXT = re.compile(rb"((?:" + CHARACTER + rb")*)(" + UNFINISHED + rb")?")


class Reading(NamedTuple):
    """What a stretch of bytes holds: so many whole characters, and the bytes of one that is not finished."""

    characters: int
    pending: bytes

    @property
    def cost(self) -> int:
        """The characters it takes at least, once it is finished."""
        return self.characters + bool(self.pending)


def read_text(content: bytes) -> tuple[Reading, bytes] | None:
    """How the bytes read up to the quote that ends the string, if one does, and the rest from that quote on."""
    found = TEXT.match(content)
    if found is None or (found.end() < len(content) and (found[2] or content[found.end()] != QUOTE)):
        return None
    return Reading(len(CHARACTERS.findall(found[1])), found[2] or b""), content[found.end() :]


def read_bytes(content: bytes) -> Reading | None:
    """How the bytes read as a piece of a JSON string; None where they do not."""
    found = read_text(content)
    return found[0] if found and not found[1] else None
