"""RDF in, ontology out: what must hold on real releases, each vocabulary, and every fault with file and place."""

import os
from collections import Counter
from itertools import permutations
from pathlib import Path

import pytest
import rdflib
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.ontology import build as cpu_seconds
from ontology.edugraph import INVERSE, NEW, OLD, PREFIXES
from ontology.networks import dags
from ontune.errors import OntologyError
from ontune.ontology import Ontology, Relation
from ontune.ontology.build import build_ontology
from ontune.ontology.closure import incompatible_pairs
from ontune.ontology.reader import parse, read_ontology
from ontune.ontology.snapshot import snapshot_sha256, write_snapshot

# rdflib's parsers and serializers call what rdflib has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:rdflib")

RELEASES = {
    "0.4.0": (["core-ontology-0.4.0.rdf"], {"Area": 78, "Scope": 91, "Ability": 149}, 311, 0),
    "0.21.0": (
        ["core-schema.ttl", "core-areas-math.ttl", "core-scopes-math.ttl", "core-abilities.ttl"],
        {"Area": 278, "Scope": 326, "Ability": 125},
        710,
        59,
    ),
}


def write(folder: Path, **files: str) -> list[Path]:
    """The files in a folder, `_` of their names as a dot."""
    paths = [folder / name.replace("_", ".") for name in files]
    for path, text in zip(paths, files.values(), strict=True):
        path.write_text(text, encoding="utf-8")
    return paths


def read(folder: Path, **files: str) -> Ontology:
    return read_ontology(write(folder, **files), "small", "1")


@pytest.mark.parametrize("version", RELEASES)
def test_a_release_keeps_every_concept_parent_and_contradiction(shared_data, version):
    files, dimensions, edges, pairs = RELEASES[version]
    ontology = read_ontology([shared_data / "ontology" / file for file in files], "edugraph", version)
    assert ontology.dimensions == ("Area", "Scope", "Ability")
    assert Counter(concept.dimension for concept in ontology.concepts) == dimensions
    assert sum(len(concept.parents) for concept in ontology.concepts) == edges
    assert len(incompatible_pairs(ontology)) == pairs


def test_the_relations_of_0_21_0_are_all_there(shared_data):
    """498 are asserted; 13 of the 33 `contradicts` say what another one says from the other end."""
    files = [shared_data / "ontology" / file for file in RELEASES["0.21.0"][0]]
    ontology = read_ontology(files, "edugraph", "0.21.0")
    counts = Counter(relation.type for relation in ontology.relations)
    assert counts == {
        "contradicts": 20,
        "expands": 295,
        "implies": 20,
        "integrates": 65,
        "inverts": 15,
        "translates": 70,
    }
    assert ontology.by_name["AnalogClock"].definition == "Involves an analog clock."
    assert ontology.by_name["AnalogClock"].parents == ("TimeMeasurement",)
    assert Relation("integrates", "AnalogClock", "HourIntervals") in ontology.relations


def test_neither_order_nor_form_of_the_files_changes_a_byte(shared_data, tmp_path):
    """Releases are offered as one RDF/XML file that is made from the Turtle files."""
    files = [shared_data / "ontology" / file for file in RELEASES["0.21.0"][0]]
    merged = rdflib.Graph()
    for file in files:
        merged.parse(file)
    merged.serialize(tmp_path / "core-ontology-math.rdf", format="xml")
    written: set[bytes] = set()
    for order in (files, files[::-1], [tmp_path / "core-ontology-math.rdf"]):
        write_snapshot(read_ontology(order, "edugraph", "0.21.0"), tmp_path / "out.json")
        written.add((tmp_path / "out.json").read_bytes())
    assert len(written) == 1


def test_building_0_21_0_takes_less_than_a_second_and_a_half_of_cpu_time(shared_data, tmp_path):
    files = [shared_data / "ontology" / file for file in RELEASES["0.21.0"][0]]
    assert cpu_seconds(files, tmp_path / "e.json") < 1.5


