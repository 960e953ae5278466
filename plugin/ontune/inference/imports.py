"""Predictions that other programs have written: LLaMA-Factory, ms-swift, or lines of plain JSON."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from ontune.errors import DatasetError
from ontune.evaluation.predictions import is_duration
from ontune.inference.variants import TAG
from ontune.sharegpt import Sample

__all__ = ["SOURCES", "Row", "match", "read_rows"]

RAW = ("raw", "prediction", "predict", "response", "answer")  # of plain JSON, the first one there counts
GOLD = ("gold", "label", "labels")
ABSENT = object()


@dataclass(frozen=True)
class Row:
    """One answer of a file: where it stands, its raw text, and what it says about its sample (None: nothing)."""

    where: str
    raw: str
    id: str | None = None
    gold: str | None = None
    question: str | None = None
    tokens: int = 0
    seconds: float = 0.0


def read_rows(path: Path, source: str | None = None) -> tuple[str, list[Row]]:
    """The format of the file and its rows. `source`: a key of SOURCES; None: told by the first row's keys.

    Raises DatasetError with every bad line.
    """
    faults: list[str] = []
    records: list[tuple[str, dict[str, Any]]] = []
    for number, line in enumerate(_lines(path), start=1):
        if line.strip():
            records += _record(line, f"{path}:{number}", faults)
    source = source or _source(records[0][1] if records else {})
    rows: list[Row] = []
    for where, record in records:
        try:
            rows.append(SOURCES[source](where, record))
        except DatasetError as error:
            faults += error.faults
    DatasetError.check(faults)
    return source, rows


def match(samples: Sequence[Sample], rows: Sequence[Row], where: Path) -> list[tuple[Sample, Row]]:
    """Each row with its sample: by id where rows have one, else in the dataset's order.

    What a row says of its gold and its question must be so of its sample. Raises DatasetError with all faults at once.
    A dataset may have samples that no row answers: a run on its first ones, say.
    """
    with_id = [row for row in rows if row.id is not None]
    if with_id and len(with_id) < len(rows):
        raise DatasetError(f"{where}: {len(rows) - len(with_id)} of {len(rows)} rows have no id: expected all or none")
    pairs, faults = _by_id(samples, rows) if with_id else _in_order(samples, rows, where)
    faults += [fault for sample, row in pairs for fault in _differences(sample, row)]
    DatasetError.check(faults)
    return pairs


def _lines(path: Path) -> list[str]:
    try:
        # Not splitlines: an answer may hold what that takes for a line's end.
        return path.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path}: not UTF-8: {error}") from None


def _record(line: str, where: str, faults: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        faults.append(f"{where}: not JSON: {error}")
        return
    if isinstance(record, dict):
        yield where, cast("dict[str, Any]", record)
    else:
        faults.append(f"{where}: {type(record).__name__}: expected one JSON object a line")


def _source(record: Mapping[str, Any]) -> str:
    if {"prompt", "predict", "label"} <= record.keys():
        return "llamafactory"
    return "swift" if {"response", "labels", "messages"} <= record.keys() else "jsonl"


def _llamafactory(where: str, record: dict[str, Any]) -> Row:
    """A line of `generated_predictions.jsonl`: `prompt` with its special tokens, `predict`, `label`."""
    prompt, predict, label = (_text(where, record, key) for key in ("prompt", "predict", "label"))
    return Row(where, predict, gold=label, question=prompt)


def _swift(where: str, record: dict[str, Any]) -> Row:
    """A line of `swift infer --result_path`: `response`, `labels`, `messages` with the response as the last one."""
    response = _text(where, record, "response")
    labels = record.get("labels")
    try:
        asked = [str(item["content"]) for item in record["messages"] if item["role"] == "user"]
    except (LookupError, TypeError):
        raise DatasetError(f"{where}: messages is {record.get('messages')!r}: expected roles and contents") from None
    return Row(where, response, gold=None if labels is None else str(labels), question="\n".join(asked))


def _plain(where: str, record: dict[str, Any]) -> Row:
    """A line of plain JSON: the answer under one of RAW and, where there are any, `id`, GOLD, `tokens`, `seconds`."""
    raw = next((record[key] for key in RAW if key in record), ABSENT)
    faults: list[str] = []
    if not isinstance(raw, str | dict):
        faults.append(
            f"{where}: keys {sorted(record)}: expected the answer, a text or an object, as one of {list(RAW)}"
        )
    id_ = record.get("id")
    if not isinstance(id_, str | int | None) or id_ == "":
        faults.append(f"{where}: id is {id_!r}: expected a text")
    numbers = [record.get(key, 0) for key in ("tokens", "seconds")]
    if type(numbers[0]) is not int or not is_duration(numbers[1]):
        faults.append(f"{where}: tokens and seconds are {numbers!r}: expected two numbers")
    DatasetError.check(faults)
    gold = next((record[key] for key in GOLD if record.get(key) is not None), None)
    text = None if gold is None else _json(gold)
    return Row(where, _json(raw), None if id_ is None else str(id_), text, None, numbers[0], float(numbers[1]))


SOURCES: Mapping[str, Callable[[str, dict[str, Any]], Row]] = {
    "llamafactory": _llamafactory,
    "swift": _swift,
    "jsonl": _plain,
}


def _text(where: str, record: dict[str, Any], key: str) -> str:
    value = record.get(key)
    if not isinstance(value, str):
        raise DatasetError(f"{where}: {key} is {value!r}: expected a text")
    return value


def _json(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _by_id(samples: Sequence[Sample], rows: Sequence[Row]) -> tuple[list[tuple[Sample, Row]], list[str]]:
    known = {sample.id: sample for sample in samples}
    first: dict[str, Row] = {}
    faults: list[str] = []
    for row in rows:
        id_ = str(row.id)
        if id_ not in known:
            faults.append(f"{row.where}: id {id_!r} is not in the dataset")
        elif id_ in first:
            faults.append(f"{row.where}: id {id_!r} stands at {first[id_].where} already")
        first.setdefault(id_, row)
    return [(known[id_], row) for id_, row in first.items() if id_ in known], faults


def _in_order(
    samples: Sequence[Sample], rows: Sequence[Row], where: Path
) -> tuple[list[tuple[Sample, Row]], list[str]]:
    faults = [f"{where}: {len(rows)} rows for {len(samples)} samples"] if len(rows) > len(samples) else []
    if blind := [row.where for row in rows if row.gold is None and row.question is None]:
        faults.append(
            f"{blind[0]}: {len(blind)} rows have neither id nor gold: nothing shows that their order is right"
        )
    return list(zip(samples, rows, strict=False)), faults


def _differences(sample: Sample, row: Row) -> Iterator[str]:
    """Where a row is not about the sample."""
    if row.gold is not None and not _same(row.gold, sample.gold):
        yield f"{row.where}: gold is {row.gold!r}, but sample {sample.id!r} has {sample.gold!r}"
    if row.question is not None:
        pieces = [piece.strip() for piece in TAG.split(sample.prompt)]
        if missing := [piece for piece in pieces if piece not in row.question]:
            yield f"{row.where}: its prompt lacks the question of sample {sample.id!r}: {missing[0]!r}"


def _same(given: str, gold: str) -> bool:
    """Equal as texts, or as JSON with the same keys in the same order."""
    if given.strip() == gold.strip():
        return True
    try:
        return json.dumps(json.loads(given)) == json.dumps(json.loads(gold))
    except (ValueError, RecursionError):
        return False
