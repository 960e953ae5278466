"""The ontology refuses what breaks a rule, all faults at once."""

from itertools import pairwise

import networkx
import pytest
from hypothesis import given

import small
from ontology.networks import dags, digraphs
from ontune.errors import OntologyError
from ontune.ontology import Concept, Ontology, Relation
from ontune.ontology.model import cycles

A, B = Concept("A", "X"), Concept("B", "X", parents=("A",))


@pytest.mark.parametrize(
    ("concepts", "relations", "faults"),
    [
        ((A, B), (), []),
        ((A, B), (Relation("expands", "B", "A"),), []),
        ((), (), ["no concept"]),
        ((A, A), (), ["the name 'A' stands twice"]),
        ((A, Concept("A", "Y")), (), ["the name 'A' stands twice"]),
        ((B, A), (), ["concepts are not in ontology order"]),
        ((Concept("A", "Y"), Concept("B", "X")), (), ["concepts are not in ontology order"]),
        ((Concept("A", "Z"),), (), ["A: dimension 'Z' is none of ['X', 'Y']"]),
        ((B,), (), ["B: dangling parent 'A'"]),
        ((B, Concept("C", "Y", parents=("B",))), (), ["B: dangling parent 'A'", "C (Y): parent B is in X"]),
        ((Concept("A", "X", parents=("B",)), B), (), ["cycle of parents: A → B → A"]),
        ((Concept("A", "X", parents=("A",)),), (), ["cycle of parents: A → A"]),
        ((A,), (Relation("expands", "A", "Q"),), ["'Q' is no concept"]),
    ],
)
def test_faults(concepts, relations, faults):
    if not faults:
        assert Ontology("o", "1", ("X", "Y"), concepts, relations).concepts == concepts
        return
    with pytest.raises(OntologyError) as caught:
        Ontology("o", "1", ("X", "Y"), concepts, relations)
    assert len(caught.value.faults) == len(faults)
    for found, expected in zip(caught.value.faults, faults, strict=True):
        assert found.startswith("ontology o 1: ")
        assert expected in found


def test_lookups_follow_ontology_order():
    ontology = small.ONTOLOGY
    assert list(ontology.by_name) == [concept.name for concept in small.CONCEPTS]
    assert [ontology.position[name] for name in ontology.by_name] == list(range(len(small.CONCEPTS)))
    assert ontology.labels("Ability") == ("Applying", "Explaining", "Knowing", "Recall")
    assert ontology.labels("Nothing") == ()
    assert ontology.nearest("Aditon")[0] == "Addition"


@given(dags())
def test_a_hierarchy_has_no_cycle(parents):
    assert cycles(parents) == []


@given(digraphs())
def test_cycles_are_cycles_and_taking_them_away_leaves_none(parents):
    found = cycles(parents)
    graph = networkx.DiGraph(parents)
    assert bool(found) == (not networkx.is_directed_acyclic_graph(graph))
    for ring in found:
        assert ring[0] == ring[-1] == min(ring)
        edges = list(pairwise(ring))
        assert all(graph.has_edge(*edge) for edge in edges)  # shares no edge with the ones before
        graph.remove_edges_from(edges)
    assert networkx.is_directed_acyclic_graph(graph)


def test_a_deep_hierarchy_is_no_matter_of_recursion():
    names = [f"C{number:05}" for number in range(5000)]
    chain = {name: [above] for name, above in zip(names[1:], names, strict=False)} | {names[0]: []}
    assert cycles(chain) == []
    assert len(cycles(chain | {names[0]: [names[-1]]})[0]) == 5001
