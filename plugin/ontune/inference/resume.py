"""Answers batch by batch, kept as they come: a stop at any moment loses nothing and repeats nothing."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

from ontune.console import progress
from ontune.errors import DatasetError
from ontune.evaluation import Prediction
from ontune.files import write_lines
from ontune.sharegpt import Sample

__all__ = ["answer_all", "discard_part"]


def answer_all(
    batches: Sequence[list[Sample]],
    answer: Callable[[list[Sample]], list[Prediction]],
    out: Path,
    settings: object,
) -> list[Prediction]:
    """The predictions of all batches, sorted by id; `settings` is what a resumed part must share to count."""
    key = hashlib.sha256(repr(settings).encode()).hexdigest()[:12]
    part = out.with_name(f".{out.name}.{key}.part")
    found = {prediction.id: prediction for prediction in _read_part(part)}
    # Anew: a line that the stop has cut would spoil the one that follows it.
    write_lines(part, (prediction.to_json() for prediction in found.values()))
    with part.open("a", encoding="utf-8") as file:
        for batch in progress(batches, out.name):
            if all(sample.id in found for sample in batch):
                continue
            predictions = answer(batch)
            file.write("".join(f"{prediction.to_json()}\n" for prediction in predictions))
            file.flush()
            found |= {prediction.id: prediction for prediction in predictions}
    wanted = {sample.id for batch in batches for sample in batch}
    return sorted((found[id_] for id_ in wanted), key=lambda prediction: prediction.id)


def discard_part(out: Path) -> None:
    """Removes what unfinished runs of this file have left."""
    for path in out.parent.iterdir():
        if path.name.startswith(f".{out.name}.") and path.suffix == ".part":
            path.unlink()


def _read_part(part: Path) -> list[Prediction]:
    """The predictions up to the first line that is not whole."""
    found: list[Prediction] = []
    # As bytes: a cut may go through a character, and an answer may hold what `splitlines` takes for a line's end.
    for line in part.read_bytes().split(b"\n") if part.is_file() else []:
        try:
            found.append(Prediction.from_json(line.decode(), str(part)))
        except (DatasetError, UnicodeDecodeError):
            break
    return found
