"""`make` for service manuals, for real: from questions to a dataset, a served model, its probes and its report."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import yaml
from PIL import Image

from ontune.evaluation import read_predictions

from .conftest import ROOT, free_port

pytestmark = pytest.mark.e2e

KINDS = ("specification", "procedure")
METADATA = {"section_id": "11", "section_name": "Engine", "source_type": "service_manual", "question_type": "factual"}


def write_questions(folder: Path) -> None:
    """Two questions about each of four pages, in upstream's form."""
    rows: list[str] = []
    for page in range(4):
        name = f"images/{page}.png"
        (folder / "images").mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (700, 500), (40 * page, 90, 200 - 30 * page)).save(folder / name)
        for at, question in enumerate(("Which torque has the nut?", "How is the seal removed?")):
            said = [("user", question), ("assistant", (f"{10 + 7 * page} Nm", f"Lever number {page} lifts it.")[at])]
            meta = METADATA | {"page_id": f"p{page}", "qa_id": f"p{page}-q{at}", "content_type": KINDS[at]}
            turns = [{"role": role, "content": text} for role, text in said]
            rows.append(json.dumps({"image": name, "conversations": turns, "metadata": meta}))
    (folder / "vlm_train.jsonl").write_text("\n".join(rows))


def command(target: str, *options: str) -> list[str]:
    places = ["-f", str(ROOT / "Makefile"), "-o", "install", f"BIN={Path(sys.executable).parent}"]
    return ["make", *places, target, "PIXELS=50176", *options]


def make(target: str, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(target, *options), capture_output=True, text=True, check=False)


@contextmanager
def served(log: Path, *options: str) -> Generator[str]:
    """The address of `make serve-local`, which is stopped at the end with all that it has started."""
    port = free_port()
    with log.open("w") as file:
        words = command("serve-local", f"PORT={port}", *options)
        child = subprocess.Popen(words, stdout=file, stderr=file, start_new_session=True)
        try:
            url = f"http://127.0.0.1:{port}/v1"
            while not answers(url):
                assert child.poll() is None, log.read_text()[-4000:]
            yield url
        finally:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()


def answers(url: str) -> bool:
    time.sleep(0.2)
    try:
        return httpx.get(f"{url}/models", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


def test_the_targets_from_questions_to_a_comparison(tmp_path, monkeypatch, tiny_model) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    (tmp_path / "recipes").symlink_to(ROOT / "recipes")
    write_questions(tmp_path / "manual")
    ran = make("prepare-dataset", "MANUAL=manual", "OPTIONS=--val 0.5")
    assert (ran.returncode, "written  8" in ran.stdout) == (0, True), ran.stdout + ran.stderr
    probe = {"id": "nut", "category": "torque", "question": "Which torque has the nut?", "expected_answer": "10 Nm"}
    (tmp_path / "probes.yaml").write_text(yaml.safe_dump({"probes": [probe]}))
    model = tiny_model("qwen2_vl")

    with served(tmp_path / "serve.log", f"MODEL={model}") as url:
        asked = {"model": "service_manual", "messages": [{"role": "user", "content": "Which torque has the nut?"}]}
        reply = httpx.post(f"{url}/chat/completions", json=asked, timeout=120)
        assert list(json.loads(reply.json()["choices"][0]["message"]["content"])) == ["answer"], "held to the task"
        ran = make("eval-probes", f"URL={url}")
        assert ran.returncode == 2, "weights are random: the goal fails"
        assert "FAIL probe_pass_rate>0.85" in ran.stdout, ran.stdout + ran.stderr
        ran = make("eval-quick", f"URL={url}", "OPTIONS=--no-page --bootstrap 20")
        assert "4 predictions, report in" in ran.stdout, ran.stdout + ran.stderr
        ran = make("eval", f"URL={url}", "OPTIONS=--no-page --bootstrap 20")
    folder = tmp_path / "saves/manual/answers"
    report = json.loads((folder / "served-report/report.json").read_text())
    verdicts = [(item["metric"], item["verdict"]) for item in report["goals"]]
    assert ("probe_pass_rate", "FAIL") in verdicts, "the probes' results stand in it"
    assert ("correctness", "UNDECIDED") in verdicts, "no judge was run"
    by_type = {item["value"]: item["n"] for item in report["slices"]["A"] if item["by"] == "content_type"}
    assert by_type == dict.fromkeys(sorted(KINDS), 2)

    (tmp_path / "base").symlink_to(model)
    ran = make("eval-compare", f"URL={url}", "BASE=base", "OPTIONS=--no-page --bootstrap 20")
    assert "A  saves/manual/answers/base.jsonl\nB  saves/manual/answers/served.jsonl" in ran.stdout, (
        ran.stdout + ran.stderr
    )
    comparison = json.loads((folder / "served-comparison/report.json").read_text())["comparisons"]
    assert len(comparison) == 1
    models = [{row.model for row in read_predictions(folder / f"{name}.jsonl")} for name in ("base", "served")]
    assert models == [{"base"}, {"service_manual"}]
