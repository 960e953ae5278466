"""The snapshot: the same bytes for the same ontology, refused when damaged, found by name."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

import small
from ontology.networks import dags
from ontune.errors import OntologyError
from ontune.ontology import Concept, Ontology, load_ontology, read_snapshot, write_snapshot
from ontune.ontology.snapshot import snapshot_sha256


@given(dags(), st.lists(st.text(max_size=5), max_size=3), st.text(max_size=5))
def test_a_snapshot_is_read_as_it_was_written(tmp_path_factory, parents, examples, text):
    concepts = [
        Concept(name, text or "D", f"http://x/{name}", text, tuple(examples), tuple(parents[name]))
        for name in sorted(parents)
    ]
    ontology = Ontology(text, "1", (text or "D",), tuple(concepts))
    path = tmp_path_factory.mktemp("snapshot") / "o.json"
    write_snapshot(ontology, path)
    first = path.read_bytes()
    again = read_snapshot(path)
    write_snapshot(again, path)
    assert again == ontology
    assert path.read_bytes() == first
    assert json.loads(first)["sha256"] == snapshot_sha256(ontology)


def test_the_form_is_the_one_that_others_read(tmp_path):
    write_snapshot(small.ONTOLOGY, tmp_path / "deep" / "small-1.json")
    record = json.loads((tmp_path / "deep" / "small-1.json").read_text(encoding="utf-8"))
    assert list(record) == ["concepts", "dimensions", "format", "name", "relations", "sha256", "version"]
    assert record["format"] == 1
    assert record["dimensions"] == ["Area", "Scope", "Ability"]
    assert record["concepts"][0] == {
        "name": "Addition",
        "dimension": "Area",
        "iri": "http://example.org/edu/Addition",
        "definition": "Joins two amounts into one.",
        "examples": ["2 + 3 = 5"],
        "parents": ["Arithmetic"],
    }
    assert record["relations"][0] == {"type": "contradicts", "source": "EvenNumbers", "target": "OddNumbers"}


def test_the_hash_is_of_the_content():
    changed = replace(small.ONTOLOGY, version="2")
    assert snapshot_sha256(small.ONTOLOGY) != snapshot_sha256(changed)


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("Joins two", "Joins 2", "edited by hand"),
        ('"sha256": "', '"sha256": "0', "edited by hand"),
        ('"format": 1', '"format": 2', "not an ontology snapshot"),
        ('"concepts"', '"concept"', "not an ontology snapshot"),
        ('"iri"', '"uri"', "not an ontology snapshot"),
        ("{", "[", "not an ontology snapshot"),
        ('"Arithmetic"\n', '"Nothing"\n', "dangling parent 'Nothing'"),
    ],
)
def test_a_damaged_snapshot_is_refused_by_name(tmp_path, old, new, fault):
    path = tmp_path / "small-1.json"
    write_snapshot(small.ONTOLOGY, path)
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(OntologyError, match=fault) as caught:
        read_snapshot(path)
    assert all(line.startswith(str(path)) for line in caught.value.faults)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer instead of content"),
        (b"\xff\xfe", "not an ontology snapshot"),
        (b"[]", "not an ontology snapshot"),
        (b"", "not an ontology snapshot"),
        (None, "No such file or directory"),
    ],
)
def test_what_is_no_snapshot_is_refused_by_name(tmp_path, content, fault):
    path = tmp_path / "x.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(OntologyError, match=fault):
        read_snapshot(path)


def test_an_ontology_is_found_by_stem_or_path_and_read_again_when_it_changes(tmp_path):
    path = tmp_path / "ontologies" / "small-1.json"
    write_snapshot(small.ONTOLOGY, path)
    first = load_ontology("small-1", tmp_path)
    assert load_ontology(str(path)) == first == small.ONTOLOGY
    assert load_ontology("small-1", tmp_path) is first  # not parsed twice
    write_snapshot(replace(small.ONTOLOGY, version="2"), path)
    assert load_ontology("small-1", tmp_path).version == "2"


@pytest.mark.parametrize(
    ("name", "faults"),
    [
        ("edugraph-0.99.0", ["edugraph-0.99.0.json", "make it: ontune ontology build --release 0.99.0"]),
        ("mine", ["mine.json", "make it: ontune ontology build FILE… --name NAME --version VERSION"]),
        ("gone/edugraph-0.21.0.json", ["gone/edugraph-0.21.0.json: no such file"]),
    ],
)
def test_a_name_that_is_nowhere_says_how_to_get_it(tmp_path, name, faults):
    with pytest.raises(OntologyError) as caught:
        load_ontology(name, tmp_path)
    for found, expected in zip(caught.value.faults, faults, strict=True):
        assert expected in found
