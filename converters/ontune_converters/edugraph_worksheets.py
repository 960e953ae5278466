"""Labelled worksheet and exercise pictures of EduGraph, in every form that they are published in."""

import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import click

from ontune.console import FILE, FOLDER, emit, progress
from ontune.errors import SourceError
from ontune.ontology import load_ontology
from ontune.sharegpt import Sample, Turn
from ontune.task import Task
from ontune.task.model import Answer
from ontune.task.refusals import ancestor_pairs
from ontune_converters.account import Account
from ontune_converters.dataset import Target, publish
from ontune_converters.edugraph_rows import Row, Source, check_faults, hidden, read_rows
from ontune_converters.labels import Labeller, Stated, read_renames
from ontune_converters.options import dataset_options
from ontune_converters.pictures import SUFFIXES, Picture, Shelf

__all__ = ["RELEASES", "Builder", "command", "convert", "gold_warnings", "negative_rows"]

RELEASES = "https://github.com/christian-bick/edugraph-dataset/releases/download"


def negative_rows(folder: Path, value: str, account: Account) -> list[Row]:
    """A row with the error answer for every picture in a folder, whatever the case of its suffix.

    Raises SourceError where there is none.
    """
    source = Source.local(folder)
    rows: list[Row] = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and not hidden(path, folder)):
        name = path.relative_to(folder).as_posix()
        where = f"{source.name}/{name}"
        if path.suffix.casefold() not in SUFFIXES:
            account.warn("not_a_picture", f"{where}: left out of the negatives")
            continue
        meta = {"generator": "negatives", "source": where, "group": f"negatives/{name}", "page": f"negatives/{name}"}
        rows.append(Row(where, source, name, Stated(error=value), meta))
    if not rows:
        raise SourceError(f"--negatives {folder}: no picture in it: expected files with {', '.join(sorted(SUFFIXES))}")
    return rows


def gold_warnings(task: Task, row: Row, answer: Answer, account: Account) -> None:
    """Warns of what the contract refuses, of labels beside their own ancestors, of repeated and of no labels."""
    where, names = row.where, [name for name, _ in row.stated.labels]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        account.warn("duplicate_label", f"{where}: {', '.join(twice)}")
    if row.stated.error is None and not any(task.labels_of(answer).values()):
        account.warn("no_label", f"{where}: an answer without a label")
    for refusal in task.refusals(answer):
        account.warn(f"refused_{refusal.code}", f"{where}: {refusal.detail}")
    for dimension, labels in task.labels_of(answer).items():
        if pairs := ancestor_pairs(task, labels):
            named = ", ".join(f"{label} beside {above}" for label, above in pairs)
            account.warn("ancestor_in_list", f"{where}: {dimension}: {named}")


@dataclass
class Builder:
    """Samples from rows; each picture and row counted in the account."""

    task: Task
    target: Target
    account: Account
    shelf: Shelf
    splits: defaultdict[str, list[Sample]] = field(default_factory=lambda: defaultdict[str, list[Sample]](list))

    def __post_init__(self) -> None:
        self._seen: dict[str, tuple[str, str]] = {}
        self._conflicts: list[str] = []

    def add(self, row: Row, picture: Picture, answer: Answer) -> None:
        """One row more; a repeated one is dropped, or a fault where its answer is another."""
        file = self.shelf.name(row.name, picture)
        sample_id = file.rsplit(".", 1)[0]
        gold = self.task.to_json(answer)
        if first := self._seen.get(sample_id):
            self._repeated(row, gold, *first)
            return
        self._seen[sample_id] = (row.where, gold)
        self.shelf.add(file, picture)
        gold_warnings(self.task, row, answer, self.account)
        turns = (Turn("human", f"<image>{self.task.user}"), Turn("gpt", gold))
        meta = {**row.meta, "image_sha256": picture.sha256, "source_sha256": picture.source_sha256}
        sample = Sample(sample_id, turns, self.task.system, (self.target.media_path(file),), (), meta)
        self.splits[row.split or "train"].append(sample)

    def _repeated(self, row: Row, gold: str, first: str, first_gold: str) -> None:
        if gold == first_gold:
            self.account.drop("duplicate", f"{row.where}: the picture and answer of {first}")
        else:
            self._conflicts.append(f"{row.where}: answer {gold}, but {first} gives the same picture {first_gold}")

    def publish(self) -> None:
        """Writes the dataset. Raises SourceError with every picture that was given two answers."""
        SourceError.check(self._conflicts and [*self._conflicts, *self.account.drops()])
        order = {split: sorted(samples, key=lambda sample: sample.id) for split, samples in sorted(self.splits.items())}
        publish(self.target, order, self.shelf.media, self.account)


