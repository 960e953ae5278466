"""A dataset, or several, into train, val and test by group, with a report of what the split gives away."""

import json
import os
import random
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from ontune.console import NEW_PATH, emit, json_option
from ontune.errors import CheckFailed, SourceError
from ontune.sharegpt import Sample
from ontune_converters.account import Account
from ontune_converters.dataset import Target, write_dataset
from ontune_converters.existing import ACCOUNT_KEYS, Carrier, Part, agreed, read_parts
from ontune_converters.leakage import Case, Fingerprint, Leakage, find_leakage, fingerprints, label_set
from ontune_converters.options import dataset_info_option, ontology_option
from ontune_converters.strata import assign_strata

__all__ = ["assign", "clusters", "command", "group_key"]

BY = {"content": "content_fingerprint", "task": "task_fingerprint"}  # the meta key; any other name is a key itself
TOLERANCE = 0.01  # of all samples, between the share asked for and the one that whole groups make


def group_key(sample: Sample, by: str) -> str | None:
    """What the sample is grouped by: its label set, or the value of a meta key; None where it has no such key."""
    if by == "label_set":
        return label_set(sample.gold)
    value = sample.meta.get(BY.get(by, by))
    return None if value is None else str(value)


def clusters(keys: Mapping[str, Collection[str]]) -> dict[str, str]:
    """The cluster of each name, called by its first one: names that share a key, or are linked by names that do."""
    holders: defaultdict[str, list[str]] = defaultdict(list)
    for name, held in keys.items():
        for key in held:
            holders[key].append(name)
    found: dict[str, str] = {}
    for first in sorted(keys):
        stack = [first]
        while stack:
            name = stack.pop()
            if name not in found:
                found[name] = first
                stack += [other for key in keys[name] for other in holders.pop(key, ())]
    return found


def assign(sizes: Mapping[str, int], shares: Mapping[str, float], rng: random.Random) -> dict[str, str]:
    """The split of each cluster: each share of the samples filled with clusters by chance, the rest is train.

    Raises SourceError where a share stays empty, or nothing is left for train.
    """
    order = rng.sample(sorted(sizes), len(sizes))
    total = sum(sizes.values())
    chosen: dict[str, str] = {}
    faults: list[str] = []
    for split, share in shares.items():
        room = round(share * total)
        free = [name for name in order if name not in chosen]
        for name in free:
            if sizes[name] <= room:
                chosen[name] = split
                room -= sizes[name]
        if share and split not in chosen.values():
            smallest = min((sizes[name] for name in free), default=0)
            faults.append(
                f"--{split} {share}: room for {room} of {total} samples, but the smallest group has {smallest}: "
                f"a larger share, or --{split} 0 for none"
            )
    if len(chosen) == len(sizes):
        faults.append(f"nothing of {total} samples in {len(sizes)} groups is left for train")
    SourceError.check(faults)
    return {name: chosen.get(name, "train") for name in sizes}


def warn_of_shares(
    chosen: Mapping[str, str], sizes: Mapping[str, int], shares: Mapping[str, float], account: Account
) -> None:
    """Warns of each split whose size is not what was asked for: groups are not cut to fit."""
    total = sum(sizes.values())
    for split, share in shares.items():
        size = sum(sizes[name] for name, of in chosen.items() if of == split)
        if abs(size / total - share) > TOLERANCE:
            account.warn(
                "share", f"--{split} {share}: {size} of {total} samples are {size / total:.3f}; groups stay whole"
            )


