"""`deepeval test run` on the shipped file, as a user runs it: in a process of its own, with our options."""

import json
import os
import subprocess
import sys
from pathlib import Path
from unittest.mock import ANY

import pytest

from chat_server import Chat
from commands.manuals import make_manuals
from judge_server import honest, judge_server, prompt_of
from ontune.evaluation.probes import Result, probe_record


def suite_file() -> str:
    return subprocess.check_output([sys.executable, "-m", "ontune", "path", "deepeval-tests"], text=True).strip()


@pytest.mark.e2e
def test_our_options_for_answers_limit_judge_and_output(tmp_path) -> None:
    rows = make_manuals(tmp_path)
    refused, wrong = rows[0], rows[6]  # of two, evenly spread
    suite = suite_file()

    def answer(body) -> Chat:
        """Refuses one question about the first row, and finds fault with the text of the other."""
        if "score" in str(body["response_format"]):
            return Chat(None, refusal="no") if refused.answer["answer"] in prompt_of(body) else honest(body)
        return honest(body)

    changed = (tmp_path / "p.jsonl").read_text().replace(json.dumps(wrong.answer["answer"]), '"WRONG"')
    (tmp_path / "p.jsonl").write_text(changed)
    environment = os.environ | {"NO_PROXY": "127.0.0.1", "DEEPEVAL_CACHE_FOLDER": str(tmp_path / "kept")}
    environment.pop("PYTEST_ADDOPTS", None)
    before = {path.name for path in Path(suite).parent.iterdir()}
    with judge_server(answer) as server:
        options = [
            "--predictions",
            "p.jsonl",
            "--judge",
            server.url,
            "--max-samples",
            "2",
            "--output",
            "out/judged.json",
        ]
        metrics = ["--judge-metric", "answer_relevancy", "--judge-metric", "correctness", "--threshold", "0.6"]
        run = [str(Path(sys.executable).with_name("deepeval")), "test", "run", suite, *options, *metrics, "-m", "judge"]
        ran = subprocess.run(run, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert "1 failed" in ran.stdout or "2 failed" in ran.stdout, ran.stdout
    record = json.loads((tmp_path / "out/judged.json").read_text())
    assert (record["samples"], record["judge"], record["threshold"]) == (2, "judge-1", 0.6)
    assert record["judge_failed"] == {"refused": 1}
    found = {(item["id"], item["metric"]): item["score"] for item in record["results"]}
    assert found == {
        (refused.id, "answer_relevancy"): 1,
        (refused.id, "correctness"): None,
        (wrong.id, "answer_relevancy"): 0,
        (wrong.id, "correctness"): 0.2,
    }
    assert record["means"] == {"answer_relevancy": 0.5, "correctness": 0.2}
    assert any("data:image/jpeg" in str(body) for body in server.bodies)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"p.jsonl", "dataset_info", "data", "out", "kept"}, "DeepEval's own files go where it is told"
    assert {path.name for path in Path(suite).parent.iterdir()} - before <= {"__pycache__"}


def write_probes(folder: Path) -> None:
    """Results of `ontune probe`: one of two has passed."""
    given = {"category": "torque", "question": "Which torque?"}
    results = [
        Result("right", answer="40 Nm", passed=True, **given),
        Result("wrong", answer="50 Nm", passed=False, why="wrong number: expected '40 Nm'", **given),
    ]
    (folder / "probes.json").write_text(json.dumps(probe_record("probes.yaml", "tiny", results)))


WITHOUT_A_JUDGE = ["--predictions", "p.jsonl", "--probes", "probes.json", "--goals", "service_manual"]


@pytest.mark.e2e
def test_numbers_keywords_probes_and_goals_need_no_judge(tmp_path) -> None:
    rows = make_manuals(tmp_path)
    write_probes(tmp_path)
    environment = os.environ | {"DEEPEVAL_CACHE_FOLDER": str(tmp_path / "kept")}
    run = [str(Path(sys.executable).with_name("deepeval")), "test", "run", suite_file(), *WITHOUT_A_JUDGE]
    ran = subprocess.run(run, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 1, ran.stdout + ran.stderr
    record = json.loads((tmp_path / "judged.json").read_text())
    right = [row.answer == row.gold for row in rows]
    assert (record["judge"], record["samples"], record["questions"]) == (None, len(rows), 0)
    assert record["means"]["numeric_exact_match"] == sum(right) / len(rows)
    assert record["passed"] == {"numeric_exact_match": sum(right), "keyword_presence": ANY, "probe": 1}
    numbers = [item for item in record["results"] if item["metric"] == "numeric_exact_match"]
    assert [item["score"] == 1 for item in numbers] == right
    for row, item in zip(rows, numbers, strict=True):
        assert item["score"] == 1 or f"expected {row.gold['answer']!r}" in item["reason"]
    assert "probe_pass_rate is 0.500: expected probe_pass_rate>0.85" in ran.stdout
    assert "4 skipped" in ran.stdout, "the judge's goals, and its tests"


@pytest.mark.e2e
def test_tests_are_chosen_by_what_they_look_at_and_by_content_type(tmp_path) -> None:
    rows = make_manuals(tmp_path, 60)
    write_probes(tmp_path)

    def chosen(*options: str) -> set[str]:
        command = [sys.executable, "-m", "pytest", "-p", "no:deepeval", "--collect-only", "-q", suite_file()]
        ran = subprocess.run([*command, *WITHOUT_A_JUDGE, *options], cwd=tmp_path, capture_output=True, text=True)
        return {line.partition("::")[2] for line in ran.stdout.splitlines() if "::" in line}

    wiring = {row.id for row in rows if row.meta["content_type"] == "wiring"}
    assert chosen("-k", "numeric and wiring") == {f"test_measure[{id_}-numeric_exact_match]" for id_ in wiring}
    stages = {row.id for row in rows if row.meta["content_type"] == "procedure"}  # others' gold has no keywords
    assert chosen("-m", "keywords and not goals") == {f"test_measure[{id_}-keyword_presence]" for id_ in stages}
    probes = {"test_probe[right]", "test_probe[wrong]", "test_goal[probe_pass_rate>0.85]"}
    assert chosen("-k", "probes") == probes
    quick = chosen("-m", "quick and numeric")
    assert len(quick) == 50, "of the rows, evenly spread"
    assert {f"test_measure[{rows[at].id}-numeric_exact_match]" for at in (0, 12, 54)} <= quick
    assert not (tmp_path / "judged.json").exists(), "nothing was run"
