"""`ontune import`: predictions with gold and media of the dataset, counted as they were read."""

import json
from pathlib import Path

import pytest

from ontune.dataset_info import Entry, register
from ontune.evaluation import read_predictions
from ontune.ontology import write_snapshot
from ontune.sharegpt import Sample, Turn, write_samples
from small import ONTOLOGY, small_task

TASK = small_task()
GOLD = TASK.to_json(TASK.answer_from_labels(["Circle"]))


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    write_snapshot(ONTOLOGY, tmp_path / "dataset_info/ontologies/small-1.json")
    path = tmp_path / "data/set/val.jsonl"
    turns = (Turn("human", "<image>What?"), Turn("gpt", GOLD))
    meta = {"group": "g", "page": 3}
    write_samples(path, [Sample(name, turns, "S", (f"set/{name}.png",), (), meta) for name in "bac"])
    register([Entry("set_val", path, "edugraph", "small-1")], tmp_path / "dataset_info")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(rows: list[dict[str, object]]) -> None:
    Path("rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_predictions(folder, cli) -> None:
    write([{"prompt": "What?", "predict": text, "label": GOLD} for text in (GOLD, "Kreis")])
    ran = cli("import", "rows.jsonl", "--data", "set_val", "--model", "7b", "-o", "out.jsonl", "--json")
    assert ran.status == 0, ran.err
    record = ran.json()
    counts = {key: record[key] for key in ("from", "read", "written", "dropped", "missing", "errors")}
    assert counts == {
        "from": "llamafactory",
        "read": 2,
        "written": 2,
        "dropped": {},
        "missing": 1,
        "errors": {"invalid_json": 1},
    }
    assert record["metrics"]["exact_match"] == 0.5
    assert "ontune: set_val: 1 of 3 samples have no row in rows.jsonl" in ran.err
    first, second = read_predictions(Path("out.jsonl"))
    assert (first.id, first.raw, first.errors, first.answer) == ("a", "Kreis", ("invalid_json",), None)
    assert (second.id, second.answer, second.gold) == ("b", json.loads(GOLD), json.loads(GOLD)), "the dataset's order"
    assert (second.images, second.meta, second.decoding) == (("set/b.png",), {"group": "g", "page": 3}, "free")
    assert (second.model, second.task) == ("7b", "edugraph")


def test_text_for_people(folder, cli) -> None:
    write([{"id": "a", "answer": GOLD, "seconds": 2, "tokens": 5}])
    ran = cli("import", "rows.jsonl", "--data", "set_val", "--decoding", "constrained", "-o", "out.jsonl")
    assert ran.out.startswith("1 predictions of 1 rows (jsonl) in out.jsonl\n  ")
    (found,) = read_predictions(Path("out.jsonl"))
    assert (found.seconds, found.tokens, found.decoding) == (2.0, 5, "constrained")


def test_faults(folder, cli) -> None:
    write([{"id": "a", "answer": GOLD, "gold": "x"}, {"id": "z", "answer": GOLD}])
    ran = cli("import", "rows.jsonl", "--data", "set_val", "-o", "out.jsonl", "--json")
    assert ran.status == 2
    assert len(ran.json()["error"]) == 2
    assert not Path("out.jsonl").exists()


def test_a_file_without_rows_is_a_fault(folder, cli) -> None:
    write([])
    ran = cli("import", "rows.jsonl", "--data", "set_val", "-o", "out.jsonl")
    assert (ran.status, "rows.jsonl: no rows" in ran.err, Path("out.jsonl").exists()) == (2, True, False)
