"""Whether two judges, or a judge and people, agree on pass and fail, beyond what chance gives."""

import csv
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

from ontune.errors import InputError

__all__ = ["Agreement", "agreement", "cohen_kappa", "read_labels"]

VERDICTS = {"pass": True, "true": True, "yes": True, "1": True, "fail": False, "false": False, "no": False, "0": False}
KEYS = ("verdict", "label", "pass")  # what the column beside `id` may be called


@dataclass(frozen=True)
class Agreement:
    """How many rows both judged, the share on which they agree, and Cohen's kappa (None where it is undefined)."""

    n: int
    agree: float | None
    kappa: float | None

    def to_record(self) -> dict[str, Any]:
        return asdict(self)


def agreement(one: Mapping[str, bool], other: Mapping[str, bool]) -> Agreement:
    """The agreement on the rows that both have."""
    pairs = [(one[key], other[key]) for key in sorted(one.keys() & other.keys())]
    if not pairs:
        return Agreement(0, None, None)
    return Agreement(len(pairs), sum(a == b for a, b in pairs) / len(pairs), cohen_kappa(pairs))


def cohen_kappa(pairs: list[tuple[bool, bool]]) -> float | None:
    """The agreement beyond chance: 1 for all, 0 for what chance gives; None where both say one and the same of all.

    Cohen (1960), "A coefficient of agreement for nominal scales".
    """
    n = len(pairs)
    observed = sum(a == b for a, b in pairs) / n
    first, second = (sum(pair[at] for pair in pairs) / n for at in (0, 1))
    chance = first * second + (1 - first) * (1 - second)
    return None if chance == 1 else (observed - chance) / (1 - chance)


def read_labels(path: Path) -> dict[str, bool]:
    """People's verdicts by id, from a CSV or JSONL file with `id` and `verdict`. Raises InputError with all faults."""
    found: dict[str, bool] = {}
    faults: list[str] = []
    for where, record in _records(path):
        name, value = record.get("id"), next((record[key] for key in KEYS if key in record), None)
        verdict = VERDICTS.get(str(value).strip().lower())
        if name in (None, "") or verdict is None:
            faults.append(f"{where}: {record!r}: expected an id, and a verdict out of pass and fail")
        elif str(name) in found:
            faults.append(f"{where}: id {name!r} stands twice")
        else:
            found[str(name)] = verdict
    InputError.check(faults or ([] if found else [f"{path}: no labels"]))
    return found


def _records(path: Path) -> list[tuple[str, dict[str, Any]]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not readable: {error}") from None
    if path.suffix == ".csv":
        rows = csv.DictReader(text.splitlines())
        return [(f"{path}:{number}", dict(row)) for number, row in enumerate(rows, start=2)]
    lines = [(f"{path}:{number}", line) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]
    return [(where, _object(line)) for where, line in lines]


def _object(line: str) -> dict[str, Any]:
    """The JSON object on a line; one without any key for anything else, which no label is."""
    try:
        record: object = json.loads(line)
    except ValueError:
        return {"line": line[:80]}
    return cast("dict[str, Any]", record) if isinstance(record, dict) else {"line": line[:80]}