@dataclass(frozen=True)
class Pool:
    """All samples of the parts, in the order of their ids, each with its part and the fingerprints of its files."""

    rows: tuple[tuple[Sample, Part, tuple[Fingerprint, ...]], ...]

    @classmethod
    def read(cls, parts: Iterable[Part]) -> "Pool":
        """Reads every picture and video once. Raises SourceError with all that are missing or unreadable."""
        rows = sorted(((sample, part) for part in parts for sample in part.samples), key=lambda row: row[0].id)
        media = [(part.media(sample.images), part.media(sample.videos)) for sample, part in rows]
        prints = fingerprints(
            (path for images, _ in media for path in images), (path for _, videos in media for path in videos)
        )
        found = (tuple(prints[path] for path in (*images, *videos)) for images, videos in media)
        return cls(tuple((*row, files) for row, files in zip(rows, found, strict=True)))

    def split(
        self, by: str, shares: Mapping[str, float], seed: int, account: Account, stratify: str | None = None
    ) -> dict[str, str]:
        """The split of each sample id; groups with a file in common stay together.

        Raises SourceError for shares that leave nothing for train, and for keys that samples lack.
        `stratify`: a meta key; each split has its share of the samples of every value.
        """
        if sum(shares.values()) > 1:
            raise SourceError(f"{' and '.join(f'--{split} {share}' for split, share in shares.items())}: more than all")
        groups = {sample.id: group_key(sample, by) for sample, _, _ in self.rows}
        if lacking := [name for name, group in groups.items() if group is None]:
            raise SourceError(
                f"--by {by}: {len(lacking)} of {len(groups)} samples lack it, such as {lacking[0]}; "
                f"meta has {self._meta_keys()}"
            )
        if stratify and not any(stratify in sample.meta for sample, _, _ in self.rows):
            raise SourceError(f"--stratify {stratify}: no sample has it; meta has {self._meta_keys()}")
        keys = {
            sample.id: {f"group {groups[sample.id]}", *(f"file {item.sha256}" for item in files)}
            for sample, _, files in self.rows
        }
        cluster = clusters(keys)
        sizes = Counter(cluster.values())
        account.facts |= {
            "by": by,
            "groups": len(set(groups.values())),
            "joined": len(set(groups.values())) - len(sizes),
        }
        rng = random.Random(seed)
        strata = self._strata(cluster, stratify) if stratify else {}
        chosen = assign_strata(sizes, strata, shares, rng) if stratify else assign(sizes, shares, rng)
        warn_of_shares(chosen, sizes, shares, account)
        return {name: chosen[of] for name, of in cluster.items()}

    def _meta_keys(self) -> list[str]:
        return sorted({key for sample, _, _ in self.rows for key in sample.meta})

    def _strata(self, cluster: Mapping[str, str], key: str) -> dict[str, str]:
        """The value that most samples of each cluster have; of several the first."""
        values: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for sample, _, _ in self.rows:
            values[cluster[sample.id]][str(sample.meta.get(key, ""))] += 1
        return {name: min(counts, key=lambda value: (-counts[value], value)) for name, counts in values.items()}

    def leakage(self, splits: Mapping[str, str], near: int) -> Leakage:
        """What these splits give away."""
        return find_leakage([Case(sample, splits[sample.id], files) for sample, _, files in self.rows], near)

    def carried(self, splits: Mapping[str, str], carrier: Carrier) -> dict[str, list[Sample]]:
        """The samples of each split, with their media paths in the new dataset. Raises SourceError with all faults."""
        found: dict[str, list[Sample]] = {split: [] for split in sorted(set(splits.values()))}
        for sample, part, _ in self.rows:
            found[splits[sample.id]].append(carrier.carry(sample, part))
        SourceError.check(carrier.faults)
        return found


def report(leakage: Leakage, account: Account, strict: bool) -> None:
    """Puts the findings into the account. Raises CheckFailed under --strict for what is no matter of degree."""
    kinds = {"identical_across_splits": leakage.identical, "conflicting_gold": leakage.conflicting}
    for kind, places in {**kinds, "near_identical_across_splits": leakage.near}.items():
        for place in places:
            account.warn(kind, place)
    account.facts["leakage"] = leakage.record()
    if strict and any(kinds.values()):
        raise CheckFailed([f"{kind}: {place}" for kind, places in kinds.items() for place in places])


def target_folder(parts: Sequence[Part], out: Path | None) -> Path:
    """Where the dataset goes: --out, or the place of the only dataset given, if nothing of it would be lost there."""
    folders = sorted({part.folder for part in parts})
    if out is None and len(folders) > 1:
        raise SourceError(f"{len(folders)} datasets: name the new one with --out data/DATASET")
    target = Path(os.path.abspath(out or folders[0]))  # noqa: PTH100 - resolve() would follow links
    kept = {part.path.resolve() for part in parts} | {target.resolve() / name for name in ("media", "account.json")}
    inside = target.resolve().iterdir() if target in folders else ()
    lost = sorted(path.name for path in inside if path.resolve() not in kept)
    SourceError.check([f"{target}: {name} is no part of the split and would be lost: use --out" for name in lost])
    return target