@pytest.mark.parametrize("text", [NEW, OLD, INVERSE], ids=["new", "old", "inverse"])
def test_every_way_of_writing_edugraph_gives_the_same_ontology(tmp_path, text):
    ontology = read(tmp_path, a_ttl=text)
    found = {c.name: (c.dimension, c.definition, c.examples, c.parents) for c in ontology.concepts}
    assert list(found.items()) == [
        ("Addition", ("Area", "Joins amounts.", (), ("Arithmetic",))),
        ("Arithmetic", ("Area", "Calculates.", ("Example: 2 + 3",), ())),
        ("Subtraction", ("Area", "", (), ("Arithmetic",))),
        ("Clock", ("Scope", "", (), ())),
        ("Hours", ("Scope", "", (), ("Clock",))),
        ("Reading", ("Ability", "", (), ())),
    ]
    assert ontology.relations == (
        Relation("contradicts", "Clock", "Hours"),
        Relation("expands", "Subtraction", "Addition"),
        Relation("integrates", "Clock", "Hours"),
        Relation("inverts", "Subtraction", "Addition"),
    )


@pytest.mark.parametrize(
    ("form", "suffix"),
    [
        ("xml", "rdf"),
        ("pretty-xml", "owl"),
        ("turtle", "ttl"),
        ("turtle", "owl"),
        ("turtle", "txt"),
        ("nt", "nt"),
        ("n3", "n3"),
        ("trig", "trig"),
        ("nquads", "nq"),
        ("trix", "trix"),
        ("json-ld", "jsonld"),
        ("json-ld", "json"),
    ],
)
def test_every_format_gives_the_same_ontology(tmp_path, form, suffix):
    file = tmp_path / f"a.{suffix}"
    rdflib.Dataset(default_union=True).parse(data=NEW, format="turtle").serialize(file, format=form, encoding="utf-8")
    assert read_ontology([file], "small", "1") == read(tmp_path, b_ttl=NEW)


@pytest.mark.parametrize(("form", "suffix"), [("xml", "rdf"), ("turtle", "ttl"), ("json-ld", "jsonld")])
def test_a_byte_order_mark_is_no_matter(tmp_path, form, suffix):
    content = rdflib.Graph().parse(data=NEW, format="turtle").serialize(format=form, encoding="utf-8")
    (tmp_path / f"a.{suffix}").write_bytes(b"\xef\xbb\xbf" + content)
    assert read_ontology([tmp_path / f"a.{suffix}"], "small", "1") == read(tmp_path, b_ttl=NEW)


def test_hash_and_slash_names_of_one_concept_are_one(tmp_path):
    both = read(tmp_path, a_ttl=NEW, b_ttl=OLD)
    assert [c.name for c in both.concepts] == [c.name for c in read(tmp_path, c_ttl=NEW).concepts]
    assert both.by_name["Addition"].iri == "http://edugraph.io/edu#Addition"


SKOS = (
    PREFIXES
    + """
@prefix x: <http://example.org/> .
x:topics a skos:ConceptScheme ; skos:prefLabel "Topics"@en, "Themen"@de ; skos:hasTopConcept x:c1 .
x:age a skos:ConceptScheme .
x:c1 a skos:Concept ; skos:prefLabel "animals"@en, "Tiere"@de ; skos:narrower x:c2 .
x:c2 a skos:Concept ; skos:prefLabel "Hunde"@de, "dogs"@en-GB ; skos:definition "They bark."@en, "Sie bellen."@de ;
    skos:scopeNote "Not wolves."@en ; skos:example "a terrier"@en ; skos:related x:c1 ; skos:broaderTransitive x:c1 .
x:c3 a skos:Concept ; skos:prefLabel "cats" ; skos:broader x:c1 ; skos:scopeNote "Tame ones." ; x:chasedBy x:c2 .
x:chasedBy owl:inverseOf x:chases .
x:c4 a skos:Concept ; skos:topConceptOf x:age ; skos:closeMatch x:elsewhere .
"""
)


