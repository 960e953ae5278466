"""`ontune compare`: won and lost, files that do not match, goals about what is kept."""

import json

import pytest

from evaluation.fixtures import predictions
from ontune.evaluation import write_predictions
from ontune.ontology import write_snapshot
from small import ONTOLOGY

FAST = ["--bootstrap", "100"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    write_snapshot(ONTOLOGY, tmp_path / "dataset_info/ontologies/small-1.json")
    rows = {
        "a": predictions("label_sets", 40),
        "b": predictions("label_sets", 40, skill=0.95),
        "c": predictions("label_sets", 40, skill=0.5),
        "few": predictions("label_sets", 40, skill=0.95)[4:],
        "bad": predictions("choice", 40),
    }
    for name, found in rows.items():
        write_predictions(tmp_path / f"{name}.jsonl", found)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_three_runs(cli, folder) -> None:
    found = cli("compare", "a.jsonl", "b.jsonl", "c.jsonl", "--json", *FAST, "--goal", "f1>=0")
    assert found.status == 0, found.err
    first, second = found.json()["comparisons"]
    assert [(item["a"], item["b"]) for item in (first, second)] == [("A", "B"), ("A", "C")]
    assert len(first["won"]) > len(first["lost"])
    assert len(second["won"]) < len(second["lost"])
    report = json.loads((folder / "c-comparison/report.json").read_text())
    assert report["comparisons"] == found.json()["comparisons"]
    assert "B against A: won" in (folder / "c-comparison/report.md").read_text()
    assert (folder / "c-comparison/report.html").is_file()


def test_the_text_names_the_files(cli, folder) -> None:
    found = cli("compare", "a.jsonl", "b.jsonl", *FAST, "-o", "out", "--goal", "f1>=0")
    assert "A  a.jsonl" in found.out
    assert "B against A: won" in found.out
    assert "McNemar p = " in found.out
    p_value = json.loads((folder / "out/report.json").read_text())["comparisons"][0]["permutation_p"]["exact_match"]
    assert f"permutation p of exact_match = {p_value:.4f}".rstrip("0") in found.out
    assert "40 rows fall into 10 groups" in found.out


@pytest.mark.parametrize(
    ("files", "options", "status", "said"),
    [
        (["a", "few"], [], 2, "B (few.jsonl) lacks 4 samples: label_sets-000000"),
        (["a", "few"], ["--common"], 0, "Compared on the 36 samples that all runs have"),
        (["a", "bad"], ["--common"], 2, "no sample is in all of the files"),
        (["a"], [], 2, "1 files: expected two or more"),
        (["a", "b"], ["--goal", "f1_retention>=0.5"], 0, ""),
        (["a", "c"], ["--goal", "exact_match_retention>=0.95"], 1, "FAIL: exact_match_retention>=0.95 (B)"),
        (["a", "b"], ["--goal", "f1_retentoin>=0.5"], 2, "no metric 'f1_retentoin'"),
        (["c", "b"], ["--goal", "exact_match>=0.7"], 0, "A row is right where exact_match>=1"),  # A is not on trial
        (["a", "b"], ["--right", "f1>=0.5"], 0, "A row is right where f1>=0.5"),
    ],
)
def test_use(cli, folder, files, options, status, said) -> None:
    found = cli("compare", *(f"{name}.jsonl" for name in files), *FAST, "--goal", "f1>=0", *options)
    assert found.status == status, found.err
    assert said in found.err


def test_the_faults_of_all_files_at_once(cli, folder) -> None:
    (folder / "x.jsonl").write_text("no\n")
    (folder / "y.jsonl").write_text("")
    found = cli("compare", "a.jsonl", "x.jsonl", "y.jsonl", "--json")
    assert found.status == 2
    assert [fault.split(":")[0] for fault in found.json()["error"]] == ["x.jsonl", "y.jsonl"]
