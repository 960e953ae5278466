"""Predictions: one record a sample, the only thing that evaluation reads."""

import gc
import json
import math
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, TypeAlias, cast

from ontune.errors import DatasetError
from ontune.files import to_utf8_json, write_lines
from ontune.sharegpt import read_records
from ontune.task.refusals import CODES

__all__ = [
    "Decoding",
    "Prediction",
    "Scores",
    "equal",
    "is_duration",
    "read_predictions",
    "uncollected",
    "write_predictions",
]

Decoding: TypeAlias = Literal["constrained", "free"]
Scores: TypeAlias = Mapping[str, Mapping[str, float]]  # field -> label -> log-probability


@dataclass(frozen=True)
class Prediction:
    """What a model answered for one sample, checked when made.

    `answer` is the parsed `raw`, or None where it does not parse; `errors` are the refusal codes; `scores` are
    log-probabilities by field and label. Raises DatasetError with all faults at once.
    """

    id: str
    decoding: Decoding
    gold: dict[str, Any] | str | None
    raw: str
    answer: dict[str, Any] | None
    errors: tuple[str, ...] = ()
    scores: Scores | None = None
    images: tuple[str, ...] = ()
    videos: tuple[str, ...] = ()
    meta: Mapping[str, Any] = field(default_factory=dict[str, Any])
    tokens: int = 0
    seconds: float = 0.0
    model: str = ""
    task: str = ""
    task_sha256: str = ""

    def __post_init__(self) -> None:
        DatasetError.check([f"prediction {self.id!r}: {fault}" for fault in _faults(self)])

    def to_json(self) -> str:
        """The line of the file: all keys in the order of the record, the answers' own key order kept."""
        record = {key: getattr(self, key) for key in KEYS}
        record["meta"] = dict(sorted(self.meta.items()))
        return to_utf8_json(record)

    @classmethod
    def from_json(cls, line: str, where: str) -> "Prediction":
        """The prediction on one line. `where` (`file:line`) opens every message."""
        try:
            record: object = json.loads(line)
            if not isinstance(record, dict):
                raise DatasetError(f"{type(record).__name__}: expected one JSON object")
            return cls._from_record(cast("dict[str, Any]", record))
        except DatasetError as error:
            raise DatasetError([f"{where}: {fault}" for fault in error.faults]) from None
        except (ValueError, TypeError) as error:
            raise DatasetError(f"{where}: not a prediction: {error}") from None

    @classmethod
    def _from_record(cls, record: dict[str, Any]) -> "Prediction":
        if wrong := sorted(record.keys() ^ set(KEYS)):
            raise DatasetError(f"keys {wrong} are missing or unknown: expected exactly {list(KEYS)}")
        lists: dict[str, Any] = {key: tuple(record[key]) for key in LISTS if isinstance(record[key], list)}
        values: dict[str, Any] = record | lists
        return cls(**values)


KEYS = tuple(item.name for item in fields(Prediction))
LISTS = ("errors", "images", "videos")
TYPES: Mapping[str, tuple[type, ...]] = {
    "id": (str,),
    "gold": (dict, str, type(None)),
    "raw": (str,),
    "answer": (dict, type(None)),
    "scores": (dict, type(None)),
    "meta": (dict,),
    "tokens": (int,),
    "seconds": (int, float),
    "model": (str,),
    "task": (str,),
    "task_sha256": (str,),
}


def _faults(prediction: Prediction) -> Iterator[str]:
    if not prediction.id:
        yield "empty id"
    if prediction.decoding not in ("constrained", "free"):
        yield f"decoding is {prediction.decoding!r}: expected constrained or free"
    for key, kinds in TYPES.items():
        value = getattr(prediction, key)
        if not isinstance(value, kinds) or isinstance(value, bool):
            expected = " or ".join(kind.__name__ for kind in kinds)
            yield f"{key} is {value!r}: expected {expected}"
    for key in LISTS:
        values: object = getattr(prediction, key)
        if not isinstance(values, tuple) or not all(isinstance(item, str) for item in cast("tuple[object]", values)):
            yield f"{key} is {values!r}: expected a list of strings"
        elif key == "errors" and (unknown := sorted(set(prediction.errors) - set(CODES))):
            yield f"errors has {unknown}: expected codes out of {list(CODES)}"
    yield from _time_faults(prediction.seconds)
    yield from _score_faults(prediction.scores)


def is_duration(seconds: object) -> bool:
    """Whether the value is a finite number of seconds, 0 or more."""
    try:
        return isinstance(seconds, int | float) and math.isfinite(seconds) and seconds >= 0
    except OverflowError:  # an integer of hundreds of digits
        return False


def _time_faults(seconds: float) -> Iterator[str]:
    if type(seconds) in (int, float) and not is_duration(seconds):
        yield f"seconds is {seconds!r}: expected a finite number from 0 on"


def _score_faults(scores: object) -> Iterator[str]:
    if not isinstance(scores, dict):
        return
    for name, values in cast("dict[str, object]", scores).items():
        numbers: list[object] = list(cast("dict[str, object]", values).values()) if isinstance(values, dict) else [None]
        if not all(isinstance(number, int | float) and math.isfinite(number) for number in numbers):
            yield f"scores of {name!r} are {values!r}: expected a finite log-probability for each label"


@contextmanager
def uncollected() -> Generator[None]:
    """A context or decorator in which memory is not searched for garbage in cycles.

    Rows have none, and searching 100,000 of them again and again takes longer than measuring them.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


@uncollected()
def read_predictions(path: Path) -> list[Prediction]:
    """The predictions of a file, sorted by id. Raises DatasetError with every bad line and every repeated id."""
    return _sorted(read_records(path, Prediction.from_json))


def write_predictions(path: Path, predictions: Iterable[Prediction]) -> None:
    """Writes the predictions sorted by id, atomically. Raises DatasetError where an id repeats."""
    ordered = _sorted(predictions)
    ids = [prediction.id for prediction in ordered]
    repeated = sorted({one for one, other in pairwise(ids) if one == other})
    DatasetError.check([f"{path}: id {name!r} stands twice" for name in repeated])
    write_lines(path, (prediction.to_json() for prediction in ordered))


def equal(left: Iterable[Prediction], right: Iterable[Prediction]) -> bool:
    """Whether both agree on everything but `seconds` and `model`, in whatever order they are given."""
    return _comparable(left) == _comparable(right)


def _sorted(predictions: Iterable[Prediction]) -> list[Prediction]:
    return sorted(predictions, key=lambda prediction: prediction.id)


def _comparable(predictions: Iterable[Prediction]) -> list[str]:
    # As text: a NaN that a model wrote equals itself, and the order of an answer's keys counts.
    return [replace(prediction, seconds=0.0, model="").to_json() for prediction in _sorted(predictions)]
