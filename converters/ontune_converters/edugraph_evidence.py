"""Label evidence of EduGraph as rationale data: each label of a picture with the sentence that defends it."""

import json
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import click

from ontune.console import FILE, FOLDER, emit, progress
from ontune.ontology import load_ontology
from ontune.sharegpt import Sample, Turn
from ontune.task import Task
from ontune_converters.account import Account
from ontune_converters.dataset import Target, publish
from ontune_converters.edugraph_rows import Entry, Row, Source, check_faults, read_entries, read_full_rows
from ontune_converters.labels import Labeller, Stated, local_name, read_renames
from ontune_converters.options import dataset_options
from ontune_converters.pictures import Shelf

__all__ = ["Check", "Evidence", "command", "parse_evidence", "rationale"]

DEFENDED = "defendable"
SYSTEM = (
    "You are an expert in mathematics education. You label learning material with the concepts of an ontology and "
    "defend every label with one sentence about what the picture shows. Answer with one JSON object {shape} and "
    "nothing else."
)
USER = "<image>Label this learning material and defend each label."


@dataclass(frozen=True)
class Check:
    """One label, whether it can be defended, and the sentence that says why."""

    label: str
    verdict: str
    evidence: str

    @property
    def usable(self) -> bool:
        """Whether the label belongs into a rationale."""
        return self.verdict == DEFENDED and bool(self.evidence)


@dataclass(frozen=True)
class Evidence:
    """What was found out about one picture."""

    where: str
    sample_key: str
    image_sha256: str
    passed: bool
    checks: tuple[Check, ...]


def parse_evidence(entry: Entry) -> Evidence:
    """The evidence on one line. Raises ValueError or KeyError where something is missing."""
    record, evaluation = entry.record, cast("Mapping[str, Any]", entry.record["evaluation"])
    checks = [
        Check(local_name(str(check["label"])), str(check["verdict"]), str(check["evidence"]).strip())
        for check in cast("list[Mapping[str, Any]]", evaluation["label_checks"])
    ]
    key, sha256 = str(record["sample_key"]), str(record.get("image_sha256", ""))
    return Evidence(entry.where, key, sha256, evaluation["pass"] is True, tuple(checks))


def read_evidence(paths: Iterable[Path], faults: list[str]) -> list[Evidence]:
    """The evidence of files, and of every `*.jsonl` below folders; what is wrong joins `faults`."""
    found: list[Evidence] = []
    for path in paths:
        source = Source.local(path)
        files = sorted(path.rglob("*.jsonl")) if path.is_dir() else [path]
        faults += [] if files else [f"{path}: no .jsonl file in it"]
        for file in files:
            found += _read_file(file, source, faults)
    return found


def _read_file(file: Path, source: Source, faults: list[str]) -> list[Evidence]:
    found: list[Evidence] = []
    for entry in read_entries(file, source, faults):
        try:
            found.append(parse_evidence(entry))
        except KeyError as error:
            faults.append(f"{entry.where}: no {error}")
        except (ValueError, TypeError) as error:
            faults.append(f"{entry.where}: {error}")
    return found


def rationale(evidence: Evidence, labeller: Labeller) -> dict[str, str]:
    """The sentence for each label that can be defended, in ontology order."""
    sentences: dict[str, str] = {}
    for check in evidence.checks:
        labels = labeller.task.labels_of(labeller.answer(Stated(((check.label, ""),)), evidence.where))
        for label in (label for names in labels.values() for label in names if check.usable):
            sentences[label] = f"{sentences[label]} {check.evidence}" if label in sentences else check.evidence
    return dict(sorted(sentences.items(), key=lambda item: labeller.task.ontology.position[item[0]]))


def _to_json(task: Task, sentences: Mapping[str, str]) -> str:
    """`{"Area":{label:sentence,…},…}`: keys in the task's order, so that labels read as in its own answers."""
    by_name = task.ontology.by_name
    answer = {
        path[-1]: {label: text for label, text in sentences.items() if by_name[label].dimension == labels.dimension}
        for path, labels in task.label_fields()
    }
    return json.dumps(answer, ensure_ascii=False, separators=(",", ":"))


def _system(task: Task) -> str:
    shape = ",".join(f'"{path[-1]}":{{label:sentence,…}}' for path, _ in task.label_fields())
    return SYSTEM.format(shape=f"{{{shape}}}")


