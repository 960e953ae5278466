"""`ontune evaluate --judge`: metrics and goals of a judge, a second one, people's labels, and all faults at once."""

import json

import pytest
import yaml

from chat_server import error
from commands.manuals import make_manuals
from judge_server import honest, judge_server, prompt_of, says
from ontune.sharegpt import Sample, Turn, write_samples

GROUP = {"group": "one"}
GOALS = ["--goal", "answer_relevancy>0.7", "--goal", "faithfulness>0.7", "--goal", "correctness>0.7"]
EVALUATE = ["evaluate", "p.jsonl", "--json", "--bootstrap", "100", "--thumbnails", "none", "-o", "out"]


@pytest.fixture
def rows(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return make_manuals(tmp_path)


def test_metrics_goals_and_a_second_look(cli, tmp_path, rows) -> None:
    (tmp_path / "labels.csv").write_text(f"id,verdict\n{rows[0].id},pass\n{rows[1].id},fail\n")
    strict = lambda body: says(body, {"reason": "no", "score": 1}) if "score" in str(body) else honest(body)  # noqa: E731
    with judge_server() as first, judge_server(strict, "judge-2") as other:
        judges = ["--judge", first.url, "--second-judge", f"anthropic:{other.url}", "--second-judge-model", "judge-2"]
        found = cli(*EVALUATE, *judges, *GOALS, "--judge-labels", "labels.csv")
        asked = len(first.bodies), len(other.bodies)
        again = cli(*EVALUATE, *judges, *GOALS)
        assert (len(first.bodies), len(other.bodies)) == asked, "the answers are kept beside the report"
    assert found.status == 0, found.err
    report = json.loads((tmp_path / "out/report.json").read_text())
    metrics = report["metrics"]["A"]
    assert [metrics[name]["value"] for name in ("answer_relevancy", "faithfulness", "hallucination")] == [1, 1, 1]
    assert metrics["correctness"]["value"] == pytest.approx(0.9)
    assert [goal["verdict"] for goal in found.json()["goals"]] == [goal["verdict"] for goal in again.json()["goals"]]
    assert "numeric_exact_match" in metrics
    assert report["judge"]["second"]["name"] == "judge-2"
    assert report["judge"]["context"] == {"page_text": 12}
    assert report["judge"]["pictures"] == 12
    assert report["judge"]["cached"] == report["judge"]["questions"]
    lines = [json.loads(line) for line in (tmp_path / "out/judge.jsonl").read_text().splitlines()]
    assert len(lines) == 48
    assert {line["judge"] for line in lines} == {"judge-1"}
    markdown = (tmp_path / "out/report.md").read_text()
    assert "| correctness | 0.9 |" in markdown
    assert "12 from page_text" in found.err
    assert not (tmp_path / ".deepeval").exists()


def test_labels_and_kappa_stand_in_the_report(cli, tmp_path, rows) -> None:
    (tmp_path / "labels.csv").write_text(f"id,verdict\n{rows[0].id},pass\n{rows[1].id},fail\nelsewhere,pass\n")
    with judge_server() as server:
        options = ["--judge", server.url, "--judge-metric", "correctness", "--judge-labels", "labels.csv"]
        ran = cli(*EVALUATE, *options, "--judge-max-samples", "12", "--judge-blind", "--judge-cache", "kept.jsonl")
        assert not any("image_url" in str(body) for body in server.bodies)
    assert ran.status == 0, ran.err
    people = json.loads((tmp_path / "out/report.json").read_text())["judge"]["people"]
    assert people["agreement"] == {"correctness": {"n": 2, "agree": 0.5, "kappa": 0}}
    assert people["not_judged"] == 1
    assert (tmp_path / "kept.jsonl").is_file()


def test_a_judge_that_fails_often_leaves_goals_open(cli, tmp_path, rows) -> None:
    count = iter(range(12))

    def answer(body):
        """Every third question is not answered; the others score 0.8 and 0.9."""
        at = next(count)
        return says(body, "well" if at % 3 == 0 else {"reason": "", "score": 8 + at % 3 - 1})

    with judge_server(answer) as server:
        one = ["--judge", server.url, "--judge-metric", "correctness", "--judge-concurrency", "1"]
        goals = [part for limit in (0.5, 0.7, 0.95) for part in ("--goal", f"correctness>{limit}")]
        ran = cli(*EVALUATE, *one, *goals)
    assert ran.status == 1
    found = {goal["goal"]: goal for goal in ran.json()["goals"]}
    assert [goal["verdict"] for goal in found.values()] == ["PASS", "UNDECIDED", "FAIL"]
    assert "between 0.567 and 0.900 with them" in found["correctness>0.7"]["why"]
    record = json.loads((tmp_path / "out/report.json").read_text())["judge"]
    assert record["metrics"]["correctness"]["failed"] == {"malformed": 4}
    assert (record["judge_failed"], record["metrics"]["correctness"]["n"]) == (4, 8)
    assert "failed on 4 of 12" in ran.err


def test_the_service_manuals_goals(cli, rows) -> None:
    with judge_server() as server:
        ran = cli(*EVALUATE, "--judge", server.url, "--goals", "service_manual", "--judge-max-samples", "3")
    goals = {goal["metric"]: goal for goal in ran.json()["goals"]}
    assert goals["faithfulness"]["value"] == 1
    assert goals["probe_pass_rate"]["why"].startswith("no probes were run")


@pytest.mark.parametrize(
    ("options", "faults"),
    [
        (["--judge", "anthropic"], ["--judge-model is missing", "no ANTHROPIC_API_KEY"]),
        (["--judge", "openai", "--judge-model", "m"], ["no OPENAI_API_KEY"]),
        (["--judge", "openai", "--judge-model", "m", "--judge-key-env", "NOT_THERE"], ["no NOT_THERE"]),
        (["--judge", "ftp://x"], ["expected anthropic, openai, http"]),
        (["--judge", "anthropic:http://127.0.0.1:1"], ["--judge-model is missing"]),
        (["--judge", "http://me:secret@127.0.0.1"], ["holds a password"]),
        (["--judge", "local:nowhere"], ["no folder nowhere"]),
        (
            ["--judge", "what", "--second-judge", "local:x", "--judge-extra", "["],
            ["expected anthropic", "--second-judge: no folder x", "--judge-extra is '[': not JSON"],
        ),
        (["--judge", "http://127.0.0.1:1", "--second-judge", "http://127.0.0.1:1"], ["it would agree with itself"]),
        (["--judge-model", "m", "--judge-blind"], ["--judge-model is for --judge", "--judge-blind is for --judge"]),
    ],
)
def test_faults(cli, rows, monkeypatch, options, faults) -> None:
    for name in ("ANTHROPIC_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    ran = cli(*EVALUATE, *options)
    assert ran.status == 2
    assert len(ran.json()["error"]) == len(faults)
    for fault in faults:
        assert fault in ran.err
    assert "secret" not in ran.err


def test_a_judge_needs_to_know_what_was_asked(cli, tmp_path, rows) -> None:
    task = tmp_path / "dataset_info/tasks/manual.yaml"
    task.write_text(yaml.safe_dump({**yaml.safe_load(task.read_text()), "user": ""}))
    samples = [
        Sample(row.id, (Turn("human", f"<image>Question {row.id}?"), Turn("gpt", "{}")), "", row.images, meta=GROUP)
        for row in rows
    ]
    write_samples(tmp_path / "data/samples.jsonl", samples)
    with judge_server() as server:
        ran = cli(*EVALUATE, "--judge", server.url)
        assert (ran.status, server.bodies) == (2, []), "nobody is asked about nothing"
        assert f"of 12 of 12 rows, '{rows[0].id}' the first: name their samples with --judge-data" in ran.err
        ran = cli(*EVALUATE, "--judge", server.url, "--judge-data", "data/samples.jsonl", "--judge-max-samples", "1")
        assert ran.status == 0, ran.err
        assert any(f"Question {rows[0].id}?" in prompt_of(body) for body in server.bodies)


def test_a_wrong_key_ends_it_before_any_report(cli, tmp_path, rows, monkeypatch) -> None:
    monkeypatch.setenv("KEY", "k-123")
    with judge_server(lambda body: error(401, "invalid key")) as server:
        ran = cli(*EVALUATE, "--judge", server.url, "--judge-key-env", "KEY")
        assert server.headers[0]["Authorization"] == "Bearer k-123"
    assert ran.status == 2
    assert "HTTP 401: invalid key" in ran.err
    with judge_server() as server:
        where = ["--judge", f"anthropic:{server.url}", "--judge-model", "m", "--judge-key-env", "KEY"]
        assert cli(*EVALUATE, *where, "--judge-max-samples", "1").status == 0
        headers = {name.lower(): value for name, value in server.headers[0].items()}
        assert headers["x-api-key"] == "k-123"
        assert headers["anthropic-version"] == "2023-06-01"
        assert "authorization" not in headers
