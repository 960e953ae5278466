"""Writing a dataset: samples and media in one step, the account beside them, the entries in dataset_info.json."""

import json
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ontune.console import message
from ontune.dataset_info import Entry, check_names, load_entries, register
from ontune.errors import SourceError
from ontune.files import copy_atomic, replace_directory, write_atomic
from ontune.ontology import Ontology, read_snapshot, write_snapshot
from ontune.ontology.snapshot import snapshot_sha256
from ontune.resources import DATASET_INFO, find, package_root
from ontune.sharegpt import Sample, write_samples
from ontune.task import Task, load_task
from ontune_converters.account import Account

__all__ = ["Target", "check_apart", "publish", "write_dataset"]

DATA = Path("data")  # media_dir of the recipes
SHOWN = 5  # names in a message


@dataclass(frozen=True)
class Target:
    """Where a dataset goes: `data/<name>`, with its entries in `dataset_info`."""

    directory: Path
    task: Task
    dataset_info: Path = DATASET_INFO
    ontology_stem: str = ""
    task_file: Path | None = None  # what dataset_info/ does not have yet, or what takes the place of its own

    @property
    def name(self) -> str:
        """The dataset's name: the folder's."""
        return self.directory.name

    def media_path(self, file: str) -> str:
        """The path a sample gives for `media/<file>` of this dataset: relative to `data/`."""
        return f"{self.name}/media/{file}"

    @classmethod
    def open(
        cls, out: Path, task: str, ontology: str | None, dataset_info: Path, sources: Iterable[Path | None] = (),
        made: str = "",
    ) -> "Target":  # fmt: skip
        """Checks all that can be wrong before work starts; nothing is written.

        `sources`: what is read; the dataset may lie neither in nor around any of them. `made`: how a task begins that
        an earlier run made, and that the new one replaces.
        """
        if out.name in {"", ".", ".."}:
            raise SourceError(f"--out {out}: expected data/DATASET, a folder whose name becomes the dataset's")
        check_apart(out, filter(None, sources))
        _check_replaceable(out, dataset_info)
        loaded = load_task(task, ontology, dataset_info)
        file = _task_file(find("tasks", task, ".yaml", dataset_info), loaded.name, dataset_info, made)
        return cls(out, loaded, dataset_info, _stem(loaded.ontology, dataset_info), file)

    def adopt(self) -> None:
        """Lets entries find the task and its ontology: what dataset_info/ does not have yet is written there."""
        snapshot = Path("ontologies", f"{self.ontology_stem}.json")
        if self.ontology_stem and _known(snapshot, self.dataset_info) is None:
            write_snapshot(self.task.ontology, self.dataset_info / snapshot)
        if self.task_file:
            copy_atomic(self.task_file, self.dataset_info / "tasks" / f"{self.task.name}.yaml")


def check_apart(out: Path, sources: Iterable[Path]) -> None:
    """Raises SourceError for each source that lies in or around the folder to write."""
    target = out.resolve()
    SourceError.check(
        [
            f"--out {out}: in or around {source}, which is read and would be changed: name another folder"
            for source in sources
            if target.is_relative_to(source.resolve()) or source.resolve().is_relative_to(target)
        ]
    )


def _check_replaceable(directory: Path, dataset_info: Path) -> None:
    """Raises SourceError where something else than a dataset of ours is, or lies in it, and would be lost."""
    if not directory.is_dir():
        if directory.exists():
            raise SourceError(f"{directory}: a file: expected a new folder, or a dataset to replace")
        return
    known = {entry.path.name for entry in load_entries(dataset_info).values() if _is_in(entry.path, directory)}
    if (path := directory / "account.json").is_file():
        known |= {"account.json", *_written_splits(path)}
    lost = sorted({path.name for path in directory.iterdir()} - (known | {"media"} if known else set()))
    if lost:
        named = ", ".join(lost[:SHOWN]) + (f" and {len(lost) - SHOWN} more" if len(lost) > SHOWN else "")
        raise SourceError(f"{directory}: {named}: no part of a dataset of ours, and would be lost: name another folder")