@dataclass
class Builder:
    """Samples from evidence that finds its picture; the rest is dropped with its reason."""

    target: Target
    account: Account
    shelf: Shelf
    rows: Mapping[str, Row]

    def __post_init__(self) -> None:
        self.splits: dict[str, list[Sample]] = {}
        self._seen: dict[str, str] = {}
        self._system = _system(self.target.task)

    def add(self, evidence: Evidence, sentences: Mapping[str, str]) -> None:
        """One row of evidence more."""
        self.account.read += 1
        where, row = evidence.where, self.rows.get(evidence.sample_key)
        if row is None:
            self.account.drop("no_picture", f"{where}: no picture with sample_key {evidence.sample_key!r}")
        elif first := self._seen.get(evidence.sample_key):
            self.account.drop("duplicate", f"{where}: the sample_key of {first}")
        elif not evidence.passed:
            self.account.drop("failed_check", f"{where}: the picture did not pass its checks")
        elif not sentences:
            self.account.drop("no_evidence", f"{where}: no label that can be defended")
        else:
            self._seen[evidence.sample_key] = where
            self._join(evidence, row, sentences)

    def _join(self, evidence: Evidence, row: Row, sentences: Mapping[str, str]) -> None:
        picture = row.load(self.account)
        if picture is None:
            return
        for check in (check for check in evidence.checks if not check.usable):
            text = check.verdict if check.evidence else "no sentence"
            self.account.warn("label_not_defended", f"{evidence.where}: {check.label}: {text}")
        if picture.source_sha256 != evidence.image_sha256:
            text = f"{row.picture} has {picture.source_sha256}, the evidence is about {evidence.image_sha256}"
            self.account.warn("image_differs", f"{evidence.where}: {text}")
        if odd := {check.label for check in evidence.checks} ^ {name for name, _ in row.stated.labels}:
            self.account.warn("labels_differ", f"{evidence.where}: {', '.join(sorted(odd))} in one of them alone")
        file = self.shelf.name(row.name, picture)
        self.shelf.add(file, picture)
        turns = (Turn("human", USER), Turn("gpt", _to_json(self.target.task, sentences)))
        meta = {**row.meta, "source": evidence.where, "image_sha256": picture.sha256, "labels": len(sentences)}
        image = self.target.media_path(file)
        sample = Sample(file.rsplit(".", 1)[0], turns, self._system, (image,), (), meta)
        self.splits.setdefault(row.split or "train", []).append(sample)

    def publish(self) -> None:
        """Writes the dataset; its answers are none of the task's, so no task is registered."""
        order = {split: sorted(samples, key=lambda sample: sample.id) for split, samples in sorted(self.splits.items())}
        publish(self.target, order, self.shelf.media, self.account, with_task=False)


def _by_key(rows: Iterable[Row], faults: list[str]) -> dict[str, Row]:
    found: dict[str, Row] = {}
    for row in rows:
        key = str(row.meta.get("sample_key"))
        if key in found:
            faults.append(f"{row.where}: the sample_key {key!r} stands at {found[key].where} already")
        found[key] = row
    return found


@click.command(name="edugraph_evidence")
@click.argument("sources", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path), metavar="SOURCE...")
@click.option("--pictures", type=FOLDER, required=True, help="The exercises, with metadata.full.jsonl.")
@dataset_options
@click.option("--rename", type=FILE, help="CSV `old,new`: repeat old for several, leave new empty for none.")
@click.option("--other-ontology", multiple=True, help="Another release: names the one a label was removed in.")
def command(
    sources: tuple[Path, ...],
    pictures: Path,
    ontology: str | None,
    task: str,
    out: Path,
    dataset_info: Path,
    strict: bool,
    as_json: bool,
    rename: Path | None,
    other_ontology: tuple[str, ...],
) -> None:
    """Label evidence as rationale data, joined to the pictures by sample_key.

    SOURCE is a file of evidence rows, or a folder of such files.
    """
    target = Target.open(out, task, ontology, dataset_info, (*sources, pictures))
    account = Account("edugraph_evidence", strict)
    others = [load_ontology(name, dataset_info) for name in other_ontology]
    labeller = Labeller(target.task, read_renames(rename, target.task.ontology), others)
    faults: list[str] = []
    rows = _by_key(read_full_rows(Source.local(pictures), faults), faults)
    found = read_evidence(sources, faults)
    rationales = [rationale(evidence, labeller) for evidence in found]
    check_faults(
        [*faults, *labeller.faults()], [rows[item.sample_key] for item in found if item.sample_key in rows], account
    )
    with tempfile.TemporaryDirectory() as scratch:
        builder = Builder(target, account, Shelf(Path(scratch)), rows)
        for evidence, sentences in zip(progress(found, "pictures", len(found)), rationales, strict=True):
            builder.add(evidence, sentences)
        builder.publish()
    emit(account.record(), account.text(), as_json)
