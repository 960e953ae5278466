"""Greedy decoding under a mask in which runs of tokens that must follow are read in one pass."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from transformers import EosTokenCriteria, MaxLengthCriteria, MinLengthLogitsProcessor

from ontune.decoding.draft import Draft, grow
from ontune.decoding.head import Head
from ontune.decoding.mask import State, TokenMask
from ontune.decoding.passes import Passes

__all__ = ["NotPlain", "decode", "jump_forward"]

LONGEST_RUN, FEWEST_NODES = 512, 8  # of a row's draft


class NotPlain(ValueError):
    """More was asked of `generate` than plain greedy decoding: what."""


def jump_forward(
    model: Any, input_ids: torch.Tensor, mask: TokenMask, stream: Any = None, **arguments: Any
) -> torch.Tensor:
    """The rows that `generate` gives under this mask, in as many passes as the mask leaves choices.

    For `model.generate(…, custom_generate=jump_forward, mask=mask)`; greedy, of Qwen-VL models, whatever their
    attention. `stream` stands for `streamer`, which transformers does not hand on: it is given the prompt, and each
    token as it is decided. Stopping criteria of one's own are asked once a pass. Raises NotPlain where anything but
    plain greedy decoding is asked for, HostVersionError for a version of transformers that is not known to work.
    """
    return decode(model, input_ids, mask, stream, arguments, LONGEST_RUN * len(input_ids), branch=False)


@dataclass
class Row:
    """A padded prompt and its answer so far, and the mask's state after it."""

    tokens: list[int]
    state: State

    def follow(self, draft: Draft, path: Sequence[int], token: int, mask: TokenMask, room: int) -> list[int]:
        """Writes what a path through the draft and the token after it add, as far as there is room; returns that."""
        added = [*(draft.tree.tokens[node] for node in path[1:]), token][:room]
        self.tokens += added
        self.state = mask.advance(draft.states[path[-1]], token)
        return added


def decode(
    model: Any,
    input_ids: torch.Tensor,
    mask: TokenMask,
    stream: Any,
    arguments: dict[str, Any],
    nodes: int,
    branch: bool,
) -> torch.Tensor:
    """The prompts with their answers, padded on the right. The rows' drafts share so many nodes in each pass."""
    config, criteria = _plain(arguments, input_ids, stream)
    passes, head = Passes(model, input_ids, arguments), Head(model)
    rows = live = [Row(ids, mask.start) for ids in input_ids.tolist()]
    _put(stream, input_ids.cpu())
    while live:
        share = max(nodes // len(live), FEWEST_NODES)
        drafts = [grow(mask, row.tokens[-1], row.state, share, branch) for row in live]
        going: dict[int, list[int]] = {}
        for place, (path, token) in enumerate(_follow(drafts, passes.feed([draft.tree for draft in drafts]), head)):
            row = live[place]
            room = config.max_length - len(row.tokens)
            _put(stream, torch.tensor(row.follow(drafts[place], path, token, mask, room)))
            done = mask.is_done(row.state) or len(row.tokens) >= config.max_length
            if not done and not _stopped(criteria, input_ids, row):
                going[place] = path
        live = [live[place] for place in going]
        if live:
            passes.keep(going)
    if stream:
        stream.end()
    width = max(len(row.tokens) for row in rows)
    padding = [mask.end_ids[0] if config.pad_token_id is None else config.pad_token_id]
    return input_ids.new_tensor([row.tokens + padding * (width - len(row.tokens)) for row in rows])


def _plain(arguments: dict[str, Any], input_ids: torch.Tensor, stream: Any) -> tuple[Any, list[Any]]:
    """The generation config and the caller's own stopping criteria, taken out of `generate`'s arguments."""
    config = arguments.pop("generation_config")
    processors, criteria = (arguments.pop(name, ()) for name in ("logits_processor", "stopping_criteria"))
    width = input_ids.shape[1]
    # A minimum of no new tokens becomes a processor that has nothing to do.
    asked = [one for one in processors if not isinstance(one, MinLengthLogitsProcessor) or one.min_length > width]
    cache = arguments.get("past_key_values")
    faults = {
        "sampling": config.do_sample,
        "beams": (config.num_beams or 1) > 1,
        "logits processors (such as a repetition penalty)": len(asked),
        "return_dict_in_generate": config.return_dict_in_generate,
        "inputs_embeds": arguments.get("inputs_embeds") is not None,
        "a cache that is not empty": bool(cache and cache.get_seq_length()),
        "a stream of several rows": stream is not None and len(input_ids) > 1,
    }
    if wrong := [name for name, given in faults.items() if given]:
        raise NotPlain(", ".join(wrong))
    return config, [one for one in criteria if not isinstance(one, MaxLengthCriteria | EosTokenCriteria)]


def _follow(drafts: Sequence[Draft], hidden: torch.Tensor, head: Head) -> Iterator[tuple[list[int], int]]:
    """The model's path through each draft, and its token after that."""
    choices = [(row, node) for row, draft in enumerate(drafts) for node in draft.choices]
    place = {choice: at for at, choice in enumerate(choices)}
    ids = np.unique(np.concatenate([drafts[row].allowed[node] for row, node in choices] or [np.empty(0, np.int64)]))
    rows, nodes = np.array(choices, dtype=np.int64).reshape(-1, 2).T
    logits = head(hidden[rows, nodes], ids).numpy(force=True) if choices else np.empty((0, 0))
    for row, draft in enumerate(drafts):

        def choose(node: int, row: int = row, draft: Draft = draft) -> int:
            allowed = draft.allowed[node]
            # Sorted ids: of equal logits the first one wins, as in `generate`.
            return int(allowed[logits[place[row, node], np.searchsorted(ids, allowed)].argmax()])

        yield draft.walk(choose)


def _stopped(criteria: Sequence[Any], input_ids: torch.Tensor, row: Row) -> bool:
    """Whether one of the caller's own criteria ends a row, which they see as if it were alone."""
    return any(bool(criterion(input_ids.new_tensor([row.tokens]), None).all()) for criterion in criteria)


def _put(stream: Any, tokens: torch.Tensor) -> None:
    if stream:
        stream.put(tokens)
