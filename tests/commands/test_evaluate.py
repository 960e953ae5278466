"""`ontune evaluate`: three files, exit statuses, what is found by itself, and all faults of a command line at once."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from evaluation.fixtures import TASKS, predictions
from ontune.dataset_info import Entry, register
from ontune.evaluation import read_predictions, write_predictions
from ontune.ontology import write_snapshot
from ontune.sharegpt import Sample, Turn, write_samples
from small import ONTOLOGY, small_task

FAST = ["--bootstrap", "100"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working directory with the small ontology, predictions of it, and the free ones beside."""
    write_snapshot(ONTOLOGY, tmp_path / "dataset_info/ontologies/small-1.json")
    write_predictions(tmp_path / "p.jsonl", predictions("label_sets", 40))
    write_predictions(tmp_path / "p.free.jsonl", predictions("label_sets", 40, decoding="free"))
    picture = tmp_path / "data/label_sets/media/00000.png"
    picture.parent.mkdir(parents=True)
    Image.new("RGB", (20, 20), "red").save(picture)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_three_files(cli, folder) -> None:
    found = cli("evaluate", "p.jsonl", "--json", *FAST, "--goal", "f1>=0.5")
    record = found.json()
    assert found.status == 0
    assert record["files"] == [f"p-report/report.{suffix}" for suffix in ("json", "md", "html")]
    report = json.loads((folder / "p-report/report.json").read_text())
    assert list(report["metrics"]) == ["A", "A free"]
    assert record["metrics"] == report["metrics"]
    assert [goal["verdict"] for goal in report["goals"]] == ["PASS"]
    assert "# edugraph: p.jsonl" in (folder / "p-report/report.md").read_text()
    page = (folder / "p-report/report.html").read_text()
    assert "label_sets-000007" in page
    assert "data:image/webp" in page
    assert "the one that the answers were asked with" in found.err


def test_the_table_for_people(cli, folder) -> None:
    found = cli("evaluate", "p.jsonl", *FAST, "-o", "out", "--thumbnails", "none")
    assert "exact_match" in found.out
    assert "A free" in found.out
    assert "40 predictions, report in out" in found.out
    assert "bootstrap of 10 groups" in found.err
    assert "data:image/webp" not in (folder / "out/report.html").read_text()


@pytest.mark.parametrize(
    ("options", "status", "verdicts"),
    [
        (["--goal", "f1>=0.1"], 0, ["PASS"]),
        (["--goal", "f1>=0.999"], 1, ["FAIL"]),
        (["--goal", "f1>=0.1", "--goal", "f1<=0.2"], 1, ["PASS", "FAIL"]),
        (["--goal", "peak_memory_gb<=8"], 0, ["UNDECIDED"]),
        (["--goal", "peak_memory_gb<=8", "--strict"], 1, ["UNDECIDED"]),
        (["--goal", "peak_memory_gb<=8", "--measured", "peak_memory_gb=7.9", "--strict"], 0, ["PASS"]),
        (["--goal", "folder_gb<=1", "--model-folder", "dataset_info", "--strict"], 0, ["PASS"]),
        (["--goal", "folder_gb<=0.000000001", "--model-folder", "dataset_info"], 1, ["FAIL"]),
    ],
)
def test_goals_decide_the_exit_status(cli, folder, options, status, verdicts) -> None:
    found = cli("evaluate", "p.jsonl", "--json", *FAST, *options)
    assert found.status == status, found.err
    goals = found.json()["goals"]
    assert [goal["verdict"] for goal in goals] == verdicts
    blamed = {"FAIL", "UNDECIDED"} if "--strict" in options else {"FAIL"}
    for goal in goals:
        assert (f"{goal['verdict']}: {goal['goal']}" in found.err) == (goal["verdict"] in blamed)


def test_the_tasks_own_goals_count_where_none_is_named(cli, folder) -> None:
    goals = cli("evaluate", "p.jsonl", "--json", *FAST).json()["goals"]
    assert [goal["goal"] for goal in goals] == list(small_task().goals)


def test_goals_by_file_and_by_name(cli, folder) -> None:
    (folder / "mine.yaml").write_text("goals: ['f1>=0.2']\n")
    assert [
        goal["goal"] for goal in cli("evaluate", "p.jsonl", "--json", *FAST, "--goals", "mine.yaml").json()["goals"]
    ] == ["f1>=0.2"]
    both = cli("evaluate", "p.jsonl", "--json", *FAST, "--goals", "edugraph", "--goal", "f1>=0.2").json()["goals"]
    assert len(both) == 8


