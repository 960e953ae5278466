"""Plain `swift sft` with the plugin file: the same callback, the same metrics."""

import json

import pytest

from ontune.evaluation import equal, read_predictions

pytestmark = pytest.mark.e2e

KINDS = {"qwen2_5_vl": "qwen2_5_vl", "qwen3_vl": "qwen3_vl"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_evaluates_selects_and_keeps_predictions(world, swift, ontune, kind) -> None:
    model = world.model(kind)
    recipe = world.swift_recipe(
        "run",
        model=str(model),
        model_type=kind,
        template=KINDS[kind],
        metric_for_best_model="eval_ontology_f1",
        greater_is_better=True,
    )
    ran = swift("sft", str(recipe))
    assert ran.status == 0, ran.text
    run = world.directory / "saves/run"
    state = json.loads((run / "checkpoint-4/trainer_state.json").read_text())
    logged = [entry for entry in state["log_history"] if "eval_ontology_f1" in entry]
    assert [entry["step"] for entry in logged] == [2, 4]
    assert state["best_metric"] == max(entry["eval_ontology_f1"] for entry in logged)
    assert read_predictions(run / "predictions.jsonl") == read_predictions(run / "checkpoint-4/predictions.jsonl")
    out = world.directory / "out.jsonl"
    where = ["--model", str(model), "--adapter", str(run / "checkpoint-4"), "--decoding", "free"]
    ran = ontune("predict", *where, "--data", "sheets_val", "-o", str(out))
    assert ran.status == 0, ran.text
    assert equal(read_predictions(out), read_predictions(run / "checkpoint-4/predictions.free.jsonl"))
