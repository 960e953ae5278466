"""What a judge is: a prompt, a JSON schema and pictures in, one JSON object out, or a failure of a known kind."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol, TypeAlias, cast

from ontune.evaluation.judge.pictures import Picture

__all__ = ["KINDS", "Judge", "JudgeFailure", "Kind", "strict_schema"]

Kind: TypeAlias = Literal["malformed", "incomplete", "refused", "timeout", "server", "error"]

# What each kind says, in the order of reports.
KINDS: Mapping[Kind, str] = {
    "malformed": "no JSON of the schema, or a score outside of its range",
    "incomplete": "another number of verdicts than things to judge, or nothing found to judge",
    "refused": "the judge or its server would not answer this request",
    "timeout": "no answer in time, after all retries",
    "server": "an error of the server, after all retries",
    "error": "the metric itself failed",
}


class JudgeFailure(Exception):
    """A question that the judge did not answer; it is counted by its kind and never scored."""

    def __init__(self, kind: Kind, reason: str) -> None:
        super().__init__(reason)
        self.kind: Kind = kind


class Judge(Protocol):
    """A model that answers in JSON. `identity` is all that its answers depend on, beside what it is asked."""

    @property
    def name(self) -> str: ...

    @property
    def identity(self) -> str: ...

    def __call__(self, prompt: str, schema: Mapping[str, Any], images: Sequence[Picture]) -> dict[str, Any]:
        """The object of the schema. `[picture 1]` in the prompt is the first image. Raises JudgeFailure."""
        ...


def strict_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema as strict servers want it: every key required, no other key, neither titles nor defaults."""
    return cast("dict[str, Any]", _strict(schema))


def _strict(part: Any, of_names: bool = False) -> Any:
    """`of_names`: the keys are names of properties or definitions, not words of JSON schema."""
    if isinstance(part, Mapping):
        items = cast("Mapping[str, Any]", part)
        kept = {
            key: _strict(value, key in ("properties", "$defs") and not of_names)
            for key, value in items.items()
            if of_names or key not in ("title", "default")
        }
        if not of_names and "properties" in kept:
            kept |= {"required": list(kept["properties"]), "additionalProperties": False}
        return kept
    return [_strict(item) for item in cast("list[Any]", part)] if isinstance(part, list) else part