def test_all_faults_at_once(cli, folder) -> None:
    found = cli(
        *("evaluate", "p.jsonl", "--json", "--goal", "f1", "--goal", "f2=3", "--measured", "x", "--measured", "y=z"),
        *("--train", "nowhere"),
    )
    assert found.status == 2
    faults = found.json()["error"]
    assert len(faults) == 5
    assert not (folder / "p-report").exists()


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        (["--goal", "exact_mach>=0.9"], "the nearest are ['exact_match'"),
        (["--goals", "edugraf"], "there are"),
        (["--by", "sort"], "--by sort: no such field"),
        (["--right", "f2>=1"], "no metric 'f2'"),
        (["--measured", "folder_gb=inf"], "--measured 'folder_gb=inf': expected KEY=NUMBER"),
        (["--measured", "exact_match=1"], "--measured exact_match: computed from the answers"),
        (["--task", "nothing"], "no tasks file nothing.yaml"),
        (["--ontology", "nothing"], "no ontologies file nothing.json"),
        (["--free", "empty.jsonl"], "empty.jsonl: no predictions"),
        (["--level", "2"], "0.5<=x<=0.999"),
    ],
)
def test_wrong_use(cli, folder, options, fault) -> None:
    (folder / "empty.jsonl").write_text("")
    found = cli("evaluate", "p.jsonl", *FAST, *options)
    assert found.status == 2
    assert fault in found.err


@pytest.mark.parametrize(
    ("text", "fault"),
    [("", "no predictions, nothing can be evaluated"), ("{}\nno\n", "bad.jsonl:2"), (None, "does not exist")],
)
def test_bad_files(cli, folder, text, fault) -> None:
    if text is not None:
        (folder / "bad.jsonl").write_text(text)
    found = cli("evaluate", "bad.jsonl")
    assert found.status == 2
    assert fault in found.err


def test_predictions_of_several_tasks_or_none_need_one_named(cli, folder) -> None:
    rows = [replace(row, task="") for row in predictions("label_sets", 4)]
    write_predictions(folder / "bare.jsonl", rows)
    assert "name no task: name one with --task" in cli("evaluate", "bare.jsonl", *FAST).err
    assert cli("evaluate", "bare.jsonl", *FAST, "--task", "edugraph", "--goal", "f1>=0").status == 0
    write_predictions(folder / "two.jsonl", [*predictions("label_sets", 2), *predictions("choice", 2)])
    assert "['conditions', 'edugraph']" in cli("evaluate", "two.jsonl").err


def test_without_gold_scores_or_groups(cli, folder) -> None:
    rows = [replace(row, gold=None, scores=None, meta={}) for row in predictions("label_sets", 8)]
    write_predictions(folder / "bare.jsonl", rows)
    found = cli("evaluate", "bare.jsonl", "--json", *FAST, "--goal", "f1>=0.5", "--goal", "invalid_rate<=0.5")
    assert found.status == 0
    assert [goal["verdict"] for goal in found.json()["goals"]] == ["UNDECIDED", "PASS"]
    assert found.json()["baselines"] == {"majority": {}, "most_common_set": {}}
    assert "8 of 8 rows have no gold" in found.err


def test_another_ontology_is_said_once(cli, folder) -> None:
    rows = [replace(row, task_sha256="0" * 64) for row in predictions("label_sets", 8)]
    write_predictions(folder / "other.jsonl", rows)
    found = cli("evaluate", "other.jsonl", *FAST, "--ontology", "small-1", "--goal", "f1>=0")
    assert found.status == 0
    assert found.err.count("asked with another task or ontology") == 1


def test_training_data(cli, folder) -> None:
    task = small_task()
    turns = (Turn("human", "q"), Turn("gpt", task.to_json(task.answer_from_labels(["Clock"]))))
    write_samples(folder / "data/set/train.jsonl", [Sample(f"s{at}", turns, meta={"group": "s"}) for at in range(3)])
    register([Entry("set_train", folder / "data/set/train.jsonl", "edugraph", "small-1")], folder / "dataset_info")
    found = cli("evaluate", "p.jsonl", *FAST, "--train", "set_train", "--goal", "f1>=0")
    assert "chosen on the training data set_train" in found.err


