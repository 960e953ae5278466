"""What may still be chosen in a slot of words: the words that are left, and how many must or may follow."""

from bisect import bisect_left
from typing import NamedTuple

from ontune.decoding.contract import Slot
from ontune.decoding.exclusion import Exclusion, Numbers
from ontune.decoding.trie import ROOT, Blocked, Trie

__all__ = ["Chosen", "Words"]


class Chosen(NamedTuple):
    """The words of a list so far: how many, what they exclude, and which leaves of the trie may not come next.

    `floor` is the place of the last word where the order of a list is canonical, otherwise -1.
    """

    length: int = 0
    excluded: Numbers = frozenset()
    blocked: Blocked = ()
    floor: int = -1


class Words:
    """A slot that is filled with words, and the trie of their tokens; `exclusion` is None for the one of a choice."""

    def __init__(self, slot: Slot, trie: Trie, exclusion: Exclusion | None) -> None:
        self.slot, self.trie, self._exclusion = slot, trie, exclusion
        self.nothing = self._after(0, frozenset(), -1)

    def choose(self, chosen: Chosen, leaf: int) -> Chosen | None:
        """The state of the list after one word more; None where the word may not follow."""
        place = self.trie.places[leaf]
        at = bisect_left(chosen.blocked, leaf)
        if place <= chosen.floor or chosen.blocked[at : at + 1] == (leaf,):
            return None
        if self._exclusion is None:
            return Chosen(chosen.length + 1)
        excluded = chosen.excluded | self._exclusion.conflicts(place)
        return self._after(chosen.length + 1, excluded, place if self._exclusion.canonical else -1)

    def may_go_on(self, chosen: Chosen) -> bool:
        """Whether another word may follow."""
        most = self.slot.max
        return (most is None or chosen.length < most) and self.trie.is_open(ROOT, chosen.blocked, chosen.floor)

    def may_end(self, chosen: Chosen) -> bool:
        return chosen.length >= self.slot.min

    def _after(self, count: int, excluded: Numbers, floor: int) -> Chosen:
        if self._exclusion is None:
            return Chosen(count)
        # Whoever takes one of these could not reach the minimum any more: they are shut out before, not after.
        hopeless = self._exclusion.hopeless(self.slot.min - count - 1, excluded, floor)
        leaves = self.trie.leaves
        blocked = sorted(leaves[place] for place in excluded | hopeless if place > floor)
        return Chosen(count, excluded, tuple(blocked), floor)
