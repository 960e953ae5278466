"""Log-probabilities of all labels of a dimension: `score_labels` against teacher forcing, label by label."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from transformers import DynamicCache

from benchmarks.decoding_parts.children import Report, cpu
from benchmarks.decoding_parts.models import make_inputs, make_model
from benchmarks.decoding_parts.world import World
from ontune.decoding.head import Head
from ontune.decoding.mask import TokenMask
from ontune.decoding.scorer import Words, openings, score_labels, words

BATCH = 16


def scores(world: World, field: str, repeats: int, report: Report) -> None:
    """How far the scores of a field's labels are from teacher forcing, and how much less processor time they take.

    `speedup_full` is against full prompts with picture in batches of 16, `speedup_shared` against one batch of all
    labels behind the prompt's key-value cache. Both ask the model for logits from the first label token on, of the
    whole vocabulary; `speedup_shared_few_rows` is against the latter with no more rows of the head than we compute.
    """
    model = make_model("tiny")
    inputs = make_inputs(model, world.tokenizer)
    fields = {field: words(world.task, world.tokenizer)[field]}
    start = openings(world.task, world.tokenizer, None)[field]
    forcing = Forcing(model, inputs, world.mask, start, fields[field])
    ways: dict[str, Callable[[], dict[str, float]]] = {
        "trie": lambda: score_labels(model, inputs, world.mask, fields, [{field: start}])[0][field],
        "full": forcing.full,
        "shared": forcing.shared,
        "shared_few_rows": lambda: forcing.shared(few_rows=True),
    }
    found: dict[str, dict[str, float]] = {}
    seconds: dict[str, float] = {}
    with torch.no_grad():
        for name, way in ways.items():
            found[name], seconds[name] = _fastest(way, repeats + (name == "trie"))
    away = [abs(found["trie"][label] - other[label]) for other in found.values() for label in fields[field]]
    report(
        {
            "labels": len(fields[field]),
            "max_abs_diff": max(away),
            **{f"speedup_{name}": round(seconds[name] / seconds["trie"], 1) for name in ways if name != "trie"},
            "ms": {name: round(1e3 * value, 1) for name, value in seconds.items()},
        }
    )


def _fastest(way: Callable[[], dict[str, float]], repeats: int) -> tuple[dict[str, float], float]:
    found, times = dict[str, float](), list[float]()
    for _ in range(repeats):
        started = cpu()
        found = way()
        times.append(cpu() - started)
    return found, min(times)


@dataclass
class Forcing:
    """Teacher forcing: each label's tokens behind the prompt and the answer's beginning."""

    model: Any
    inputs: dict[str, torch.Tensor]
    mask: TokenMask
    start: Sequence[int]
    words: Words

    def full(self) -> dict[str, float]:
        """Whole prompts, with their picture, in batches."""
        names, found = list(self.words), dict[str, float]()
        for at in range(0, len(names), BATCH):
            part = names[at : at + BATCH]
            tokens, real = self._padded(part)
            before = torch.tensor([self.start]).expand(len(part), -1)
            logits = self.model(
                input_ids=torch.cat([self.inputs["input_ids"].expand(len(part), -1), before, tokens], dim=1),
                attention_mask=torch.cat([self._attended(len(part)), real], dim=1),
                mm_token_type_ids=self._kinds(len(part), len(self.start) + tokens.shape[1]),
                pixel_values=self.inputs["pixel_values"].repeat(len(part), 1),
                image_grid_thw=self.inputs["image_grid_thw"].repeat(len(part), 1),
                logits_to_keep=tokens.shape[1] + 1,
            ).logits
            found |= dict(zip(part, self._totals(part, logits, None), strict=True))
        return found

    def shared(self, few_rows: bool = False) -> dict[str, float]:
        """One batch of all labels behind the cache of the prompt, which is read once."""
        ids_of_head = self.mask.vocabulary if few_rows else None
        names = list(self.words)
        tokens, real = self._padded(names)
        ids = torch.cat([self.inputs["input_ids"], torch.tensor([self.start])], dim=1)
        attended = self._attended(1)
        kinds = self._kinds(1, len(self.start))
        media = {name: self.inputs[name] for name in ("pixel_values", "image_grid_thw")}
        shared = {"input_ids": ids, "attention_mask": attended, "mm_token_type_ids": kinds}
        cache = DynamicCache(config=self.model.config)
        first = self._logits(ids_of_head, 1, **shared, **media, past_key_values=cache, use_cache=True)[:, -1:]
        cache.batch_repeat_interleave(len(names))
        last = ids.shape[1] - 1 + self.model.model.rope_deltas[0, 0]
        places = last + 1 + torch.arange(tokens.shape[1]).expand(3, len(names), -1)
        mask = torch.cat([attended.expand(len(names), -1), real], dim=1)
        behind = {"attention_mask": mask, "position_ids": places, "past_key_values": cache}
        rest = self._logits(ids_of_head, 0, input_ids=tokens, **behind)
        logits = torch.cat([first.expand(len(names), -1, -1), rest], dim=1)
        return dict(zip(names, self._totals(names, logits, ids_of_head), strict=True))

    def _logits(self, ids: Any, keep: int, **arguments: Any) -> torch.Tensor:
        """Of all ids where none are given, and then of the last places alone; `keep` is 0 for all places."""
        if ids is None:
            return self.model(**arguments, logits_to_keep=keep).logits
        hidden = self.model.base_model(**arguments).last_hidden_state
        return Head(self.model)(hidden.flatten(0, 1), ids).unflatten(0, hidden.shape[:2])

    def _padded(self, names: Sequence[str]) -> tuple[torch.Tensor, torch.Tensor]:
        width = max(len(self.words[name]) for name in names)
        rows = [self.words[name] for name in names]
        tokens = torch.tensor([[*row, *[0] * (width - len(row))] for row in rows])
        return tokens, torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows])

    def _attended(self, rows: int) -> torch.Tensor:
        whole = self.inputs["attention_mask"]
        return torch.cat([whole, whole.new_ones(1, len(self.start))], dim=1).expand(rows, -1)

    def _kinds(self, rows: int, more: int) -> torch.Tensor:
        whole = self.inputs["mm_token_type_ids"]
        return torch.cat([whole, whole.new_zeros(1, more)], dim=1).expand(rows, -1)

    def _totals(self, names: Sequence[str], logits: torch.Tensor, ids: Any) -> Iterator[float]:
        """Each label's log-probability from its row of logits, whose columns are `ids`, under the mask."""

        def column(tokens: Any) -> Any:
            return tokens if ids is None else np.searchsorted(ids, tokens)

        follow: defaultdict[tuple[int, ...], set[int]] = defaultdict(set)
        for tokens in self.words.values():
            for at, token in enumerate(tokens):
                follow[tokens[:at]].add(token)
        for name, row in zip(names, logits, strict=True):
            state, total = self.mask.state(self.start), 0.0
            for at, token in enumerate(self.words[name]):
                total += float(row[at, column(token)] - _log_sum(row[at], column(self.mask.next_tokens(state))))
                state = self.mask.advance(state, token)
            allowed, tokens = self.mask.next_tokens(state), self.words[name]
            ending = np.setdiff1d(allowed, list(follow[tokens]))
            end = row[len(tokens)]
            yield total + float(_log_sum(end, column(ending)) - _log_sum(end, column(allowed)))


def _log_sum(logits: torch.Tensor, ids: Any) -> torch.Tensor:
    return logits[torch.from_numpy(ids)].double().logsumexp(0)
