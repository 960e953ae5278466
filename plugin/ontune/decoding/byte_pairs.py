"""Byte-pair merges: which token may follow which, so that the tokenizer itself would have written the two.

A sequence of tokens is what byte-pair encoding makes of its text where each pair of neighbours is (Vieira et al., 2025,
"Language models over canonical byte-pair encodings"). A pair is not where, on the way to its two tokens, a piece at the
right edge of the first and one at the left edge of the second would have been merged before either was used up.
"""

import json
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from ontune.decoding.runs import Ids

__all__ = ["BytePairs", "byte_letters"]

NEVER = 1 << 31  # the rank of a merge that does not happen
Spine = tuple[tuple[int, int], ...]


class BytePairs:
    """The merges of a byte-level tokenizer; `contents` has the bytes of the tokens that it can write."""

    def __init__(self, tokenizer: Any) -> None:
        self._model = tokenizer.backend_tokenizer.model
        state = json.loads(self._model.__getstate__())
        vocabulary: dict[str, int] = state["vocab"]
        self.width = max(vocabulary.values()) + 1
        self._letters = {byte: letter for letter, byte in byte_letters().items()}
        letters, added = byte_letters(), tokenizer.added_tokens_decoder
        pairs = [merge.split(" ") if isinstance(merge, str) else merge for merge in state["merges"]]
        written = letters.keys() | {one + two for one, two in pairs}
        self.contents = {
            token: bytes(map(letters.__getitem__, text))
            for text, token in vocabulary.items()
            if text in written and token not in added and letters.keys() >= set(text) and self._ids(text) == [token]
        }
        self._ranks = {(vocabulary[one], vocabulary[two]): rank for rank, (one, two) in enumerate(pairs)}
        results = np.array([vocabulary[one + two] for one, two in pairs], dtype=np.int64)
        self._lefts, self._rights, self._made = self._derive(results)
        self._index_merges()
        self._index_spines()

    @staticmethod
    def fits(tokenizer: Any) -> bool:
        """Whether the tokenizer merges bytes, and by nothing but its merges."""
        backend = getattr(tokenizer, "backend_tokenizer", None)
        state = json.loads(backend.model.__getstate__()) if backend else {}
        odd = ("dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix", "ignore_merges")
        return state.get("type") == "BPE" and not any(state.get(name) for name in (*odd, "byte_fallback"))

    def encode(self, content: bytes) -> list[int]:
        """The tokens of bytes that stand together, as one part of a text."""
        return self._ids("".join(map(self._letters.__getitem__, content)))

    def merges(self, one: int, two: int) -> bool:
        """Whether the tokenizer would not leave the two side by side."""
        ranks = self._ranks
        return any(
            ranks.get((left, right), NEVER) < used and ranks[left, right] <= other_used
            for left, used in self._spine(one, right=True)
            for right, other_used in self._spine(two, right=False)
        )

    @lru_cache(maxsize=4096)  # noqa: B019 - there is one object a tokenizer
    def merged(self, token: int) -> Ids:
        """All tokens that `merges` with this one before them."""
        found = [self._merged(piece, used) for piece, used in self._spine(token, right=True)]
        return np.unique(np.concatenate(found))

    def _ids(self, text: str) -> list[int]:
        return [token.id for token in self._model.tokenize(text)] if text else []

    def _derive(self, results: npt.NDArray[np.int64]) -> tuple[Ids, Ids, Ids]:
        """The two parts of each token, and the rank of their merge; -1, -1 and NEVER for a single byte.

        Of several merges that give the same token, the one counts that is not overtaken by another within it.
        """
        lefts, rights = (np.full(self.width, -1, dtype=np.int64) for _ in range(2))
        made = np.full(self.width, NEVER, dtype=np.int64)
        for (one, two), rank in self._ranks.items():
            token = results[rank]
            if made[token] == NEVER or (made[token] < rank and self._overtaken(lefts, rights, made, int(token))):
                lefts[token], rights[token], made[token] = one, two, rank
        return lefts, rights, made

    def _overtaken(self, lefts: Ids, rights: Ids, made: Ids, token: int) -> bool:
        """Whether the two parts of a token would not come to stand side by side: merged otherwise before."""
        one, two, rank = int(lefts[token]), int(rights[token]), int(made[token])
        self._lefts, self._rights, self._made = lefts, rights, made
        return any(
            self._ranks.get((left, right), NEVER) < min(used, rank) and self._ranks[left, right] <= other_used
            for left, used in self._spine(one, right=True)
            for right, other_used in self._spine(two, right=False)
        )

    def _spine(self, token: int, right: bool) -> Spine:
        """The pieces at one edge of a token, itself first, each with the rank of the merge that uses it up."""
        found, used = list[tuple[int, int]](), NEVER
        side = self._rights if right else self._lefts
        while token >= 0:
            found.append((token, used))
            used, token = int(self._made[token]), int(side[token])
        return tuple(found)

    def _index_merges(self) -> None:
        """All merges by their left piece."""
        pairs = np.array([(*pair, rank) for pair, rank in self._ranks.items()], dtype=np.int64).reshape(-1, 3)
        self._pairs = pairs[np.argsort(pairs[:, 0], kind="stable")]

    def _index_spines(self) -> None:
        """The tokens by the pieces at their left edge, those first that use them up last."""
        tokens = np.array(sorted(self.contents), dtype=np.int64)
        pieces, used = tokens, np.full(len(tokens), NEVER, dtype=np.int64)
        rows = list[npt.NDArray[np.int64]]()
        while len(tokens):
            rows.append(np.stack([pieces, used, tokens]))
            used, pieces = self._made[pieces], self._lefts[pieces]
            tokens, used, pieces = (array[pieces >= 0] for array in (tokens, used, pieces))
        piece, used, token = np.concatenate(rows, axis=1)
        keys = piece * 2 * NEVER + (NEVER - used)
        order = np.argsort(keys, kind="stable")
        self._keys, self._tokens = keys[order], token[order]

    def _merged(self, piece: int, used: int) -> Ids:
        """The tokens with a piece at their left edge that is merged with this one before that is used up."""
        start, end = np.searchsorted(self._pairs[:, 0], [piece, piece + 1])
        others, ranks = self._pairs[start:end, 1:].T
        others, ranks = others[ranks < used], ranks[ranks < used]
        starts = np.searchsorted(self._keys, others * 2 * NEVER)
        ends = np.searchsorted(self._keys, others * 2 * NEVER + (NEVER - ranks), side="right")
        lengths = ends - starts
        within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        return self._tokens[np.repeat(starts, lengths) + within]


def byte_letters() -> dict[str, int]:
    """The byte that each letter of a byte-level vocabulary stands for, as in GPT-2: printable ones for themselves."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(0x100) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(0x100 + place): byte for place, byte in enumerate(others)}
