"""Drafts: the tokens that an answer may go on with, as a tree that one forward pass reads at once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ontune.decoding.free_text import Ids
from ontune.decoding.mask import State, TokenMask

__all__ = ["Draft", "Tree", "grow"]

MOST_OPTIONS = 64  # of a choice that is drafted: free text has thousands


@dataclass(frozen=True)
class Tree:
    """Tokens with the place of the one before each; node 0 is the root, and parents come before their children."""

    tokens: Sequence[int]
    parents: Sequence[int]  # the root's is -1

    def __len__(self) -> int:
        return len(self.tokens)

    @cached_property
    def depths(self) -> npt.NDArray[np.int64]:
        """How many tokens lie before each node, the root's being none."""
        return self.ancestors.sum(axis=1) - 1

    @cached_property
    def ancestors(self) -> npt.NDArray[np.bool_]:
        """Row by row, which nodes lead to a node, itself included: what its token may look at."""
        seen = np.eye(len(self), dtype=np.bool_)
        for node, parent in enumerate(self.parents):
            if parent >= 0:
                seen[node] |= seen[parent]
        return seen

    @property
    def branches(self) -> bool:
        """Whether it is more than one run of tokens."""
        return any(parent != node - 1 for node, parent in enumerate(self.parents))


@dataclass(frozen=True)
class Draft:
    """A tree of tokens that the mask allows, the root being the last token that is certain."""

    tree: Tree
    states: Sequence[State]  # after each node's token
    allowed: Sequence[Ids]  # what may follow each node, sorted; nothing where nobody will ask
    children: Sequence[dict[int, int]] = field(repr=False)  # the node of each next token that was drafted

    @cached_property
    def choices(self) -> list[int]:
        """The nodes after which the model must choose."""
        return [node for node, ids in enumerate(self.allowed) if ids.size > 1]

    def walk(self, choose: Callable[[int], int]) -> tuple[list[int], int]:
        """The path of nodes from the root on, and the token after it, which lies outside the draft.

        `choose` gives the model's token after a node, and is asked at choices alone.
        """
        path = [0]
        while True:
            node = path[-1]
            ids = self.allowed[node]
            token = choose(node) if ids.size > 1 else int(ids[0])
            if token not in self.children[node]:
                return path, token
            path.append(self.children[node][token])


def grow(mask: TokenMask, token: int, state: State, limit: int, branch: bool) -> Draft:
    """What may follow a token whose mask state is given, in at most `limit` nodes.

    A draft that branches holds the rest of a word, and behind each of its ends all runs up to the next word. One that
    does not is a single run: the tokens that must follow, and at a choice the one that leads to a word, if there is
    one, since lists are seldom empty and more often go on than end.
    """
    tokens, parents, states = [token], [-1], [state]
    allowed: list[Ids] = []
    children: list[dict[int, int]] = []
    for node, here in enumerate(states):  # which grows meanwhile: breadth first
        ids = mask.next_tokens(here)
        allowed.append(ids)
        children.append({})
        for following, after in _drafted(mask, here, ids, limit - len(tokens), branch):
            children[node][following] = len(tokens)
            tokens.append(following)
            parents.append(node)
            states.append(after)
    return Draft(Tree(tokens, parents), states, allowed, children)


def _drafted(mask: TokenMask, state: State, ids: Ids, room: int, branch: bool) -> list[tuple[int, State]]:
    """The tokens to draft behind a state, of those that it allows, with the states after them."""
    if ids.size > min(room, MOST_OPTIONS) or (ids.size > 1 and mask.starts_word(state)):
        return []
    after = [(token, mask.advance(state, token)) for token in ids.tolist()]
    if ids.size > 1 and not branch:
        after = [pair for pair in after if _leads_to_word(mask, pair[1])][:1]
    return [pair for pair in after if not mask.is_done(pair[1])]  # nothing is asked after the end of the turn


def _leads_to_word(mask: TokenMask, state: State) -> bool:
    """Whether a word begins here, or behind the tokens that must follow."""
    run = iter(mask.forced(state))
    while not mask.starts_word(state):
        token = next(run, None)
        if token is None:
            return False
        state = mask.advance(state, token)
    return True
