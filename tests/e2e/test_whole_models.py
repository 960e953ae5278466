"""Full fine-tuning in both hosts: answers, best weights and resumed weights are those of the checkpoint they lie in."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from ontune.evaluation import equal, read_predictions

pytestmark = pytest.mark.e2e

FULL = {"finetuning_type": "full", "lora_rank": None, "lora_target": None}
# The greater loss is that of the first evaluation: the best weights are not the last ones.
BEST = {"metric_for_best_model": "eval_loss", "greater_is_better": True, "load_best_model_at_end": True}


def equal_weights(one: Path, other: Path) -> bool:
    left, right = (load_file(folder / "model.safetensors") for folder in (one, other))
    return all(torch.equal(left[name], right[name]) for name in left.keys() | right.keys())


def test_llamafactory_saves_the_best_weights_and_resumes_from_the_last(world, llamafactory) -> None:
    changes = {"model_name_or_path": str(world.model("qwen2_5_vl")), "overwrite_output_dir": False, "do_eval": False}
    ran = llamafactory("train", str(world.recipe("best", **changes | FULL | BEST)))
    assert ran.status == 0, ran.text
    best = world.directory / "saves/best"
    assert equal_weights(best, best / "checkpoint-2")
    assert not equal_weights(best, best / "checkpoint-4"), "training changed nothing"
    answers = [read_predictions(folder / "predictions.free.jsonl") for folder in (best, best / "checkpoint-2")]
    assert equal(*answers)
    whole = world.recipe("whole", **changes | FULL | {"max_steps": 6})
    ran = llamafactory("train", str(whole))
    assert ran.status == 0, ran.text
    # A schedule of six steps, stopped after four, goes on by the same command.
    part, run = world.directory / "saves/part", world.directory / "saves/whole"
    (part / "checkpoint-4").parent.mkdir(parents=True)
    (run / "checkpoint-4").rename(part / "checkpoint-4")
    ran = llamafactory("train", str(whole), "output_dir=saves/part")
    assert ran.status == 0, ran.text
    assert equal_weights(part, run)
    expected = read_predictions(run / "checkpoint-6/predictions.jsonl")
    assert equal(read_predictions(part / "checkpoint-6/predictions.jsonl"), expected)


SWIFT = {"tuner_type": "full", "lora_rank": None, "lora_alpha": None, "target_modules": None}


@pytest.mark.parametrize("kind", ["qwen2_5_vl", "qwen3_vl"])
def test_ms_swift_answers_as_predict_does(world, swift, ontune, kind) -> None:
    options = {"model": str(world.model(kind)), "model_type": kind, "template": kind}
    ran = swift("sft", str(world.swift_recipe("run", **options | SWIFT)))
    assert ran.status == 0, ran.text
    checkpoint, out = world.directory / "saves/run/checkpoint-4", world.directory / "out.jsonl"
    where = ["--model", str(checkpoint), "--decoding", "free"]
    ran = ontune("predict", *where, "--data", "sheets_val", "-o", str(out))
    assert ran.status == 0, ran.text
    found = read_predictions(out)
    assert equal(found, read_predictions(checkpoint / "predictions.free.jsonl"))
    assert len({item.raw for item in found}) > 1, "every answer is the same: equality would prove little"


def test_ms_swift_evaluates_by_itself_with_our_metric(world, swift) -> None:
    """`--predict_with_generate true --eval_metric ontology`: free answers of ms-swift's own engine."""
    kind = {"model": str(world.model("qwen2_5_vl")), "model_type": "qwen2_5_vl", "template": "qwen2_5_vl"}
    own = {"predict_with_generate": True, "eval_metric": "ontology", "max_new_tokens": 30, "temperature": 0}
    best = {"metric_for_best_model": "eval_ontology_free_f1", "greater_is_better": True}
    ran = swift("sft", str(world.swift_recipe("run", **kind | own | best)))
    assert ran.status == 0, ran.text
    state = json.loads((world.directory / "saves/run/checkpoint-4/trainer_state.json").read_text())
    logged = [entry for entry in state["log_history"] if "eval_ontology_free_f1" in entry]
    assert [entry["step"] for entry in logged] == [2, 4], "each value once"
    assert state["best_metric"] == max(entry["eval_ontology_free_f1"] for entry in logged)
    assert logged[0]["eval_ontology_free_scored"] == 10
    assert not list((world.directory / "saves/run").rglob("predictions*.jsonl")), "the callback would ask twice"
