"""From a model's raw text to an answer: no repair, no guess at similar names."""

import json
from typing import cast

from ontune.task.model import Answer, Task

__all__ = ["parse"]


def parse(task: Task, raw: str) -> tuple[Answer | None, list[str]]:
    """The JSON object that the text is, or None, and the codes of what refuses it, each once in the order found."""
    try:
        answer = json.loads(raw.strip(), object_pairs_hook=_without_repeats, parse_constant=_no_constant)
        json.dumps(answer, ensure_ascii=False).encode()  # half of a surrogate pair could not be written to a file
    except (ValueError, RecursionError):
        return None, ["invalid_json"]
    if not isinstance(answer, dict):
        return None, ["invalid_json"]
    codes = dict.fromkeys(refusal.code for refusal in task.refusals(answer))  # pyright: ignore[reportUnknownArgumentType]
    return cast("Answer", answer), list(codes)


def _without_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """A JSON object; one that gives a key twice is no answer (the first value would be lost)."""
    record = dict(pairs)
    if len(record) != len(pairs):
        raise ValueError("repeated key")
    return record


def _no_constant(name: str) -> object:
    """NaN and Infinity, which Python reads, are no JSON."""
    raise ValueError(name)
