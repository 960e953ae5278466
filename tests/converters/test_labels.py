import pytest

from ontune.errors import SourceError
from ontune.ontology import Concept, Ontology
from ontune.task import load_task
from ontune_converters.labels import Labeller, Stated, local_name, parse_labels, read_renames
from small import ONTOLOGY, small_task


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("Addition", "Addition"),
        ("http://edugraph.io/edu#Addition", "Addition"),
        ("http://edugraph.io/edu/Addition", "Addition"),
        ("http://edugraph.io/edu/Addition/", "Addition"),
        ("1/2", "1/2"),
    ],
)
def test_local_name(label, name):
    assert local_name(label) == name


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (["B", "http://x.org/edu#A"], Stated((("B", ""), ("A", "")))),
        ({"Scope": ["S"], "Area": ["A"]}, Stated((("S", "Scope"), ("A", "Area")))),
        ({"areas": "A"}, Stated((("A", "areas"),))),
        ('{"Area": ["A"]}', Stated((("A", "Area"),))),
        ({"error": None, "labels": {"Areas": ["A"]}}, Stated((("A", "Areas"),))),
        ({"Error": "NotMath"}, Stated(error="NotMath")),
        ([], Stated()),
        ({}, Stated()),
        (7, "labels 7"),
        ("not JSON", "Expecting value"),
        ('"text"', "expected a list"),
        ({"Area": ["A", 3]}, "Area holds 3"),
        ({"Area": [""]}, "Area holds ''"),
        ({"Area": {"A": True}}, "Area holds {'A': True}"),
    ],
)
def test_parse_labels(value, expected):
    if isinstance(expected, Stated):
        assert parse_labels(value) == expected
    else:
        with pytest.raises(ValueError, match=expected):
            parse_labels(value)


@pytest.mark.parametrize(
    ("stated", "answer"),
    [
        # Flat names find their dimension; keys come in the task's order and labels in the ontology's, each once.
        ([("Recall", ""), ("Clock", ""), ("Disc", "")], '{"Area":["Disc"],"Scope":["Clock"],"Ability":["Recall"]}'),
        ([("Disc", "Areas"), ("Addition", "area")], '{"Area":["Addition","Disc"],"Scope":[],"Ability":[]}'),
        ([("Addition", ""), ("Addition", "")], '{"Area":["Addition"],"Scope":[],"Ability":[]}'),
        ([("Recall", "Abilities")], '{"Area":[],"Scope":[],"Ability":["Recall"]}'),
        ([("Addition", "Scope")], "'Addition' stands under 'Scope', but it is in Area"),
        ([("Addition", "Topics")], "'Addition' stands under 'Topics', but it is in Area"),
        ([("Adition", "")], r"unknown label 'Adition' \(1 times, first at here\): not in small 1; nearest: Addition"),
    ],
)
def test_answer(stated, answer):
    labeller = Labeller(small_task())
    found = labeller.answer(Stated(tuple(stated)), "here")
    if answer.startswith("{"):
        assert labeller.faults() == []
        assert labeller.task.to_json(found) == answer
    else:
        with pytest.raises(SourceError, match=answer):
            SourceError.check(labeller.faults())


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("UnsupportedMaterial", {"Error": "UnsupportedMaterial"}),
        ("Cat", {"Error": "UnsupportedMaterial"}),
        ("NotMath", {}),
    ],
)
def test_error_answer(value, expected):
    labeller = Labeller(small_task(), {"Cat": ("UnsupportedMaterial",)})
    assert labeller.answer(Stated(error=value), "here") == expected
    assert bool(labeller.faults()) == (expected == {})


def test_every_unknown_label_is_named_once_with_its_count():
    labeller = Labeller(small_task())
    for number in range(3):
        labeller.answer(Stated((("Gone", ""), ("Lost", ""))), f"row {number}")
    assert [fault.split(":")[0] for fault in labeller.faults()] == [
        "unknown label 'Gone' (3 times, first at row 0)",
        "unknown label 'Lost' (3 times, first at row 0)",
    ]


