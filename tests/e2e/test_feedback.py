"""Feedback on exercises on the given sample of QVED: clips to feedback, and to its parts, by the shipped recipes."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from clips import make_clip
from ontune.dataset_info import load_entries
from ontune.evaluation import equal, read_predictions
from ontune.inference.settings import read_settings
from ontune.task import Task, load_task

from .shipped import (
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

CLIPS = 24  # of the 400 that the sample tells of
TOKENS = 64
PIXELS = 84 * 84  # of a frame: 9 tokens for two


@pytest.fixture
def source(tmp_path, monkeypatch, shared_data) -> Path:
    """The sample, and small clips for the first of its records, seen from a working directory with the recipes."""
    monkeypatch.chdir(tmp_path)
    open_clone(tmp_path)
    folder = shared_data / "qved"
    records: list[dict[str, Any]] = json.loads((folder / "fine_grained_labels.json").read_text())
    train = [record for record in records if record["split"] == "train"]
    for number, record in enumerate(random.Random(0).sample(train, CLIPS)):
        make_clip(Path("clips") / record["video_path"], 8 + number % 5, rate=4, size=(64, 64), first=number)
    return folder


def convert(ontune, source: Path, name: str, *options: str) -> Task:
    """The task of the answers that the clips make."""
    words = [str(source), "--videos", "clips", "--val", "0.25", *options, "--out", f"data/{name}", "--json"]
    account = record_of(ontune("convert", "qved", *words))
    assert (account["written"], account["dropped"]["missing"]) == (CLIPS, 400 - CLIPS)
    entry = load_entries(Path("dataset_info"))[f"{name}_val"]
    assert entry.task
    return load_task(entry.task, entry.ontology, Path("dataset_info"))


def check_watched(ontune, merged: Path, task: Task, *options: str) -> None:
    """A merged model watches a clip, a window a second, as the export's header has it."""
    clip = str(next(iter(sorted(Path("clips").glob("*.mp4")))))
    every = ["--window", "1", "--stride", "1", "--min-gap", "0", "--repeat", "1"]
    found = record_of(ontune("watch", clip, "--model", str(merged), *options, *every, "--json"))
    assert found["windows"]["said"] == len(found["feedback"]) >= 2
    assert [line["answer"] for line in found["feedback"] if task.refusals(line["answer"])] == []


def check_goals(ontune, task: Task) -> None:
    """The shipped goals: what can be measured here is, what needs a judge is undecided."""
    assert_within(task, read_predictions(Path("after.jsonl")), TOKENS)
    found = record_of(ontune("evaluate", "after.jsonl", "--goals", "feedback", "--strict", "--json"), status=1)
    goals = {goal["metric"]: goal for goal in found["goals"]}
    assert {name for name, goal in goals.items() if goal["value"] is not None} == {"rouge_l"}
    assert "no judge was run" in goals["judge_score"]["why"]


def test_llamafactory(source, llamafactory, ontune) -> None:
    """Exercise, mistakes and feedback, with the projector trained too; zero-shot before, a merged model after."""
    task = convert(ontune, source, "qved_structured", "--task", "feedback_structured")
    base, val = tiny("qwen2_5_vl", "qved_structured"), ["--data", "qved_structured_val"]
    sizes = {"video_maxlen": 4, "video_max_pixels": PIXELS}
    run = train_llamafactory(llamafactory, "feedback_3b_structured", base, new_tokens=TOKENS, **sizes)
    run.check({"qved_structured_val": task})
    # The best checkpoint is asked as the run asked it: the same frames, of the same size.
    ok(ontune("predict", "--model", base, "--adapter", str(run.adapter), *val, "-o", "again.jsonl"))
    assert equal(*(read_predictions(file) for file in (run.adapter / "predictions.jsonl", Path("again.jsonl"))))
    merged = Path("saves/feedback/3b/merged_structured")
    to = [f"model_name_or_path={base}", f"adapter_name_or_path={run.adapter}", f"export_dir={merged}"]
    ok(llamafactory("export", "recipes/feedback_3b_export.yaml", *to))
    assert_asked_as_trained(merged, run.adapter)
    asked = read_settings(merged)[0].videos
    assert (asked.rule, asked.fps, asked.max_frames, asked.max_pixels) == ("llamafactory", 2, 4, PIXELS)
    ok(ontune("predict", "--model", base, *val, "--max-new-tokens", str(TOKENS), "-o", "before.jsonl"))
    ok(ontune("predict", "--model", str(merged), *val, "-o", "after.jsonl"))
    check_goals(ontune, task)
    found = record_of(ontune("compare", "before.jsonl", "after.jsonl", "--goal", "rouge_l>=0", "--json"))
    assert found["comparisons"][0]["differences"]["rouge_l"]["value"] > 0
    check_watched(ontune, merged, task, "--task", task.name)


def test_swift(source, swift, ontune) -> None:
    """Feedback as text, with a rate of the projector's own."""
    task = convert(ontune, source, "qved")
    base = tiny("qwen2_vl", "qved")
    run = train_swift(
        swift, "feedback_2b", base, new_tokens=TOKENS, env={"FPS_MAX_FRAMES": 4, "VIDEO_MAX_PIXELS": PIXELS}
    )
    run.check({"qved_val": task})
    ok(swift("export", "recipes/swift/feedback_2b_export.yaml", "--model", base))
    merged = Path("saves/feedback/swift/2b/merged")
    assert_asked_as_trained(merged, run.adapter)
    asked = read_settings(merged)[0].videos
    assert (asked.rule, asked.fps, asked.max_frames, asked.max_pixels) == ("qwen_vl_utils", 8, 4, PIXELS)
    ok(ontune("predict", "--model", str(merged), "--data", "qved_val", "-o", "after.jsonl"))
    check_goals(ontune, task)
    check_watched(ontune, merged, task)
