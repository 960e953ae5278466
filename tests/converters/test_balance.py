import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotated import NAMES
from ontune.task import load_task
from ontune_converters.balance import copies, oversampled, weights
from ontune_converters.conditions import choice_of

# The counts of the published data set: of its training split, and of all its splits.
TRAIN = dict(zip(NAMES, (44, 57, 58, 119, 282, 202, 75, 118, 174), strict=True))
COUNTS = dict(zip(NAMES, (52, 78, 76, 153, 366, 257, 97, 148, 238), strict=True))


def conditions():
    choice = choice_of(load_task("conditions"))[1]
    return {name: choice.about(name)["condition"] for name in choice.options}


def test_weights_and_oversampling_of_the_published_counts():
    assert sum(COUNTS.values()) == 1465
    assert [round(value, 2) for value in weights(COUNTS).values()] == [
        7.04, 4.69, 4.82, 2.39, 1.0, 1.42, 3.77, 2.47, 1.54,
    ]  # fmt: skip
    by_condition = weights({"normal": 700, "damaged": 590, "blocked": 175})
    assert {name: round(value, 2) for name, value in by_condition.items()} == {
        "normal": 1.0, "damaged": 1.19, "blocked": 4.0,
    }  # fmt: skip
    found = oversampled(TRAIN, COUNTS, conditions())
    assert list(found.values()) == [308, 1026, 290, 238, 282, 202, 1125, 236, 174]
    assert (sum(TRAIN.values()), sum(found.values())) == (1129, 3881)


@pytest.mark.parametrize(
    ("counts", "condition_of", "expected"),
    [
        ({}, {}, {}),
        ({"a": 5}, {}, {"a": 1}),
        ({"a": 10, "b": 5}, {}, {"a": 1, "b": 1}),  # exactly 2 is not above 2
        ({"a": 10, "b": 4}, {}, {"a": 1, "b": 2}),
        ({"a": 10, "b": 4, "c": 0}, {}, {"a": 1, "b": 2}),
        ({"a": 10, "b": 10}, {"a": "x", "b": "x"}, {"a": 1, "b": 1}),
        ({"a": 10, "b": 5}, {"a": "x", "b": "y"}, {"a": 1, "b": 4}),
    ],
)
def test_copies(counts, condition_of, expected):
    assert copies(counts, condition_of) == expected


@given(st.dictionaries(st.sampled_from("abcde"), st.integers(1, 500)))
def test_no_class_is_cut_and_the_largest_stays(counts):
    found = oversampled(counts, counts, {})
    assert all(found[name] >= count for name, count in counts.items())
    if counts:
        assert max(found.values()) == max(counts.values())
