"""Answers by a server that speaks OpenAI's chat completions: vLLM, SGLang, llama.cpp, the hosts' own, hosted ones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from ontune.errors import DatasetError
from ontune.evaluation import Decoding, Prediction
from ontune.inference.data_urls import request_messages
from ontune.inference.endpoint import Endpoint, Refused
from ontune.inference.engine import Record, Reply
from ontune.inference.settings import Generation
from ontune.sharegpt import Sample
from ontune.task import Task
from ontune.task.exporters.json_schema import response_format

__all__ = ["ServerEngine"]


@dataclass
class ServerEngine:
    """A model behind an endpoint, asked greedily: temperature 0 and a seed.

    `media_root` is what sample paths are relative to; `extra` is merged into each request, None takes a key out.
    """

    endpoint: Endpoint
    name: str
    task: Task
    generation: Generation
    media_root: Path
    seed: int = 0
    patch_size: int = 14
    extra: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def answer(self, batch: Sequence[Sample], decoding: Decoding) -> list[Prediction]:
        """One prediction a sample, in the batch's order; one that cannot be asked carries the code `not_encoded`."""
        return [self._record.prediction(sample, decoding, self._reply(sample, decoding)) for sample in batch]

    def _reply(self, sample: Sample, decoding: Decoding) -> Reply:
        try:
            body = self._request(sample, decoding)
            reply, seconds = self.endpoint.post("chat/completions", body, _read)
        except DatasetError as error:
            return Reply(refused=str(error).replace(f"{self.media_root}/", ""))
        except Refused as refused:
            return Reply(refused=str(refused))
        return Reply(reply.raw, reply.tokens, seconds, meta=reply.meta)

    def _request(self, sample: Sample, decoding: Decoding) -> dict[str, Any]:
        """The body; its keys in a fixed order, so that the same sample is the same bytes."""
        pictures = self.generation.pictures
        body: dict[str, Any] = {
            "model": self.name,
            "messages": request_messages(sample, self.media_root, pictures, self.patch_size),
            "max_tokens": self.generation.max_new_tokens,
            "temperature": 0,
            "seed": self.seed,
        }
        if decoding == "constrained":
            body["response_format"] = self._response_format
        return {key: value for key, value in (body | dict(self.extra)).items() if value is not None}

    @cached_property
    def _response_format(self) -> dict[str, Any]:
        return response_format(self.task)

    @cached_property
    def _record(self) -> Record:
        return Record(self.task, self.name)


def _read(record: dict[str, Any]) -> Reply:
    """The first choice. A refusal has no content: its own words are the raw text then."""
    choice = record["choices"][0]
    message = choice["message"]
    raw = message["content"]
    raw = raw if raw is not None else message.get("refusal") or ""
    if not isinstance(raw, str):
        raise TypeError(f"content is {type(raw).__name__}: expected a text")
    usage = record.get("usage") or {}
    ended = choice.get("finish_reason")
    meta = {} if ended in ("stop", None) else {"finish_reason": str(ended)}
    return Reply(raw, int(usage.get("completion_tokens") or 0), meta=meta)
