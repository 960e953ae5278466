"""What changed between two ontologies."""

import json
from dataclasses import replace

import small
from ontune.ontology import Concept, Ontology, Relation
from ontune.ontology.diff import Change, Diff, diff
from ontune.ontology.reader import read_ontology

OLD = Ontology(
    "o",
    "1",
    ("X", "Y"),
    (
        Concept("Gone", "X"),
        Concept("Kept", "X", iri="http://x/o#Kept", definition="one", parents=("Gone",)),
        Concept("Moved", "X", examples=("e",)),
    ),
    (Relation("expands", "Kept", "Gone"), Relation("expands", "Kept", "Moved")),
)
NEW = Ontology(
    "o",
    "2",
    ("X", "Y"),
    (Concept("Kept", "X", iri="http://x/o/Kept", definition="two"), Concept("Moved", "Y"), Concept("New", "Y")),
    (Relation("expands", "Kept", "Moved"), Relation("expands", "New", "Moved")),
)


def test_every_change_is_listed_once():
    found = diff(OLD, NEW)
    assert found == Diff(
        old="o 1",
        new="o 2",
        added=(("New", "Y"),),
        removed=(("Gone", "X"),),
        moved=(Change("Moved", "X", "Y"),),
        parents=(Change("Kept", ("Gone",), ()),),
        definitions=(Change("Kept", "one", "two"),),
        examples=(Change("Moved", ("e",), ()),),
        relations_added=(Relation("expands", "New", "Moved"),),
        relations_removed=(Relation("expands", "Kept", "Gone"),),
    )
    record = json.loads(json.dumps(found.record()))
    assert record["added"] == [{"name": "New", "dimension": "Y"}]
    assert record["moved"] == [{"name": "Moved", "old": "X", "new": "Y"}]
    assert record["relations_removed"] == [{"type": "expands", "source": "Kept", "target": "Gone"}]


def test_the_same_ontology_has_no_difference():
    found = diff(small.ONTOLOGY, replace(small.ONTOLOGY, version="2")).record()
    assert {key for key, value in found.items() if value} == {"old", "new"}


def test_53_labels_of_0_4_0_are_gone_in_0_21_0(shared_data):
    folder = shared_data / "ontology"
    old = read_ontology([folder / "core-ontology-0.4.0.rdf"], "edugraph", "0.4.0")
    new = read_ontology(sorted(folder.glob("*.ttl")), "edugraph", "0.21.0")
    found = diff(old, new)
    assert (len(found.removed), len(found.added), found.moved) == (53, 464, ())
    assert ("IntegerAddition", "Area") in found.removed
