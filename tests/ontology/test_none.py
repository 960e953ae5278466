"""The ontology of tasks that have no labels."""

import pytest

from ontune.errors import OntologyError, TaskError
from ontune.ontology import Ontology, load_ontology
from ontune.task import load_task


def test_none_needs_no_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = load_ontology("none")
    assert (found.name, found.dimensions, found.concepts) == ("none", (), ())


def test_dimensions_without_concepts_are_a_fault():
    with pytest.raises(OntologyError, match="no concept"):
        Ontology("empty", "1", ("Area",), ())


def test_labels_need_an_ontology(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("name: a\nontology: none\nfields: [{name: Area, kind: labels, dimension: Area}]\n")
    with pytest.raises(TaskError, match=r"dimension 'Area': none has \[\]"):
        load_task(str(path))


def test_the_shipped_task_without_labels():
    task = load_task("service_manual")
    assert task.to_json({"answer": "60 Nm"}) == '{"answer":"60 Nm"}'
    assert [refusal.code for refusal in task.refusals({"answer": "x" * 601})] == ["invalid_json"]
    assert task.refusals({"answer": "x" * 600}) == []
