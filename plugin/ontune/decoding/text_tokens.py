"""The tokens that may follow a place in free text, found for the whole vocabulary at once."""

from collections.abc import Iterator, Sequence
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt

from ontune.decoding.free_text import read_text
from ontune.decoding.pretokens import EASY, signature
from ontune.decoding.runs import Ids
from ontune.decoding.spelling import Spelling, floats
from ontune.decoding.text_places import NOTHING, InText, Texts

__all__ = ["TextTokens"]

Costs = npt.NDArray[np.int16]
Flags = npt.NDArray[np.bool_]  # one a token


class TextTokens:
    """What `Texts.step` lets through, for all tokens: tables for each state of the pre-tokenizer, made when needed.

    Most tokens are plain: whole characters that stay in the text. What those lead to depends on few things, so they
    are read in groups; the odd ones, which end within a character or leave the text, are tried one by one.
    """

    def __init__(self, texts: Texts, spelling: Spelling) -> None:
        self._texts, self._spelling = texts, spelling
        self._costs = np.zeros(max(spelling.contents) + 1, dtype=np.int16)
        self._groups = np.full(len(self._costs), -1, dtype=np.int64)
        self._odd, self._floating, self._halves = list[int](), dict[int, str](), list[int]()
        self._signatures: dict[str, int] = {}
        for token, content in spelling.contents.items():
            self._sort_in(token, content)
        self._ways = lru_cache(maxsize=None)(self._find_ways)
        self._needs: dict[tuple[int, str], tuple[Costs, set[int]]] = {}
        self._refused = lru_cache(maxsize=4096)(self._find_refused)

    def tokens(self, places: Sequence[InText], others: Ids) -> Ids:
        """The tokens that may follow any of the places, and the others, sorted."""
        allowed = np.zeros(len(self._costs), dtype=np.bool_)
        for here in places:
            if here.rest or here.pending:
                allowed[self._texts.few(here)] = True
            else:
                allowed |= self._wide(here)
        inside = others < len(allowed)
        allowed[others[inside]] = True
        found = np.flatnonzero(allowed)
        return found if inside.all() else np.concatenate([found, np.unique(others[~inside])])

    def _wide(self, here: InText) -> Flags:
        """The tokens that may follow a place between two characters of the text."""
        joined, begun = self._ways(here.slot, here.state)
        allowed = joined.copy()
        if here.last >= 0:
            allowed[self._spelling.merged(here.last)] = False
        allowed |= begun
        room = self._texts.room(here)
        if room <= self._longest:
            allowed &= self._needed(here.slot, here.state, room) <= room
        allowed[self._refused(here.slot, here.state, here.tail)] = False
        return allowed

    def _sort_in(self, token: int, content: bytes) -> None:
        found = read_text(content)
        if found is None:
            return
        reading, closing = found
        text = content.decode(errors="ignore")
        floating = text[:1] and floats(text[0])
        self._costs[token] = reading.cost
        if floating:
            self._floating[token] = text
        if not text:
            self._halves.append(token)
        if floating or reading.pending or closing:
            self._odd += [token] if reading.cost else []  # without one: of the run behind the text
        else:
            group = signature(self._spelling.kinds(text))
            self._groups[token] = self._signatures.setdefault(group, len(self._signatures))

    @cached_property
    def _longest(self) -> int:
        """The characters of the longest token."""
        return int(self._costs.max())

    def _find_ways(self, slot: int, state: str) -> tuple[Flags, Flags]:
        """The tokens that may follow in the part that the state is of, and those that begin a new one."""
        ways = [self._spelling.scan(state, group) for group in self._signatures]
        found = [np.array([any(way[0] == side for way in each) for each in ways] + [False]) for side in (True, False)]
        joined, begun = (flags[self._groups] for flags in found)
        for token in self._odd:
            for goes_on, _ in self._texts.outcomes(_place(slot, state), token):
                (joined if goes_on else begun)[token] = True
        return joined, begun

    def _needed(self, slot: int, state: str, room: int) -> Costs:
        """The characters that each token needs, one more where no text can end behind it; exact for this much room."""
        needs, known = self._needs.setdefault((slot, state), (self._costs + 1, set()))
        if room not in known:
            just = np.flatnonzero(self._costs == room)
            easy = np.array([self._is_easy(state, group) for group in self._signatures] + [False])[self._groups[just]]
            place = _place(slot, state)
            place = place._replace(used=self._texts.room(place) - room)
            hard = [token for token in just[~easy].tolist() if any(True for _ in self._texts.outcomes(place, token))]
            needs[just[easy]] = needs[hard] = room
            known.add(room)  # last: another thread that finds it reads the costs
        return needs

    def _is_easy(self, state: str, group: str) -> bool:
        return any(after in EASY for _, after in self._spelling.scan(state, group))

    def _find_refused(self, slot: int, state: str, tail: str) -> Ids:
        """The tokens whose first character would change with the one before."""
        return np.array([*self._changing(slot, state, tail)], dtype=np.int64)

    def _changing(self, slot: int, state: str, tail: str) -> Iterator[int]:
        for token, text in self._floating.items():
            if not self._spelling.is_stable(tail + text):
                yield token
        if len(tail) > 1:  # behind a mark, not all of those that begin with the same byte may follow
            place = _place(slot, state)._replace(tail=tail)
            for token in self._halves:
                if not any(True for _ in self._texts.outcomes(place, token)):
                    yield token


def _place(slot: int, state: str) -> InText:
    return InText(slot, b"", 0, b"", NOTHING, state, '"')
