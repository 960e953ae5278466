"""What every engine is: samples in, predictions out; and what their predictions have in common."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

from ontune.evaluation import Decoding, Prediction
from ontune.inference.settings import Generation
from ontune.sharegpt import Sample
from ontune.task import Task, task_sha256
from ontune.task.parsing import parse

__all__ = ["Engine", "Record", "Reply", "batches", "was_asked"]


class Engine(Protocol):
    """A model that can be asked about a task."""

    name: str
    generation: Generation

    def answer(self, batch: Sequence[Sample], decoding: Decoding) -> list[Prediction]:
        """One prediction a sample, in the batch's order; one that cannot be asked carries the code `not_encoded`."""
        ...


@dataclass(frozen=True)
class Reply:
    """What came back for one sample: the raw text, or why it could not be asked."""

    raw: str = ""
    tokens: int = 0
    seconds: float = 0.0
    refused: str | None = None
    meta: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True)
class Record:
    """Makes the predictions of one model about one task."""

    task: Task
    model: str

    def prediction(self, sample: Sample, decoding: Decoding, reply: Reply) -> Prediction:
        """The prediction of one sample: raw kept as it is, the answer parsed and its errors named."""
        refused = reply.refused
        answer, errors = parse(self.task, reply.raw) if refused is None else (None, ["not_encoded"])
        gold, _ = parse(self.task, sample.gold)
        return Prediction(
            id=sample.id,
            decoding=decoding,
            gold=gold if gold is not None else sample.gold,
            raw=reply.raw if refused is None else "",
            answer=answer,
            errors=tuple(errors),
            images=sample.images,
            videos=sample.videos,
            meta=dict(sample.meta) | reply.meta | ({} if refused is None else {"not_encoded": refused}),
            tokens=reply.tokens,
            seconds=reply.seconds,
            model=self.model,
            task=self.task.name,
            task_sha256=self._task_sha256,
        )

    @cached_property
    def _task_sha256(self) -> str:
        return task_sha256(self.task)


def batches(samples: Sequence[Sample], size: int) -> list[list[Sample]]:
    """The samples sorted by id, cut into batches: the same ones on any number of processes."""
    ordered = sorted(samples, key=lambda sample: sample.id)
    return [ordered[at : at + size] for at in range(0, len(ordered), size)]


def was_asked(prediction: Prediction) -> bool:
    """Whether the model got to see the sample."""
    return "not_encoded" not in prediction.errors
