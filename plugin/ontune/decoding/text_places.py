"""Free text in the tokenizer's own tokens: the places within it, and the tokens that lead from one to the next.

Where text stands between fixed runs, the tokenizer knows no border: it may write the full stop of a text and the quote
behind it as one token, or the quote before a text and its opening bracket. So a text begins with the last part of the
run before it, and ends with that token of which all further ones of the run follow.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple, TypeAlias

import numpy as np

from ontune.decoding.contract import Contract, Run
from ontune.decoding.free_text import read_text
from ontune.decoding.pretokens import FRESH, RUNNING
from ontune.decoding.runs import Ids
from ontune.decoding.spelling import Spelling, floats

__all__ = ["InText", "OnChain", "Texts"]

ROOM = 2  # characters left: what may be written within one character does not depend on more
NOTHING = -1  # the last token where a part of its own begins


class InText(NamedTuple):
    """Within free text, or within `rest`, the fixed text right before it.

    So many characters have been written, and `pending` of one that is not finished. `half` are the bytes of a letter
    that the last token ends in, `guess` is the kind of letter that they were taken to begin. `last` is the token
    before, `state` what the pre-tokenizer makes of the part it stands in, `tail` the last character, and the marks
    that change it.
    """

    slot: int
    rest: bytes
    used: int
    pending: bytes
    last: int
    state: str
    tail: str
    half: bytes = b""
    guess: str = ""


class OnChain(NamedTuple):
    """Behind free text: the tokens that must follow, the slot that they lead to, and the fixed text before that."""

    slot: int
    tokens: tuple[int, ...]
    target: int
    rest: bytes


TextPosition: TypeAlias = InText | OnChain


@dataclass(frozen=True)
class Ending:
    """What stands behind a text: the rest of a run, cut into its tokens; `rest` goes before the text it leads to."""

    tokens: tuple[int, ...]
    rest: bytes
    joins: bool


class Texts:
    """The free texts of a contract, in the tokens that the tokenizer gives them in a whole answer."""

    def __init__(self, contract: Contract, spelling: Spelling) -> None:
        self._contract, self._spelling = contract, spelling
        self._contents = spelling.contents
        self._goes_on = lru_cache(maxsize=1 << 15)(self._goes_on)
        self._few = lru_cache(maxsize=1 << 10)(self._few)
        self._ending = lru_cache(maxsize=1 << 14)(self._ending)

    def start(self, slot: int, rest: bytes) -> Iterator[TextPosition]:
        """The places where a text can begin, with the fixed text before it that is not written yet."""
        return self._spread(InText(slot, rest, 0, b"", NOTHING, FRESH, '"'))

    def tail(self, text: str) -> bytes:
        """The end of a run that is left to the text behind it."""
        return self._spelling.tail(text)

    def encode(self, tail: bytes) -> list[int]:
        """The tokens of such an end."""
        return self._spelling.encode(tail)

    def step(self, here: InText, token: int) -> Iterator[TextPosition]:
        """The places after one more token; none where it may not follow."""
        for joined, position in self.outcomes(here, token):
            if not (joined and here.last >= 0 and self._spelling.merges(here.last, token)):
                yield position

    def outcomes(self, here: InText, token: int) -> Iterator[tuple[bool, TextPosition]]:
        """The places after one more token, whatever the one before; and whether the two stand in one part."""
        content = self._contents.get(token)
        if content is None:
            return
        for joined, after in self._readings(here, content):
            for position in self._written(after._replace(last=token), content):
                yield joined, position

    def few(self, here: InText) -> Ids:
        """The tokens that may follow a place with fixed text or half a character before it: each one is tried."""
        return self._few(self._clipped(here))

    def room(self, here: InText) -> int:
        """How many characters may still be written."""
        return self._contract.slots[here.slot].max_chars - here.used

    # ------------------------------------------------------------------------------------------- one token's characters
    def _readings(self, here: InText, content: bytes) -> Iterator[tuple[bool, InText]]:
        """The ways to read a token's characters: whether it goes on with the part before, and what follows from it."""
        text, half = _decode(here.half + content)
        tail = None if text is None else self._tail(here.tail, text)
        if text is None or tail is None:
            return
        for guess in self._spelling.unfinished(half) if half else ("",):
            kinds = self._spelling.kinds(text) + guess
            if not here.half:
                ways = self._spelling.scan(here.state, kinds)
            elif kinds[0] == here.guess:  # the first character has been read: the token stands in its part
                ways = self._spelling.scan(here.state, kinds[1:]) if kinds[1:] else {(True, here.state)}
                ways = [way for way in ways if way[0]]
            else:
                continue
            for joined, state in ways:
                yield joined, here._replace(state=state, tail=tail, half=half, guess=guess)

    @lru_cache(maxsize=1 << 14)  # noqa: B019 - there is one object a task
    def _tail(self, before: str, text: str) -> str | None:
        """The last character and what floats behind it; None where the tokenizer would change the text."""
        whole = before + text
        if not text.isascii() and not self._spelling.is_stable(whole):
            return None
        at = len(whole) - 1
        while at and floats(whole[at]):
            at -= 1
        return whole[at:]

    # --------------------------------------------------------------------------------------------- one token's content
    def _written(self, after: InText, content: bytes) -> Iterator[TextPosition]:
        """The places after a token's bytes, whose reading stands in `after` already."""
        size = min(len(after.rest), len(content))
        if after.rest[:size] != content[:size]:
            return
        rest, content = after.rest[size:], content[size:]
        found = read_text(after.pending + content)
        if found is None or found[0].cost > self.room(after):
            return
        reading, closing = found
        if closing:
            yield from self._close(after, closing)
        else:
            used = after.used + reading.characters
            yield from self._spread(after._replace(rest=rest, used=used, pending=reading.pending))

    def _spread(self, here: InText) -> Iterator[TextPosition]:
        """The place itself, if the text can go on from there, and the ways to end it there."""
        if here.rest or here.pending:
            if self._goes_on(self._clipped(here)):
                yield here
            return
        if self.room(here):  # behind any token, a digit begins a new part; behind white space, more can follow
            yield here
        if here.state != RUNNING:
            yield from self._close(here, b"")

    def _close(self, here: InText, written: bytes) -> Iterator[TextPosition]:
        """The ways to end a text, where so much of the run behind it is written."""
        for run in self._contract.exits[here.slot]:
            text, is_text = run.text.encode(), bool(self._contract.slots[run.target].max_chars)
            if text.startswith(written):
                yield from self._follow(here, run, text[len(written) :], is_text)
            elif is_text and written.startswith(text):
                following = here._replace(slot=run.target, rest=b"", used=0, pending=b"")
                yield from self._written(following, written[len(text) :])

    def _follow(self, here: InText, run: Run, rest: bytes, is_text: bool) -> Iterator[TextPosition]:
        ending = self._ending(rest, here.state, here.last, is_text)
        if ending is None:
            return
        if ending.joins:
            yield from self._spread(here._replace(slot=run.target, rest=ending.rest, used=0, pending=b""))
        else:
            yield OnChain(here.slot, ending.tokens, run.target, ending.rest)

    def _ending(self, rest: bytes, state: str, last: int, is_text: bool) -> Ending | None:
        """How the rest of a run goes on behind a token; None where the tokenizer would merge it with the token."""
        cut = self._spelling.cut(state, rest)
        if cut is None:
            return None
        joined, parts = cut
        if is_text and not parts:
            return Ending((), rest, joins=True)
        if not joined:
            tokens = []
        else:
            first, *tokens = self._spelling.encode(self._contents[last] + joined)
            if first != last:
                return None
        fresh, left = (parts[:-1], parts[-1]) if is_text else (parts, b"")
        tokens += [token for part in fresh for token in self._spelling.encode(part)]
        return Ending(tuple(tokens), left, joins=False)

    # ------------------------------------------------------------------------------------------- places that are narrow
    def _clipped(self, here: InText) -> InText:
        """The same place for the tokens that may follow it: how much was written does not matter, only what is left."""
        most, longest = self._contract.slots[here.slot].max_chars, self.longest + ROOM
        return here._replace(used=max(here.used, most - longest))

    def _goes_on(self, here: InText) -> bool:
        """Whether any token may follow."""
        return any(True for token in self._candidates(here) for _ in self.step(here, token))

    def _few(self, here: InText) -> Ids:
        found = [token for token in self._candidates(here) if any(True for _ in self.step(here, token))]
        return np.array(sorted(found), dtype=np.int64)

    def _candidates(self, here: InText) -> Iterator[int]:
        for byte in here.rest[:1] or _following(here.pending):
            yield from self._by_byte.get(byte, ())

    @cached_property
    def longest(self) -> int:
        """The bytes of the longest token."""
        return max(map(len, self._contents.values()))

    @cached_property
    def _by_byte(self) -> dict[int, list[int]]:
        """The tokens by their first byte, short ones first."""
        found: dict[int, list[int]] = {}
        for token in sorted(self._contents, key=lambda token: (len(self._contents[token]), token)):
            found.setdefault(self._contents[token][0], []).append(token)
        return found


def _decode(content: bytes) -> tuple[str | None, bytes]:
    """The characters, and the bytes of one at the end that is not finished; None for what is not UTF-8."""
    try:
        return content.decode(), b""
    except UnicodeDecodeError as error:
        if error.reason != "unexpected end of data":
            return None, b""
        return content[: error.start].decode(), content[error.start :]


def _following(pending: bytes) -> Iterable[int]:
    """The bytes that may follow those of half a character."""
    if pending[:1] >= b"\x80":
        return range(0x80, 0xC0)
    return {b"\\": b'"\\bfnrtu', b"\\u00": b"01", b"\\u000": b"0123456789abcdef", b"\\u001": b"0123456789abcdef"}.get(
        pending, b"0"
    )
