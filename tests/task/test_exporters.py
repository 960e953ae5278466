"""With each engine: every gold answer passes, and of the bad ones those alone that break a rule named in `lost`."""

import importlib.util
import json
import re
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ontune.errors import InputError
from ontune.ontology.reader import read_ontology
from ontune.task import Choice, Group, Labels, Rules, Task, Text, load_task
from ontune.task.exporters import EXPORTERS
from ontune.task.exporters.json_schema import json_schema, response_format
from random_answers import TASKS as RANDOM
from random_answers import answers
from small import ONTOLOGY
from task.engines import ENGINES, TOO_STRICT
from task.exported import BAD, GOLD, TASKS, compact

ORDERED = ("gbnf", "ebnf", "lark", "vllm")  # formats that have canonical order
CASES = [
    *((*reader, name, "free") for reader in ENGINES for name in TASKS),
    *((*reader, name, "canonical") for reader in ENGINES if reader[0] in ORDERED for name in TASKS),
]
NOTHING = re.compile("(?!)")


def lost_names(export) -> set[str]:
    return {sentence.partition(":")[0] for sentence in export.lost}


@pytest.mark.parametrize("name", TASKS)
def test_the_tables_are_what_they_say(name):
    task = TASKS[name]
    for text in GOLD[name]:
        assert task.refusals(json.loads(text)) == []
        assert task.to_json(json.loads(text)) == text
    rules = {rule.partition(":")[0] for texts in BAD.values() for rule, _ in texts}
    lost = {rule for order in ("free", "canonical") for rule in lost_names(EXPORTERS["gbnf"](task, order))}
    assert (lost | lost_names(EXPORTERS["json-schema"](task, "free"))) - {"tokens"} <= rules


@pytest.mark.parametrize(("target", "engine", "name", "order"), CASES)
def test_gold_passes_and_of_the_bad_only_what_is_lost(target, engine, name, order):
    read, kept = ENGINES[target, engine]
    strict = TOO_STRICT.get((target, engine), NOTHING)
    export = EXPORTERS[target](TASKS[name], order)
    accepts, lost = read(export.text), lost_names(export)
    for text in GOLD[name]:
        assert accepts(text) is not bool(strict.search(text)), text
    for rule, text in BAD[name]:
        passes = rule.partition(":")[0] in lost and rule not in kept and not strict.search(text)
        assert accepts(text) is passes, (rule, text)


# The exports of the random tasks, by format: what passes is what obeys, but for the codes of the rules that are lost.
LOST_CODES = {
    ("regex", "python"): {"duplicate", "ancestor", "contradiction"},
    ("ebnf", "xgrammar"): {"duplicate", "ancestor", "contradiction"},
    ("lark", "llguidance"): {"duplicate", "ancestor", "contradiction"},
    ("pydantic", "pydantic"): set(),
}
READ = {
    (reader, task.name): ENGINES[reader][0](EXPORTERS[reader[0]](task, "free").text)
    for reader in LOST_CODES
    for task in RANDOM
}


@pytest.mark.parametrize("reader", LOST_CODES, ids="-".join)
@settings(max_examples=150)
@given(pair=st.sampled_from(RANDOM).flatmap(lambda task: st.tuples(st.just(task), answers(task))))
def test_of_any_answer_what_passes_breaks_at_most_what_is_lost(reader, pair):
    task, answer = pair
    codes = {refusal.code for refusal in task.refusals(answer)}
    assert READ[reader, task.name](compact(answer)) is (codes <= LOST_CODES[reader])


