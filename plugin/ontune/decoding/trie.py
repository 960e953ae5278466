"""Words as token sequences that share their beginnings, in flat arrays: 100,000 labels are a few megabytes.

Words are numbered in the trie's own order (leaves from left to right), so that the words below a node are an interval,
and whether any of them may still be chosen is the interval's length against the number of blocked words in it: two
binary searches.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ontune.decoding.runs import Ids

__all__ = ["ROOT", "Blocked", "Trie", "build_trie"]

ROOT = 0
FEW = 16  # blocked words below a node; numpy is faster for more
Integers: TypeAlias = npt.NDArray[np.integer[Any]]
Blocked: TypeAlias = tuple[int, ...]  # leaves that may not be chosen, sorted; with a floor only those above it


class Trie:
    """Nodes in breadth-first order, the root first; the children of node n are first[n] to first[n + 1].

    `tokens[n]` leads into node n, `low[n]` to `high[n]` are the leaves below it, `ends[n]` says whether the leaf low[n]
    ends there, and `places[leaf]` is the word's place in the list that the trie was built from. A `floor` excludes the
    words up to that place.
    """

    NAMES = ("tokens", "first", "low", "high", "ends", "places")

    def __init__(self, arrays: Mapping[str, Integers]) -> None:
        self.arrays = {name: arrays[name] for name in self.NAMES}
        self.tokens: Ids = np.ascontiguousarray(arrays["tokens"], dtype=np.int64)
        self._low, self._high, self._places = (arrays[name] for name in ("low", "high", "places"))
        self.places, self.ends = arrays["places"].data, arrays["ends"].data
        self._first, self._token = arrays["first"].data, self.tokens.data
        self._lows, self._highs = arrays["low"].data, arrays["high"].data
        self.leaves = np.argsort(self._places).astype(np.int32).data  # of each place
        self._top: Integers | None = None

    def child(self, node: int, token: int) -> int:
        """The node that the token leads to, or the root where there is none."""
        start, stop = self._first[node], self._first[node + 1]
        at = bisect_left(self._token, token, start, stop)
        return at if at < stop and self._token[at] == token else ROOT

    def branches(self, node: int) -> bool:
        """Whether any word goes on behind the node."""
        return self._first[node] < self._first[node + 1]

    def leaf(self, node: int) -> int:
        """The leaf that ends at the node, or -1."""
        return self._lows[node] if self.ends[node] else -1

    def is_open(self, node: int, blocked: Blocked, floor: int) -> bool:
        """Whether a word below the node may still be chosen."""
        low, high = self._lows[node], self._highs[node]
        taken = bisect_left(blocked, high) - bisect_left(blocked, low) if blocked else 0
        if floor < 0 or not taken:
            return taken < high - low and (floor < 0 or bool(self.top[node] > floor))
        return bool(taken < np.count_nonzero(self._places[low:high] > floor))

    def open_tokens(self, node: int, blocked: Blocked, floor: int) -> Ids:
        """The tokens that lead on to a word that may still be chosen, sorted; the array is shared."""
        start, stop = self._first[node], self._first[node + 1]
        tokens = self.tokens[start:stop]
        if not blocked and floor < 0:
            return tokens
        at, to = bisect_left(blocked, self._lows[node]), bisect_left(blocked, self._highs[node])
        if floor >= 0 or to - at > FEW:
            return tokens[~self._closed(start, stop, blocked[at:to], floor)]
        closed = self._closed_of_few(start, stop, blocked, at, to) if at < to else ()
        return np.delete(tokens, closed) if closed else tokens

    @property
    def top(self) -> Integers:
        """For each node the highest place among its words."""
        if self._top is None:
            # Intervals of one depth are disjoint, but words that end higher up lie between them: one more index each.
            bounds = np.stack([self._low, self._high], axis=1).ravel()
            self._top = np.maximum.reduceat(np.append(self._places, -1), bounds)[::2]
        return self._top

    def _closed_of_few(self, start: int, stop: int, blocked: Blocked, at: int, to: int) -> list[int]:
        """Which of the nodes start to stop, all children of one, are blocked as a whole; from blocked[at:to] alone."""
        closed: list[int] = []
        while at < to:
            child = bisect_right(self._lows, blocked[at], start, stop) - 1
            if child < start:  # the word that ends at their parent
                at += 1
                continue
            end = bisect_left(blocked, self._highs[child], at, to)
            if end - at == self._highs[child] - self._lows[child]:
                closed.append(child - start)
            at = end
        return closed

    def _closed(self, start: int, stop: int, blocked: Blocked, floor: int) -> npt.NDArray[np.bool_]:
        """Which of the nodes start to stop, all children of one, have no word that may still be chosen."""
        closed = self.top[start:stop] <= floor if floor >= 0 else np.zeros(stop - start, dtype=np.bool_)
        children = np.searchsorted(self._low[start:stop], np.array(blocked, dtype=np.int32), side="right") - 1
        taken = np.bincount(children[children >= 0], minlength=stop - start)
        if floor < 0:
            return taken >= self._high[start:stop] - self._low[start:stop]
        for child in np.flatnonzero(taken):
            places = self._places[self._low[start + child] : self._high[start + child]]
            closed[child] |= taken[child] >= np.count_nonzero(places > floor)
        return closed


def build_trie(flat: Integers, lengths: Integers) -> Trie:
    """The trie of the words whose tokens stand one after the other in `flat`; no word may be given twice."""
    rows = _matrix(flat, lengths)
    order = np.lexsort(rows.T[::-1]) if len(rows) > 1 else np.zeros(len(rows), dtype=np.int64)
    rows, lengths = rows[order], lengths[order]
    shared = np.full(len(rows), -1)  # how many tokens a word shares with the one before
    shared[1:] = np.argmax(rows[1:] != rows[:-1], axis=1)
    starts, highs = [np.zeros(1, dtype=np.int64)], [np.array([len(rows)])]
    tokens, ends = [np.array([-1])], [np.zeros(1, dtype=np.bool_)]
    for depth in range(1, rows.shape[1] + 1):
        edges = np.flatnonzero(shared < depth)
        found = edges[lengths[edges] >= depth]
        starts.append(found)
        highs.append(np.append(edges, len(rows))[np.searchsorted(edges, found, side="right")])
        tokens.append(rows[found, depth - 1])
        ends.append(lengths[found] == depth)
    return Trie(
        {
            "tokens": np.concatenate(tokens).astype(np.int32),
            "first": _first(starts),
            "low": np.concatenate(starts).astype(np.int32),
            "high": np.concatenate(highs).astype(np.int32),
            "ends": np.concatenate(ends).astype(np.uint8),
            "places": order.astype(np.int32),
        }
    )


def _matrix(flat: Integers, lengths: Integers) -> Integers:
    """One row a word, filled up with -1, which sorts before every token."""
    rows = np.full((len(lengths), int(lengths.max(initial=0))), -1, dtype=np.int32)
    rows[np.arange(rows.shape[1]) < lengths[:, None]] = flat
    return rows


def _first(starts: list[npt.NDArray[np.int64]]) -> Integers:
    """Where each node's children begin, and the number of nodes at the end."""
    base, first = 0, list[Integers]()
    for above, below in zip(starts, [*starts[1:], np.zeros(0, dtype=np.int64)], strict=True):
        base += len(above)
        first.append(base + np.searchsorted(below, above))
    return np.append(np.concatenate(first), base).astype(np.int32)
