"""Forward passes of a Qwen-VL model over a prompt and drafts behind it, with one key-value cache for all rows."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
import transformers
from transformers import DynamicCache

from ontune.decoding.draft import Tree
from ontune.errors import HostVersionError

__all__ = ["Passes"]

VERSIONS = ("5.6.0",)  # of transformers: what `generate` hands to a callable is no public interface

# Of `generate`'s arguments: what is made here, and what is meant for the model's head.
OWN = {
    "attention_mask",
    "position_ids",
    "past_key_values",
    "use_cache",
    "mm_token_type_ids",
    "logits_to_keep",
    "labels",
}


class Passes:
    """The state of a batch between forward passes.

    The first pass reads the prompt too, whose last token is the root of each row's first tree. Rows go on by different
    numbers of tokens: the caches stay one rectangle, in which columns that a row does not use are masked for ever.
    """

    def __init__(self, model: Any, input_ids: torch.Tensor, arguments: Mapping[str, Any]) -> None:
        if transformers.__version__ not in VERSIONS:
            raise HostVersionError(
                f"transformers {transformers.__version__}: jump_forward, label_tree and score_labels are known to work "
                f"with {', '.join(VERSIONS)}: install that, or decode token by token"
            )
        self.count = 0
        self._backbone = model.base_model
        self._dtype = model.dtype
        self._prompt: torch.Tensor | None = input_ids
        self._media = {name: value for name, value in arguments.items() if name not in OWN and value is not None}
        self._positions: torch.Tensor = arguments["position_ids"]
        self._valid = arguments["attention_mask"][:, :-1].bool()  # columns before the trees
        self._fed = torch.zeros(len(input_ids), dtype=torch.long, device=input_ids.device)  # since the prompt's last
        self._cache: Any = DynamicCache(config=model.config)
        # Two-dimensional masks serve any implementation, trees none but these; "eager" adds its mask to the weights.
        self._adds_mask = model.config.get_text_config()._attn_implementation == "eager"

    def feed(self, trees: Sequence[Tree]) -> torch.Tensor:
        """The hidden states of each row's tree: shape (rows, nodes of the largest tree, width)."""
        self.count += 1
        width = max(map(len, trees))
        tokens, depths = np.zeros((2, len(trees), width), dtype=np.int64)
        real = np.zeros((len(trees), width), dtype=np.bool_)
        for row, tree in enumerate(trees):
            tokens[row, : len(tree)], depths[row, : len(tree)], real[row, : len(tree)] = tree.tokens, tree.depths, True
        ids = self._tensor(tokens)
        positions = self._positions[..., -1:] + self._fed[:, None] + self._tensor(depths)
        if any(tree.branches for tree in trees):
            mask = self._tree_mask(trees, width)
        else:
            mask = torch.cat([self._valid, self._tensor(real)], dim=1).long()
        arguments: dict[str, Any] = {}
        if self._prompt is not None:
            ids = torch.cat([self._prompt[:, :-1], ids], dim=1)
            positions = torch.cat([self._positions[..., :-1], positions], dim=-1)
            arguments, self._prompt = self._media, None
        found = self._backbone(
            input_ids=ids,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=self._cache,
            use_cache=True,
            return_dict=True,
            **arguments,
        )
        return found.last_hidden_state[:, -width:]

    def keep(self, paths: Mapping[int, Sequence[int]]) -> None:
        """Goes on with the rows that have a path: of their last tree, the cache keeps what lies on it.

        The other rows are forgotten, and cost nothing more.
        """
        self._select(list(paths))
        before = self._valid.shape[1]
        width = max(map(len, paths.values()))
        nodes = np.zeros((len(paths), width), dtype=np.int64)
        real = np.zeros((len(paths), width), dtype=np.bool_)
        for row, path in enumerate(paths.values()):
            nodes[row, : len(path)], real[row, : len(path)] = path, True
        if not np.array_equal(nodes, np.arange(width) * real):
            self._move(self._tensor(nodes) + before, before)
        self._cache.crop(before + width)
        self._valid = torch.cat([self._valid, self._tensor(real)], dim=1)
        self._fed += self._valid[:, before:].sum(dim=1)

    def _select(self, rows: Sequence[int]) -> None:
        if len(rows) == len(self._valid):
            return
        chosen = self._tensor(np.array(rows, dtype=np.int64))
        self._cache.batch_select_indices(chosen)
        self._valid, self._fed = self._valid[chosen], self._fed[chosen]
        self._positions = self._positions[..., chosen, :]

    def _move(self, columns: torch.Tensor, to: int) -> None:
        """Puts columns of the cache, other ones in each row, in order from the column `to` on."""
        width = columns.shape[1]
        for layer in self._cache.layers:
            for held in (layer.keys, layer.values):
                index = columns[:, None, :, None].expand(-1, held.shape[1], -1, held.shape[3])
                held[:, :, to : to + width] = held.gather(2, index)

    def _tree_mask(self, trees: Sequence[Tree], width: int) -> torch.Tensor:
        """Which columns each token may look at: shape (rows, 1, tokens, columns).

        Padding looks at itself as well, since a softmax over nothing would be no number.
        """
        before = self._valid.shape[1]
        inner = np.zeros((len(trees), width, width), dtype=np.bool_)
        inner[:, range(width), range(width)] = True
        for row, tree in enumerate(trees):
            inner[row, : len(tree), : len(tree)] = tree.ancestors
        mask = torch.cat([self._valid[:, None].expand(-1, width, -1), self._tensor(inner)], dim=2)
        if self._prompt is not None:
            causal = torch.ones(before, before + width, dtype=torch.bool, device=mask.device).tril()
            valid = torch.nn.functional.pad(self._valid, (0, width))
            itself = torch.eye(before, before + width, dtype=torch.bool, device=mask.device)
            mask = torch.cat([causal & valid[:, None] | itself, mask], dim=1)
        mask = mask[:, None]
        if self._adds_mask:
            return torch.zeros_like(mask, dtype=self._dtype).masked_fill(~mask, torch.finfo(self._dtype).min)
        return mask

    def _tensor(self, array: Any) -> torch.Tensor:
        return torch.from_numpy(array).to(self._valid.device)
