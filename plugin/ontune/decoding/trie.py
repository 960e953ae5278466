"""Token sequences that share their beginnings; sets of sequences are bit sets, so that excluding some is one `&`."""

from collections.abc import Iterable, Iterator, Sequence

__all__ = ["Node", "bits", "build_trie"]


class Node:
    """A beginning of some sequences: `items` is the bit set of those it begins, `ends` of those that it is."""

    __slots__ = ("children", "ends", "items")

    def __init__(self) -> None:
        self.children: dict[int, Node] = {}
        self.items = 0
        self.ends = 0


def build_trie(sequences: Iterable[Sequence[int]]) -> Node:
    """The root of the trie; the sequence at place n has the bit 1 << n."""
    root = Node()
    for place, sequence in enumerate(sequences):
        node = root
        node.items |= 1 << place
        for token in sequence:
            node = node.children.setdefault(token, Node())
            node.items |= 1 << place
        node.ends |= 1 << place
    return root


def bits(number: int) -> Iterator[int]:
    """The places of the bits that are set, lowest first."""
    while number:
        lowest = number & -number
        yield lowest.bit_length() - 1
        number ^= lowest
