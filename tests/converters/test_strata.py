"""Splits that have of every stratum what they have of all."""

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ontune.errors import SourceError
from ontune_converters.strata import assign_strata

CLUSTERS = st.dictionaries(
    st.text("abcdef", min_size=1, max_size=4), st.tuples(st.integers(1, 9), st.sampled_from("xyz")), min_size=20
)


@given(CLUSTERS, st.integers(0, 9))
def test_each_stratum_gives_its_share(clusters, seed):
    sizes = {name: size for name, (size, _) in clusters.items()}
    strata = {name: stratum for name, (_, stratum) in clusters.items()}
    chosen = assign_strata(sizes, strata, {"val": 0.25, "test": 0.1}, random.Random(seed))
    assert chosen == assign_strata(sizes, strata, {"val": 0.25, "test": 0.1}, random.Random(seed))
    assert chosen.keys() == sizes.keys()
    for stratum in [*"xyz", None]:
        total, val = (
            sum(sizes[name] for name in sizes if stratum in {strata[name], None} and split in {chosen[name], None})
            for split in (None, "val")
        )
        assert abs(val - 0.25 * total) <= 2 * max(sizes.values())


def test_single_pages_have_the_same_chance_wherever_their_section_stands():
    tally: Counter[str] = Counter()
    sizes = dict.fromkeys("abcdefghij", 1)
    for seed in range(200):
        chosen = assign_strata(sizes, {name: name for name in sizes}, {"val": 0.2}, random.Random(seed))
        tally.update(name for name, split in chosen.items() if split == "val")
    assert min(tally[name] for name in sizes) > 20


@pytest.mark.parametrize(
    ("sizes", "shares", "expected"),
    [
        ({"a": 5, "b": 5}, {"val": 0.01}, "--val 0.01 of 10 samples in 2 groups is no whole group"),
        ({"a": 5}, {"val": 1.0}, "nothing of 5 samples in 1 groups is left for train"),
    ],
)
def test_shares_that_cannot_be(sizes, shares, expected):
    with pytest.raises(SourceError, match=expected):
        assign_strata(sizes, dict.fromkeys(sizes, ""), shares, random.Random(1))
