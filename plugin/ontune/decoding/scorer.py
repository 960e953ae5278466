"""Log-probabilities of all labels of a field in one pass over the trie of their tokens.

The score of a label is the logarithm of the probability that decoding under the mask, at temperature 1, would write it
as the first of its field's list: the product of its tokens' probabilities, each a softmax over the tokens that the mask
allows there, and of the probability that the label ends where it does, whatever comes behind it. So a label that
begins another one is no better off than that, and the scores of a field are those of a distribution: their
probabilities add up to one. Teacher forcing with the same mask gives the same numbers.
"""

import copy
import json
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from ontune.decoding.draft import Tree
from ontune.decoding.generate import refusal
from ontune.decoding.head import Head
from ontune.decoding.label_trie import Tokens, Trie, Words, build_tries
from ontune.decoding.mask import State, TokenMask
from ontune.decoding.passes import Passes
from ontune.errors import InputError
from ontune.task.model import Answer, Choice, Labels, Task

__all__ = ["Words", "openings", "score_labels", "words"]

HERE = "\ue000"  # a private character, which hardly any answer has; otherwise several of them mark the place


def words(task: Task, tokenizer: Any) -> dict[str, Words]:
    """What can be scored: of each field of labels or options, named by its keys with full stops between, all values."""
    found: dict[str, Words] = {}
    for path, item in task.leaf_fields():
        if isinstance(item, Labels | Choice):
            values = item.options if isinstance(item, Choice) else task.ontology.labels(item.dimension)
            inside = [json.dumps(value, ensure_ascii=False)[1:-1] for value in values]
            tokens = tokenizer(inside, add_special_tokens=False)["input_ids"] if inside else []
            found[".".join(path)] = dict(zip(values, map(tuple, tokens), strict=True))
    return found


def openings(task: Task, tokenizer: Any, answer: Answer | None) -> dict[str, list[int]]:
    """The tokens of an answer up to the first word of each field that can be scored; fields before it as they are.

    Without an answer, and for the error answer, the lists before are empty.
    """
    given = task.answer_from_labels([]) if answer is None or task.is_error(answer) else answer
    texts: dict[str, str] = {}
    here = HERE
    while here in json.dumps(given, ensure_ascii=False):
        here += HERE
    for path, item in task.leaf_fields():
        value = [here] if isinstance(item, Labels) else here
        if isinstance(item, Labels | Choice):
            text = json.dumps(_with(given, path, value), ensure_ascii=False, separators=(",", ":"))
            texts[".".join(path)] = text.partition(here)[0]
    tokens = tokenizer([*texts.values()], add_special_tokens=False)["input_ids"] if texts else []
    return dict(zip(texts, tokens, strict=True))


def score_labels(
    model: Any,
    inputs: Mapping[str, Any],
    mask: TokenMask,
    fields: Mapping[str, Words],
    starts: Sequence[Mapping[str, Sequence[int]]],
) -> list[dict[str, dict[str, float]]]:
    """The log-probability of each label of each field, row by row, as the answer's first at that place.

    `inputs` are left-padded, `fields` what `words` gives, or some of it, `starts` the `openings` of each row. The
    prompt is read once for all. A field is missing from a row that has no such place under the mask, a label where the
    mask does not allow it there. Raises InputError for a model that takes no tree of tokens.
    """
    if reason := refusal(model, "label_tree"):
        raise InputError(f"labels cannot be scored with {reason}")
    found: list[dict[str, dict[str, float]]] = [{} for _ in starts]

    def read(model: Any, input_ids: torch.Tensor, **arguments: Any) -> torch.Tensor:
        passes, head = Passes(model, input_ids, arguments), Head(model)
        for name, field_words in fields.items():
            prefixes = [tuple(row.get(name, ())) for row in starts]
            for row, scores in enumerate(_field(passes, head, mask, input_ids[:, -1].tolist(), prefixes, field_words)):
                if scores:
                    found[row][name] = scores
        return input_ids

    model.generate(**inputs, custom_generate=read, max_new_tokens=1, do_sample=False, num_beams=1)
    return found


def _field(
    passes: Passes, head: Head, mask: TokenMask, roots: Sequence[int], prefixes: Sequence[Tokens], words: Words
) -> list[dict[str, float]]:
    """The scores of one field, row by row."""
    states = [mask.state(prefix) for prefix in prefixes]
    tries: dict[State, Sequence[Trie]] = {(): ()}
    for state in states:
        if state not in tries:
            tries[state] = build_tries(mask, state, words) if mask.starts_word(state) else ()
    scores: list[dict[str, float]] = [{} for _ in prefixes]
    for part in range(max(map(len, tries.values()))):
        mine = [tries[state][part] if part < len(tries[state]) else None for state in states]
        before = [
            (root, *prefix) if trie else (root,) for root, prefix, trie in zip(roots, prefixes, mine, strict=True)
        ]
        hidden = passes.feed([_behind(tokens, trie) for tokens, trie in zip(before, mine, strict=True)])
        passes.keep(dict.fromkeys(range(len(mine)), ()))  # the prompt alone
        for row, (tokens, trie) in enumerate(zip(before, mine, strict=True)):
            if trie:
                scores[row] |= trie.scores(hidden[row, len(tokens) - 1 :], head)
    return [{word: row[word] for word in words if word in row} for row in scores]


def _behind(tokens: Tokens, trie: Trie | None) -> Tree:
    """A run of tokens, and the trie's nodes behind its last one, which is the trie's own node 0."""
    run = list(range(-1, len(tokens) - 1))
    if trie is None:
        return Tree(tokens, run)
    last = len(run) - 1
    return Tree([*tokens, *trie.tree.tokens[1:]], [*run, *(last + parent for parent in trie.tree.parents[1:])])


def _with(answer: Answer, path: Sequence[str], value: Any) -> Answer:
    """A copy of the answer with a value put at a path of keys; where the answer has no such key, it comes last."""
    changed = inner = copy.deepcopy(answer)
    for key in path[:-1]:
        if not isinstance(inner.get(key), dict):
            inner[key] = {}
        inner = inner[key]
    inner[path[-1]] = value
    return changed
