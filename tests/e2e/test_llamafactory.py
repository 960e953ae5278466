"""Plain `llamafactory-cli` with the plugin attached: evaluation by generating inside training."""

import json
from pathlib import Path

import pytest

from ontune.evaluation import read_predictions

pytestmark = pytest.mark.e2e


def history(run: Path) -> list[dict]:
    return json.loads((run / "trainer_state.json").read_text())["log_history"]


def test_a_run_evaluates_selects_and_keeps_predictions(world, llamafactory) -> None:
    recipe = world.recipe(
        "run",
        model_name_or_path=str(world.model("qwen2_5_vl")),
        metric_for_best_model="eval_ontology_f1",
        greater_is_better=True,
        load_best_model_at_end=True,
    )
    ran = llamafactory("train", str(recipe))
    assert ran.status == 0, ran.text
    run = world.directory / "saves/run"
    logged = [entry for entry in history(run) if "eval_ontology_f1" in entry]
    assert [entry["step"] for entry in logged] == [2, 4]
    state = json.loads((run / "trainer_state.json").read_text())
    assert state["best_metric"] == max(entry["eval_ontology_f1"] for entry in logged)
    for key in ("macro_f1", "exact_match", "area_f1", "scope_f1", "free_invalid_rate", "free_unknown_label_rate"):
        assert f"eval_ontology_{key}" in logged[0]
    assert logged[0]["eval_ontology_invalid_rate"] == 0
    for folder in ("checkpoint-2", "checkpoint-4", "."):
        constrained = read_predictions(run / folder / "predictions.jsonl")
        free = read_predictions(run / folder / "predictions.free.jsonl")
        assert [item.id for item in constrained] == [item.id for item in free] == [f"val-{at:03}" for at in range(10)]
        assert not any(item.errors for item in constrained)
    assert "eval_ontology_f1" in json.loads((run / "eval_results.json").read_text())
