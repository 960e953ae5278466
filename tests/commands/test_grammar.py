"""`ontune grammar` as it is called: the text, what is lost, and what is refused."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import small
from ontune.ontology import write_snapshot
from ontune.task.exporters import EXPORTERS

GOLD = '{"Area":["Disc"],"Scope":[],"Ability":["Recall"]}'


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """A working directory whose ontology is the small one."""
    monkeypatch.chdir(tmp_path)
    write_snapshot(small.ONTOLOGY, Path("dataset_info/ontologies/edugraph-0.21.0.json"))
    write_snapshot(small.ONTOLOGY, Path("other/ontologies/small-1.json"))
    return tmp_path


@pytest.mark.parametrize("target", EXPORTERS)
def test_the_text_goes_to_standard_output_or_a_file_and_what_is_lost_to_standard_error(here, cli, target):
    export = EXPORTERS[target](small.small_task(), "free")
    shown = cli("grammar", "--task", "edugraph", "--to", target)
    assert (shown.status, shown.out.rstrip("\n")) == (0, export.text.rstrip("\n"))
    expected = [*(f"not expressed: {sentence}" for sentence in export.lost), *(f"note: {n}" for n in export.notes)]
    assert shown.err.splitlines() == expected
    written = cli("grammar", "--task", "edugraph", "--to", target, "-o", "out/contract")
    assert (written.status, written.out, written.err) == (0, "out/contract\n", shown.err)
    assert Path("out/contract").read_text(encoding="utf-8") == shown.out


def test_json_is_one_object(here, cli):
    arguments = ("grammar", "--task", "edugraph", "--to", "regex", "--json")
    record = cli(*arguments).json()
    assert (record["task"], record["to"], record["order"], record["file"]) == ("edugraph", "regex", "free", None)
    assert re.fullmatch(record["text"], GOLD)
    assert [sentence.partition(":")[0] for sentence in record["lost"]] == ["unique", "tokens"]
    record = cli(*arguments, "-o", "a.txt").json()
    assert (record["file"], record["text"]) == ("a.txt", None)


def test_another_ontology_folder_and_order(here, cli):
    options = ("--ontology", "small-1", "--dataset-info", "other", "--order", "canonical")
    answer = cli("grammar", "--task", "edugraph", "--to", "gbnf", *options)
    assert answer.status == 0
    assert "not expressed: max: " in answer.err
    assert "not expressed: unique: " not in answer.err
    assert "labels stand in ontology order" in answer.err


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (("--to", "gbnf"), "Missing option '--task'"),
        (("--task", "edugraph"), "Missing option '--to'"),
        (("--task", "edugraph", "--to", "yacc"), "'yacc' is not one of"),
        (("--task", "nosuch", "--to", "gbnf"), "no tasks file nosuch.yaml"),
        (("--task", "edugraph", "--to", "gbnf", "--ontology", "gone-1"), "no ontologies file gone-1.json"),
        (
            ("--task", "edugraph", "--to", "regex", "--order", "canonical"),
            "--order canonical: regex has labels in free",
        ),
        (("--task", "edugraph", "--to", "gbnf", "-o", "dataset_info"), "a folder: expected a file to write"),
    ],
)
def test_wrong_use(here, cli, arguments, fault):
    answer = cli("grammar", *arguments)
    assert (answer.status, answer.out) == (2, "")
    assert fault in answer.err


def test_neither_torch_nor_an_engine_is_imported(here):
    program = (
        "import sys; from ontune.cli import cli\n"
        "cli.main(['grammar', '--task', 'edugraph', '--to', 'pydantic'], standalone_mode=False)\n"
        "print([name for name in ('torch', 'transformers', 'pydantic', 'xgrammar') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "class Answer(" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"
