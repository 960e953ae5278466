"""Which text defines a concept, in which language, and what it is called."""

import pytest

from ontology.edugraph import PREFIXES
from ontune.ontology.reader import parse
from ontune.ontology.statements import Graph
from ontune.ontology.texts import definition, examples, label


@pytest.mark.parametrize(
    ("text", "called", "defined", "illustrated"),
    [
        ("a edu:Area", "A", "", ()),
        ("rdfs:isDefinedBy 'd' ; rdfs:comment 'c'", "A", "d", ("c",)),
        ("rdfs:isDefinedBy <http://x/y> ; rdfs:comment 'c'", "A", "c", ()),
        ("rdfs:isDefinedBy '' ; rdfs:comment 'c', 'b'", "A", "b\n\nc", ()),
        ("rdfs:isDefinedBy 'd' ; rdfs:comment 'd', 'b'", "A", "d", ("b",)),
        ("skos:definition 'd' ; skos:scopeNote 's' ; skos:example 'f', 'e'", "A", "d", ("e", "f", "s")),
        ("skos:scopeNote 's' ; skos:example 'e'", "A", "s", ("e",)),
        ("skos:definition 'u', 'e'@en, 'g'@de, 'x'@en-US", "A", "e", ()),
        ("skos:definition 'u', 'g'@de, 'x'@en-US", "A", "x", ()),
        ("skos:definition 'u', 'g'@de", "A", "u", ()),
        ("skos:definition 'f'@fr, 'g'@de", "A", "g", ()),
        ("rdfs:isDefinedBy '  two\\r\\nlines ' ; rdfs:label ' a\\n label '@EN", "a label", "two\nlines", ()),
        ("skos:prefLabel 'b', 'a' ; rdfs:label 'c'", "a", "", ()),
    ],
)
def test_texts(text, called, defined, illustrated):
    graph = Graph(parse(f"{PREFIXES} :A {text} .".encode(), "a.ttl"))
    node = "http://edugraph.io/edu/A"
    assert (label(graph, node), definition(graph, node), examples(graph, node)) == (called, defined, illustrated)
