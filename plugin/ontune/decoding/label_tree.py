"""Greedy decoding under a mask in one pass a label: its possible ends and what may follow them are read with it."""

from typing import Any

import torch

from ontune.decoding.jump_forward import decode
from ontune.decoding.mask import TokenMask

__all__ = ["label_tree"]

# Of all rows' drafts: more would cost a pass more than they save passes. An accelerator waits for its weights anyway.
NODES, NODES_ON_CPU = 1024, 256


def label_tree(
    model: Any, input_ids: torch.Tensor, mask: TokenMask, stream: Any = None, **arguments: Any
) -> torch.Tensor:
    """The rows that `generate` gives under this mask, in one pass for the prompt and one for each label.

    Like `jump_forward`, for models whose attention takes a four-dimensional mask ("sdpa" and "eager"). A pass reads
    what may follow the first token of a label: the rest of all labels that begin so, and behind each the runs to the
    next first token. Where that is more than a pass should hold, the nearest tokens are drafted alone.
    """
    nodes = NODES_ON_CPU if input_ids.device.type == "cpu" else NODES
    return decode(model, input_ids, mask, stream, arguments, nodes, branch=True)
