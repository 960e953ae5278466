"""Conditions of objects on the given sample: YOLO to a classifier behind a detector, by the shipped recipes."""

import json
from pathlib import Path
from typing import Any

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


@pytest.fixture
def source(tmp_path, monkeypatch, shared_data) -> Path:
    """The sample, seen from a working directory with the recipes."""
    monkeypatch.chdir(tmp_path)
    open_clone(tmp_path)
    return shared_data / "yolo/synth9_mixed"


def convert(ontune, source: Path, name: str, *options: object) -> None:
    account = record_of(
        ontune("convert", f"yolo_{name}", str(source), *map(str, options), "--out", f"data/{name}", "--json")
    )
    assert {"train", "val", "test"} == {*account["splits"]}


def test_llamafactory(source, llamafactory, ontune) -> None:
    """One LoRA for conditions and relations, as the recipe has it; zero-shot before, the detector's objects after."""
    tasks = {f"{name}_val": load_task(name) for name in ("conditions", "relations")}
    for name in ("conditions", "relations"):
        convert(ontune, source, name)
    base = tiny("qwen2_vl", "conditions", "relations", spread=0.3)
    size = ["--image-max-pixels", str(PIXELS), "--max-new-tokens", "50"]
    ok(ontune("predict", "--model", base, "--data", "conditions_val", *size, "-o", "before.jsonl"))
    run = train_llamafactory(
        llamafactory, "conditions_7b_relations", base, new_tokens=50, image_max_pixels=PIXELS, warmup_steps=2
    )
    run.check(tasks)
    merged = Path("saves/conditions/7b/merged_relations")
    to = [f"model_name_or_path={base}", f"adapter_name_or_path={run.adapter}", f"export_dir={merged}"]
    ok(llamafactory("export", "recipes/conditions_7b_export.yaml", *to))
    assert_asked_as_trained(merged, run.adapter)
    for name, task in tasks.items():
        ok(ontune("predict", "--model", str(merged), "--data", name, "--batch-size", "1", "-o", f"{name}.jsonl"))
        assert_within(task, read_predictions(Path(f"{name}.jsonl")), 50)
    _check_reports(ontune)
    check_detections(ontune, source, merged, Path("conditions_val.jsonl"))


def _check_reports(ontune) -> None:
    goals = ["--goals", "conditions", "--model-folder", "saves/conditions/7b/merged_relations"]
    found = record_of(ontune("evaluate", "conditions_val.jsonl", *goals, "--json"), status=1)
    verdicts = {goal["metric"]: goal["verdict"] for goal in found["goals"]}
    assert verdicts["folder_gb"] == "PASS"
    assert verdicts["peak_memory_gb"] == "UNDECIDED"
    assert {"accuracy", "condition_blocked_accuracy", "object_slope_drain_accuracy"} < {*verdicts}
    assert "majority" in found["baselines"]
    zero_shot = ["--goals", "conditions-zero-shot", "--json"]
    record_of(ontune("evaluate", "before.jsonl", *zero_shot), status=1)
    found = record_of(ontune("compare", "before.jsonl", "conditions_val.jsonl", "--goal", "accuracy>=0", "--json"))
    assert found["comparisons"][0]["rows"] == 25
    found = record_of(ontune("evaluate", "relations_val.jsonl", "--goal", "spatial_accuracy>=0", "--json"))
    assert found["metrics"]["A"]["spatial_accuracy"]["n"] == 36


def detections(data: str, size: int) -> list[dict[str, Any]]:
    """What a detector of objects without conditions found: one is missed, one is nothing, one is not sure."""
    pictures: dict[str, list[dict[str, Any]]] = {}
    for sample in read_samples(Path(data)):
        corners = [float(edge) * size for edge in str(sample.meta["box"]).split()]
        found = {"class": sample.meta["object"], "confidence": 0.9, "box": corners}
        pictures.setdefault(str(sample.meta["picture"]), []).append(found)
    first = next(iter(pictures.values()))
    first[0]["box"] = [1, 1, 12, 9]
    first.append({"class": "vegetation", "confidence": 0.2, "box": [1, 1, 50, 50]})
    return [{"image": name, "detections": found} for name, found in pictures.items()]


def check_detections(ontune, source: Path, merged: Path, answers: Path, *options: str) -> None:
    """Behind a detector each object is asked about as in the dataset: the class is that of `ontune predict`."""
    Path("detections.json").write_text(json.dumps(detections("data/conditions/val.jsonl", 640)))
    found = [*("--detector", "recorded:detections.json"), *("--truth", str(source)), *options, *("-o", "found")]
    asked = ["--model", str(merged), "--batch-size", "1", "--json"]
    report = record_of(ontune("detect-classify", str(source / "valid/images"), *found, *asked))
    assert (report["pictures"], report["objects"]) == (6, 25)
    assert report["accounts"]["detections"]["dropped"] == {"low_confidence": 1}
    counts = report["truth"]["counts"]
    assert [counts[name] for name in ("objects", "detections", "missed", "false")] == [25, 25, 1, 1]
    rows = [json.loads(path.read_text()) for path in sorted(Path("found/objects").rglob("*.json"))]
    given = {item["truth"]["where"]: item["class"] for row in rows for item in row["objects"] if item["truth"]}
    predicted = {row.meta["source"]: row.answer["condition"] for row in read_predictions(answers) if row.answer}
    assert len(given) == counts["right"] + counts["wrong"] == 24
    assert given.items() <= predicted.items()
    assert len({*given.values()}) > 1, "every answer is the same: equality would prove little"
    assert len(list(Path("found/annotated").rglob("*.jpg"))) == 6


def test_swift(source, swift, ontune) -> None:
    """Qwen2.5-VL, whose boxes are pixels of the picture as its run resizes it."""
    pixels = ["--coordinates", "qwen2.5-vl", "--max-pixels", str(PIXELS)]
    convert(ontune, source, "conditions", *pixels)
    base, task = tiny("qwen2_5_vl", "conditions", spread=0.3), load_task("conditions")
    run = train_swift(swift, "conditions_qwen25vl_7b", base, new_tokens=50, env={"MAX_PIXELS": PIXELS}, warmup_steps=2)
    run.check({"conditions_val": task})
    ok(swift("export", "recipes/swift/conditions_qwen25vl_7b_export.yaml", "--model", base))
    merged = Path("saves/conditions/swift/qwen25vl_7b/merged")
    assert_asked_as_trained(merged, run.adapter)
    asked = ["--model", str(merged), "--data", "conditions_val", "--batch-size", "1"]
    ok(ontune("predict", *asked, "-o", "conditions_val.jsonl"))
    check_detections(ontune, source, merged, Path("conditions_val.jsonl"), *pixels)
