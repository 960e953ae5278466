"""Answers by vLLM in this process: where it is installed, which is never beside LLaMA-Factory and ms-swift."""

import importlib
import importlib.util
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ontune.errors import DatasetError, InputError
from ontune.evaluation import Decoding, Prediction
from ontune.inference.data_urls import request_messages
from ontune.inference.engine import Record, Reply
from ontune.inference.settings import Generation
from ontune.sharegpt import Sample
from ontune.task import Task
from ontune.task.exporters.json_schema import json_schema

__all__ = ["VllmEngine", "load_vllm"]

MISSING = """vllm is not installed, and cannot be in this environment: it needs another torch than the hosts do.
Give it one of its own:
  python -m venv vllm && vllm/bin/pip install vllm ontune && vllm/bin/ontune predict --engine vllm …
or serve the model there and ask it from here:
  vllm serve MODEL, then ontune predict --engine server --url http://127.0.0.1:8000/v1 …"""


@dataclass
class VllmEngine:
    """A `vllm.LLM`, with the adapter's `LoRARequest` if there is one; asked greedily, vLLM makes its own batches."""

    llm: Any
    name: str
    task: Task
    generation: Generation
    media_root: Path
    seed: int = 0
    patch_size: int = 14
    lora: Any = None

    def answer(self, batch: Sequence[Sample], decoding: Decoding) -> list[Prediction]:
        """One prediction a sample, in the batch's order; one that cannot be asked carries the code `not_encoded`."""
        chats: dict[str, Any] = {}
        replies: dict[str, Reply] = {}
        for sample in batch:
            try:
                chats[sample.id] = request_messages(sample, self.media_root, self.generation.pictures, self.patch_size)
            except DatasetError as error:
                replies[sample.id] = Reply(refused=str(error).replace(f"{self.media_root}/", ""))
        answered = self._chat(list(chats.values()), decoding) if chats else []
        replies |= dict(zip(chats, answered, strict=True))
        return [self._record.prediction(sample, decoding, replies[sample.id]) for sample in batch]

    def _chat(self, chats: list[Any], decoding: Decoding) -> list[Reply]:
        started = time.perf_counter()
        try:
            outputs = self.llm.chat(chats, self._sampling(decoding), use_tqdm=False, lora_request=self.lora)
        except ValueError as error:  # one prompt that is too long refuses the whole list
            if len(chats) == 1:
                return [Reply(refused=f"vllm: {error}")]
            return [reply for chat in chats for reply in self._chat([chat], decoding)]
        seconds = (time.perf_counter() - started) / len(chats)
        return [_reply(output.outputs[0], seconds) for output in outputs]

    def _sampling(self, decoding: Decoding) -> Any:
        """Greedy, with nothing of the model's own generation_config.json."""
        parameters = importlib.import_module("vllm.sampling_params")
        options: dict[str, Any] = {}
        if decoding == "constrained":
            schema = json_schema(self.task)
            options["structured_outputs"] = parameters.StructuredOutputsParams(json=schema, disable_any_whitespace=True)
        return parameters.SamplingParams(
            temperature=0.0,
            seed=self.seed,
            max_tokens=self.generation.max_new_tokens,
            repetition_penalty=1.0,
            **options,
        )

    @cached_property
    def _record(self) -> Record:
        return Record(self.task, self.name)


def load_vllm(model: str, adapter: Path | None, options: Mapping[str, Any]) -> tuple[Any, Any]:
    """The `vllm.LLM` of a folder or a hub's name, and the `LoRARequest` of the adapter. `options` are `LLM`'s own.

    Raises InputError with what to install where vLLM is missing.
    """
    if importlib.util.find_spec("vllm") is None:
        raise InputError(MISSING)
    vllm = importlib.import_module("vllm")
    if adapter is None:
        return vllm.LLM(model=model, **options), None
    llm = vllm.LLM(model=model, enable_lora=True, max_lora_rank=_rank(adapter), **options)
    return llm, importlib.import_module("vllm.lora.request").LoRARequest(adapter.name, 1, str(adapter))


def _rank(adapter: Path) -> int:
    try:
        return int(json.loads((adapter / "adapter_config.json").read_text(encoding="utf-8"))["r"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{adapter}: no adapter_config.json with a rank, so no adapter: {error!r}") from None


def _reply(completion: Any, seconds: float) -> Reply:
    ended = completion.finish_reason
    meta = {} if ended in ("stop", None) else {"finish_reason": str(ended)}
    return Reply(completion.text, len(completion.token_ids), seconds, meta=meta)
