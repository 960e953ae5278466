"""Plain `llamafactory-cli` with the plugin attached: evaluation by generating inside training."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ontune.dataset_info import Entry, register
from ontune.evaluation import equal, read_predictions
from ontune.sharegpt import read_samples, write_samples

from .conftest import need

pytestmark = pytest.mark.e2e

BEST = {"metric_for_best_model": "eval_ontology_f1", "greater_is_better": True, "load_best_model_at_end": True}


def history(run: Path) -> list[dict]:
    return json.loads((run / "trainer_state.json").read_text())["log_history"]


def test_a_run_evaluates_selects_logs_and_keeps_predictions(world, llamafactory, monkeypatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    model = str(world.model("qwen2_5_vl"))
    recipe = world.recipe("run", model_name_or_path=model, report_to=["tensorboard", "wandb"], **BEST)
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
    _assert_logged_everywhere(run, world.directory)


def _assert_logged_everywhere(run: Path, directory: Path) -> None:
    lines = [json.loads(line) for line in (run / "trainer_log.jsonl").read_text().splitlines()]
    ours = [line for line in lines if "eval_ontology_f1" in line]
    board = {"current_steps", "total_steps", "epoch", "percentage", "elapsed_time", "remaining_time"}
    assert [line["current_steps"] for line in ours] == [2, 4, 4]
    assert all(board <= line.keys() for line in ours)
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    # the evaluation after training opens a second file
    loaded = [EventAccumulator(str(path)).Reload() for path in sorted(directory.rglob("events.out.tfevents.*"))]
    assert [scalar.step for events in loaded for scalar in events.Scalars("eval/ontology_f1")] == [2, 4, 4]
    wandb = next(directory.rglob("run-*.wandb")).read_bytes()
    assert b"eval/ontology_f1" in wandb
    assert b"eval/ontology_free_invalid_rate" in wandb


def test_training_is_the_same_with_and_without_the_callback(world, llamafactory) -> None:
    losses = []
    for evaluate in ("both", False):
        block = {"task": "sheets", "evaluate": evaluate, "max_new_tokens": 40}
        changes = {"lora_dropout": 0.3, "gradient_accumulation_steps": 2, "max_steps": 6, "ontune": block}
        recipe = world.recipe(f"run-{evaluate}", model_name_or_path=str(world.model("qwen2_5_vl")), **changes)
        ran = llamafactory("train", str(recipe))
        assert ran.status == 0, ran.text
        entries = history(world.directory / f"saves/run-{evaluate}")
        losses.append([(entry["step"], entry["loss"], entry["grad_norm"]) for entry in entries if "loss" in entry])
    assert len(losses[0]) == 6
    assert losses[0] == losses[1]


REFUSED = {
    "typing error": ({"ontune": {"evalute": "both"}}, "key 'evalute'"),
    "wrong values": ({"ontune": {"evaluate": "yes", "batch_size": 0}}, "evaluate is 'yes'"),
    "off, yet chosen by": ({"ontune": {"evaluate": False}, **BEST}, "cannot be computed: evaluate is false"),
    "val_size": ({"eval_dataset": None, "val_size": 0.2}, "val_size"),
    "no evaluation set": ({"eval_dataset": None}, "names no evaluation dataset"),
    "no task": ({"eval_dataset": "plain", "ontune": {"evaluate": "both"}}, "'plain' has no task"),
    "unknown task": ({"ontune": {"task": "shets"}}, "no tasks file shets.yaml"),
    "missing base": (
        {"model_name_or_path": "saves/merged", "ontune": {"run_first": ["first", "second"], "instead": "third"}},
        "model saves/merged is not there yet. Run first:\n  first\n  second\nor, without it:\n  third",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_work_is_refused_before_a_model_is_loaded(world, llamafactory, name) -> None:
    changes, message = REFUSED[name]
    register([Entry("plain", world.directory / "data/sheets/val.jsonl")], world.directory / "dataset_info")
    recipe = world.recipe("run", **{"model_name_or_path": "no/such/model"} | changes)
    ran = llamafactory("train", str(recipe))
    assert ran.status == 1
    assert message in ran.err
    assert "Traceback" not in ran.err
    assert "no/such/model" not in ran.err


def test_without_the_plugin_the_recipe_is_refused_and_the_wrapper_brings_it_back(world) -> None:
    recipe = world.recipe("run", model_name_or_path=str(world.model("qwen2_5_vl")), max_steps=2, do_eval=False)
    environment = os.environ | {"TORCH_DEVICE_BACKEND_AUTOLOAD": "0"}
    binaries = Path(sys.executable).parent
    plain = subprocess.run(
        [binaries / "llamafactory-cli", "train", recipe], env=environment, capture_output=True, text=True, check=False
    )
    assert plain.returncode != 0
    assert "['ontune']" in plain.stderr
    assert "Loading" not in plain.stderr
    command = [binaries / "ontune", "llamafactory", "train", recipe]
    wrapped = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert wrapped.returncode == 0, wrapped.stderr[-4000:]
    assert (world.directory / "saves/run/checkpoint-2/predictions.jsonl").is_file()


def test_a_prompt_that_does_not_fit_is_counted_and_named(world, llamafactory) -> None:
    path = world.directory / "data/sheets/val.jsonl"
    samples = read_samples(path)
    long = json.loads(samples[3].to_json())
    long["conversations"][0]["value"] += " and" * 600
    lines = [sample.to_json() for sample in samples]
    path.write_text("\n".join([*lines[:3], json.dumps(long), *lines[4:]]) + "\n")
    recipe = world.recipe("run", model_name_or_path=str(world.model("qwen2_5_vl")), max_steps=2, cutoff_len=400)
    ran = llamafactory("train", str(recipe))
    assert ran.status == 0, ran.text
    assert "sample val-003 was not asked: prompt of" in ran.err
    lost = [item for item in read_predictions(world.directory / "saves/run/predictions.jsonl") if item.errors]
    assert [(item.id, item.errors) for item in lost] == [("val-003", ("not_encoded",))]
    assert history(world.directory / "saves/run")[-2]["eval_ontology_not_encoded_rate"] == pytest.approx(0.1)


def test_each_dataset_has_its_own_metrics_and_predictions(world, llamafactory) -> None:
    directory = world.directory / "data/sheets"
    write_samples(directory / "other.jsonl", read_samples(directory / "train.jsonl")[:6])
    entry = Entry("sheets_other", directory / "other.jsonl", "sheets", "sheets-1")
    register([entry], world.directory / "dataset_info")
    changes = {"eval_dataset": "sheets_val,sheets_other", "eval_on_each_dataset": True, "max_steps": 2}
    recipe = world.recipe("run", model_name_or_path=str(world.model("qwen2_5_vl")), **changes)
    ran = llamafactory("train", str(recipe))
    assert ran.status == 0, ran.text
    run = world.directory / "saves/run"
    keys = [key for entry in history(run) for key in entry if key.endswith("ontology_f1")]
    assert sorted(keys) == ["eval_sheets_other_ontology_f1", "eval_sheets_val_ontology_f1"]
    assert len(read_predictions(run / "checkpoint-2/sheets_other/predictions.jsonl")) == 6
    assert len(read_predictions(run / "checkpoint-2/sheets_val/predictions.jsonl")) == 10


ZERO3 = {
    "train_batch_size": "auto",
    "train_micro_batch_size_per_gpu": "auto",
    "gradient_accumulation_steps": "auto",
    "zero_allow_untested_optimizer": True,
    "zero_optimization": {"stage": 3, "stage3_gather_16bit_weights_on_model_save": True},
}


def test_any_number_of_processes_gives_the_same_files(world, llamafactory) -> None:
    need("g++")  # DeepSpeed compiles its communication between processes
    model = str(world.model("qwen2_5_vl"))
    (world.directory / "zero3.json").write_text(json.dumps(ZERO3))
    runs: dict[str, tuple[int, dict]] = {
        "one": (1, {}),
        "two": (2, {}),
        "three": (3, {}),
        "zero3": (2, {"deepspeed": "zero3.json", "use_cpu": None}),
    }
    for name, (ranks, changes) in runs.items():
        # a rate of 0 keeps the weights the same, whatever batches the number of ranks makes
        options = {"model_name_or_path": model, "learning_rate": 0.0, "max_steps": 2, "ddp_timeout": 120}
        ran = llamafactory("train", str(world.recipe(name, **options, **changes)), ranks=ranks)
        assert ran.status == 0, f"{name}: {ran.text}"
    expected = {file: read_predictions(world.directory / "saves/one" / file) for file in FILES}
    for name in runs:
        for file in FILES:
            found = read_predictions(world.directory / "saves" / name / "checkpoint-2" / file)
            assert equal(found, expected[file]), f"{name}: {file}"


FILES = ("predictions.jsonl", "predictions.free.jsonl")
