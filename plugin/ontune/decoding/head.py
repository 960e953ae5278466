"""Logits of chosen tokens alone: of 151,936 rows of a Qwen head, a task's answers use less than a thousand."""

from typing import Any

import torch
from torch.nn import functional

from ontune.decoding.free_text import Ids

__all__ = ["Head"]

FEW = 0.25  # of the vocabulary: above that, copying rows costs more than it saves


class Head:
    """A model's output layer; one with adapters on it, in 4 bits or on another device is asked for all it has."""

    def __init__(self, model: Any) -> None:
        self._layer = model.get_output_embeddings()
        self._plain = type(self._layer) is torch.nn.Linear and not hasattr(self._layer, "_hf_hook")

    def __call__(self, hidden: torch.Tensor, ids: Ids) -> torch.Tensor:
        """The logits of those ids for each of the hidden states, as 32-bit floats: shape (states, ids)."""
        rows = torch.from_numpy(ids).to(hidden.device)
        if self._plain and ids.size < FEW * self._layer.out_features:
            bias = None if self._layer.bias is None else self._layer.bias[rows]
            return functional.linear(hidden, self._layer.weight[rows], bias).float()
        return self._layer(hidden)[:, rows].float()
