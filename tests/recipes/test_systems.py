"""The recipes of service manuals, conditions and exercise feedback: what upstream planned, in both hosts."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from ontune.callbacks.settings import Settings

from .conftest import Place, read
from .parsing import adapted_modules, rates, trainable
from .test_recipes import SEVEN, SHIPPED, TRAINING, template_of

pytestmark = pytest.mark.e2e

NAME = re.compile(
    r"(?:swift/)?(?P<system>manual|conditions|feedback)_(?P<size>(?:qwen\w+?_)?\d+b)(?:_(?P<variant>\w+))?\.yaml"
)
NAMES = {name: found for name in TRAINING if (found := NAME.fullmatch(name))}
NF4 = ["bnb", 4, "nf4"]

# Upstream's plans: LoRA rank, alpha, dropout; samples a step; tokens of an answer are those of the `ontune:` block.
PLANS: dict[str, dict[str, Any]] = {
    "manual": {
        "tuning": [64, 128, 0.05], "rate": 2e-4, "epochs": 3, "samples": 16, "schedule": ["cosine", 0.03],
        "quantised": NF4, "double": True, "frozen": [True, True], "length": 4096, "pixels": 1003520,
        "every": [100, 100],
        "data": [["service_manual_train"], ["service_manual_val"]], "metric": "eval_ontology_numeric_exact_match",
    },
    "conditions": {
        "tuning": [16, 32, 0.1], "rate": 2e-4, "epochs": 3, "samples": 4, "schedule": ["cosine", 50],
        "quantised": None, "double": False, "frozen": [True, True], "length": 2048, "pixels": 1003520,
        "every": [100, 100],
        "data": [["conditions_train"], ["conditions_val"]], "metric": "eval_ontology_accuracy",
    },
    "feedback": {
        "tuning": [64, 128, 0.05], "rate": 1e-4, "epochs": 8, "samples": 16, "schedule": ["cosine", 0.03],
        "quantised": None, "double": False, "frozen": [True, False], "length": 2048, "video": [8, 16, 100352],
        "data": [["qved_train"], ["qved_val"]], "metric": "eval_ontology_rouge_l",
    },
}  # fmt: skip
SHARED = {
    "tuner": "lora",
    "bf16": True,
    "fp16": False,
    "zero": None,
    "taken": None,
    "checkpointing": True,
    "media": "data",
}
VARIANTS: dict[str | None, dict[str, Any]] = {
    None: {},
    "dev": {"epochs": 1, "taken": 100, "every": [3, 3]},
    "full": {
        "tuner": "full",
        "tuning": None,
        "rate": 1e-5,
        "quantised": None,
        "double": False,
        "zero": 3,
        "samples": 16 // 4,
    },
    "fp16": {"bf16": False, "fp16": True, "quantised": NF4, "double": True},
    "relations": {
        "data": [["conditions_train", "relations_train"], ["conditions_val", "relations_val"]],
        "metric": "eval_conditions_val_ontology_accuracy",
    },
    "structured": {"data": [["qved_structured_train"], ["qved_structured_val"]], "metric": "eval_ontology_exact_match"},
    "zero2": {"zero": 2},
    "zero3": {"zero": 3},
}
GPUS = {"3b": 2, "7b": 4}  # of the ZeRO variants of feedback
TOKENS = {"conditions": 50}


def test_there_are_recipes_of_each_system() -> None:
    assert {(found["system"], found["variant"]) for found in NAMES.values()} == {
        *(("manual", variant) for variant in (None, "dev", "full")),
        *(("conditions", variant) for variant in (None, "fp16", "relations")),
        *(("feedback", variant) for variant in (None, "structured", "zero2", "zero3")),
    }


@pytest.mark.parametrize("name", NAMES)
def test_it_trains_as_upstream_planned(place: Place, name) -> None:
    values, found = place.parsed(SHIPPED[name]), NAMES[name]
    expected = SHARED | PLANS[found["system"]] | VARIANTS[found["variant"]]
    if found["variant"] in ("zero2", "zero3"):
        expected["samples"] //= GPUS[found["size"]]
    if found["system"] == "feedback" and found["size"] in GPUS:  # Qwen2.5-VL
        expected["video"] = [2, *expected["video"][1:]]  # above 2 frames a second its positions are all one moment
    assert {key: values[key] for key in expected} == expected
    assert values["template"] == template_of(name)
    recipe = read(SHIPPED[name])
    settings = Settings.from_block(recipe["ontune"]) if "ontune" in recipe else Settings.from_environment(
        {key: str(value) for key, value in recipe["ENV"].items()}
    )  # fmt: skip
    assert settings.max_new_tokens == TOKENS.get(found["system"], settings.max_new_tokens)


@pytest.mark.parametrize(
    ("name", "leaves", "bases"),
    [
        ("manual_7b", SEVEN, ["Linear4bit"]),
        ("conditions_7b", {"q_proj", "k_proj", "v_proj", "o_proj"}, ["Linear"]),
        ("conditions_7b_fp16", {"q_proj", "k_proj", "v_proj", "o_proj"}, ["Linear4bit"]),
        ("conditions_qwen25vl_7b", {"q_proj", "k_proj", "v_proj", "o_proj"}, ["Linear"]),
        ("conditions_qwen3vl_8b", {"q_proj", "k_proj", "v_proj", "o_proj"}, ["Linear"]),
        ("feedback_2b", {*SEVEN, "0", "2"}, ["Linear"]),
        ("feedback_3b", {*SEVEN, "0", "2"}, ["Linear"]),
    ],
)
def test_both_hosts_adapt_the_same_layers(place: Place, name, leaves, bases) -> None:
    ours, theirs = (place.ask(SHIPPED[f"{folder}{name}.yaml"], adapted_modules) for folder in ("", "swift/"))
    assert ours == theirs
    assert {module.rpartition(".")[2] for module in ours["modules"]} == leaves
    assert ours["bases"] == bases
    beside = [module for module in ours["modules"] if ".language_model.layers." not in module]
    assert [module.partition(".visual.")[2] for module in beside] == ["merger.mlp.0", "merger.mlp.2"] * ("0" in leaves)


def test_fp16_computes_in_fp16_and_keeps_the_lora_in_fp32(place: Place) -> None:
    for folder in ("", "swift/"):
        path = SHIPPED[f"{folder}conditions_7b_fp16.yaml"]
        assert place.ask(path, adapted_modules)["compute"] == ["torch.float16"]
        assert place.ask(path, trainable)["types"] == ["torch.float32"]  # gradients of fp16 cannot be unscaled


def test_full_trains_the_language_model_alone_in_both_hosts(place: Place, tmp_path: Path) -> None:
    found: list[list[str]] = []
    for folder in ("", "swift/"):
        recipe = read(SHIPPED[f"{folder}manual_7b_full.yaml"])
        del recipe["deepspeed"]  # it would split the weights, and has no say in which are trained
        path = tmp_path / f"{folder.strip('/') or 'llamafactory'}.yaml"
        path.write_text(yaml.safe_dump(recipe))
        found.append(place.ask(path, trainable)["names"])
    assert found[0] == found[1]
    assert found[0]
    assert not any(".visual." in name for name in found[0])


def test_ms_swift_trains_the_projector_at_a_rate_of_its_own(place: Place) -> None:
    assert place.ask(SHIPPED["swift/feedback_3b.yaml"], rates) == {"projector": [2e-5], "rest": [1e-4]}