def conversions(parts: Iterable[Part]) -> dict[str, Any]:
    """The account of each dataset's conversion, places included; a split hands on those that it was given."""
    found: dict[str, Any] = {}
    for folder in {part.folder: None for part in parts}:
        if (path := folder / "account.json").is_file():
            try:
                record = json.loads(path.read_bytes())
            except ValueError as error:
                raise SourceError(f"{path}: not JSON: {error}") from None
            found |= record.get("sources") or {folder.name: record}
    return found


def named(
    parts: Sequence[Part], out: Path, task: str | None, ontology: str | None, dataset_info: Path
) -> tuple[str | None, str | None]:
    """The task and ontology for the new entries: the options', or what the parts' entries agree on."""
    entry = (task, ontology) if task and ontology else agreed(parts)
    if not (task or ontology):
        return entry
    if not (task or entry[0]):
        raise SourceError(f"--ontology {ontology}: no entry of dataset_info.json names a task: name one with --task")
    target = Target.open(out, task or entry[0] or "", ontology or entry[1], dataset_info)
    target.adopt()
    return target.task.name, target.ontology_stem or None


def summary(account: Account) -> str:
    """The account for people, with the counts alone of the earlier ones."""
    earlier: Mapping[str, Any] = account.facts.get("sources", {})
    counts = {name: {key: record.get(key) for key in ACCOUNT_KEYS} for name, record in earlier.items()}
    return replace(account, facts=account.facts | ({"sources": counts} if counts else {})).text()


@click.command(name="split")
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option("--out", type=NEW_PATH, help="data/DATASET for the new dataset.  [default: in place]")
@click.option(
    "--by",
    default="group",
    show_default=True,
    help="What stays together: content, task, label_set or a meta key such as page, generator.",
)
@click.option(
    "--stratify", metavar="KEY", help="A meta key such as section_id: each value has its share in each split."
)
@click.option("--val", type=click.FloatRange(0, 1), default=0.1, show_default=True, help="Share of the samples.")
@click.option("--test", type=click.FloatRange(0, 1), default=0.0, show_default=True, help="Share of the samples.")
@click.option("--seed", default=1, show_default=True, help="Picks the groups.")
@click.option("--keep", "--report-only", is_flag=True, help="Keep the splits there are; without --out only report.")
@click.option(
    "--near",
    type=click.IntRange(0, 64),
    default=4,
    show_default=True,
    help="Bits of 64 in which the looks of near-identical pictures may differ.",
)
@click.option("--task", help="A task: its file, or its name.  [default: the dataset's]")
@ontology_option
@dataset_info_option
@click.option(
    "--strict",
    is_flag=True,
    help="Identical pictures across splits, and such with two answers, are an error (exit status 1).",
)
@json_option
def command(
    sources: tuple[str, ...],
    out: Path | None,
    by: str,
    stratify: str | None,
    val: float,
    test: float,
    seed: int,
    keep: bool,
    near: int,
    task: str | None,
    ontology: str | None,
    dataset_info: Path,
    strict: bool,
    as_json: bool,
) -> None:
    """train, val and test by group, with a leakage report.

    SOURCE is a dataset's folder (all its splits), a samples file, or a name in dataset_info.json. No group is on two
    sides, and no two groups that share a picture.
    """
    parts = read_parts(sources, dataset_info)
    target = None if keep and not out else target_folder(parts, out)
    account = Account("split", read=sum(len(part.samples) for part in parts))
    if target:
        task, ontology = named(parts, target, task, ontology, dataset_info)
        if not task:
            account.warn(
                "no_task", f"{', '.join(sources)}: no entry of dataset_info.json names a task, nor does --task"
            )
    if earlier := conversions(parts):
        account.facts["sources"] = earlier
    pool = Pool.read(parts)
    if keep:
        splits = {sample.id: part.split for sample, part, _ in pool.rows}
    else:
        splits = pool.split(by, {"test": test, "val": val}, seed, account, stratify)
    report(pool.leakage(splits, near), account, strict)
    if target:
        carrier = Carrier(target.name, several=len({part.folder for part in parts}) > 1)
        samples = pool.carried(splits, carrier)
        write_dataset(target, samples, carrier.files, account, dataset_info, task=task, ontology=ontology)
        emit(account.record(), summary(account), as_json)
    else:
        account.written.update(splits.values())
        record = {"kept" if key == "written" else key: value for key, value in account.record().items()}
        emit(record, summary(account).replace("written ", "kept    ", 1), as_json)
