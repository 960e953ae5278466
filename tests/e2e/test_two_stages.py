"""The shipped recipes, one after the other, by both hosts: no stage loses what the one before has learned."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForImageTextToText, AutoProcessor

from ontune.dataset_info import Entry, register
from ontune.evaluation import read_predictions
from ontune.sharegpt import Sample, Turn, write_samples

from .conftest import ROOT, World

pytestmark = pytest.mark.e2e

FACTS = [("a circle", "Circle"), ("a square", "Square"), ("one of them", "One"), ("two of them", "Two")]


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with the recipes and the plugin file at their places, and nothing else."""
    for name in ("recipes", "plugin"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def knowing(world: World, clone: Path) -> World:
    """The world with a text dataset for stage 1, such as a converter makes of an ontology: without a task."""
    for split in ("train", "val"):
        samples = [
            Sample(f"{split}-{at}", (Turn("human", f"What is {text}?"), Turn("gpt", name)), meta={"group": name})
            for at, (text, name) in enumerate(FACTS)
        ]
        path = world.directory / f"data/knowledge/{split}.jsonl"
        write_samples(path, samples)
        register([Entry(f"knowledge_{split}", path)], world.directory / "dataset_info")
    return world


@dataclass(frozen=True)
class Adapter:
    """A LoRA on disk: what it adds to each weight."""

    folder: Path

    def deltas(self) -> dict[str, torch.Tensor]:
        """The product of each pair of matrices, scaled, by the name of the module that it belongs to."""
        config = json.loads((self.folder / "adapter_config.json").read_text())
        weights = load_file(self.folder / "adapter_model.safetensors")
        names = {name.removesuffix(".lora_A.weight") for name in weights if name.endswith(".lora_A.weight")}
        scale = config["lora_alpha"] / config["r"]
        return {
            name.removeprefix("base_model.model."): scale
            * (weights[f"{name}.lora_B.weight"].float() @ weights[f"{name}.lora_A.weight"].float())
            for name in sorted(names)
        }


def weights_of(folder: Path) -> dict[str, torch.Tensor]:
    """The weights as plain transformers loads them."""
    model = AutoModelForImageTextToText.from_pretrained(folder)
    return {name: weight.float() for name, weight in model.state_dict().items()}


def assert_both_are_in(final: Path, base: Path, stages: list[Path]) -> None:
    """Final weights are the base's plus what every stage's adapter adds, and without any of them they are not."""
    after, before = weights_of(final), weights_of(base)
    adapters = [Adapter(stage).deltas() for stage in stages]
    changed = {f"{name}.weight" for name in adapters[0]}
    assert len(changed) == 14, "two layers of the language model, seven linear modules each"
    assert changed == {f"{name}.weight" for name in adapters[1]}
    for name, weight in before.items():
        if name not in changed:
            assert torch.equal(after[name], weight.bfloat16().float()), name
            continue
        first, second = (adapter[name.removesuffix(".weight")] for adapter in adapters)
        rounding = 0.01 * (weight.abs().max() + first.abs().max() + second.abs().max())  # of bfloat16, twice
        assert torch.allclose(after[name], weight + first + second, atol=float(rounding), rtol=0), name
        for lost in (weight + second, weight + first):
            assert not torch.allclose(after[name], lost, atol=float(rounding), rtol=0), name


def assert_answers(folder: Path) -> None:
    """The folder is whole: plain transformers loads model and processor, and the model says something."""
    processor = AutoProcessor.from_pretrained(folder)
    model = AutoModelForImageTextToText.from_pretrained(folder)
    inputs = processor(text=["<|im_start|>user\nWhich?<|im_end|>\n<|im_start|>assistant\n"], return_tensors="pt")
    assert model.generate(**inputs, max_new_tokens=4, do_sample=False).shape[1] > inputs["input_ids"].shape[1]


# Beyond these, the recipes run as they are shipped: 4-bit base, bfloat16, ranks, targets, evaluation, paths.
SHORT = {"max_steps": 4, "eval_steps": 2, "save_steps": 2, "learning_rate": 0.03, "use_cpu": "true"}
QUIET = {"dataloader_num_workers": 0, "gradient_accumulation_steps": 1}


def test_llamafactory_keeps_the_first_stage(knowing: World, llamafactory) -> None:
    base = knowing.model("qwen2_5_vl")
    short = [f"{key}={value}" for key, value in (SHORT | QUIET | {"preprocessing_num_workers": 1}).items()]
    sheets = ["dataset=sheets_train", "eval_dataset=sheets_val", "ontune.max_new_tokens=40"]
    facts = ["dataset=knowledge_train", "eval_dataset=knowledge_val"]
    for command, recipe, changes in (
        ("train", "edugraph_stage1", [f"model_name_or_path={base}", *facts, *short]),
        ("export", "edugraph_stage1_merge", [f"model_name_or_path={base}"]),
        ("train", "edugraph_stage2", [*sheets, *short]),
        ("export", "edugraph_export", []),
    ):
        ran = llamafactory(command, f"recipes/{recipe}.yaml", *changes)
        assert ran.status == 0, ran.text
    run = Path("saves/edugraph/7b")
    assert len(read_predictions(run / "stage2/predictions.jsonl")) == 10
    assert_both_are_in(run / "merged", base, [run / "stage1", run / "stage2"])
    assert_answers(run / "merged")


def test_swift_keeps_the_first_stage(knowing: World, swift) -> None:
    base = knowing.model("qwen3_vl")
    short = [word for key, value in (SHORT | QUIET).items() for word in (f"--{key}", str(value))]
    sheets = ["--dataset", "sheets_train", "--val_dataset", "sheets_val"]
    facts = ["--dataset", "knowledge_train", "--val_dataset", "knowledge_val"]
    first = ("sft", "edugraph_qwen3vl_4b_stage1", ["--model", str(base), *facts, *short])
    for command, recipe, changes in (
        first,
        first,  # into the same folder again: ms-swift alone fails on its own links there
        ("export", "edugraph_qwen3vl_4b_stage1_merge", ["--model", str(base)]),
        ("sft", "edugraph_qwen3vl_4b_stage2", [*sheets, *short]),
        ("export", "edugraph_qwen3vl_4b_export", []),
    ):
        ran = swift(command, f"recipes/swift/{recipe}.yaml", *changes)
        assert ran.status == 0, ran.text
    run = Path("saves/edugraph/swift/qwen3vl_4b")
    assert len(read_predictions(run / "stage2/best/predictions.jsonl")) == 10
    assert_both_are_in(run / "merged", base, [run / "stage1/best", run / "stage2/best"])
    assert_answers(run / "merged")


FRESH = {
    "stage 2 before stage 1": (
        ("train", "recipes/edugraph_stage2.yaml"),
        "model saves/edugraph/7b/stage1_merged is not there yet. Run first:\n"
        "  llamafactory-cli train recipes/edugraph_stage1.yaml\n"
        "  llamafactory-cli export recipes/edugraph_stage1_merge.yaml\n"
        "or, without it:\n"
        "  llamafactory-cli train recipes/edugraph_stage2_no_knowledge.yaml\n",
    ),
    "merge before stage 1": (
        ("export", "recipes/edugraph_stage1_merge.yaml"),
        "adapter saves/edugraph/7b/stage1 is not there yet. Run first:\n"
        "  llamafactory-cli train recipes/edugraph_stage1.yaml\n",
    ),
    "ms-swift": (
        ("sft", "recipes/swift/edugraph_stage2.yaml"),
        "model saves/edugraph/swift/7b/stage1_merged is not there yet. Run first:\n"
        "  swift sft recipes/swift/edugraph_stage1.yaml\n"
        "  swift export recipes/swift/edugraph_stage1_merge.yaml\n"
        "or, without it:\n"
        "  swift sft recipes/swift/edugraph_stage2_no_knowledge.yaml\n",
    ),
}


@pytest.mark.parametrize("name", FRESH)
def test_a_fresh_clone_is_told_what_to_run_first(clone: Path, llamafactory, swift, name) -> None:
    (command, recipe), message = FRESH[name]
    host = swift if "swift" in recipe else llamafactory
    ran = host(command, recipe)
    assert ran.status == 1
    assert ran.err.endswith(f"ontune: {message}"), ran.text
    assert ran.text.count("ontune: ") == 1
    assert "Traceback" not in ran.text
