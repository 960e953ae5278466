import pytest
from hypothesis import given
from hypothesis import strategies as st

from ontune_converters.relations import OPPOSITE, RELATIONS, THRESHOLDS, holds, overlap, related
from ontune_converters.yolo_relations import answer_to

UPPER, LOWER = (0.4, 0.1, 0.6, 0.2), (0.4, 0.7, 0.6, 0.8)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (LOWER, UPPER, {"below"}),  # a larger y is further down
        (UPPER, LOWER, {"above"}),
        ((0.1, 0.4, 0.2, 0.6), (0.7, 0.4, 0.8, 0.6), {"left"}),
        ((0.7, 0.4, 0.8, 0.6), (0.1, 0.4, 0.2, 0.6), {"right"}),
        ((0.7, 0.7, 0.8, 0.8), UPPER, {"below", "right"}),
        ((0.4, 0.4, 0.6, 0.6), (0.45, 0.44, 0.65, 0.64), {"overlaps"}),
        ((0.0, 0.0, 1.0, 1.0), (0.4, 0.4, 0.6, 0.6), {"contains"}),
        ((0.4, 0.4, 0.6, 0.6), (0.0, 0.0, 1.0, 1.0), set()),
        ((0.4, 0.40, 0.6, 0.60), (0.4, 0.44, 0.6, 0.64), {"overlaps"}),  # 0.04 apart: neither above nor below
        (UPPER, UPPER, {"overlaps", "contains"}),
    ],
)
def test_relations(one, other, expected):
    assert set(related(one, other)) == expected


number = st.integers(0, 100).map(lambda value: value / 100)


@st.composite
def boxes(draw):
    xs, ys = (sorted(draw(st.lists(number, min_size=2, max_size=2, unique=True))) for _ in range(2))
    return xs[0], ys[0], xs[1], ys[1]


@given(boxes(), boxes())
def test_relations_turn_round(one, other):
    for relation, opposite in OPPOSITE.items():
        assert holds(relation, one, other) == holds(opposite, other, one)
        assert not (holds(relation, one, other) and holds(opposite, one, other))
    assert holds("overlaps", one, other) == holds("overlaps", other, one)
    assert 0 <= overlap(one, other) <= 1
    assert set(THRESHOLDS) == set(RELATIONS)


@given(boxes(), boxes(), st.sampled_from(RELATIONS))
def test_an_answer_is_yes_exactly_where_the_relation_holds(relation_one, relation_other, relation):
    answer = answer_to(relation, relation_one, relation_other)
    assert (answer is True) == holds(relation, relation_one, relation_other)
    if relation in OPPOSITE:
        reverse = answer_to(relation, relation_other, relation_one)
        assert reverse is (None if answer is None else not answer)
