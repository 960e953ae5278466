"""From a source's labels (names or IRIs, flat or by dimension) to the task's answer; faults are collected."""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from ontune.errors import SourceError
from ontune.ontology import Ontology
from ontune.task import Task
from ontune.task.model import Answer

__all__ = ["Labeller", "Stated", "local_name", "parse_labels", "read_renames"]


@dataclass(frozen=True)
class Stated:
    """What a row states: (name, key it stands under or "") in its order, or the value of an error answer."""

    labels: tuple[tuple[str, str], ...] = ()
    error: str | None = None


def local_name(label: str) -> str:
    """The name that an IRI ends with, after its last `#` or `/`; a name is itself."""
    return label.rstrip("/#").replace("#", "/").rsplit("/", 1)[-1] if "://" in label else label


def parse_labels(value: object) -> Stated:
    """The labels of a flat list, of an object of lists, of `{"error": …, "labels": …}`, or of any of them as JSON text.

    Raises ValueError that says what was found instead.
    """
    if isinstance(value, str):
        value = _from_text(value)
    if isinstance(value, list):
        return Stated(tuple((name, "") for name in _names(cast("list[object]", value), "the labels")))
    if not isinstance(value, Mapping):
        raise ValueError(f"labels {value!r}: expected a list of names or an object of lists")  # noqa: TRY004 - as JSON's
    record = {str(key): item for key, item in cast("Mapping[object, object]", value).items()}
    errors = [record.pop(key) for key in list(record) if key.casefold() == "error"]
    if error := next(filter(None, errors), None):
        return Stated(error=str(error))
    if list(record) == ["labels"]:
        return parse_labels(record["labels"])
    return Stated(tuple((name, key) for key, names in record.items() for name in _names(names, key)))


def _from_text(text: str) -> object:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"labels {text[:80]!r}: not JSON ({error}): expected a list or an object of lists") from None


def _names(value: object, where: str) -> Iterator[str]:
    items = cast("list[object]", value) if isinstance(value, list) else [value]
    for item in items:
        if not isinstance(item, str) or not item:
            raise ValueError(f"{where} holds {item!r}: expected names of labels")
        yield local_name(item)


def read_renames(path: Path | None, ontology: Ontology) -> dict[str, tuple[str, ...]]:
    """What each old name becomes, from a CSV file `old,new`: repeated to become several, empty to be left out."""
    if path is None:
        return {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [(number, row) for number, row in enumerate(csv.reader(file), start=1) if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise SourceError(f"{path}: {error}: expected a CSV file in UTF-8") from None
    rows = rows[1:] if rows and rows[0][1] == ["old", "new"] else rows
    faults: list[str] = []
    renames: dict[str, tuple[str, ...]] = {}
    for number, row in rows:
        old, new = (local_name(cell.strip()) for cell in (*row, "", "")[:2])
        if len(row) != 2 or not old:
            faults.append(f"{path}:{number}: {row}: expected two columns, old and new")
        elif new and new not in ontology.by_name:
            faults.append(f"{path}:{number}: {new!r} is no label: nearest {ontology.nearest(new)}")
        else:
            renames[old] = renames.get(old, ()) + ((new,) if new else ())
    SourceError.check(faults)
    return renames


def _spellings(task: Task) -> dict[str, str]:
    """Each way to write a dimension's key (`Ability`, `Abilities`, `abilities`), to the dimension."""
    found: dict[str, str] = {}
    for path, labels in task.label_fields():
        for name in (labels.dimension, path[-1]):
            plural = f"{name[:-1]}ies" if name.endswith("y") else f"{name}s"
            found |= dict.fromkeys((name.casefold(), plural.casefold()), labels.dimension)
    return found


@dataclass
class Labeller:
    """Answers for stated labels; every fault of all rows is kept until `faults` is asked for."""

    task: Task
    renames: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    others: Sequence[Ontology] = ()  # other releases: they tell since when a label is gone
    prune: bool = False

    def __post_init__(self) -> None:
        self.keys = _spellings(self.task)
        self.renamed = 0
        self._unknown: dict[str, list[str]] = {}
        self._faults: list[str] = []

    def answer(self, stated: Stated, where: str) -> Answer:
        """The canonical answer; it holds known labels only, a fault is kept for every other."""
        if stated.error is not None:
            return self._error_answer(stated.error, where)
        labels: list[str] = []
        for name, key in stated.labels:
            labels += self._labels(name, key, where)
        return self.task.answer_from_labels(self._pruned(labels))

    def faults(self) -> list[str]:
        """Every unknown label once, with its nearest names, then every label in a wrong place."""
        return [self._unknown_fault(name, places) for name, places in sorted(self._unknown.items())] + self._faults

    def _error_answer(self, value: str, where: str) -> Answer:
        error = self.task.error
        new = next(iter(self.renames.get(value, ())), value)
        if error and new in error.values:
            return self.task.error_answer(new)
        expected = f"one of {list(error.values)}" if error else "labels: the task has no error answer"
        self._faults.append(f"{where}: error answer {value!r}: expected {expected}")
        return {}

    def _labels(self, name: str, key: str, where: str) -> list[str]:
        if name in self.renames:
            self.renamed += 1
            return [new for new in self.renames[name] if self._has_place(new, where)]
        concept = self.task.ontology.by_name.get(name)
        if concept is None:
            self._unknown.setdefault(name, []).append(where)
            return []
        if key and self.keys.get(key.casefold()) != concept.dimension:
            expected = sorted(set(self.keys.values()))
            fault = f"{where}: {name!r} stands under {key!r}, but it is in {concept.dimension} (keys: {expected})"
            self._faults.append(fault)
            return []
        return [name] if self._has_place(name, where) else []

    def _has_place(self, name: str, where: str) -> bool:
        dimension = self.task.ontology.by_name[name].dimension
        if dimension in self.keys.values():
            return True
        self._faults.append(f"{where}: {name!r} is in {dimension}, which task {self.task.name} does not ask for")
        return False

    def _pruned(self, labels: list[str]) -> list[str]:
        if not self.prune:
            return labels
        above = frozenset[str]().union(*(self.task.ancestors[label] for label in labels))
        return [label for label in labels if label not in above]

    def _unknown_fault(self, name: str, places: list[str]) -> str:
        ontology = self.task.ontology
        nearest = ", ".join(ontology.nearest(name)) or "none"
        release = "".join(f"; {text}" for text in [self._release(name)] if text)
        return (
            f"unknown label {name!r} ({len(places)} times, first at {places[0]}): not in {ontology.name} "
            f"{ontology.version}{release}; nearest: {nearest}"
        )

    def _release(self, name: str) -> str:
        """Since when the label is gone, or which other release has it."""
        ours = self.task.ontology
        releases = sorted([*self.others, ours], key=lambda release: _order(release.version))
        has = [release for release in releases if name in release.by_name]
        if not has:
            return ""
        later = releases[releases.index(has[-1]) + 1 :]
        gone = f", removed by {later[0].version}" if later and _order(has[-1].version) < _order(ours.version) else ""
        return f"in {has[-1].name} {has[-1].version}{gone}"


def _order(version: str) -> tuple[tuple[int, str], ...]:
    """A key that orders 0.4.0 before 0.21.0."""
    parts = version.replace("-", ".").split(".")
    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in parts)
