"""Service manuals on the given sample: questions about pages through the shipped recipes, tiny models, both hosts."""

import json
from pathlib import Path

import pytest

from ontune.evaluation import read_predictions
from ontune.sharegpt import read_samples
from ontune.task import load_task

from .shipped import (
    PIXELS,
    assert_asked_as_trained,
    assert_within,
    ok,
    open_clone,
    record_of,
    tiny,
    train_llamafactory,
    train_swift,
)

pytestmark = pytest.mark.e2e

VAL = "service_manual_val"
TOKENS = 32


@pytest.fixture
def workplace(tmp_path, monkeypatch, shared_data, ontune) -> Path:
    """A working directory with the recipes and the converted questions."""
    monkeypatch.chdir(tmp_path)
    open_clone(tmp_path)
    source = str(shared_data / "manual/synthetic")
    account = record_of(ontune("convert", "service_manual", source, "--out", "data/service_manual", "--json"))
    assert account["splits"] == {"train": 60, "val": 7}
    return tmp_path


def test_llamafactory(workplace, llamafactory, ontune) -> None:
    """QLoRA of Qwen3-VL: zero-shot, training, merge; then everything that a merged model is asked with."""
    base, task = tiny("qwen3_vl", "service_manual"), load_task("service_manual")
    options = ["--data", VAL, "--image-max-pixels", str(PIXELS), "--max-new-tokens", str(TOKENS)]
    ok(ontune("predict", "--model", base, *options, "-o", "before.jsonl"))
    run = train_llamafactory(llamafactory, "manual_qwen3vl_8b", base, new_tokens=TOKENS, image_max_pixels=PIXELS)
    run.check({VAL: task})
    merged = Path("saves/manual/qwen3vl_8b/merged")
    ok(llamafactory("export", "recipes/manual_qwen3vl_8b_export.yaml", f"model_name_or_path={base}"))
    assert_asked_as_trained(merged, run.adapter)
    ok(ontune("predict", "--model", str(merged), "--data", VAL, "--batch-size", "1", "-o", "after.jsonl"))
    assert_within(task, read_predictions(Path("after.jsonl")), TOKENS)
    _check_ends(ontune, merged)


def _check_ends(ontune, merged: Path) -> None:
    samples = read_samples(Path("data/service_manual/val.jsonl"))
    asked = ["--model", str(merged), "--task", "service_manual", "--json"]
    page, question = f"data/{samples[0].images[0]}", samples[0].prompt.removeprefix("<image>")
    found = record_of(ontune("ask", page, "--question", question, *asked))
    assert (found["errors"], json.loads(found["raw"])) == ([], {"answer": found["answer"]})
    # Asked alone, as by predict: the same answer.
    predicted = {row.id: row.raw for row in read_predictions(Path("after.jsonl"))}
    assert found["raw"] == predicted[samples[0].id]
    probes = {"goal": 0.85, "probes": [_probe(sample) for sample in samples]}
    Path("probes.json").write_text(json.dumps(probes))
    found = record_of(ontune("probe", "probes.json", "--media-root", "data", *asked), status=1)
    assert (found["probes"], found["goal"]["verdict"]) == (7, "FAIL")
    results = ["--probes", "probes-results.json", "--goals", "service_manual", "--train", "service_manual_train"]
    found = record_of(ontune("evaluate", "after.jsonl", *results, "--json"), status=1)
    verdicts = {goal["metric"]: goal["verdict"] for goal in found["goals"]}
    assert (verdicts["probe_pass_rate"], verdicts["answer_relevancy"]) == ("FAIL", "UNDECIDED")
    found = record_of(ontune("compare", "before.jsonl", "after.jsonl", "--goal", "rouge_l>=0", "--json"))
    assert found["comparisons"][0]["differences"]["rouge_l"]["value"] > 0
    assert Path("after-comparison/report.html").is_file()


def _probe(sample) -> dict[str, object]:
    return {
        "id": sample.id,
        "category": sample.meta["content_type"],
        "image": next(iter(sample.images), None),
        "question": sample.prompt.removeprefix("<image>"),
        "expected_answer": json.loads(sample.gold)["answer"],
    }


def test_swift(workplace, swift, ontune) -> None:
    """QLoRA of Qwen2-VL by the trial's recipe, merged as its header has it."""
    base, task = tiny("qwen2_vl", "service_manual"), load_task("service_manual")
    run = train_swift(swift, "manual_7b_dev", base, new_tokens=TOKENS, env={"MAX_PIXELS": PIXELS})
    run.check({VAL: task})
    merged = Path("saves/manual/swift/7b/merged_dev")
    to = ["--adapters", str(run.adapter), "--output_dir", str(merged)]
    ok(swift("export", "recipes/swift/manual_7b_export.yaml", "--model", base, *to))
    assert_asked_as_trained(merged, run.adapter)
    ok(ontune("predict", "--model", str(merged), "--data", VAL, "-o", "after.jsonl"))
    assert_within(task, read_predictions(Path("after.jsonl")), TOKENS)
