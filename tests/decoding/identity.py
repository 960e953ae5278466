"""Whether two ways of decoding give the same tokens, and where they do not, how near the two best choices were."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from ontune.decoding.mask import TokenMask
from ontune.decoding.processor import OntologyLogitsProcessor

MANTISSA = {torch.float32: 23, torch.bfloat16: 7, torch.float16: 10}


@dataclass(frozen=True)
class Reference:
    """Answers of step-by-step masked greedy decoding, with the two best allowed logits of each step."""

    rows: list[list[int]]
    best: list[list[tuple[float, float]]]
    dtype: torch.dtype


@dataclass(frozen=True)
class Difference:
    """The first step at which a row goes another way, and how far apart its two best logits are there."""

    row: int
    step: int
    ulps: float


def step_by_step(model: Any, inputs: Any, mask: TokenMask, config: Any) -> Reference:
    """What `generate` gives with the mask as a logits processor: one token a pass."""
    length = inputs["input_ids"].shape[1]
    inner = OntologyLogitsProcessor(mask, length)
    steps: list[torch.Tensor] = []

    def masked(ids: Any, scores: Any) -> Any:
        found = inner(ids, scores)
        steps.append(found.topk(2).values)
        return found

    rows = model.generate(**inputs, generation_config=config, logits_processor=[masked])[:, length:].tolist()
    best = torch.stack(steps, dim=1).tolist()
    return Reference([until_end(row, mask) for row in rows], best, model.dtype)


def until_end(row: list[int], mask: TokenMask) -> list[int]:
    """The tokens up to the end of the turn, it included."""
    at = next((place for place, token in enumerate(row) if token in mask.end_ids), len(row) - 1)
    return row[: at + 1]


def differences(reference: Reference, rows: Sequence[Sequence[int]]) -> list[Difference]:
    """The rows that differ, each at its first step; nothing where all tokens are the same."""
    found: list[Difference] = []
    for row, (expected, given) in enumerate(zip(reference.rows, rows, strict=True)):
        if list(given) != expected:
            same = (a == b for a, b in zip(expected, given, strict=False))
            step = next((at for at, equal in enumerate(same) if not equal), min(len(expected), len(given)))
            first, second = reference.best[row][min(step, len(expected) - 1)]
            found.append(Difference(row, step, (first - second) / ulp(first, reference.dtype)))
    return found


def ulp(value: float, dtype: torch.dtype) -> float:
    """The distance from a value to the next one that the type can hold."""
    return 2.0 ** (math.frexp(value)[1] - 1 - MANTISSA[dtype]) if value else torch.finfo(dtype).tiny