def test_skos_takes_labels_schemes_and_notes(tmp_path):
    ontology = read(tmp_path, a_ttl=SKOS)
    assert ontology.dimensions == ("Topics", "age")
    found = {c.name: (c.dimension, c.definition, c.examples, c.parents) for c in ontology.concepts}
    assert found == {
        "animals": ("Topics", "", (), ()),
        "cats": ("Topics", "Tame ones.", (), ("animals",)),
        "dogs": ("Topics", "They bark.", ("Not wolves.", "a terrier"), ("animals",)),
        "c4": ("age", "", (), ()),
    }
    assert ontology.relations == (Relation("chases", "dogs", "cats"), Relation("related", "animals", "dogs"))


@pytest.mark.parametrize(
    ("schemes", "dimension"),
    [("", "small"), (":s a skos:ConceptScheme .", "s"), (":s a skos:ConceptScheme . :a skos:inScheme :s .", "s")],
)
def test_skos_concepts_without_scheme_are_in_the_only_one_or_in_one_of_the_ontologys_name(tmp_path, schemes, dimension):
    concepts = ":a a skos:Concept ; skos:narrower :b . :b a skos:Concept . :lone a skos:Concept ."
    assert read(tmp_path, a_ttl=PREFIXES + concepts + schemes).dimensions == (dimension,)


OWL = (
    PREFIXES
    + """
@prefix x: <http://example.org/o#> .
x:Animal a owl:Class ; rdfs:subClassOf owl:Thing .
x:Dog a owl:Class ; rdfs:subClassOf x:Animal, [ a owl:Restriction ; owl:onProperty x:eats ; owl:hasValue x:rex ] ;
    rdfs:label "dog"@en ; rdfs:comment "Barks." ; owl:disjointWith x:Cat .
x:Cat rdfs:subClassOf x:Animal .
x:Plant a rdfs:Class .
x:eats a owl:ObjectProperty .
x:rex a x:Dog .
"""
)


@pytest.mark.parametrize(
    ("extra", "dimensions", "names"),
    [
        ("", ("Animal", "Plant"), ["Animal", "Cat", "Dog", "Plant"]),
        ("x:Dog rdfs:subClassOf x:Plant .", ("small",), ["Animal", "Cat", "Dog", "Plant"]),
        ("".join(f"x:R{i:02} a owl:Class ." for i in range(11)), ("small",), None),
    ],
    ids=["few roots", "below two roots", "many roots"],
)
def test_owl_classes_are_concepts_and_few_separate_roots_are_dimensions(tmp_path, extra, dimensions, names):
    ontology = read(tmp_path, a_ttl=OWL + extra)
    assert ontology.dimensions == dimensions
    assert names is None or [concept.name for concept in ontology.concepts] == names
    assert ontology.by_name["Dog"].definition == "Barks."
    assert ontology.relations == (Relation("disjointWith", "Dog", "Cat"),)


@pytest.mark.parametrize(
    ("text", "names", "expected"),
    [
        (OWL, "auto", {"Animal", "Cat", "Dog", "Plant"}),
        (OWL, "label", {"Animal", "Cat", "dog", "Plant"}),
        (SKOS, "local", {"c1", "c2", "c3", "c4"}),
    ],
)
def test_concepts_are_called_as_asked(tmp_path, text, names, expected):
    assert set(read_ontology(write(tmp_path, a_ttl=text), "small", "1", names).by_name) == expected


LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"
AREAS = ":A a edu:Area . :B a edu:Area ; edu:partOf :A .\n"


