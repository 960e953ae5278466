"""What a label that was given is to the gold labels."""

import pytest

from ontune.evaluation.relation import relation
from small import small_task


@pytest.mark.parametrize(
    ("label", "gold", "expected"),
    [
        ("Addition", {"Addition", "Arithmetic"}, "exact"),
        ("Adition", {"Adition"}, "exact"),
        ("Adition", {"Addition"}, "unknown"),
        ("Arithmetic", {"AdditionMakeTen"}, "ancestor"),
        ("AdditionMakeTen", {"Arithmetic"}, "descendant"),
        ("Addition", {"AdditionMakeTen", "Arithmetic"}, "ancestor"),
        ("Applying", {"Explaining"}, "ancestor"),
        ("Knowing", {"Explaining"}, "ancestor"),
        ("EvenNumbers", {"OddNumbers"}, "contradiction"),
        ("OddNumbers", {"EvenNumbers"}, "contradiction"),
        ("EvenNumbers", {"NumbersSmaller10"}, "sibling"),
        ("Arithmetic", {"Geometry"}, "sibling"),
        ("Arithmetic", {"Shapes"}, "wrong"),
        ("Arithmetic", {"Measures"}, "wrong"),
        ("Circle", {"Addition"}, "wrong"),
        ("Circle", {"Adition"}, "wrong"),
        ("Circle", set(), "wrong"),
    ],
)
def test_relation(label, gold, expected):
    assert relation(small_task(), label, gold) == expected
