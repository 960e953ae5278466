"""Counts, one concept, and the tree of a dimension."""

import pytest

import small
from ontune.errors import OntologyError
from ontune.ontology import Concept, Ontology
from ontune.ontology.snapshot import snapshot_sha256
from ontune.ontology.stats import describe, outline, stats


def test_stats():
    assert stats(small.ONTOLOGY) == {
        "name": "small",
        "version": "1",
        "sha256": snapshot_sha256(small.ONTOLOGY),
        "concepts": 20,
        "dimensions": {"Area": 9, "Scope": 7, "Ability": 4},
        "parent_edges": 15,
        "relations": 7,
        "relation_types": {"contradicts": 2, "expands": 2, "implies": 1, "integrates": 1, "inverts": 1},
        "incompatible_pairs": 2,
        "roots": {"Area": 2, "Scope": 2, "Ability": 2},
        "leaves": {"Area": 5, "Scope": 5, "Ability": 2},
        "depth": {"Area": 3, "Scope": 2, "Ability": 2},
        "several_parents": 1,
        "without_definition": 2,
    }


def test_depth_is_the_longest_way_from_a_root():
    concepts = (Concept("A", "D"), Concept("B", "D", parents=("A",)), Concept("C", "D", parents=("A", "B")))
    assert stats(Ontology("o", "1", ("D",), concepts))["depth"] == {"D": 3}


def test_describe():
    assert describe(small.ONTOLOGY, "EvenNumbers") == {
        "name": "EvenNumbers",
        "dimension": "Scope",
        "iri": "http://example.org/edu/EvenNumbers",
        "definition": "Numbers that two divides.",
        "examples": [],
        "parents": ["IntegerNumbers"],
        "ancestors": ["IntegerNumbers"],
        "children": [],
        "siblings": ["NumbersSmaller10", "NumbersSmaller100", "OddNumbers"],
        "relations": [{"type": "contradicts", "source": "EvenNumbers", "target": "OddNumbers"}],
        "incompatible": ["OddNumbers"],
    }


def test_outline_gives_a_concept_below_each_parent_and_what_it_holds_once():
    """D is below B and C, and E below D."""
    parents = {"A": (), "B": ("A",), "C": ("A",), "D": ("B", "C"), "E": ("D",), "F": ()}
    concepts = tuple(Concept(name, "X", parents=above) for name, above in parents.items())
    tree = list(outline(Ontology("o", "1", ("X",), concepts), "X"))
    assert tree == [(0, "A"), (1, "B"), (2, "D"), (3, "E"), (1, "C"), (2, "D"), (0, "F")]


@pytest.mark.parametrize(
    ("call", "fault"),
    [
        (lambda: describe(small.ONTOLOGY, "Adition"), r"'Adition' is no concept of small 1; nearest: \['Addition'"),
        (lambda: list(outline(small.ONTOLOGY, "Are")), r"'Are' is no dimension: expected one of \['Area', 'Scope'"),
    ],
)
def test_what_is_not_there_is_named(call, fault):
    with pytest.raises(OntologyError, match=fault):
        call()
