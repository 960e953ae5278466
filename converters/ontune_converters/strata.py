"""Splits that have of every stratum what they have of all: of each section of a manual, say, a tenth for val."""

import random
from collections import defaultdict
from collections.abc import Mapping

from ontune.errors import SourceError

__all__ = ["assign_strata"]


def assign_strata(
    sizes: Mapping[str, int], strata: Mapping[str, str], shares: Mapping[str, float], rng: random.Random
) -> dict[str, str]:
    """The split of each cluster of that size and stratum: shuffled within their stratum, strata one after the other.

    On this walk every split is owed its share of the samples passed, and takes a cluster when at least half of it is
    owed: no stratum is off by more than a cluster or so, and what a small one cannot give the next one does. The rest
    is train. Raises SourceError where a share stays empty, or nothing is left for train.
    """
    members: defaultdict[str, list[str]] = defaultdict(list)
    for name in sorted(sizes):
        members[strata[name]].append(name)
    # The first debts by chance, or the first clusters of the walk could never be taken.
    mean = sum(sizes.values()) / max(len(sizes), 1)
    owed = {split: mean * (rng.random() - 0.5) for split, share in shares.items() if share}
    chosen: dict[str, str] = {}
    for stratum in sorted(members):
        for name in rng.sample(members[stratum], len(members[stratum])):
            owed = {split: debt + shares[split] * sizes[name] for split, debt in owed.items()}
            split = max(owed, key=lambda one: (owed[one], one), default="train")
            if owed.get(split, 0) < sizes[name] / 2:
                split = "train"
            else:
                owed[split] -= sizes[name]
            chosen[name] = split
    total = f"of {sum(sizes.values())} samples in {len(sizes)} groups"
    there = set(chosen.values())
    faults = [f"--{split} {shares[split]} {total} is no whole group" for split in owed if split not in there]
    SourceError.check([*faults, *([] if "train" in there else [f"nothing {total} is left for train"])])
    return chosen