@pytest.mark.parametrize(
    ("files", "faults"),
    [
        ({"a_ttl": LFS}, ["a.ttl: a Git LFS pointer instead of content: run git lfs pull"]),
        (
            {"a_ttl": PREFIXES + "\n:A a edu:Area\n:B"},
            ["a.ttl:8: not RDF (read as turtle): expected '.' or '}' or ']'"],
        ),
        ({"a_rdf": "<?xml version='1.0'?>\n<rdf:RDF>"}, ["a.rdf:2: not RDF (read as xml): unbound prefix"]),
        ({"a_nt": "rubbish\n"}, ["a.nt: not RDF (read as nt): Invalid line: rubbish"]),
        ({"a_json": '{\n"@id" 1}'}, ["a.json:2: not RDF (read as json-ld): "]),
        ({"a_html": "<!DOCTYPE html><html><p>x</p></html>"}, ["a.html: not RDF (read as xml): no statement about"]),
        ({"a_ttl": ""}, ["a.ttl: not RDF (read as turtle): no statement about anything with a name"]),
        ({"a_ttl": LFS, "b_nt": "rubbish", "c_ttl": NEW}, ["a.ttl: a Git LFS pointer", "b.nt: not RDF"]),
        ({"a_ttl": PREFIXES + ":A rdfs:comment 'x' ."}, ["a.ttl: no concept found: expected individuals of Area"]),
        ({"a_ttl": PREFIXES + "edu:Area a owl:Class ; rdfs:subClassOf edu:Descriptor ."}, ["a.ttl: no concept found"]),
        (
            {"a_ttl": PREFIXES + ":A a edu:Area .", "b_ttl": PREFIXES + ":B a edu:Area ."},
            ["a.ttl, {folder}b.ttl: no parents at all among 2 concepts (EduGraph)"],
        ),
        (
            {"a_ttl": PREFIXES + AREAS + ":A edu:partOf :B .", "b_ttl": PREFIXES + ":C a edu:Area ; edu:partOf :C ."},
            ["cycle of parents: A → B → A ({folder}a.ttl: A partOf B; ", "cycle of parents: C → C ({folder}b.ttl: "],
        ),
        ({"a_ttl": PREFIXES + AREAS + ":B edu:partOf :X ."}, ["a.ttl: B partOf X: dangling parent: X is no concept"]),
        ({"a_ttl": PREFIXES + AREAS + ":X edu:partOf :B ."}, ["a.ttl: X partOf B: X is no concept of these files"]),
        ({"a_ttl": PREFIXES + AREAS + ":X edu:hasPart :B ."}, ["a.ttl: X hasPart B: dangling parent: X is no concept"]),
        (
            {"a_ttl": PREFIXES + AREAS + ":B edu:expands :X ."},
            ["a.ttl: B expands X: dangling expands: X is no concept"],
        ),
        (
            {"a_ttl": PREFIXES + AREAS + ":B edu:impliedBy :X ."},
            ["a.ttl: B impliedBy X: X is no concept of these files"],
        ),
        ({"a_ttl": PREFIXES + AREAS + ":B edu:expands :B ."}, ["a.ttl: B expands B: a relation to itself"]),
        (
            {"a_ttl": PREFIXES + AREAS, "b_ttl": PREFIXES + ":A a edu:Scope ."},
            ["one name in 2 dimensions: 'A': Area ({folder}a.ttl: A type Area); Scope ({folder}b.ttl: A type Scope)"],
        ),
        (
            {"a_ttl": PREFIXES + AREAS + "<http://other.org/A> a edu:Scope ."},
            ["one name in 2 dimensions: 'A': Area ({folder}a.ttl: A type Area); Scope ({folder}a.ttl: A type Scope)"],
        ),
        (
            {"a_ttl": PREFIXES + AREAS + "<http://other.org/A> a edu:Area ."},
            ["one name for 2 concepts: 'A': <http://edugraph.io/edu/A> ({folder}a.ttl), <http://other.org/A> ("],
        ),
        (
            {
                "a_ttl": PREFIXES + AREAS + ":A rdfs:isDefinedBy 'one' .",
                "b_ttl": PREFIXES + "edu:A rdfs:isDefinedBy 'two' .",
            },
            [
                "two definitions of A: <http://edugraph.io/edu#A> ({folder}b.ttl): 'two'; "
                "<http://edugraph.io/edu/A> ({folder}a.ttl): 'one'"
            ],
        ),
        (
            {"a_ttl": PREFIXES + AREAS + ":S a edu:Scope ; edu:partOf :A ."},
            ["a.ttl: S partOf A: S is in Scope, its parent in Area"],
        ),
        (
            {"a_ttl": SKOS + "x:c5 a skos:Concept ."},
            ["a.ttl: c5 type Concept: in no concept scheme, and there are several"],
        ),
        (
            {"a_ttl": OWL + "x:Dog rdfs:subClassOf x:Gone ."},
            ["a.ttl: Dog subClassOf Gone: dangling parent: Gone is no"],
        ),
        (
            {"a_ttl": PREFIXES + AREAS + ":B edu:partOf :X ; edu:expands :Y . :A a edu:Scope ."},
            ["a.ttl: B expands Y: dangling", "a.ttl: B partOf X: dangling", "one name in 2 dimensions: 'A'"],
        ),
    ],
)
def test_every_fault_is_named_with_file_and_place(tmp_path, files, faults):
    with pytest.raises(OntologyError) as caught:
        read(tmp_path, **files)
    found = [fault.replace(f"{tmp_path}{os.sep}", "") for fault in caught.value.faults]
    assert len(found) == len(faults), found
    for fault, expected in zip(found, faults, strict=True):
        assert fault.startswith(expected.replace("{folder}", ""))


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(OntologyError, match=r"gone\.ttl: No such file or directory"):
        read_ontology([tmp_path / "gone.ttl"], "small", "1")


