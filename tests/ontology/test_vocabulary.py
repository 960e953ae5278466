"""What a property means: known, near a known one, or a relation of its own."""

import pytest

from ontology.edugraph import PREFIXES
from ontune.ontology.reader import parse
from ontune.ontology.statements import Graph, local_name, node
from ontune.ontology.vocabulary import PARENT, Meaning, meanings, recognise

IS_IN = "edu:isIn rdfs:subPropertyOf edu:partOf ."
MUTUAL = "edu:needs owl:inverseOf edu:asks . edu:asks owl:inverseOf edu:needs ."


@pytest.mark.parametrize(
    ("property", "declared", "expected"),
    [
        ("edu:partOf", "", Meaning(PARENT)),
        ("edu:partOfAbility", "", Meaning(PARENT)),
        ("edu:hasPartScope", "", Meaning(PARENT, flipped=True)),
        ("edu:specializes", "", Meaning(PARENT)),
        ("edu:specializedBy", "", Meaning(PARENT, flipped=True)),
        ("edu:inverts", "edu:inverts rdfs:subPropertyOf edu:expands .", Meaning("inverts")),
        ("edu:impliesScope", "", Meaning("implies")),
        ("edu:contradictedBy", "", Meaning("contradicts", flipped=True)),
        ("edu:memberOf", f"edu:memberOf rdfs:subPropertyOf edu:isIn . {IS_IN}", Meaning(PARENT)),
        ("edu:holds", "edu:holds rdfs:subPropertyOf edu:hasPart .", Meaning(PARENT, flipped=True)),
        ("edu:holds", f"edu:holds owl:inverseOf edu:isIn . {IS_IN}", Meaning(PARENT, flipped=True)),
        ("edu:rulesOut", "edu:rulesOut rdfs:subPropertyOf edu:contradicts .", Meaning("contradicts")),
        ("edu:needs", "", Meaning("needs")),
        ("edu:needs", "edu:neededBy owl:inverseOf edu:needs .", Meaning("needs")),
        ("edu:neededBy", "edu:neededBy owl:inverseOf edu:needs .", Meaning("needs", flipped=True)),
        ("edu:asks", "edu:needs owl:inverseOf edu:asks .", Meaning("asks")),
        ("edu:needs", MUTUAL, Meaning("asks", flipped=True)),
        ("edu:asks", MUTUAL, Meaning("asks")),
        ("edu:near", "edu:near owl:inverseOf edu:near .", Meaning("near")),
        ("edu:loops", "edu:loops rdfs:subPropertyOf edu:loops .", Meaning("loops")),
        ("rdfs:seeAlso", "", Meaning("")),
    ],
)
def test_meanings(property, declared, expected):
    text = f"{PREFIXES} :A a edu:Area . :B a edu:Area ; {property} :A . {declared}"
    graph = Graph(parse(text.encode(), "a.ttl"))
    vocabulary, _ = recognise(graph)
    found = {
        iri: meaning
        for iri, meaning in meanings(graph, vocabulary).items()
        if local_name(iri) == property.rpartition(":")[2]
    }
    assert list(found.values()) == [expected]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (":A a edu:Area .", ("EduGraph", {"A"})),
        (":A a edu:MathArea . edu:MathArea rdfs:subClassOf edu:Area .", ("EduGraph", {"A"})),
        (":A a skos:Concept .", ("SKOS", {"A"})),
        (":A a :Topic . :Topic rdfs:subClassOf skos:Concept .", ("SKOS", {"A"})),
        ("<http://x/A> a owl:Class .", ("OWL", {"A"})),
        ("<http://x/A> rdfs:subClassOf owl:Thing .", ("OWL", {"A"})),
        ("edu:Area a owl:Class ; rdfs:subClassOf edu:Descriptor .", ("OWL", set())),
        ("skos:Concept a owl:Class .", ("OWL", set())),
        (":A a :Thing .", ("OWL", set())),
        ("[] a edu:Area . :A rdfs:comment 'x' .", ("OWL", set())),
    ],
)
def test_recognise(text, expected):
    vocabulary, concepts = recognise(Graph(parse((PREFIXES + text).encode(), "a.ttl")))
    assert (vocabulary.name, {local_name(concept) for concept in concepts}) == expected


@pytest.mark.parametrize(
    ("iri", "key", "name"),
    [
        ("http://edugraph.io/edu#Addition", "http://edugraph.io/edu/Addition", "Addition"),
        ("http://edugraph.io/edu/Addition", "http://edugraph.io/edu/Addition", "Addition"),
        ("http://edugraph.io/edu#", "http://edugraph.io/edu", "edu"),
        ("http://x.org/a/b/", "http://x.org/a/b", "b"),
        ("urn:example:Addition", "urn:example/Addition", "Addition"),
        ("Addition", "/Addition", "Addition"),
    ],
)
def test_local_names(iri, key, name):
    assert (node(iri), local_name(iri)) == (key, name)
