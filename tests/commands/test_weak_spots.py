"""`ontune weak-spots`: the CSV, what is left out, and wrong use."""

import csv
from dataclasses import replace

import pytest
import yaml

from evaluation.fixtures import TASKS, predictions
from ontune.evaluation import write_predictions
from ontune.ontology import write_snapshot
from small import ONTOLOGY


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working directory with a manual's task and predictions."""
    write_snapshot(ONTOLOGY, tmp_path / "dataset_info/ontologies/small-1.json")
    task = TASKS["manuals"]
    record = {"name": task.name, "ontology": "small-1", "system": task.system, "user": task.user}
    record |= {"fields": [{"name": "answer", "kind": "text", "max_chars": 500}], "metrics": ["manuals"]}
    path = tmp_path / "dataset_info/tasks/manual.yaml"
    path.parent.mkdir()
    path.write_text(yaml.safe_dump(record))
    write_predictions(tmp_path / "p.jsonl", predictions("manuals", 80, skill=0.6))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_pages_sections_and_content_types(cli, folder) -> None:
    found = cli("weak-spots", "p.jsonl", "-o", "weak.csv", "--json")
    assert found.status == 0, found.err
    with (folder / "weak.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    kinds = {row["kind"] for row in rows}
    assert kinds == {"page", "section", "content_type", "group"}
    pages = {row["value"] for row in rows if row["kind"] == "page"}
    assert pages <= {f"page-{number:04}" for number in range(20)}
    bounds = [float(row["lower_bound"]) for row in rows]
    assert bounds == sorted(bounds, reverse=True)
    record = found.json()
    assert record["spots"] == len(rows)
    assert record["right"] == "numeric_exact_match>=1 and keyword_presence>=0.5"
    assert [item["value"] for item in record["worst"]] == [row["value"] for row in rows[:10]]
    assert "left out, one value in all rows or another in each: question_type, split" in found.err


def test_people_see_the_worst(cli, folder) -> None:
    found = cli("weak-spots", "p.jsonl", "-o", "weak.csv", "--by", "section", "--right", "exact_match>=1")
    wrong = sum(row.answer != row.gold for row in predictions("manuals", 80, skill=0.6))
    assert f"{wrong} of 80 rows wrong (exact_match>=1)" in found.out
    assert "\nsection\n    11 of   28  11 - Engine\n" in found.out
    assert "left out" not in found.err


@pytest.mark.parametrize(
    ("options", "change", "fault"),
    [
        (["--by", "sort"], {}, "--by sort: no row of p.jsonl has it: expected one of ['content_type'"),
        (["--right", "f9>=1"], {}, "no metric 'f9'"),
        ([], {"gold": None}, "no row has gold"),
        (["--task", "nothing"], {}, "no tasks file"),
    ],
)
def test_wrong_use(cli, folder, options, change, fault) -> None:
    write_predictions(folder / "p.jsonl", [replace(row, **change) for row in predictions("manuals", 8)])
    found = cli("weak-spots", "p.jsonl", "-o", "weak.csv", *options)
    assert found.status == 2
    assert fault in found.err
    assert not (folder / "weak.csv").exists()


def test_a_perfect_run_has_none(cli, folder) -> None:
    write_predictions(folder / "p.jsonl", predictions("manuals", 12, skill=1.0))
    found = cli("weak-spots", "p.jsonl", "-o", "weak.csv")
    assert found.status == 0
    assert (folder / "weak.csv").read_text() == "kind,value,n,wrong,error_rate,lower_bound,examples\n"
