"""Plain `swift sft` with the plugin file: the same callback, the same metrics."""

import json

import pytest

from ontune.evaluation import equal, read_predictions

from .conftest import need

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


REFUSED = {
    "wrong value": ({"ENV": {"ONTUNE_EVALUATE": "maybe"}}, "evaluate is 'maybe'"),
    "off, yet chosen by": (
        {"ENV": {"ONTUNE_EVALUATE": "off"}, "metric_for_best_model": "eval_ontology_f1"},
        "cannot be computed: evaluate is false",
    ),
    "a split that no file holds": ({"val_dataset": None, "split_dataset_ratio": 0.2}, "split_dataset_ratio"),
    "missing base": (
        {"model": "saves/merged", "ENV": {"ONTUNE_RUN_FIRST": "[first, second]", "ONTUNE_INSTEAD": "third"}},
        "model saves/merged is not there yet. Run first:\n  first\n  second\nor, without it:\n  third",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_work_is_refused_before_a_model_is_loaded(world, swift, name) -> None:
    changes, message = REFUSED[name]
    model = str(world.model("qwen2_5_vl"))
    kind = {"model_type": "qwen2_5_vl", "template": "qwen2_5_vl"}
    ran = swift("sft", str(world.swift_recipe("run", **{"model": model} | kind | changes)))
    assert ran.status == 1
    assert message in ran.err
    assert "Traceback" not in ran.err
    assert "Loading weights" not in ran.err


def test_a_picture_that_fails_to_load_is_counted_and_named(world, swift) -> None:
    (world.directory / "data/sheets/media/val-3.png").write_bytes(b"no picture")
    kind = {"model": str(world.model("qwen2_5_vl")), "model_type": "qwen2_5_vl", "template": "qwen2_5_vl"}
    ran = swift("sft", str(world.swift_recipe("run", **kind, max_steps=2)))
    assert ran.status == 0, ran.text
    assert "sample val-003 was not asked" in ran.err
    lost = [item for item in read_predictions(world.directory / "saves/run/predictions.jsonl") if item.errors]
    assert [(item.id, item.errors) for item in lost] == [("val-003", ("not_encoded",))]


def test_any_number_of_processes_gives_the_same_files(world, swift) -> None:
    need("g++")  # DeepSpeed compiles its communication between processes
    kind = {"model": str(world.model("qwen3_vl")), "model_type": "qwen3_vl", "template": "qwen3_vl"}
    runs: dict[str, tuple[int, dict]] = {
        "one": (1, {}),
        "two": (2, {"ddp_backend": "gloo"}),
        "zero3": (2, {"deepspeed": "zero3", "use_cpu": None}),
    }
    for name, (ranks, changes) in runs.items():
        options = kind | {"learning_rate": 0.0, "max_steps": 2, "ddp_timeout": 120} | changes
        ran = swift("sft", str(world.swift_recipe(name, **options)), ranks=ranks)
        assert ran.status == 0, f"{name}: {ran.text}"
    for file in ("predictions.jsonl", "predictions.free.jsonl"):
        expected = read_predictions(world.directory / "saves/one" / file)
        for name in runs:
            found = read_predictions(world.directory / "saves" / name / "checkpoint-2" / file)
            assert equal(found, expected), f"{name}: {file}"
