"""The mask in `generate`."""

from collections.abc import Callable

import torch
from transformers import LogitsProcessor

from ontune.decoding.mask import TokenMask

__all__ = ["OntologyLogitsProcessor", "prefix_allowed_tokens"]


class OntologyLogitsProcessor(LogitsProcessor):
    """Scores with minus infinity for every token that the mask forbids, row by row.

    `prompt_length` is the width of the left-padded prompts. It holds no state of a run: one object serves any number of
    `generate` calls with that width, and beams.
    """

    def __init__(self, mask: TokenMask, prompt_length: int) -> None:
        self._mask = mask
        self._prompt_length = prompt_length

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor) -> torch.FloatTensor:
        """The masked scores. Raises ValueError where a row was forced onto tokens that no answer has."""
        masked = torch.full_like(scores, -torch.inf)
        for row, written in enumerate(input_ids[:, self._prompt_length :].tolist()):
            ids = self._mask.next_tokens(self._mask.state(written))
            if not ids.size:
                raise ValueError(
                    f"row {row}: no answer begins with the tokens {written}: is another processor at work?"
                )
            allowed = torch.from_numpy(ids).to(scores.device)
            masked[row, allowed] = scores[row, allowed]
        return masked  # pyright: ignore[reportReturnType] - full_like keeps the type


def prefix_allowed_tokens(mask: TokenMask, prompt_length: int) -> Callable[[int, torch.Tensor], list[int]]:
    """The mask as `generate` takes it in `prefix_allowed_tokens_fn`, for prompts padded on the left to that width.

    The processor is the faster way: this one is for hosts that take a function alone. Raises ValueError where a row was
    forced onto tokens that no answer has.
    """

    def allowed(row: int, input_ids: torch.Tensor) -> list[int]:
        written: list[int] = input_ids[prompt_length:].tolist()
        ids = mask.allowed(written)
        if not ids:
            raise ValueError(f"row {row}: no answer begins with the tokens {written}: is another processor at work?")
        return ids

    return allowed
