"""Open-book samples from a labelled dataset: the gold labels' definitions among hard distractors (RAFT)."""

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import click

from ontune.console import emit, json_option
from ontune.errors import SourceError
from ontune.sharegpt import Sample, Turn
from ontune.task import Task
from ontune.task.model import Answer
from ontune.task.openbook import DISTRACTORS, OpenBook
from ontune.task.parsing import parse
from ontune_converters.account import Account
from ontune_converters.dataset import Target, publish
from ontune_converters.existing import Carrier, Part, agreed, read_parts
from ontune_converters.options import dataset_info_option, ontology_option, out_option, strict_option

__all__ = ["answered", "command", "open_sample", "without_oracle"]

Row = tuple[Part, Sample, Answer]


def open_sample(book: OpenBook, sample: Sample, answer: Answer, count: int, seed: int, oracle: bool) -> Sample:
    """The sample with definitions after its last question; chance depends on the seed and its id alone."""
    gold = [label for labels in book.task.labels_of(answer).values() for label in labels]
    documents = book.training_documents(gold, count, rng=random.Random(f"{seed} {sample.id}"), oracle=oracle)
    *before, question, given = sample.conversations
    asked = Turn("human", book.prompt(question.value, documents))
    return replace(sample, conversations=(*before, asked, given), meta={**sample.meta, "oracle": oracle})


def answered(parts: Iterable[Part], task: Task, account: Account) -> list[Row]:
    """The samples with their parsed gold; gold that is no JSON object is dropped, gold that is refused is named.

    Raises SourceError with every unknown label: there is no definition to give.
    """
    rows: list[Row] = []
    faults: list[str] = []
    for part in parts:
        for sample in part.samples:
            where = f"{part.path}: {sample.id}"
            answer, _ = parse(task, sample.gold)
            if answer is None:
                account.drop("no_answer", f"{where}: {sample.gold[:80]!r} is no JSON object")
                continue
            rows.append((part, sample, answer))
            for refusal in task.refusals(answer):
                if refusal.code == "unknown_label":
                    faults.append(f"{where}: unknown label in {refusal.detail}")
                else:
                    account.warn(f"refused_{refusal.code}", f"{where}: {refusal.detail}")
    SourceError.check(faults)
    return rows


def without_oracle(rows: Sequence[Row], task: Task, share: float, seed: int) -> set[str]:
    """The ids of a seeded share of the samples that have labels: those that are not given their definitions."""
    labelled = sorted(sample.id for _, sample, answer in rows if any(task.labels_of(answer).values()))
    return set(random.Random(seed).sample(labelled, round(share * len(labelled))))


def build(rows: Sequence[Row], book: OpenBook, count: int, bare: set[str], seed: int) -> Iterator[tuple[Part, Sample]]:
    """The open-book samples with the parts they come from, in their order."""
    for part, sample, answer in rows:
        yield part, open_sample(book, sample, answer, count, seed, oracle=sample.id not in bare)


@click.command(name="raft")
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@out_option
@click.option("--distractors", type=click.IntRange(0), default=DISTRACTORS, show_default=True, help="Beside the gold.")
@click.option(
    "--without-oracle", "bare", type=click.FloatRange(0, 1), default=0.2, show_default=True,
    help="The share of samples that get distractors alone.",
)  # fmt: skip
@click.option("--seed", default=1, show_default=True, help="Picks distractors, their order, and who gets no oracle.")
@click.option("--task", help="A task: its file, or its name.  [default: the dataset's]")
@ontology_option
@dataset_info_option
@strict_option
@json_option
def command(
    sources: tuple[str, ...],
    out: Path,
    distractors: int,
    bare: float,
    seed: int,
    task: str | None,
    ontology: str | None,
    dataset_info: Path,
    strict: bool,
    as_json: bool,
) -> None:
    """Open-book samples from a labelled dataset.

    SOURCE is a dataset's folder (all its splits), a samples file, or a name in dataset_info.json. Each question is
    followed by definitions: the gold labels' and those of siblings and graph neighbours. Splits stay as they are.
    `ontune predict --prompt raft` asks in the same form.
    """
    parts = read_parts(sources, dataset_info)
    named_task, named_ontology = (task, ontology) if task and ontology else agreed(parts)
    if not (task or named_task):
        raise SourceError(f"{', '.join(sources)}: no entry of dataset_info.json names a task: name one with --task")
    folders = {part.folder for part in parts}
    target = Target.open(out, task or named_task or "", ontology or named_ontology, dataset_info, sorted(folders))
    account = Account("raft", strict, read=sum(len(part.samples) for part in parts))
    rows = answered(parts, target.task, account)
    missing = without_oracle(rows, target.task, bare, seed)
    carrier = Carrier(target.name, several=len(folders) > 1)
    splits: defaultdict[str, list[Sample]] = defaultdict(list)
    for part, sample in build(rows, OpenBook(target.task), distractors, missing, seed):
        splits[part.split].append(carrier.carry(sample, part))
    SourceError.check(carrier.faults)
    account.facts |= {"with_oracle": len(rows) - len(missing), "without_oracle": len(missing)}
    ordered = {split: sorted(samples, key=lambda sample: sample.id) for split, samples in sorted(splits.items())}
    publish(target, ordered, carrier.files, account)
    emit(account.record(), account.text(), as_json)
