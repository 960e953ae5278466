"""What a served answer has to obey: a task that the recipe or the request names, or the schema a request brings."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

from ontune.errors import InputError, OntuneError
from ontune.resources import DATASET_INFO
from ontune.task import Task, load_task

__all__ = ["Constraint", "Constraints"]

FORMATS = ("text", "json_object", "json_schema")
NAME = re.compile(r"[^/\\\0]{1,100}(?<!\.yaml)")


@dataclass(frozen=True)
class Constraint:
    """A task's answers, or those of a JSON schema; equal ones can be answered in one batch."""

    task: str = ""
    schema: str = ""


class Constraints:
    """Constraints by what a request says. `default` is the task of requests that say nothing."""

    def __init__(self, default: str | None = None, dataset_info: Path = DATASET_INFO) -> None:
        self._dataset_info = dataset_info
        self.default = self._of_task(default) if default else None

    def asked(self, request: Mapping[str, Any]) -> Constraint | None:
        """The constraint of a request's `task` and `response_format`; None for free text.

        Raises InputError naming what cannot be honoured: a format is never ignored.
        """
        name, form = request.get("task"), request.get("response_format")
        if name is not None and not (isinstance(name, str) and NAME.fullmatch(name)):
            raise InputError(f"task is {name!r}: expected a task's name")  # and no file of the server's disk
        wanted = self._of_task(name) if name else self.default
        if form is None:
            return wanted
        record = cast("Mapping[str, Any]", form) if isinstance(form, Mapping) else {}
        kind = record.get("type")
        if kind not in FORMATS:
            raise InputError(f"response_format.type is {kind!r}: expected one of {list(FORMATS)}")
        if kind == "json_schema":
            return self._of_schema(record.get("json_schema"), wanted)
        if kind == "json_object":
            return wanted or Constraint(schema='{"type":"object"}')
        if name:
            raise InputError(f"response_format is text, but task is {name!r}: expected one of both")
        return None

    def prepare(self, constraint: Constraint, tokenizer: Any, end_ids: Iterable[int]) -> None:
        """Compiles it, so that what a model cannot be held to is refused before an answer begins."""
        if constraint.schema:
            _matcher(constraint, tokenizer, end_ids)
        else:
            _mask(self._task(constraint.task), tokenizer, tuple(sorted(end_ids)))

    def masked(
        self, constraint: Constraint, words: tuple[Any, Iterable[int]], model: Any, prompt_length: int, config: Any
    ) -> dict[str, Any]:
        """What a call of `model.generate` needs besides: a faster method where `config` is of plain greedy decoding.

        `words` are the tokenizer and the ids that end a turn; without `config` the call may have a streamer.
        """
        tokenizer, ends = words[0], tuple(sorted(words[1]))
        if constraint.schema:
            from ontune.decoding.any_schema import SchemaLogitsProcessor

            matcher = _matcher(constraint, tokenizer, ends)
            return {"logits_processor": [SchemaLogitsProcessor(matcher, ends, prompt_length)]}
        from ontune.decoding.generate import masked

        mask = _mask(self._task(constraint.task), tokenizer, ends)
        return masked(model, mask, prompt_length, config.to_dict() if config else {"do_sample": True})

    def regex(self, constraint: Constraint) -> str:
        """A task's answers as a regular expression, for engines that take no more."""
        from ontune.task.exporters.regex import regex

        return regex(self._task(constraint.task), "free").text

    def _of_task(self, name: str) -> Constraint:
        self._task(name)  # a name that is none is refused before anything is answered
        return Constraint(task=name)

    def _of_schema(self, form: Any, wanted: Constraint | None) -> Constraint:
        """The task whose exported schema this is, with all its rules; else the schema itself."""
        from ontune.task.exporters.json_schema import json_schema

        record = cast("Mapping[str, Any]", form) if isinstance(form, Mapping) else {}
        schema = record.get("schema")
        if not isinstance(schema, Mapping):
            raise InputError(f"response_format.json_schema.schema is {schema!r}: expected a JSON schema")
        for name in dict.fromkeys([wanted.task if wanted else "", str(record.get("name", ""))]):
            task = self._known(name)
            if task and json_schema(task) == {key: value for key, value in schema.items() if key != "$comment"}:
                return Constraint(task=name)
        return Constraint(schema=json.dumps(schema))  # unsorted: keys keep their order

    def _known(self, name: str) -> Task | None:
        try:
            return self._task(name) if NAME.fullmatch(name) else None
        except OntuneError:
            return None

    def _task(self, name: str) -> Task:
        return _load(name, self._dataset_info)


@cache
def _load(name: str, dataset_info: Path) -> Task:
    return load_task(name, dataset_info=dataset_info)


def _matcher(constraint: Constraint, tokenizer: Any, end_ids: Iterable[int]) -> Any:
    from ontune.decoding.any_schema import compile_schema

    return compile_schema(constraint.schema, tokenizer, sorted(end_ids))


_masks: dict[tuple[int, int, tuple[int, ...]], tuple[Task, Any, Any]] = {}


def _mask(task: Task, tokenizer: Any, end_ids: tuple[int, ...]) -> Any:
    """By identity: the entry keeps the task and the tokenizer alive, so that their ids stay theirs."""
    key = (id(task), id(tokenizer), end_ids)
    if key not in _masks:
        from ontune.decoding.cache import cached

        _masks[key] = (task, tokenizer, cached(task, tokenizer, end_ids=end_ids))
    return _masks[key][2]
