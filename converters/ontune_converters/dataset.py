"""Writing a dataset: samples and media in one step, the account beside them, the entries in dataset_info.json."""

import json
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ontune.dataset_info import Entry, load_entries, register
from ontune.errors import SourceError
from ontune.files import replace_directory, write_atomic
from ontune.ontology import Ontology, read_snapshot, write_snapshot
from ontune.ontology.snapshot import snapshot_sha256
from ontune.resources import DATASET_INFO, package_root
from ontune.sharegpt import Sample, write_samples
from ontune.task import Task, load_task
from ontune_converters.account import Account

__all__ = ["Target", "publish", "write_dataset"]


@dataclass(frozen=True)
class Target:
    """Where a dataset goes: `data/<name>`, with its entries in `dataset_info`."""

    directory: Path
    task: Task
    dataset_info: Path = DATASET_INFO
    ontology_stem: str = ""

    @property
    def name(self) -> str:
        """The dataset's name: the folder's."""
        return self.directory.name

    def media_path(self, file: str) -> str:
        """The path a sample gives for `media/<file>` of this dataset: relative to `data/`."""
        return f"{self.name}/media/{file}"

    @classmethod
    def open(cls, out: Path, task: str, ontology: str | None, dataset_info: Path) -> "Target":
        """Checks all that can be wrong before work starts; a snapshot from elsewhere joins dataset_info/ontologies."""
        if out.name in {"", ".", ".."}:
            raise SourceError(f"--out {out}: expected data/DATASET, a folder whose name becomes the dataset's")
        loaded = load_task(task, ontology, dataset_info)
        return cls(out, loaded, dataset_info, _adopt(loaded.ontology, dataset_info) if ontology else "")


def _adopt(ontology: Ontology, dataset_info: Path) -> str:
    """The file stem under which the entry finds this ontology; written there when it is not there yet.

    Raises SourceError where another ontology has that name: entries that name it would change their meaning.
    """
    stem = f"{ontology.name}-{ontology.version}"
    local = dataset_info / "ontologies" / f"{stem}.json"
    shipped = package_root() / "dataset_info" / "ontologies" / f"{stem}.json"
    known = next((path for path in (local, shipped) if path.is_file()), None)
    if known is None:
        write_snapshot(ontology, local)
    elif snapshot_sha256(read_snapshot(known)) != snapshot_sha256(ontology):
        raise SourceError(f"{known} is another ontology of that name and version: give yours another, or replace it")
    return stem


def publish(
    target: Target,
    splits: Mapping[str, Sequence[Sample]],
    media: Mapping[str, Path | bytes],
    account: Account,
    *,
    with_task: bool = True,
) -> None:
    """Writes the dataset in one step and registers its splits; until then the old one stays whole.

    `media` maps a file name below `media/` to its bytes or to a file to copy. `with_task=False` registers no task, for
    answers that are none of the task's. Raises before anything is touched when the account does not close.
    """
    task, ontology = target.task.name if with_task else None, target.ontology_stem or None
    write_dataset(target.directory, splits, media, account, target.dataset_info, task=task, ontology=ontology)


def write_dataset(
    directory: Path,
    splits: Mapping[str, Sequence[Sample]],
    media: Mapping[str, Path | bytes],
    account: Account,
    dataset_info: Path,
    *,
    task: str | None,
    ontology: str | None,
) -> None:
    """As `publish`, for a dataset whose task and ontology are names alone, or none."""
    account.written.update({split: len(samples) for split, samples in splits.items()})
    account.close()
    with replace_directory(directory) as fresh:
        for name, content in sorted(media.items()):
            _write_medium(fresh / "media" / name, content, directory.parent)
        for split, samples in splits.items():
            write_samples(fresh / f"{split}.jsonl", samples)
        write_atomic(fresh / "account.json", json.dumps(account.record(), indent=2, ensure_ascii=False))
    entries = [Entry(f"{directory.name}_{split}", directory / f"{split}.jsonl", task, ontology) for split in splits]
    gone = [
        entry.name
        for entry in load_entries(dataset_info).values()
        if entry.path.parent.resolve() == directory.resolve() and not entry.path.is_file()
    ]
    register(entries, dataset_info, remove=gone)


def _write_medium(path: Path, content: Path | bytes, data: Path) -> None:
    """Writes one file; one of another dataset in `data` is linked: files there are replaced, never changed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, bytes):
        path.write_bytes(content)
        return
    source = content.resolve()
    if source.is_relative_to(data.resolve()):
        with suppress(OSError):  # a file system without links
            path.hardlink_to(source)
            return
    shutil.copyfile(source, path)
