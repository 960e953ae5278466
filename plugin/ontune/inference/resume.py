"""Answers batch by batch, kept as they come: a stop at any moment loses nothing and repeats nothing."""

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path

from ontune.console import progress
from ontune.errors import DatasetError
from ontune.evaluation.predictions import Prediction
from ontune.sharegpt import Sample

__all__ = ["answer_all"]


def answer_all(
    batches: Sequence[list[Sample]],
    answer: Callable[[list[Sample]], list[Prediction]],
    out: Path,
    settings: object,
) -> list[Prediction]:
    """The predictions of all batches, sorted by id; `settings` is what a resumed part must share to count."""
    key = hashlib.sha256(repr(settings).encode()).hexdigest()[:12]
    part = out.with_name(f".{out.name}.{key}.part")
    part.parent.mkdir(parents=True, exist_ok=True)
    found = {prediction.id: prediction for prediction in _read_part(part)}
    with part.open("a", encoding="utf-8") as file:
        for batch in progress(batches, out.name):
            if all(sample.id in found for sample in batch):
                continue
            predictions = answer(batch)
            file.write("".join(prediction.to_json() + "\n" for prediction in predictions))
            file.flush()
            found |= {prediction.id: prediction for prediction in predictions}
    wanted = {sample.id for batch in batches for sample in batch}
    return sorted((found[id_] for id_ in wanted), key=lambda prediction: prediction.id)


def discard_part(out: Path) -> None:
    """Removes what an unfinished run of this file has left."""
    for part in out.parent.glob(f".{out.name}.*.part"):
        part.unlink()


def _read_part(part: Path) -> list[Prediction]:
    """The whole lines of a part; a line cut by the stop is taken off."""
    if not part.is_file():
        return []
    lines = part.read_text(encoding="utf-8").splitlines()
    found: list[Prediction] = []
    for number, line in enumerate(lines, start=1):
        try:
            found.append(Prediction.from_json(line, f"{part}:{number}"))
        except (DatasetError, json.JSONDecodeError):
            break
    part.write_text("".join(prediction.to_json() + "\n" for prediction in found), encoding="utf-8")
    return found
