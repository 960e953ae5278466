"""A manual's questions into train, val and test by page, and what both this split and the source's own give away."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from ontune.errors import CheckFailed, SourceError
from ontune.sharegpt import Sample
from ontune_converters.account import Account
from ontune_converters.split import Pool

__all__ = ["Plan", "check_pages", "choose", "page_leakage", "section_counts"]


@dataclass(frozen=True)
class Plan:
    """How to split: the seed, the meta key to stratify by ("" for none), or `keep` for the source's own splits."""

    seed: int
    stratify: str
    keep: bool


def page_leakage(pages: Mapping[str, str], splits: Mapping[str, str]) -> dict[str, dict[str, int]]:
    """For each split beside train: its samples and pages, and how many of them are of pages that train has too.

    `pages` and `splits` are those of each sample id.
    """
    of_split: defaultdict[str, list[str]] = defaultdict(list)
    for sample_id, split in splits.items():
        of_split[split].append(pages[sample_id])
    train = set(of_split.pop("train", []))
    return {
        split: {
            "samples": len(held),
            "samples_of_train_pages": sum(page in train for page in held),
            "pages": len(set(held)),
            "pages_in_train": len(set(held) & train),
        }
        for split, held in sorted(of_split.items())
    }


def choose(
    samples: Mapping[str, Sample], pool: Pool, shares: Mapping[str, float], plan: Plan, account: Account
) -> dict[str, str]:
    """The split of each sample id, by page; both leakages of pages, the source's and the new one, go to the facts."""
    pages = {sample.id: str(sample.meta["page"]) for sample in samples.values()}
    official = {
        sample.id: str(sample.meta["source_split"]) for sample in samples.values() if sample.meta.get("source_split")
    }
    if official:
        account.facts["pages_shared_in_source_split"] = page_leakage(pages, official)
    if plan.keep:
        splits = _kept(samples, official, account)
    elif any(shares.values()):
        splits = pool.split("page", shares, plan.seed, account, plan.stratify or None)
    else:
        splits = dict.fromkeys(samples, "train")
    account.facts["pages_shared"] = page_leakage(pages, splits)
    return splits


def _kept(samples: Mapping[str, Sample], official: Mapping[str, str], account: Account) -> dict[str, str]:
    if not official:
        raise SourceError("--keep-splits: the source names no split, as files vlm_train.jsonl and vlm_val.jsonl do")
    for sample_id in sorted(samples.keys() - official.keys()):
        account.warn("no_source_split", f"{samples[sample_id].meta['source']}: {sample_id}: train")
    return {sample_id: official.get(sample_id, "train") for sample_id in samples}


def check_pages(account: Account, strict: bool) -> None:
    """Warns of pages on both sides of the split that is written. Raises CheckFailed under --strict."""
    found: Mapping[str, Mapping[str, int]] = account.facts["pages_shared"]
    faults = [
        f"{split}: {item['pages_in_train']} of {item['pages']} pages are in train too"
        for split, item in found.items()
        if item["pages_in_train"]
    ]
    for fault in faults:
        account.warn("page_across_splits", fault)
    if strict and faults:
        raise CheckFailed([f"page_across_splits: {fault}" for fault in faults])


def section_counts(samples: Mapping[str, Sample], splits: Mapping[str, str]) -> dict[str, dict[str, int]]:
    """How many samples of each section each split has."""
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for sample in samples.values():
        section = f"{sample.meta['section_id']} {sample.meta['section_name']}".strip() or "(none)"
        found[section][splits[sample.id]] += 1
    return {section: dict(sorted(tally.items())) for section, tally in sorted(found.items())}
