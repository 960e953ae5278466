"""`deepeval test run` on the shipped file, as a user runs it: in a process of its own, with our options."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from chat_server import Chat
from commands.manuals import make_manuals
from judge_server import honest, judge_server, prompt_of


@pytest.mark.e2e
def test_our_options_for_answers_limit_judge_and_output(tmp_path) -> None:
    rows = make_manuals(tmp_path)
    refused, wrong = rows[0], rows[6]  # of two, evenly spread
    command = [sys.executable, "-m", "ontune", "path", "deepeval-tests"]
    suite = subprocess.check_output(command, text=True).strip()

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
        run = [str(Path(sys.executable).with_name("deepeval")), "test", "run", suite, *options, *metrics]
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
