"""The main job on real input: EduGraph's ontology and exercise pictures through the shipped recipes, tiny models."""

import json
import shutil
from pathlib import Path

import pytest

from ontune.demo.tiny_model import make_tiny_model
from ontune.evaluation import read_predictions
from ontune.sharegpt import read_samples
from ontune.task import load_task

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).resolve().parents[2]
TURTLES = ("core-schema", "core-areas-math", "core-scopes-math", "core-abilities")


@pytest.fixture
def workplace(tmp_path, monkeypatch, shared_data, ontune) -> Path:
    """A working directory with the recipes, the snapshot, the converted pictures and tiny models of their words."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "recipes", "recipes")
    (tmp_path / "plugin").mkdir()
    shutil.copy(ROOT / "plugin/ontune_swift.py", "plugin")
    files = [str(shared_data / f"ontology/{name}.ttl") for name in TURTLES]
    snapshot = "dataset_info/ontologies/edugraph-0.21.0.json"
    assert ontune("ontology", "build", *files, "--name", "edugraph", "--version", "0.21.0", "-o", snapshot).status == 0
    options = ["--ontology", "edugraph-0.21.0", "--out", "data/edugraph", "--json"]
    ran = ontune("convert", "edugraph_worksheets", str(shared_data / "edugraph-exercises"), *options)
    assert ran.status == 0, ran.text
    assert json.loads(ran.out)["splits"] == {"train": 318, "val": 166}
    samples = read_samples(Path("data/edugraph/train.jsonl"))
    texts = [turn.value for sample in samples for turn in sample.conversations]
    for kind in ("qwen2_5_vl", "qwen3_vl"):
        make_tiny_model(tmp_path / kind, kind, texts, vocab_size=1024)
    return tmp_path


def check(run: Path) -> None:
    """Each answer in the run's predictions obeys the ontology, and the metrics reached the trainer's state."""
    constrained = read_predictions(run / "predictions.jsonl")
    assert len(constrained) == 12
    assert not any(prediction.errors for prediction in constrained)
    assert [item.id for item in read_predictions(run / "predictions.free.jsonl")] == [item.id for item in constrained]
    state = json.loads((run / "checkpoint-2/trainer_state.json").read_text())
    assert any("eval_ontology_f1" in entry for entry in state["log_history"])
    assert state["best_model_checkpoint"]


def test_llamafactory(workplace, llamafactory, ontune) -> None:
    steps = ["max_steps=2", "eval_steps=2", "save_steps=2", "per_device_train_batch_size=2"]
    small = ["use_cpu=true", "image_max_pixels=12544", "preprocessing_num_workers=1", "dataloader_num_workers=0"]
    base = "model_name_or_path=qwen2_5_vl"
    limits = ["ontune.max_samples=12", "ontune.max_new_tokens=128"]
    recipe = "recipes/edugraph_stage2_no_knowledge.yaml"
    ran = llamafactory("train", recipe, base, "output_dir=saves/run", *steps, *small, *limits)
    assert ran.status == 0, ran.text
    check(workplace / "saves/run")
    options = [base, "adapter_name_or_path=saves/run", "export_dir=saves/merged", "export_device=cpu"]
    ran = llamafactory("export", "recipes/edugraph_export.yaml", *options)
    assert ran.status == 0, ran.text
    picture = read_samples(Path("data/edugraph/val.jsonl"))[0].images[0]
    ran = ontune("classify", f"data/{picture}", "--model", "saves/merged", "--ontology", "edugraph-0.21.0", "--json")
    assert ran.status == 0, ran.text
    task = load_task("edugraph", "edugraph-0.21.0")
    assert task.refusals(json.loads(ran.out)["answers"][0]["answer"]) == []


def test_swift(workplace, swift) -> None:
    steps = ["--max_steps", "2", "--eval_steps", "2", "--save_steps", "2", "--per_device_train_batch_size", "2"]
    small = ["--use_cpu", "true", "--dataloader_num_workers", "0", "--output_dir", "saves/run", "--use_hf", "false"]
    recipe = Path("recipes/swift/edugraph_qwen3vl_4b_stage2.yaml")
    text = recipe.read_text().replace("ONTUNE_MAX_SAMPLES: 500", "ONTUNE_MAX_SAMPLES: 12")
    text = text.replace("ONTUNE_MAX_NEW_TOKENS: 256", "ONTUNE_MAX_NEW_TOKENS: 128")
    recipe.write_text("\n".join("  MAX_PIXELS: 16384" if "MAX_PIXELS" in line else line for line in text.splitlines()))
    ran = swift("sft", str(recipe), "--model", "qwen3_vl", *steps, *small)
    assert ran.status == 0, ran.text
    check(workplace / "saves/run")
