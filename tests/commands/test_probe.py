"""`ontune probe`: asked as samples are, decided, kept for a report; a stop is resumed."""

import json

import pytest
import yaml
from PIL import Image

from chat_server import Chat, chat_server, error, question
from commands.manuals import make_manuals
from ontune.errors import InputError
from ontune.evaluation.probes import read_results

PROBES = {
    "goal": 0.4,
    "system": "Answer shortly.",
    "probes": [
        {"id": "torque", "category": "numbers", "image": "page.png", "question": "Torque?", "expected_answer": "40 Nm"},
        {"id": "pin", "category": "numbers", "question": "Pin?", "expected_answer": "Pin 3, 12 V", "tolerance": 0},
        {"id": "tool", "category": "words", "question": "Tool?", "expected_keywords": ["torque wrench"]},
    ],
}
SAID = {"Torque?": "40.5 Nm", "Pin?": "Pin 3, 12 V", "Tool?": "The hammer."}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    Image.new("RGB", (56, 56), "red").save(tmp_path / "page.png")
    (tmp_path / "probes.yaml").write_text(yaml.safe_dump(PROBES))
    return tmp_path


def test_results_and_the_report_that_takes_them(cli, folder) -> None:
    with chat_server(lambda body: Chat(SAID[question(body)])) as server:
        ran = cli("probe", "probes.yaml", "--url", server.url, "--json")
    assert ran.status == 0, ran.err
    record = ran.json()
    assert (record["passed"], record["probes"], record["goal"]["verdict"]) == (2, 3, "UNDECIDED")
    assert {name: part["passed"] for name, part in record["categories"].items()} == {"numbers": 2, "words": 0}
    assert "tool (words): missing keywords: torque wrench; answered 'The hammer.'" in ran.err
    first = next(body for body in server.bodies if "Torque?" in question(body))
    assert first["messages"][0] == {"role": "system", "content": "Answer shortly."}
    assert [part["type"] for part in first["messages"][1]["content"]] == ["image_url", "text"]
    assert "response_format" not in first
    make_manuals(folder)
    goals = ["--goal", "probe_pass_rate>0.99", "--bootstrap", "50", "--thumbnails", "none"]
    evaluated = cli("evaluate", "p.jsonl", "--probes", "probes-results.json", *goals, "-o", "out", "--json")
    assert evaluated.status == 1
    report = json.loads((folder / "out/report.json").read_text())
    assert report["probes"] == {key: value for key, value in record.items() if key != "out"}
    assert report["metrics"]["A"]["probe_pass_rate"] == record["metrics"]["probe_pass_rate"]
    assert "| words | 0 |" in (folder / "out/report.md").read_text()


def test_a_tasks_contract_and_its_text(cli, folder) -> None:
    make_manuals(folder)
    with chat_server(lambda body: Chat(json.dumps({"answer": SAID[question(body)]}))) as server:
        ran = cli("probe", "probes.yaml", "--url", server.url, "--task", "manual", "-o", "r.json", "--json")
        assert server.bodies[0]["response_format"]["type"] == "json_schema"
    assert ran.status == 0, ran.err
    assert {item["id"]: item["answer"] for item in ran.json()["results"]} == {
        "torque": "40.5 Nm",
        "pin": "Pin 3, 12 V",
        "tool": "The hammer.",
    }


def test_a_goal_that_fails_and_a_stop(cli, folder) -> None:
    down = [True]
    answer = lambda body: error(401, "no") if down[0] and question(body) == "Tool?" else Chat("nothing")  # noqa: E731
    options = ["--concurrency", "1", "--retries", "0", "--goal", "probe_pass_rate>=0.9"]
    with chat_server(answer) as server:
        stopped = cli("probe", "probes.yaml", "--url", server.url, *options)
        assert stopped.status == 2
        down[0] = False
        ran = cli("probe", "probes.yaml", "--url", server.url, *options)
        assert sorted(server.questions) == ["Pin?", "Tool?", "Tool?", "Torque?"], "what was answered is not asked again"
    assert ran.status == 1
    assert "FAIL probe_pass_rate>=0.9" in ran.out
    assert sorted(path.name for path in folder.iterdir()) == ["page.png", "probes-results.json", "probes.yaml"]


def test_a_model_that_is_loaded_here(cli, folder, tiny_model) -> None:
    model = str(tiny_model("qwen2_5_vl"))
    ran = cli("probe", "probes.yaml", "--model", model, "--max-new-tokens", "4", "--json")
    assert ran.json()["model"] == model
    assert len(ran.json()["results"]) == 3
    assert ran.json()["passed"] == 0


def test_half_a_surrogate_pair_and_results_with_a_bad_goal(cli, folder) -> None:
    with chat_server(lambda _: Chat("half \ud83d")) as server:
        ran = cli("probe", "probes.yaml", "--url", server.url, "--json")
    assert {item["answer"] for item in ran.json()["results"]} == {"half \ud83d"}
    record = json.loads((folder / "probes-results.json").read_text())
    for goal in ({"goal": "f1"}, {"text": ""}, "x"):
        (folder / "bad.json").write_text(json.dumps(record | {"goal": goal}))
        with pytest.raises(InputError, match=r"bad\.json: no results of `ontune probe`"):
            read_results(folder / "bad.json")


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        (["--goal", "f1>=0.5"], "expected one on probe_pass_rate"),
        (["--media-root", "empty"], "no picture empty/page.png"),
        (["--task", "nothing"], "nothing"),
    ],
)
def test_faults(cli, folder, options, fault) -> None:
    (folder / "empty").mkdir()
    ran = cli("probe", "probes.yaml", "--url", "http://127.0.0.1:9/v1", "--model", "m", *options)
    assert ran.status == 2
    assert fault in ran.err
