"""An ontology as text questions for stage 1: every fact in several phrasings, some of them kept for validation."""

import hashlib
import json
import random
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import click

from ontune.console import FILE, emit
from ontune.errors import SourceError
from ontune.sharegpt import Sample, Turn
from ontune.task import Task
from ontune_converters.account import Account
from ontune_converters.dataset import Target, publish
from ontune_converters.labels import Labeller, parse_labels, read_renames
from ontune_converters.options import dataset_options
from ontune_converters.questions import LABEL_FAMILIES, PHRASINGS, Fact, all_facts

__all__ = ["command", "plan", "read_ready"]

FEWEST = min(len(texts) for family, texts in PHRASINGS.items() if family != "ready")


@dataclass(frozen=True)
class Ready:
    """A row of a ready-made file: where it stands, what is asked, and the answer as it is given."""

    where: str
    instruction: str
    output: str


def plan(facts: Sequence[Fact], held_out: float, each: int, rng: random.Random) -> dict[str, list[tuple[Fact, int]]]:
    """Which fact is asked in which phrasing: all of them in train, `each` times, and a share once more in val.

    A phrasing that val uses for a fact is never used for it in train.
    """
    chosen = {fact.key for fact in rng.sample(facts, round(held_out * len(facts)))}
    plans: dict[str, list[tuple[Fact, int]]] = {"train": [], "val": []}
    for fact in facts:
        times = 1 if fact.family == "statement" else each  # statements say again what other families ask for
        last, *order = rng.sample(range(len(PHRASINGS[fact.family])), times + 1)
        plans["train"] += [(fact, phrasing) for phrasing in order]
        plans["val"] += [(fact, last)] * (fact.key in chosen)
    return {split: asked for split, asked in plans.items() if asked}


def build_sample(fact: Fact, phrasing: int, system: str) -> Sample:
    """One question; its id is the fact's key with the phrasing."""
    turns = (Turn("human", fact.question(phrasing)), Turn("gpt", fact.answer))
    meta = {"group": fact.key, "family": fact.family, "phrasing": phrasing}
    return Sample(f"{fact.key}#{phrasing}", turns, system, meta=meta)


def read_ready(paths: Iterable[Path]) -> list[Ready]:
    """The rows of `{instruction, output}` files. Raises SourceError with every line, or whole file, that is none."""
    rows: list[Ready] = []
    faults: list[str] = []
    for path in paths:
        try:
            lines = path.read_bytes().decode().split("\n")  # splitlines() would part texts at U+2028 and U+0085
        except UnicodeDecodeError as error:
            faults.append(f"{path}: not UTF-8: {error}")
            continue
        for number, line in enumerate(lines, start=1):
            try:
                rows += [_parse_ready(line, f"{path.name}:{number}")] if line.strip() else []
            except ValueError as error:
                faults.append(f"{path}:{number}: {error}")
    SourceError.check(faults)
    return rows


def _parse_ready(line: str, where: str) -> Ready:
    record = json.loads(line)
    if not isinstance(record, Mapping):
        raise ValueError(f"{line[:60]!r}: expected an object")  # noqa: TRY004 - joins json's own errors
    texts = [cast("Mapping[str, object]", record).get(key) for key in ("instruction", "output")]
    if not all(isinstance(text, str) and text for text in texts):
        raise ValueError(f"keys {sorted(map(str, record))}: expected two texts, instruction and output")
    return Ready(where, *cast("list[str]", texts))