def release(version, *names):
    return Ontology("small", version, ("Area",), tuple(Concept(name, "Area") for name in sorted(names)))


@pytest.mark.parametrize(
    ("label", "said"),
    [
        ("Old", "in small 0.5.0, removed by 0.10.0"),  # 0.10 comes after 0.5 and before 0.21
        ("Late", "in small 0.10.0, removed by 0.21.0"),
        ("New", "in small 0.30.0; nearest"),
        ("Never", "not in small 0.21.0; nearest"),
    ],
)
def test_the_release_that_removed_a_label(label, said):
    ours = release("0.21.0", "Kept")
    others = [release("0.10.0", "Kept", "Late"), release("0.5.0", "Kept", "Old"), release("0.30.0", "Kept", "New")]
    task = load_task("edugraph", ONTOLOGY)
    labeller = Labeller(type(task)("t", ours, (task.fields[0],)), others=others)
    labeller.answer(Stated(((label, ""),)), "here")
    assert said in labeller.faults()[0]


def test_a_dimension_the_task_does_not_ask_for_is_a_fault():
    task = small_task()
    labeller = Labeller(type(task)("areas", ONTOLOGY, (task.fields[0],)))
    labeller.answer(Stated((("Clock", ""),)), "here")
    assert labeller.faults() == ["here: 'Clock' is in Scope, which task areas does not ask for"]


@pytest.mark.parametrize(
    ("prune", "areas"),
    [(False, ["Addition", "AdditionMakeTen", "Subtraction"]), (True, ["AdditionMakeTen", "Subtraction"])],
)
def test_prune(prune, areas):
    stated = Stated((("Addition", ""), ("Subtraction", ""), ("AdditionMakeTen", "")))
    assert Labeller(small_task(), prune=prune).answer(stated, "here")["Area"] == areas


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("old,new\nIntegerAddition,Addition\n", {"IntegerAddition": ("Addition",)}),
        ("A,Addition\nA,IntegerNumbers\n", {"A": ("Addition", "IntegerNumbers")}),
        ("A,\n", {"A": ()}),
        ("\ufeffold,new\r\nhttp://x.org/e#A, Addition \r\n\r\n", {"A": ("Addition",)}),
        ("A,Adition\nB,Addition,x\n,Addition\n", [":1: 'Adition' is no label: nearest", ":2: ", ":3: "]),
    ],
)
def test_read_renames(tmp_path, text, expected):
    path = tmp_path / "map.csv"
    path.write_text(text, encoding="utf-8", newline="")
    if isinstance(expected, dict):
        assert read_renames(path, ONTOLOGY) == expected
    else:
        with pytest.raises(SourceError) as caught:
            read_renames(path, ONTOLOGY)
        assert [part in fault for part, fault in zip(expected, caught.value.faults, strict=True)] == [True] * 3


@pytest.mark.parametrize("content", ["old,new\nÜbung,Clock\n".encode("latin-1"), b"old,new\nA,Clock\xff\n"])
def test_renames_that_are_no_text_are_named(tmp_path, content):
    (tmp_path / "map.csv").write_bytes(content)
    with pytest.raises(SourceError, match=r"map\.csv: 'utf-8' codec .*: expected a CSV file in UTF-8"):
        read_renames(tmp_path / "map.csv", ONTOLOGY)


def test_a_rename_puts_each_new_label_under_its_own_dimension():
    labeller = Labeller(small_task(), {"IntegerAddition": ("Addition", "IntegerNumbers"), "Junk": ()})
    answer = labeller.answer(Stated((("IntegerAddition", "Area"), ("Junk", "Area"))), "here")
    assert (answer["Area"], answer["Scope"], labeller.renamed) == (["Addition"], ["IntegerNumbers"], 2)
    assert labeller.faults() == []
