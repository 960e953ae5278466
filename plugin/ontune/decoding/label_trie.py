"""The tokens of many words as a trie that one forward pass reads, and the words' log-probabilities from its result."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from ontune.decoding.draft import Tree
from ontune.decoding.free_text import Ids
from ontune.decoding.head import Head
from ontune.decoding.mask import State, TokenMask

__all__ = ["Tokens", "Trie", "Words", "build_tries"]

Tokens: TypeAlias = tuple[int, ...]
Words: TypeAlias = dict[str, Tokens]  # labels of a field, or options of a choice, with their tokens
Bools: TypeAlias = npt.NDArray[np.bool_]
Floats: TypeAlias = npt.NDArray[np.float64]

NODES = 2048  # of a pass: its attention mask grows with their square


@dataclass(frozen=True)
class Trie:
    """The tokens of some words, without those that only end a word: node 0 stands for what is before the words.

    A choice is a node behind which the mask allows several tokens. Steps and ends are about choices alone, since what
    must follow has the probability one; in their arrays stand words, rows of choices, and columns of tokens.
    """

    labels: tuple[str, ...]
    tree: Tree
    choices: Ids
    ids: Ids  # the tokens that choices allow
    allowed: Bools  # (choices, ids)
    ending: Bools  # (choices, ids): those that end the word
    steps: Ids  # (steps, 3): word, choice, token
    ends: Ids  # (ends, 2): word, choice

    def scores(self, hidden: torch.Tensor, head: Head) -> dict[str, float]:
        """The log-probability of each word, from the hidden states of the nodes."""
        totals = np.zeros(len(self.labels))
        if self.choices.size:
            logits = head(hidden[self.choices], self.ids).double().numpy(force=True)
            normal = _log_sum(logits, self.allowed)
            word, choice, token = self.steps.T
            np.add.at(totals, word, logits[choice, token] - normal[choice])
            word, choice = self.ends.T
            np.add.at(totals, word, (_log_sum(logits, self.ending) - normal)[choice])
        return dict(zip(self.labels, totals.tolist(), strict=True))


def build_tries(mask: TokenMask, state: State, words: Words) -> list[Trie]:
    """The words that may begin at a state; several tries where one pass should not hold them all."""
    going_on: defaultdict[Tokens, set[int]] = defaultdict(set)
    for tokens in words.values():
        for at, token in enumerate(tokens):
            going_on[tokens[:at]].add(token)
    return [_Builder(mask, state, going_on).build(part) for part in _parts(words)]


def _parts(words: Words) -> Iterator[Words]:
    """The words, neighbours in the trie together, in parts of about `NODES` tokens."""
    part: Words = {}
    size = 0
    for word, tokens in sorted(words.items(), key=lambda item: item[1]):
        part[word] = tokens
        size += len(tokens)
        if size >= NODES:
            yield part
            part, size = {}, 0
    if part:
        yield part


@dataclass
class _Builder:
    """Puts words into a trie; `going_on` are the tokens that go on with any word behind each beginning of one."""

    mask: TokenMask
    state: State
    going_on: Mapping[Tokens, set[int]]
    nodes: dict[Tokens, int] = field(default_factory=dict[Tokens, int])
    parents: list[int] = field(default_factory=list[int])
    states: list[State] = field(default_factory=list[State])

    def build(self, part: Words) -> Trie:
        self._add((), -1, self.state)
        possible = {word: tokens for word, tokens in part.items() if self._put(tokens)}
        allowed = [self.mask.next_tokens(state) for state in self.states]
        row = {node: at for at, node in enumerate(node for node, ids in enumerate(allowed) if ids.size > 1)}
        ids = np.unique(np.concatenate([allowed[node] for node in row] or [np.zeros(0, dtype=np.int64)]))
        prefixes = list(self.nodes)
        inside, ending = np.zeros((2, len(row), ids.size), dtype=np.bool_)
        for node, at in row.items():
            inside[at, np.searchsorted(ids, allowed[node])] = True
            ending[at] = inside[at] & ~np.isin(ids, list(self.going_on[prefixes[node]]))
        steps: list[tuple[int, int, int]] = []
        ends: list[tuple[int, int]] = []
        for word, tokens in enumerate(possible.values()):
            path = [row.get(self.nodes.get(tokens[:at], -1)) for at in range(len(tokens) + 1)]
            columns = np.searchsorted(ids, tokens).tolist()
            steps += [(word, at, column) for at, column in zip(path, columns, strict=False) if at is not None]
            ends += [(word, at) for at in path[-1:] if at is not None]
        return Trie(
            tuple(possible),
            Tree([prefix[-1] if prefix else 0 for prefix in prefixes], self.parents),
            np.array(list(row), dtype=np.int64),
            ids,
            inside,
            ending,
            np.array(steps, dtype=np.int64).reshape(-1, 3),
            np.array(ends, dtype=np.int64).reshape(-1, 2),
        )

    def _put(self, tokens: Tokens) -> bool:
        """Adds a word, unless the mask does not allow it here."""
        state = self.state
        for at in range(1, len(tokens) + 1):
            node = self.nodes.get(tokens[:at])
            state = self.states[node] if node is not None else self.mask.advance(state, tokens[at - 1])
            if node is None and state and tokens[:at] in self.going_on:
                self._add(tokens[:at], self.nodes[tokens[: at - 1]], state)
        return bool(state)

    def _add(self, prefix: Tokens, parent: int, state: State) -> None:
        self.nodes[prefix] = len(self.parents)
        self.parents.append(parent)
        self.states.append(state)


def _log_sum(logits: Floats, chosen: Bools) -> Floats:
    """The logarithm of the sum of exponentials over the chosen columns; minus infinity where there are none."""
    values = np.where(chosen, logits, -np.inf)
    high = values.max(axis=1)
    high[np.isneginf(high)] = 0.0
    with np.errstate(divide="ignore"):
        return np.log(np.exp(values - high[:, None]).sum(axis=1)) + high