def _is_in(path: Path, directory: Path) -> bool:
    return path.parent.resolve() == directory.resolve()


def _written_splits(account: Path) -> list[str]:
    """The names of the files that an account tells of; none where it is no account."""
    try:
        return [f"{split}.jsonl" for split in json.loads(account.read_bytes())["splits"]]
    except (ValueError, KeyError, TypeError):
        return []


def _stem(ontology: Ontology, dataset_info: Path) -> str:
    """The file stem under which the entry finds this ontology; "" for none.

    Raises SourceError where another ontology has that name: entries that name it would change their meaning.
    """
    if not ontology.concepts:
        return ""
    stem = f"{ontology.name}-{ontology.version}"
    known = _known(Path("ontologies", f"{stem}.json"), dataset_info)
    if known and snapshot_sha256(read_snapshot(known)) != snapshot_sha256(ontology):
        raise SourceError(f"{known} is another ontology of that name and version: give yours another, or replace it")
    return stem


def _task_file(path: Path, name: str, dataset_info: Path, made: str) -> Path | None:
    """The file to copy so that the entry finds the task under its name; None where it is there already.

    Raises SourceError where another task has that name, unless both begin with `made`.
    """
    if Path(name).name != name:
        raise SourceError(f"{path}: name {name!r}: expected one that can be a file's")
    known = _known(Path("tasks", f"{name}.yaml"), dataset_info)
    old, new = known.read_bytes() if known else b"", path.read_bytes()
    if known and old != new and not (made and old.startswith(made.encode()) and new.startswith(made.encode())):
        raise SourceError(f"{known} is another task than {path}: give yours another name, or replace it")
    return path if old != new else None


def _known(file: Path, dataset_info: Path) -> Path | None:
    """The file of that name in dataset_info/ or the package."""
    places = (dataset_info / file, package_root() / "dataset_info" / file)
    return next((path for path in places if path.is_file()), None)


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
    names = {"task": task, "ontology": ontology}
    write_dataset(target.directory, splits, media, account, target.dataset_info, **names, adopt=target.adopt)


def write_dataset(
    directory: Path,
    splits: Mapping[str, Sequence[Sample]],
    media: Mapping[str, Path | bytes],
    account: Account,
    dataset_info: Path,
    *,
    task: str | None,
    ontology: str | None,
    adopt: Callable[[], None] = lambda: None,
) -> None:
    """As `publish`, for a dataset whose task and ontology are names alone, or none.

    `adopt` makes the names mean something; it is called before the entries that have them are registered.
    """
    account.written.update({split: len(samples) for split, samples in splits.items()})
    account.close()
    _check_replaceable(directory, dataset_info)
    entries = [Entry(f"{directory.name}_{split}", directory / f"{split}.jsonl", task, ontology) for split in splits]
    check_names(entries, dataset_info)
    with replace_directory(directory) as fresh:
        for name, content in sorted(media.items()):
            _write_medium(fresh / "media" / name, content, directory.parent)
        for split, samples in splits.items():
            write_samples(fresh / f"{split}.jsonl", samples)
        write_atomic(fresh / "account.json", json.dumps(account.record(), indent=2, ensure_ascii=False))
    adopt()
    gone = [
        entry.name
        for entry in load_entries(dataset_info).values()
        if _is_in(entry.path, directory) and not entry.path.is_file()
    ]
    register(entries, dataset_info, remove=gone)
    if media and directory.parent.resolve() != DATA.resolve():
        message(
            f"{directory}: media paths are relative to {directory.parent}, but the recipes look in {DATA}/: "
            f"set media_dir (LLaMA-Factory) or ROOT_IMAGE_DIR (ms-swift) to {directory.parent}"
        )


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
