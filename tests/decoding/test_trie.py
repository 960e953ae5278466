"""The flat trie against a plain search through all words."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ontune.decoding.trie import ROOT, Trie, build_trie

words = st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=5).map(tuple), min_size=1, max_size=40, unique=True)


def build(sequences: list[tuple[int, ...]]) -> Trie:
    flat = np.array([token for word in sequences for token in word], dtype=np.int32)
    return build_trie(flat, np.array([len(word) for word in sequences]))


def node_of(trie: Trie, prefix: tuple[int, ...]) -> int:
    node = ROOT
    for token in prefix:
        node = trie.child(node, token)
        assert node != ROOT
    return node


@given(words, st.data())
def test_what_is_open_below_each_beginning(sequences, data):
    trie = build(sequences)
    floor = data.draw(st.integers(-1, len(sequences) - 1))
    shut = data.draw(st.sets(st.sampled_from(range(len(sequences)))))
    blocked = tuple(sorted(trie.leaves[place] for place in shut if place > floor))
    left = [word for place, word in enumerate(sequences) if place > floor and place not in shut]
    for prefix in {word[:at] for word in sequences for at in range(len(word) + 1)}:
        node = node_of(trie, prefix)
        following = sorted({word[len(prefix)] for word in left if word[: len(prefix)] == prefix and word != prefix})
        assert trie.open_tokens(node, blocked, floor).tolist() == following
        assert trie.is_open(node, blocked, floor) is any(word[: len(prefix)] == prefix for word in left)
        assert trie.branches(node) is any(word[: len(prefix)] == prefix and word != prefix for word in sequences)
        leaf = trie.leaf(node)
        assert (sequences[trie.places[leaf]] if leaf >= 0 else None) == (prefix if prefix in sequences else None)
        assert [trie.child(node, token) != ROOT for token in range(-1, 5)] == [
            any(word[: len(prefix) + 1] == (*prefix, token) for word in sequences) for token in range(-1, 5)
        ]


def test_many_blocked_words_are_counted_as_few_are():
    sequences = [(first, second) for first in range(30) for second in range(4)]
    trie = build(sequences)
    blocked = tuple(range(3, 30)) + tuple(range(40, 104))
    whole = {first for first in range(30) if all(first * 4 + second in blocked for second in range(4))}
    assert trie.open_tokens(ROOT, blocked, -1).tolist() == [first for first in range(30) if first not in whole]