def ready_facts(rows: Iterable[Ready], labeller: Labeller, account: Account) -> list[Fact]:
    """The ready-made rows with their answers in the task's form. Raises SourceError with every unknown label."""
    found: dict[tuple[str, str], Fact] = {}
    questions = Counter[str]()
    for row in rows:
        try:
            answer = labeller.task.to_json(labeller.answer(parse_labels(row.output), row.where))
        except ValueError as error:
            account.drop("no_label_answer", f"{row.where}: {error}")
            continue
        if (row.instruction, answer) in found:
            account.drop("duplicate", f"{row.where}: {row.instruction[:80]!r} stands there already")
            continue
        questions[row.instruction] += 1
        if questions[row.instruction] > 1:
            account.warn("conflicting_answers", f"{row.where}: {row.instruction[:80]!r} has another answer already")
        key = hashlib.sha256(f"{row.instruction}\n{answer}".encode()).hexdigest()[:16]
        found[row.instruction, answer] = Fact("ready", f"ready:{key}", {"text": row.instruction}, answer)
    SourceError.check(labeller.faults())
    return list(found.values())


def warn_of_refusals(facts: Iterable[Fact], task: Task, account: Account) -> None:
    """Warns by family of answers in the task's form that the task refuses: 20 children where it allows 8 labels."""
    for fact in facts:
        if fact.family in LABEL_FAMILIES:
            for refusal in task.refusals(json.loads(fact.answer)):
                account.warn(f"refused_{fact.family}", f"{fact.key}: {refusal.detail}")


def count_facts(plans: Mapping[str, Collection[tuple[Fact, int]]]) -> dict[str, Any]:
    """How many facts each family asks and how often in each split, and what of the ontology train teaches."""
    families: defaultdict[str, Counter[str]] = defaultdict(Counter[str])
    for split, asked in plans.items():
        for family, count in Counter(fact.family for fact, _ in asked).items():
            families[family][split] = count
    train = {fact.key: fact for fact, _ in plans["train"]}
    for family, count in Counter(fact.family for fact in train.values()).items():
        families[family]["facts"] = count
    taught = Counter(kind for kind, *_ in {item for fact in train.values() for item in fact.teaches})
    counts = {family: dict(sorted(counted.items())) for family, counted in families.items()}
    return {"families": counts, "taught": dict(sorted(taught.items()))}


@click.command(name="edugraph_knowledge")
@click.argument("sources", nargs=-1, type=FILE, metavar="[SOURCE]...")
@dataset_options
@click.option("--seed", default=1, show_default=True, help="Picks phrasings, false statements and what val asks.")
@click.option("--val", type=click.FloatRange(0, 1), default=0.1, show_default=True, help="The share of facts val asks.")
@click.option(
    "--phrasings", type=click.IntRange(1, FEWEST - 1), default=2, show_default=True, help="How often train asks a fact."
)
@click.option("--rename", type=FILE, help="CSV `old,new` for labels in SOURCE files.")
def command(
    sources: tuple[Path, ...],
    ontology: str | None,
    task: str,
    out: Path,
    dataset_info: Path,
    strict: bool,
    as_json: bool,
    seed: int,
    val: float,
    phrasings: int,
    rename: Path | None,
) -> None:
    """An ontology as text questions.

    Definitions, dimensions, parents, children, relations, and true and false statements about them; every fact is in
    train, and val asks some of them in other words. SOURCE files with {instruction, output} rows join train.
    A `contradicts` that the ontology states from both ends counts as one relation.
    """
    target = Target.open(out, task, ontology, dataset_info)
    account = Account("edugraph_knowledge", strict)
    rng = random.Random(seed)
    facts = all_facts(target.task, rng)
    plans = plan(facts, val, phrasings, rng)
    rows = read_ready(sources)
    labeller = Labeller(target.task, read_renames(rename, target.task.ontology))
    ready = ready_facts(rows, labeller, account)
    plans["train"] += [(fact, 0) for fact in ready]
    account.read = sum(map(len, plans.values())) - len(ready) + len(rows)
    account.facts |= count_facts(plans)
    warn_of_refusals([*facts, *ready], target.task, account)
    system = f"You know the ontology {target.task.ontology.name}. Answer with one JSON object."
    splits = {
        split: sorted((build_sample(fact, at, system) for fact, at in asked), key=lambda sample: sample.id)
        for split, asked in plans.items()
    }
    publish(target, splits, {}, account, with_task=False)
    emit(account.record(), account.text(), as_json)
