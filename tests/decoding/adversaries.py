"""Models at their worst, and what their answers break: rules, JSON, the tokenizer's own way of splitting."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch

from ontune.decoding.mask import TokenMask
from ontune.decoding.processor import OntologyLogitsProcessor
from ontune.task import Task
from ontune.task.parsing import parse

__all__ = ["ADVERSARIES", "Found", "borders", "check", "runs"]

Logits: TypeAlias = torch.Tensor
Adversary: TypeAlias = Callable[[np.random.Generator, int], Callable[[Sequence[int]], Logits]]


def looping(chance: np.random.Generator, width: int) -> Callable[[Sequence[int]], Logits]:
    """Always the same preferences: a model that would write one label for ever."""
    fixed = torch.from_numpy(chance.standard_normal(width, dtype=np.float32))
    return lambda _: fixed


def uniform(chance: np.random.Generator, width: int) -> Callable[[Sequence[int]], Logits]:
    """Every allowed token is as likely as any other, anew at each step."""
    return lambda _: torch.from_numpy(chance.random(width, dtype=np.float32))


def biased(chance: np.random.Generator, width: int) -> Callable[[Sequence[int]], Logits]:
    """Prefers what it has just written, and shuns the ends of lists and turns: repeats wherever it may."""
    fixed = chance.standard_normal(width, dtype=np.float32)

    def logits(written: Sequence[int]) -> Logits:
        wanted = fixed.copy()
        wanted[list(written[:-1])] += 100  # the tokens before, once more
        wanted[list(written[-1:])] += 50
        return torch.from_numpy(wanted)

    return logits


ADVERSARIES: dict[str, Adversary] = {"looping": looping, "uniform": uniform, "biased": biased}


@dataclass(frozen=True)
class Found:
    """What is wrong with one answer."""

    violations: int = 0
    invalid: int = 0
    non_canonical: int = 0


def runs(
    mask: TokenMask, name: str, count: int, width: int, seed: int = 0, begun: Sequence[Sequence[int]] = ((),)
) -> Iterator[list[int]]:
    """The tokens of so many answers of an adversary, without the end of the turn; each goes on from one of `begun`.

    Each goes through the logits processor, as in `generate`. Raises AssertionError where an answer does not end.
    """
    chance = np.random.default_rng(seed)
    processor = OntologyLogitsProcessor(mask, 0)
    for place in range(count):
        model, row = ADVERSARIES[name](chance, width), list(begun[place % len(begun)])
        while not set(mask.end_ids) & set(row):
            assert len(row) < 4000, "the answer does not end"
            ids = torch.tensor([row], dtype=torch.long)
            row.append(int(processor(ids, model(row)[None]).argmax()))  # pyright: ignore[reportArgumentType]
        yield row[:-1]


def check(task: Task, tokenizer: Any, ids: Sequence[int]) -> Found:
    """What an answer breaks."""
    raw = tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)
    answer, errors = parse(task, raw)
    again = tokenizer(raw, add_special_tokens=False)["input_ids"]
    return Found(
        violations=int(answer is not None and bool(errors)),
        invalid=int(answer is None),
        non_canonical=int(list(ids) != list(again)),
    )


def borders(mask: TokenMask, seed: int = 0, count: int = 30) -> list[list[int]]:
    """Answers begun, up to where the rules press: lists nearly full, minimums with few labels left, the error answer.

    Walks that go on with a list wherever they may, cut at the last place where a word can start or a list must end.
    """
    chance = random.Random(seed)
    found: list[list[int]] = []
    for _ in range(count):
        state, ids, cuts = mask.start, list[int](), [0]
        while not mask.is_done(state):
            if mask.starts_word(state) or mask.forced(state):
                cuts.append(len(ids))
            token = int(chance.choice(mask.next_tokens(state)))
            ids.append(token)
            state = mask.advance(state, token)
        found += [ids[:cut] for cut in {chance.choice(cuts), *cuts[-3:]} if not set(mask.end_ids) & set(ids[:cut])]
    return sorted(found)
