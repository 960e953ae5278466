"""The few runs of fixed text that leave a slot, as a trie; a set of runs is a bit set: closing some is one `&`."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["Ids", "RunNode", "bits", "build_runs"]

Ids = npt.NDArray[np.int64]


class RunNode:
    """A beginning of some runs: `items` is the bit set of those it begins, `ends` of those that it is."""

    __slots__ = ("_tokens", "children", "ends", "items")

    def __init__(self) -> None:
        self.children: dict[int, RunNode] = {}
        self.items = 0
        self.ends = 0
        self._tokens: dict[int, Ids] = {}

    def tokens(self, open_runs: int) -> Ids:
        """The tokens that lead on to a run that is open, sorted; the array is shared."""
        found = self._tokens.get(open_runs)
        if found is None:
            ids = sorted(token for token, child in self.children.items() if child.items & open_runs)
            found = self._tokens[open_runs] = np.array(ids, dtype=np.int64)
        return found


def build_runs(sequences: Iterable[Sequence[int]]) -> RunNode:
    """The root of the trie; the sequence at place n has the bit 1 << n."""
    root = RunNode()
    for place, sequence in enumerate(sequences):
        node = root
        node.items |= 1 << place
        for token in sequence:
            node = node.children.setdefault(token, RunNode())
            node.items |= 1 << place
        node.ends |= 1 << place
    return root


def bits(number: int) -> Iterator[int]:
    """The places of the bits that are set, lowest first."""
    while number:
        lowest = number & -number
        yield lowest.bit_length() - 1
        number ^= lowest
