"""Drafts hold what the mask allows, up to the next word or the next choice."""

import random

import pytest

from decoding.pictured import load
from ontune.decoding.draft import Tree, grow
from ontune.decoding.mask import TokenMask
from random_answers import NESTED, PLAIN

TASKS = {"plain": PLAIN, "nested": NESTED}


@pytest.fixture(params=TASKS)
def mask(request, tiny_model) -> TokenMask:
    return TokenMask(TASKS[request.param], load(tiny_model("qwen2_5_vl"))[1].tokenizer)


def walks(mask, chance, branch, limit):
    """Drafts on the way of random answers: those that decoding would make."""
    token, state = 7, mask.start
    while not mask.is_done(state):
        draft = grow(mask, token, state, limit, branch)
        yield draft
        path, token = draft.walk(lambda node, draft=draft: chance.choice(draft.allowed[node].tolist()))
        assert token not in draft.children[path[-1]]
        state = mask.advance(draft.states[path[-1]], token)
        assert state


@pytest.mark.parametrize("limit", [1, 9, 300])
@pytest.mark.parametrize("branch", [True, False])
def test_nodes_are_what_the_mask_allows(mask, branch, limit) -> None:
    for draft in walks(mask, random.Random(3), branch, limit):
        assert len(draft.tree) <= limit
        assert branch or not draft.tree.branches
        for node in range(1, len(draft.tree)):
            parent = draft.tree.parents[node]
            assert draft.children[parent][draft.tree.tokens[node]] == node
            assert draft.states[node] == mask.advance(draft.states[parent], draft.tree.tokens[node])
            assert not mask.is_done(draft.states[node])
        for node, ids in enumerate(draft.allowed):
            assert ids.tolist() == sorted(mask.next_tokens(draft.states[node]).tolist())
        assert draft.choices == [node for node, ids in enumerate(draft.allowed) if len(ids) > 1]


def test_a_draft_that_branches_ends_where_words_begin(mask) -> None:
    for draft in walks(mask, random.Random(4), True, 10_000):
        for node, state in enumerate(draft.states):
            few = 1 < len(draft.allowed[node]) <= 64
            if few and not mask.starts_word(state):
                ends = sum(mask.is_done(mask.advance(state, token)) for token in draft.allowed[node].tolist())
                assert len(draft.children[node]) == len(draft.allowed[node]) - ends


def test_a_tree_knows_what_leads_to_each_node() -> None:
    tree = Tree([5, 6, 7, 8, 9], [-1, 0, 0, 2, 3])
    assert tree.branches
    assert tree.depths.tolist() == [0, 1, 1, 2, 3]
    assert [row.nonzero()[0].tolist() for row in tree.ancestors] == [[0], [0, 1], [0, 2], [0, 2, 3], [0, 2, 3, 4]]
    assert not Tree([5, 6, 7], [-1, 0, 1]).branches
