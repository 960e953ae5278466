import dataclasses
import re

import pytest
import yaml

from ontune.errors import InputError, TaskError
from ontune.ontology import Ontology, write_snapshot
from ontune.task import Choice, Constant, ErrorAnswer, Group, Labels, Rules, Text, load_task, task_sha256
from ontune.task.taskfile import build_task
from random_answers import NESTED, PLAIN
from small import ONTOLOGY

AREA = {"name": "Area", "kind": "labels", "dimension": "Area"}
GOOD = {"name": "mine", "ontology": "small-1", "fields": [AREA]}
GROUP = {
    "name": "page",
    "kind": "group",
    "fields": [
        {"name": "why", "kind": "text", "max_chars": 9},
        {"name": "in", "kind": "group", "fields": [{"name": "level", "kind": "choice", "options": ["low", "high"]}]},
    ],
}


def test_the_shipped_task():
    assert [(field.name, field.dimension, field.min, field.max) for field in PLAIN.fields] == [
        ("Area", "Area", 0, 8),
        ("Scope", "Scope", 0, 12),
        ("Ability", "Ability", 0, 4),
    ]
    assert PLAIN.rules == Rules(unique=True, exclude_ancestors=False, exclude_contradictions=False)
    assert PLAIN.error.values == ("UnsupportedMaterial",)
    assert PLAIN.system.startswith("You are")
    assert PLAIN.goals


def test_every_kind_of_field():
    task = build_task(GOOD | {"fields": [AREA | {"min": 1, "max": 9}, GROUP]}, ONTOLOGY, "t.yaml")
    assert task.fields == (
        Labels("Area", "Area", 1, 9),
        Group("page", (Text("why", 9), Group("in", (Choice("level", ("low", "high")),)))),
    )


def test_the_key_of_the_error_may_be_one_that_always_stands():
    fields = [
        {"name": "error", "kind": "constant", "value": None},
        {"name": "labels", "kind": "group", "fields": [AREA]},
    ]
    record = GOOD | {"fields": fields, "error": {"key": "error", "values": ["NotMath"]}}
    task = build_task(record, ONTOLOGY, "t.yaml")
    assert task.fields == (Constant("error", None), Group("labels", (Labels("Area", "Area"),)))
    assert task.error == ErrorAnswer("error", ("NotMath",))
    assert task.to_json(task.answer_from_labels(["Disc"])) == '{"error":null,"labels":{"Area":["Disc"]}}'
    assert task.to_json(task.error_answer("NotMath")) == '{"error":"NotMath","labels":null}'


@pytest.mark.parametrize(
    ("change", "faults"),
    [
        ({}, []),
        ({"rules": None, "error": None}, []),
        ({"color": 1, 2: 3}, ["unknown keys ['2', 'color']"]),
        ({"name": None}, ["name is None"]),
        ({"name": 7}, ["name is 7"]),
        ({"fields": []}, ["fields is []"]),
        ({"fields": AREA}, ["fields is {"]),
        ({"fields": ["Area"]}, ["fields[0] is 'Area': expected a mapping with a kind"]),
        ({"fields": [AREA | {"kind": "label"}]}, ["fields[0] is {"]),
        ({"fields": [AREA, AREA]}, ["names ['Area', 'Area'] repeat"]),
        ({"fields": [{"kind": "labels", "name": "Area"}]}, ["fields[0] has the keys ['name']: expected kind and"]),
        ({"fields": [AREA | {"most": 3, 4: 5}]}, ["['4', 'dimension', 'most', 'name']"]),
        ({"fields": [AREA | {"dimension": "Areas"}]}, ["fields[0]: dimension 'Areas': small has ['Area', 'Sc"]),
        ({"fields": [AREA | {"dimension": ["Area"]}]}, ["fields[0].dimension is ('Area',)"]),
        ({"fields": [AREA | {"min": 3, "max": 2}]}, ["fields[0]: min 3, max 2"]),
        ({"fields": [AREA | {"min": 10}]}, ["fields[0]: min 10, max None of 9 labels"]),
        ({"fields": [AREA | {"min": -1, "max": "2"}]}, ["fields[0].min is -1", "fields[0].max is '2'"]),
        ({"fields": [AREA | {"min": True}]}, ["fields[0].min is True"]),
        ({"fields": [{"name": "c", "kind": "choice", "options": []}]}, ["fields[0].options is ()"]),
        ({"fields": [{"name": "c", "kind": "choice", "options": "low"}]}, ["fields[0].options is 'low'"]),
        ({"fields": [{"name": "c", "kind": "choice", "options": [True, False]}]}, ["a list of quoted strings"]),
        ({"fields": [{"name": "c", "kind": "choice", "options": ["a", "a"]}]}, ["each once"]),
        ({"fields": [{"name": "c", "kind": "text", "max_chars": 0}]}, ["fields[0].max_chars is 0"]),
        ({"fields": [{"name": "c", "kind": "constant", "value": 1}]}, ["fields[0].value is 1: expected null or a"]),
        ({"fields": [{"name": "c", "kind": "constant"}]}, ["fields[0] has the keys ['name']"]),
        (
            {"fields": [{"name": "c", "kind": "constant", "value": "a"}], "error": {"key": "c", "values": ["a"]}},
            ["error has the value 'a', which its constant has too"],
        ),
        ({"fields": [GROUP | {"fields": []}]}, ["fields[0].fields is []"]),
        (
            {"fields": [AREA, GROUP | {"fields": [GROUP, 1, AREA | {"min": -1}]}]},
            ["fields[1].fields[1] is 1", "fields[1].fields[2].min is -1"],
        ),
        ({"error": "no"}, ["error is 'no'"]),
        ({"error": {"key": "Error", "values": []}}, ["error is {"]),
        ({"error": {"key": "Error", "values": [False]}}, ["error is {"]),
        ({"error": {"key": "Area", "values": ["no"]}}, ["error has the key 'Area', which is a field's name too"]),
        ({"rules": {"unique": 1}}, ["rules is {'unique': 1}"]),
        ({"rules": {"uniq": True}}, ["rules is {'uniq': True}"]),
        ({"rules": ["unique"]}, ["rules is ['unique']"]),
        ({"system": None}, ["system and user are [None, '']"]),
        ({"metrics": "label_sets"}, ["metrics and goals are ['label_sets', []]"]),
        ({"name": 1, "fields": 2, "error": 3, "rules": 4}, ["fields is 2", "error is 3", "rules is 4", "name is 1"]),
    ],
)  # fmt: skip
def test_faults_are_named_at_once(change, faults):
    if not faults:
        assert build_task(GOOD | change, ONTOLOGY, "t.yaml").name == "mine"
        return
    with pytest.raises(TaskError) as caught:
        build_task(GOOD | change, ONTOLOGY, "t.yaml")
    assert len(caught.value.faults) == len(faults)
    for fault, expected in zip(caught.value.faults, faults, strict=True):
        assert fault.startswith("t.yaml: ")
        assert expected in fault


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (yaml.safe_dump(GOOD), ""),
        ("a: [", "not YAML"),
        ("- a", "expected a mapping"),
        ("name: a\nfields: []", "ontology is None: expected the name of a snapshot"),
        (yaml.safe_dump(GOOD | {"ontology": "other-2"}), "no ontologies file other-2.json"),
        (b"name: \xff", "not YAML"),
    ],
)
def test_load_task(tmp_path, text, fault):
    write_snapshot(ONTOLOGY, tmp_path / "ontologies" / "small-1.json")
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "mine.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    if not fault:
        assert load_task("mine", None, tmp_path).ontology == ONTOLOGY
        return
    with pytest.raises(InputError, match=fault):
        load_task("mine", None, tmp_path)


