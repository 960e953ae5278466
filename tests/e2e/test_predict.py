"""`ontune predict` on a saved checkpoint answers as the callback did in the run."""

import json

import pytest

from ontune.evaluation import equal, read_predictions

pytestmark = pytest.mark.e2e

RUNS = {
    "lora": {},
    "lora_bf16": {"bf16": True},
    "qlora_bf16": {"bf16": True, "quantization_bit": 4, "quantization_method": "bnb", "double_quantization": True},
    "full": {"finetuning_type": "full", "lora_rank": None, "lora_target": None},
}


@pytest.mark.parametrize("run", RUNS)
def test_predict_gives_the_files_of_the_callback(world, llamafactory, ontune, run) -> None:
    model = world.model("qwen2_5_vl")
    recipe = world.recipe(run, model_name_or_path=str(model), max_steps=4, eval_steps=4, save_steps=4, **RUNS[run])
    ran = llamafactory("train", str(recipe))
    assert ran.status == 0, ran.text
    checkpoint = world.directory / f"saves/{run}/checkpoint-4"
    where = ["--model", str(checkpoint)] if run == "full" else ["--model", str(model), "--adapter", str(checkpoint)]
    for decoding, file in (("constrained", "predictions.jsonl"), ("free", "predictions.free.jsonl")):
        ran = ontune("predict", *where, "--data", "sheets_val", "--decoding", decoding, "-o", f"out/{file}", "--json")
        assert ran.status == 0, ran.text
        assert json.loads(ran.out)["written"] == 10
        assert equal(read_predictions(world.directory / "out" / file), read_predictions(checkpoint / file))
    answers = [item.raw for item in read_predictions(checkpoint / "predictions.free.jsonl")]
    assert len(set(answers)) > 1, "every answer is the same: equality would prove little"