def _negative_answer(task: Task, value: str | None) -> str:
    """The error answer for negatives. Raises SourceError where the task leaves a choice, or none."""
    values = list(task.error.values) if task.error else []
    if value in values or (value is None and len(values) == 1):
        return value or values[0]
    expected = f"one of {values}" if values else "none: the task has no error answer"
    raise SourceError(f"--negative-answer {value}: task {task.name} has {expected}")


@click.command(name="edugraph_worksheets")
@click.argument("sources", nargs=-1, type=click.Path(exists=True, path_type=Path), metavar="[SOURCE]...")
@dataset_options
@click.option("--answers", is_flag=True, help="Take the answer pages of worksheets too.")
@click.option("--negatives", type=FOLDER, help="A folder of pictures that get the task's error answer, in train.")
@click.option("--negative-answer", help="Which error answer, where the task has several.")
@click.option("--media-root", type=FOLDER, help="Where the pictures lie now; leading folders are cut off to match.")
@click.option("--rename", type=FILE, help="CSV `old,new`: repeat old for several, leave new empty for none.")
@click.option("--other-ontology", multiple=True, help="Another release: names the one a label was removed in.")
@click.option("--prune-ancestors", is_flag=True, help="Leave out a label that stands beside its own descendant.")
@click.option("--from-hub", metavar="REPO[@REVISION]", help="A dataset on the Hugging Face Hub.")
@click.option("--download", metavar="VERSION", help="A release's archive, such as 0.21.0-01.")
@click.option("--base-url", default=RELEASES, show_default=True, help="Where the releases of --download are.")
@click.option("--no-cache", is_flag=True, help="Fetch anew what --download or --from-hub has in its cache.")
def command(
    sources: tuple[Path, ...],
    ontology: str | None,
    task: str,
    out: Path,
    dataset_info: Path,
    strict: bool,
    as_json: bool,
    answers: bool,
    negatives: Path | None,
    negative_answer: str | None,
    media_root: Path | None,
    rename: Path | None,
    other_ontology: tuple[str, ...],
    prune_ancestors: bool,
    from_hub: str | None,
    download: str | None,
    base_url: str,
    no_cache: bool,
) -> None:
    """Labelled worksheet and exercise pictures.

    SOURCE is a folder with meta.json, metadata.jsonl, annotations.jsonl or train_dataset.jsonl anywhere below it, or
    such a file.
    """
    if not (sources or from_hub or download or negatives):
        raise click.UsageError("nothing to convert: give a SOURCE, --from-hub, --download or --negatives")
    target = Target.open(out, task, ontology, dataset_info, (*sources, negatives))
    account = Account("edugraph_worksheets", strict)
    others = [load_ontology(name, dataset_info) for name in other_ontology]
    renames = read_renames(rename, target.task.ontology)
    labeller = Labeller(target.task, renames, others, prune_ancestors)
    with tempfile.TemporaryDirectory() as scratch:
        opened = [Source.local(path, media_root) for path in sources]
        opened += _fetched(from_hub, download, base_url, no_cache, Path(scratch))
        faults: list[str] = []
        rows = [row for source in opened for row in read_rows(source, answers, faults)]
        if negatives:
            rows += negative_rows(negatives, _negative_answer(target.task, negative_answer), account)
        answered = [labeller.answer(row.stated, row.where) for row in rows]
        check_faults([*faults, *labeller.faults()], progress(rows, "pictures", len(rows)), account)
        account.facts |= {"renamed": labeller.renamed} if renames else {}
        convert(rows, answered, Builder(target.task, target, account, Shelf(Path(scratch))))
    emit(account.record(), account.text(), as_json)


def _fetched(from_hub: str | None, release: str | None, base_url: str, force: bool, scratch: Path) -> Iterator[Source]:
    """What comes over the network; the libraries for it are imported where it is asked for."""
    if from_hub:
        from ontune_converters.hub import open_hub

        yield open_hub(from_hub, scratch, force)
    if release:
        from ontune_converters.download import open_release

        yield open_release(release, base_url, scratch, force)


def convert(rows: Sequence[Row], answers: Sequence[Answer], builder: Builder) -> None:
    """Checks the pictures of all rows and writes the dataset."""
    account = builder.account
    account.read += len(rows)
    for row, answer in zip(progress(rows, "pictures", len(rows)), answers, strict=True):
        if picture := row.load(account):
            builder.add(row, picture, answer)
    builder.publish()
