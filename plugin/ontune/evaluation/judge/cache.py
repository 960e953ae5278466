"""A judge that remembers: what it answered is kept on disk as it comes, so that a stopped run asks nothing twice."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any

from ontune.errors import InputError
from ontune.evaluation.judge.contract import Judge
from ontune.evaluation.judge.pictures import Picture

__all__ = ["CachedJudge"]


@dataclass
class CachedJudge:
    """A judge with its answers in a file of JSON lines; failures are not kept and are asked again by the next run.

    `asked` and `cached` count the questions that went to the judge and those that the file had answered.
    """

    judge: Judge
    path: Path
    asked: int = 0
    cached: int = 0
    lock: Any = field(default_factory=Lock, repr=False)

    @property
    def name(self) -> str:
        return self.judge.name

    @property
    def identity(self) -> str:
        return self.judge.identity

    def __call__(self, prompt: str, schema: Mapping[str, Any], images: Sequence[Picture]) -> dict[str, Any]:
        """The judge's answer to exactly this question, kept or new."""
        key = _key(self.identity, prompt, schema, images)
        with self.lock:
            if (kept := self._answers.get(key)) is not None:
                self.cached += 1
                return kept
            self.asked += 1
            self._check()
        answer = self.judge(prompt, schema, images)
        line = json.dumps({"key": key, "judge": self.name, "answer": answer}, ensure_ascii=True)
        with self.lock:
            self._answers[key] = answer
            with self.path.open("a", encoding="utf-8") as file:
                file.write(f"{line}\n")
        return answer

    def _check(self) -> None:
        """Raises InputError where no answer could be kept, before one is paid for."""
        try:
            self.path.open("a").close()
        except OSError as error:
            raise InputError(f"{self.path}: cannot be written: {error.strerror}") from None

    @cached_property
    def _answers(self) -> dict[str, dict[str, Any]]:
        """What the file holds; a line that a stop has cut is no answer, and gets an end so that the next one is."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        text = self.path.read_bytes() if self.path.is_file() else b""
        if text and not text.endswith(b"\n"):
            with self.path.open("ab") as file:
                file.write(b"\n")
        records = [record for line in text.split(b"\n") if (record := _record(line))]
        return {record["key"]: record["answer"] for record in records}


def _record(line: bytes) -> dict[str, Any] | None:
    try:
        record: Any = json.loads(line)
        return record if isinstance(record["key"], str) and isinstance(record["answer"], dict) else None
    except (ValueError, LookupError, TypeError):
        return None


def _key(identity: str, prompt: str, schema: Mapping[str, Any], images: Sequence[Picture]) -> str:
    parts = [identity, prompt, json.dumps(schema, sort_keys=True), [image.sha256 for image in images]]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
