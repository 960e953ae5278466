"""A judge behind an endpoint: OpenAI's chat completions with a schema, or Anthropic's messages with a forced tool."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, cast

from ontune.evaluation.judge import JudgeFailure, Picture
from ontune.inference.endpoint import Endpoint, Refused

__all__ = ["ANTHROPIC_VERSION", "EndpointJudge", "Protocol"]

Protocol: TypeAlias = Literal["openai", "anthropic"]
ANTHROPIC_VERSION = "2023-06-01"
TOOL = "answer"


@dataclass
class EndpointJudge:
    """A judge that a server runs; temperature 0. `extra` is merged into each request, None takes a key out."""

    endpoint: Endpoint
    name: str
    protocol: Protocol = "openai"
    max_tokens: int = 2048
    extra: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def identity(self) -> str:
        return json.dumps([self.protocol, self.endpoint.url, self.name, self.max_tokens, sorted(self.extra.items())])

    def __call__(self, prompt: str, schema: Mapping[str, Any], images: Sequence[Picture]) -> dict[str, Any]:
        """The object of the schema. Raises JudgeFailure, and InputError where no further request would be answered."""
        body, path, read = _PROTOCOLS[self.protocol](prompt, schema, images)
        record = {"model": self.name, "max_tokens": self.max_tokens, "temperature": 0} | body | dict(self.extra)
        try:
            found, _ = self.endpoint.post(
                path, {key: value for key, value in record.items() if value is not None}, read
            )
        except Refused as refused:
            raise JudgeFailure(refused.kind, str(refused)) from None
        if isinstance(found, JudgeFailure):  # not raised where it was read: it is an answer, and not asked again
            raise found
        return found


def _openai(prompt: str, schema: Mapping[str, Any], images: Sequence[Picture]) -> tuple[dict[str, Any], str, Any]:
    parts = [{"type": "image_url", "image_url": {"url": image.data_url}} for image in images]
    content: Any = [*_numbered(parts), {"type": "text", "text": prompt}] if images else prompt
    wanted = {"name": TOOL, "schema": dict(schema), "strict": True}
    body = {
        "messages": [{"role": "user", "content": content}],
        "response_format": {"type": "json_schema", "json_schema": wanted},
    }
    return body, "chat/completions", _read_openai


def _anthropic(prompt: str, schema: Mapping[str, Any], images: Sequence[Picture]) -> tuple[dict[str, Any], str, Any]:
    sources = [{"type": "base64", "media_type": image.kind, "data": image.base64} for image in images]
    parts = _numbered([{"type": "image", "source": source} for source in sources])
    tool = {"name": TOOL, "description": "Give the answer.", "input_schema": dict(schema)}
    body = {
        "messages": [{"role": "user", "content": [*parts, {"type": "text", "text": prompt}]}],
        "tools": [tool],
        "tool_choice": {"type": "tool", "name": TOOL},
    }
    return body, "messages", _read_anthropic


_PROTOCOLS = {"openai": _openai, "anthropic": _anthropic}


def _numbered(pictures: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The pictures, each after the name that the prompt has for it."""
    names = ({"type": "text", "text": f"[picture {at}]:"} for at in range(1, len(pictures) + 1))
    return [part for pair in zip(names, pictures, strict=True) for part in pair]


def _read_openai(record: dict[str, Any]) -> dict[str, Any] | JudgeFailure:
    choice = record["choices"][0]
    message, ended = choice["message"], choice.get("finish_reason")
    content = message.get("content")
    if message.get("refusal") or content is None or ended == "content_filter":
        return JudgeFailure("refused", f"refused: {message.get('refusal') or ended or 'no content'}")
    return _object(content, "cut off at max_tokens" if ended == "length" else None)


def _read_anthropic(record: dict[str, Any]) -> dict[str, Any] | JudgeFailure:
    blocks, ended = record["content"], record.get("stop_reason")
    if ended == "refusal":
        return JudgeFailure("refused", "refused: stop_reason refusal")
    if ended == "max_tokens":
        return JudgeFailure("malformed", "cut off at max_tokens")
    for block in blocks:
        if block["type"] == "tool_use" and isinstance(block["input"], dict):
            return cast("dict[str, Any]", block["input"])
    said = " ".join(str(block.get("text", "")) for block in blocks)
    return JudgeFailure("malformed", f"no tool was used: {said[:200]!r}")


def _object(content: object, cut: str | None) -> dict[str, Any] | JudgeFailure:
    try:
        found: object = json.loads(content) if isinstance(content, str) else content
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        return JudgeFailure("malformed", cut or f"no JSON object: {str(content)[:200]!r}")
    return cast("dict[str, Any]", found)