def test_the_working_directory_comes_first(tmp_path):
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "edugraph.yaml").write_text(yaml.safe_dump(GOOD))
    assert load_task("edugraph", ONTOLOGY, tmp_path).name == "mine"
    with pytest.raises(InputError, match=r"there are \[.*'edugraph'"):
        load_task("edugrph", ONTOLOGY, tmp_path)


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({}, True),
        ({"name": "other", "metrics": ("x",), "goals": ("f1>=1",)}, True),
        ({"fields": (*NESTED.fields[1:], NESTED.fields[0])}, False),
        ({"fields": (Labels("topics", "Area", 1, 4), *NESTED.fields[1:])}, False),
        ({"error": None}, False),
        ({"rules": Rules()}, False),
        ({"user": "Label."}, False),
        ({"system": "You"}, False),
        ({"ontology": Ontology("small", "1", ONTOLOGY.dimensions, ONTOLOGY.concepts, ONTOLOGY.relations[1:])}, False),
    ],
)
def test_task_sha256(change, same):
    """The hash moves with what decides an answer, and with nothing else."""
    assert (task_sha256(dataclasses.replace(NESTED, **change)) == task_sha256(NESTED)) is same


CRACKED = {"object": "wall", "condition": "cracked"}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"wall": None, "Wall- cracked": CRACKED}, CRACKED),
        (["wall", "Wall- cracked"], {}),
        ({"wall": 5}, "fields[0].options.wall is 5: expected a mapping of quoted strings"),
        ({"wall": {"damaged": True}}, "fields[0].options.wall is {'damaged': True}: expected a mapping"),
        ({True: {}}, "fields[0].options is (True,): expected a list of quoted strings"),
        ({}, "fields[0].options is ()"),
    ],
)  # fmt: skip
def test_options_may_say_what_they_stand_for(options, expected):
    record = GOOD | {"fields": [{"name": "class", "kind": "choice", "options": options}], "error": None}
    if isinstance(expected, str):
        with pytest.raises(TaskError, match=re.escape(expected)):
            build_task(record, ONTOLOGY, "t.yaml")
        return
    task = build_task(record, ONTOLOGY, "t.yaml")
    [field] = task.fields
    assert field.options == ("wall", "Wall- cracked")
    assert (field.about("wall"), field.about("Wall- cracked"), field.about("other")) == ({}, expected, {})
    plain = record | {"fields": [{"name": "class", "kind": "choice", "options": list(options)}]}
    assert task_sha256(task) == task_sha256(build_task(plain, ONTOLOGY, "t.yaml"))  # no answer depends on it


def test_attributes_are_no_key_of_the_file():
    record = GOOD | {"fields": [{"name": "c", "kind": "choice", "options": ["a"], "attributes": []}], "error": None}
    with pytest.raises(TaskError, match="expected kind and"):
        build_task(record, ONTOLOGY, "t.yaml")


@pytest.mark.parametrize("name", ["conditions", "relations"])
def test_shipped_tasks_without_labels(name):
    task = load_task(name)
    assert task.ontology.concepts == ()
    [field] = task.fields
    assert all(option in task.system for option in field.options)


@pytest.mark.parametrize("name", ["feedback", "service_manual"])
def test_shipped_tasks_of_text_stand_alone(name):
    task = load_task(name)
    assert task.ontology.concepts == ()
    assert task.refusals({task.fields[0].name: "Any text."}) == []