@given(dags(), st.data())
def test_parents_survive_every_mix_of_properties(parents, data):
    """Any DAG, each edge by a property of its own choice, from either end."""
    up = st.sampled_from(["partOf", "partOfArea", "specializes", "structures", "above"])
    down = st.sampled_from(["hasPart", "hasPartArea", "specializedBy", "structuredBy", "below"])
    lines = ["edu:above rdfs:subPropertyOf edu:partOf . edu:below owl:inverseOf edu:above ."]
    lines += [f":{name} a edu:Area ." for name in parents]
    for name, above in parents.items():
        for parent in above:
            edge = (name, data.draw(up), parent) if data.draw(st.booleans()) else (parent, data.draw(down), name)
            lines.append(":{} edu:{} :{} .".format(*edge))
    text = PREFIXES + "\n".join(data.draw(st.permutations(lines)))
    ontology = build_ontology(parse(text.encode(), "a.ttl"), "small", "1")
    assert {concept.name: concept.parents for concept in ontology.concepts} == {
        name: tuple(sorted(above)) for name, above in parents.items()
    }


def refusal(content: bytes, name: str) -> str:
    """The message that refuses the content; nothing where it is read."""
    try:
        parse(content, name)
    except OntologyError as error:
        return str(error)
    return ""


@given(st.integers(0, len(NEW)))
def test_a_truncated_file_is_whole_so_far_or_refused_by_name(length):
    message = refusal(NEW.encode()[:length], "a.ttl")
    assert not message or message.startswith("a.ttl")


@given(st.binary(max_size=60), st.sampled_from(["a.ttl", "a.rdf", "a.nt", "a.jsonld", "a.trig", "a", "a.nq"]))
def test_no_bytes_raise_anything_else(content, name):
    message = refusal(content, name)
    assert not message or message.startswith(name)


def test_every_order_of_files_gives_one_hash(tmp_path):
    files = write(tmp_path, a_ttl=NEW, b_ttl=OLD, c_ttl=INVERSE)
    assert len({snapshot_sha256(read_ontology(order, "small", "1")) for order in permutations(files)}) == 1