def test_thresholds_from_one_split_to_another(cli, folder) -> None:
    write_predictions(folder / "val.jsonl", predictions("label_sets", 40, seed=1))
    fitted = cli("evaluate", "val.jsonl", *FAST, "--goal", "f1>=0", "--fit-thresholds", "t.json", "--precision", "0.9")
    assert fitted.status == 0, fitted.err
    assert "wanted 90.0%, fitted on these very rows" in fitted.err

    def f1() -> dict[str, float]:
        found = cli("evaluate", "p.jsonl", "--json", *FAST, "--goal", "f1>=0", "--thresholds", "t.json").json()
        return {name: values["f1"]["value"] for name, values in found["metrics"].items()}

    assert list(f1()) == ["A", "A free", "A thresholds"]
    assert f1()["A thresholds"] > 0.9
    record = json.loads((folder / "t.json").read_text())
    record["thresholds"] = {name: dict.fromkeys(limits, 1.0) for name, limits in record["thresholds"].items()}
    (folder / "t.json").write_text(json.dumps(record))
    assert f1()["A thresholds"] < 0.2


@pytest.mark.parametrize(
    "option", [["--fit-thresholds", "t.json"], ["--thresholds", "p.jsonl"], ["--precision", "0.9"]]
)
def test_without_scores_there_is_nothing_to_fit(cli, folder, option) -> None:
    write_predictions(folder / "bare.jsonl", [replace(row, scores=None) for row in predictions("label_sets", 8)])
    found = cli("evaluate", "bare.jsonl", *FAST, "--goal", "f1>=0", *option)
    assert found.status == 2
    assert f"{option[0]}: no row has scores" in found.err


def test_a_written_task_of_every_family(cli, folder) -> None:
    import yaml

    for family in ("choice", "manuals", "feedback", "relations"):
        task = TASKS[family]
        field = task.fields[0]
        record = (
            {"name": field.name, "kind": "choice", "options": list(field.options)}
            if hasattr(field, "options")
            else {"name": field.name, "kind": "text", "max_chars": field.max_chars}
        )
        path = folder / "dataset_info/tasks" / f"{task.name}.yaml"
        path.parent.mkdir(exist_ok=True)
        content = {
            "name": task.name,
            "ontology": "small-1",
            "system": task.system,
            "user": task.user,
            "fields": [record],
        }
        path.write_text(yaml.safe_dump(content | {"metrics": list(task.metrics)}))
        write_predictions(folder / f"{family}.jsonl", predictions(family, 20))
        found = cli("evaluate", f"{family}.jsonl", *FAST, "-o", family)
        assert found.status == 0, found.err
        assert (folder / family / "report.html").is_file()
        assert "another task" not in found.err


def test_page_and_report_have_one_rule_for_right_answers(cli, folder) -> None:
    assert cli("evaluate", "p.jsonl", "--right", "f1>=0.5", *FAST, "-o", "out").status in (0, 1)
    page = (folder / "out/report.html").read_text()
    data = json.loads(page.split('<script type="application/json" id="data">')[1].split("</script>")[0])
    hits = [answer[2] for answer in data["answers"]["A"]]
    rows = read_predictions(folder / "p.jsonl")
    assert sum(hits) > sum(row.answer == row.gold for row in rows)  # as all labels right would count
    assert "A row is right where f1>=0.5." in (folder / "out/report.md").read_text().replace("&gt;", ">")


def test_no_page(cli, folder) -> None:
    found = cli("evaluate", "p.jsonl", "--no-page", "--json", *FAST, "-o", "out")
    assert [Path(name).name for name in found.json()["files"]] == ["report.json", "report.md"]
    assert not (folder / "out/report.html").exists()


def test_half_a_surrogate_pair_is_written_escaped(cli, folder) -> None:
    kinds = ("half \ud83d", "whole")
    given = predictions("label_sets", 40, per_group=1)
    rows = [replace(row, meta={"sort": kinds[at % 2]}) for at, row in enumerate(given)]
    write_predictions(folder / "half.jsonl", rows)
    for options in ([], ["--json"]):
        found = cli("evaluate", "half.jsonl", *FAST, "--by", "sort", "-o", "out", *options)
        assert found.status == 0, found.err
    report = json.loads((folder / "out/report.json").read_text())
    assert {part["value"] for part in report["slices"]["A"]} == set(kinds)
    assert "half \\ud83d" in (folder / "out/report.md").read_text()
