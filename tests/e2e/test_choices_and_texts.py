"""Tasks without labels, a choice and free text, evaluated inside training by both hosts: alone and trained together."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from ontune.dataset_info import Entry, register
from ontune.evaluation import read_predictions
from ontune.sharegpt import Sample, Turn, read_samples, write_samples
from ontune.task import Task, load_task

pytestmark = pytest.mark.e2e

TASKS: dict[str, dict[str, Any]] = {
    "shape": {"fields": [{"name": "shape", "kind": "choice", "options": ["circle", "square"]}], "metrics": ["choice"]},
    "story": {"fields": [{"name": "answer", "kind": "text", "max_chars": 20}], "metrics": ["manuals"]},
}
BOTH = {"metric_for_best_model": "eval_story_val_ontology_anls", "greater_is_better": True}


@pytest.fixture
def asked(world) -> Any:
    """The world's sheets asked for their shape, and for a few words with a number."""
    for name, record in TASKS.items():
        path = Path(f"dataset_info/tasks/{name}.yaml")
        path.write_text(yaml.safe_dump({"name": name, "ontology": "none", **record}, sort_keys=False))
        for split in ("train", "val"):
            file = world.directory / f"data/{name}/{split}.jsonl"
            samples = read_samples(world.directory / f"data/sheets/{split}.jsonl")
            write_samples(file, [answered(sample, load_task(name)) for sample in samples])
            register([Entry(f"{name}_{split}", file, name)], Path("dataset_info"))
    return world


def answered(sample: Sample, task: Task) -> Sample:
    """The sample with the answer of another task."""
    circle = "Circle" in sample.gold
    gold = {"shape": "circle" if circle else "square", "answer": f"{1 + circle} mm of ink"}
    answer = Turn("gpt", task.to_json({field.name: gold[field.name] for field in task.fields}))
    return replace(sample, conversations=(*sample.conversations[:-1], answer))


def check(run: Path, state: Path) -> None:
    """Each set has its answers within its task, and its own metrics; the named one chose the checkpoint."""
    for name in TASKS:
        constrained = read_predictions(run / f"{name}_val/predictions.jsonl")
        assert len(constrained) == 10
        assert all(load_task(name).refusals(prediction.answer) == [] for prediction in constrained)
        assert len(read_predictions(run / f"{name}_val/predictions.free.jsonl")) == 10
    found = json.loads(state.read_text())
    logged = {key for entry in found["log_history"] for key in entry}
    assert {"eval_shape_val_ontology_accuracy", "eval_shape_val_ontology_free_unread_rate"} <= logged
    assert {"eval_story_val_ontology_numeric_exact_match", "eval_story_val_ontology_free_rouge_l"} <= logged
    wanted = BOTH["metric_for_best_model"]
    best = [entry[wanted] for entry in found["log_history"] if wanted in entry]
    assert len(best) == 2
    assert found["best_metric"] == max(best)


def test_llamafactory(asked, llamafactory) -> None:
    recipe = asked.recipe(
        "run",
        model_name_or_path=str(asked.model("qwen2_vl")),
        dataset="shape_train,story_train",
        eval_dataset="shape_val,story_val",
        ontune={"batch_size": 4, "max_new_tokens": 60},
        load_best_model_at_end=True,
        **BOTH,
    )
    ran = llamafactory("train", str(recipe))
    assert ran.status == 0, ran.text
    check(asked.directory / "saves/run", asked.directory / "saves/run/trainer_state.json")


def test_swift(asked, swift) -> None:
    recipe = asked.swift_recipe(
        "run",
        model=str(asked.model("qwen2_vl")),
        model_type="qwen2_vl",
        template="qwen2_vl",
        dataset=["shape_train", "story_train"],
        val_dataset=["shape_val", "story_val"],
        ENV={"ONTUNE_MAX_NEW_TOKENS": "60"},
        **BOTH,
    )
    recipe.write_text(recipe.read_text().replace("  ONTUNE_TASK: sheets\n", ""))  # each set has its own
    ran = swift("sft", str(recipe))
    assert ran.status == 0, ran.text
    check(asked.directory / "saves/run", asked.directory / "saves/run/checkpoint-4/trainer_state.json")
