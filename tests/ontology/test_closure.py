"""What follows from the edges, against networkx."""

import networkx
import pytest
from hypothesis import given
from hypothesis import strategies as st

import small
from ontology.networks import NAMES, dags, digraphs
from ontune.ontology import Concept, Ontology, Relation
from ontune.ontology.closure import ancestors, children, closure, incompatible_pairs, siblings


def ontology(parents: dict[str, list[str]], relations: tuple[Relation, ...] = ()) -> Ontology:
    concepts = tuple(Concept(name, "D", parents=tuple(parents[name])) for name in sorted(parents))
    return Ontology("o", "1", ("D",), concepts, relations)


def graph(edges: dict[str, list[str]]) -> "networkx.DiGraph[str]":
    return networkx.DiGraph(edges)


@given(digraphs())
def test_closure_reaches_what_networkx_reaches(edges):
    expected = {name: {name, *networkx.descendants(graph(edges), name)} for name in edges}
    assert closure(edges) == expected


@given(dags())
def test_ancestors_and_children_are_networkx_descendants_and_predecessors(parents):
    built, above = ontology(parents), graph(parents)
    assert ancestors(built) == {name: networkx.descendants(above, name) for name in parents}
    assert children(built) == {name: tuple(sorted(above.predecessors(name))) for name in parents}


@given(dags())
def test_siblings_share_a_parent_or_are_roots_together(parents):
    roots = {name for name, above in parents.items() if not above}
    expected = {
        name: tuple(
            sorted(
                other
                for other in parents
                if other != name and (set(parents[other]) & set(above) or (not above and other in roots))
            )
        )
        for name, above in parents.items()
    }
    assert siblings(ontology(parents)) == expected


@given(digraphs(), st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)), max_size=6))
def test_incompatible_pairs_are_the_definition_word_for_word(implies, contradicts):
    """{a, b} such that something a implies contradicts something b implies; cycles of `implies` included."""
    contradicts = [(a, b) for a, b in contradicts if a in implies and b in implies]
    relations = [Relation("implies", a, b) for a, targets in implies.items() for b in targets]
    relations += [Relation("contradicts", *sorted(pair)) for pair in contradicts]
    reach = {name: {name, *networkx.descendants(graph(implies), name)} for name in implies}
    both = {pair for a, b in contradicts for pair in ((a, b), (b, a))}
    expected = {
        (a, b) for a in implies for b in implies if a < b and any((x, y) in both for x in reach[a] for y in reach[b])
    }
    assert incompatible_pairs(ontology({name: [] for name in implies}, tuple(relations))) == expected


def test_being_part_of_something_implies_nothing():
    parents = {"A": [], "B": [], "PartOfA": ["A"]}
    assert incompatible_pairs(ontology(parents, (Relation("contradicts", "A", "B"),))) == {("A", "B")}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Addition", ("Multiplication", "Subtraction")),
        ("Geometry", ("Arithmetic",)),
        ("Explaining", ("Recall",)),
        ("AdditionMakeTen", ()),
    ],
)
def test_siblings_of_the_small_ontology(name, expected):
    assert siblings(small.ONTOLOGY)[name] == expected
