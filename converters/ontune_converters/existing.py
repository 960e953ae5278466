"""Datasets that exist already, as input: their splits, their task, and their media on the way into another dataset."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ontune.dataset_info import resolve
from ontune.errors import DatasetError, SourceError
from ontune.sharegpt import Sample, read_samples

__all__ = ["ACCOUNT_KEYS", "Carrier", "Part", "agreed", "read_parts"]

ACCOUNT_KEYS = ("converter", "read", "written", "dropped", "warnings")


@dataclass(frozen=True)
class Part:
    """One split of a dataset: the name of its folder and of its file, what its entry says, and its samples."""

    path: Path
    samples: tuple[Sample, ...]
    task: str | None = None
    ontology: str | None = None

    @property
    def split(self) -> str:
        return self.path.stem

    @property
    def folder(self) -> Path:
        """The dataset's folder; media paths are relative to the one above it. A link keeps its own name."""
        return Path(os.path.abspath(self.path)).parent  # noqa: PTH100 - resolve() would follow links

    def media(self, paths: Iterable[str]) -> list[Path]:
        """Where the pictures or videos are that a sample names."""
        return [self.folder.parent / path for path in paths]


def read_parts(names: Iterable[str], dataset_info: Path) -> list[Part]:
    """The splits of the given dataset folders, samples files and entry names, in their order.

    Raises DatasetError with all faults of all of them: a bad line, a repeated id, a folder without samples.
    """
    faults: list[str] = []
    parts: list[Part] = []
    for name in names:
        files = sorted(map(str, Path(name).glob("*.jsonl"))) if Path(name).is_dir() else [name]
        if not files:
            faults.append(f"{name}: no .jsonl file in this folder")
        for file in files:
            try:
                entry = resolve(file, dataset_info)
                parts.append(Part(entry.path, tuple(read_samples(entry.path)), entry.task, entry.ontology))
            except DatasetError as error:
                faults += error.faults
    DatasetError.check(faults)
    parts = _named_apart(parts)
    DatasetError.check(_repeated_ids(parts))
    return parts


def _named_apart(parts: Sequence[Part]) -> list[Part]:
    """The parts, ids led by their dataset's name where there are several datasets: an id is unique in one alone."""
    if len({part.folder for part in parts}) < 2:
        return list(parts)
    renamed = ((part, f"{part.folder.name}/") for part in parts)
    return [
        replace(part, samples=tuple(replace(item, id=prefix + item.id) for item in part.samples))
        for part, prefix in renamed
    ]


def _repeated_ids(parts: Sequence[Part]) -> list[str]:
    """A fault for each two files that share an id."""
    ids = [{item.id for item in part.samples} for part in parts]
    shared = [(at, before, ids[at] & ids[before]) for at in range(len(parts)) for before in range(at)]
    return [
        f"{parts[at].path}: {len(both)} ids are in {parts[before].path} already, such as {min(both)!r}"
        for at, before, both in shared
        if both
    ]


def agreed(parts: Sequence[Part]) -> tuple[str | None, str | None]:
    """The task and the ontology that all parts name. Raises SourceError where they differ."""
    found = {(part.task, part.ontology): part.path for part in parts}
    if len(found) > 1:
        raise SourceError(
            [f"{path}: task {task}, ontology {onto}: expected one" for (task, onto), path in found.items()]
        )
    return next(iter(found))


@dataclass
class Carrier:
    """Moves samples into the dataset `name`, keeping for each file below `media/` where it comes from."""

    name: str
    several: bool = False  # datasets: their names keep equal paths apart
    files: dict[str, Path] = field(default_factory=dict[str, Path])
    faults: list[str] = field(default_factory=list[str])

    def carry(self, sample: Sample, part: Part) -> Sample:
        """The sample with its media paths in the new dataset."""
        if not (sample.images or sample.videos):
            return sample
        images, videos = ([self._file(path, part) for path in paths] for paths in (sample.images, sample.videos))
        return replace(sample, images=tuple(images), videos=tuple(videos))

    def _file(self, path: str, part: Part) -> str:
        source = part.folder.parent / path
        name = path.removeprefix(f"{part.folder.name}/media/")
        name = f"{part.folder.name}/{name}" if self.several else name
        if not source.is_file():
            self.faults.append(f"{part.path}: {path}: no such file in {part.folder.parent}")
        elif self.files.setdefault(name, source) != source:
            self.faults.append(f"{part.path}: {path} and {self.files[name]} would both become media/{name}")
        return f"{self.name}/media/{name}"