# -------------------------------------------------------------------------------------------------------- each format
@pytest.mark.parametrize("name", TASKS)
def test_keys_stand_in_training_order(name, tmp_path):
    """In the schema, and in the one that an engine is given by the model; the module is imported as any other."""
    task = TASKS[name]
    schema = json_schema(task)
    jsonschema.Draft202012Validator.check_schema(schema)
    names = [field.name for field in task.fields]
    assert list(schema["anyOf"][0]["properties"]) == names == schema["anyOf"][0]["required"]
    assert json.loads(EXPORTERS["json-schema"](task, "free").text).items() >= schema.items()
    file = tmp_path / "answer.py"
    file.write_text(EXPORTERS["pydantic"](task, "free").text, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("answer", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert list(module.Answer.model_json_schema()["$defs"]["LabelledAnswer"]["properties"]) == names


def test_without_an_error_answer_there_is_one_object():
    task = replace(TASKS["edugraph"], error=None)
    good, error = GOLD["edugraph"][0], GOLD["edugraph"][-1]
    assert json_schema(task)["type"] == "object"
    for (target, _), (read, _) in ENGINES.items():
        accepts = read(EXPORTERS[target](task, "free").text)
        assert (accepts(good), accepts(error)) == (True, False)


def test_what_a_server_takes_as_response_format():
    task = replace(TASKS["odd"], name="größe 1/2")
    assert response_format(task) == {
        "type": "json_schema",
        "json_schema": {"name": "gr__e_1_2", "strict": True, "schema": json_schema(task)},
    }
    record = json.loads(EXPORTERS["vllm"](task, "free").text)
    assert list(record) == ["structured_outputs", "response_format"]
    assert list(record["structured_outputs"]) == ["grammar"]
    assert record["response_format"] == response_format(task)


@pytest.mark.parametrize("target", EXPORTERS)
def test_canonical_order_is_one_order_or_refused(target):
    task = TASKS["edugraph"]
    if target not in ORDERED:
        with pytest.raises(InputError, match=f"--order canonical: {target} has labels in free order alone"):
            EXPORTERS[target](task, "canonical")
        return
    export = EXPORTERS[target](task, "canonical")
    assert any("another order is refused" in note for note in export.notes)
    accepts = next(read for (name, _), (read, _) in ENGINES.items() if name == target)(export.text)
    assert accepts('{"Area":["Circle","Disc"],"Scope":[],"Ability":[]}')
    assert not accepts('{"Area":["Disc","Circle"],"Scope":[],"Ability":[]}')


IN_ORDER = {
    reader: ENGINES[reader][0](EXPORTERS[reader[0]](TASKS["edugraph"], "canonical").text)
    for reader in (("gbnf", "xgrammar"), ("lark", "llguidance"))
}


@pytest.mark.parametrize("reader", IN_ORDER, ids="-".join)
@settings(max_examples=100)
@given(labels=st.lists(st.sampled_from(ONTOLOGY.labels("Area")), max_size=5), ordered=st.booleans())
def test_in_canonical_order_any_labels_pass_each_once(reader, labels, ordered):
    labels = sorted(set(labels)) if ordered else labels
    text = compact({"Area": labels, "Scope": [], "Ability": []})
    assert IN_ORDER[reader](text) is (labels == sorted(set(labels)))


@pytest.mark.parametrize("target", ["gbnf", "ebnf", "lark", "pydantic"])
def test_the_header_says_what_is_lost_on_lines_of_its_own(target):
    export = EXPORTERS[target](TASKS["odd"], "free")
    mark = "//" if target == "lark" else "#"
    header = [line.removeprefix(f"{mark} ") for line in export.text.splitlines() if line.startswith(mark)]
    assert header[0].startswith('Answers of the task odd "task" , ontology odd 1; task_sha256 ')
    assert header[1:] == [*(f"not expressed: {sentence}" for sentence in export.lost), *export.notes]


def test_the_schema_says_in_its_comment_what_is_lost():
    export = EXPORTERS["json-schema"](TASKS["nested"], "free")
    comment = json.loads(export.text)["$comment"]
    assert all(f"not expressed: {sentence}" in comment for sentence in export.lost)


@pytest.mark.parametrize(
    ("fields", "rules", "lost"),
    [
        ((Labels("D", "Area"),), Rules(), {"unique", "tokens"}),
        ((Labels("D", "Area", 0, 1), Labels("E", "Area", 0, 0)), Rules(), {"tokens"}),
        ((Labels("D", "Area"),), Rules(unique=False), {"tokens"}),
        ((Choice("c", ("a", "b")),), Rules(), {"tokens"}),
        (
            (Group("g", (Labels("D", "Area", 3),)),),
            Rules(exclude_ancestors=True, exclude_contradictions=True),
            {"unique", "exclude_ancestors", "exclude_contradictions", "tokens"},
        ),
        ((Text("why", 1999),), Rules(), {"tokens"}),
        ((Text("why", 2000),), Rules(), {"max_chars", "tokens"}),
        ((Labels("D", "Area", 0, 2000),), Rules(), {"max", "unique", "tokens"}),
    ],
)
def test_lost_is_what_the_task_asks_and_gbnf_has_not(fields, rules, lost):
    task = Task("t", ONTOLOGY, fields, rules=rules)
    assert lost_names(EXPORTERS["gbnf"](task, "free")) == lost


def test_a_text_longer_than_llama_cpp_repeats_has_no_end_there_and_one_elsewhere():
    task = Task("t", ONTOLOGY, (Text("why", 2000),))
    assert "char*" in EXPORTERS["gbnf"](task, "free").text
    for (target, _), (read, _) in ENGINES.items():
        if target in ("ebnf", "lark", "json-schema", "pydantic"):
            accepts = read(EXPORTERS[target](task, "free").text)
            assert accepts(compact({"why": "x" * 2000}))
            assert not accepts(compact({"why": "x" * 2001}))


# --------------------------------------------------------------------------------------------------- the real ontology
@pytest.fixture(scope="module")
def real(shared_data: Path) -> tuple[Task, list[str]]:
    task = load_task("edugraph", read_ontology(sorted((shared_data / "ontology").glob("*.ttl")), "edugraph", "0.21.0"))
    files = [shared_data / "edugraph-exercises" / split / "metadata.jsonl" for split in ("train", "validation")]
    lines = [line for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    return task, [task.to_json(task.answer_from_labels(json.loads(line)["tags"])) for line in lines]


@pytest.mark.parametrize("target", EXPORTERS)
def test_no_export_of_the_whole_ontology_is_large_and_all_gold_passes(real, target):
    task, gold = real
    export = EXPORTERS[target](task, "free")
    assert len(gold) == 484
    assert len(export.text.encode()) < (40_000 if target == "vllm" else 25_000)
    for (name, engine), (read, _) in ENGINES.items():
        if name == target and engine != "outlines":  # minutes, at this size
            accepts = read(export.text)
            assert all(map(accepts, sorted(set(gold))[:: 1 if engine != "llguidance" else 8]))
