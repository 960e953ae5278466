"""From folders to a model in the precision of the run that made it, and back to that precision."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from ontune.errors import InputError
from ontune.inference.loading import base_model, load_model, precision_of, with_dtype
from ontune.inference.settings import Precision

NF4 = {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4", "bnb_4bit_use_double_quant": True}
EIGHT = {"load_in_8bit": True}

COMMANDS = [
    (Precision(), None, False, Precision()),
    (Precision("bfloat16", "bfloat16", "sdpa"), None, False, Precision("bfloat16", "bfloat16", "sdpa")),
    (Precision("bfloat16", "bfloat16", "sdpa"), "float32", False, Precision("float32", None, "sdpa")),
    (Precision(), None, True, Precision(quantization=NF4 | {"bnb_4bit_compute_dtype": "bfloat16"})),
    (Precision(), "float16", True, Precision("float16", quantization=NF4 | {"bnb_4bit_compute_dtype": "float16"})),
    (Precision(quantization=NF4), None, True, Precision(quantization=NF4)),
    (Precision(quantization=EIGHT), None, False, Precision(quantization=EIGHT)),
    (
        Precision(quantization=EIGHT),
        None,
        True,
        Precision(quantization=NF4 | {"bnb_4bit_compute_dtype": "bfloat16"}),
    ),
]


@pytest.mark.parametrize(("run", "dtype", "load_in_4bit", "expected"), COMMANDS)
def test_what_the_command_line_asks_for_takes_the_runs_place(run, dtype, load_in_4bit, expected) -> None:
    assert with_dtype(run, dtype, load_in_4bit) == expected


QUANTISED = {"quant_method": "bitsandbytes", **NF4, "bnb_4bit_compute_dtype": "float32"}
PRECISIONS = {
    "as saved": (Precision(), Precision("float32", None, "sdpa")),
    "bfloat16": (Precision("bfloat16"), Precision("bfloat16", None, "sdpa")),
    "eager": (Precision("float32", None, "eager"), Precision("float32", None, "eager")),
}


@pytest.mark.parametrize("name", PRECISIONS)
def test_a_loaded_model_tells_how_it_was_loaded(tiny_model, name) -> None:
    asked, expected = PRECISIONS[name]
    model, processor = load_model(tiny_model("qwen2_5_vl"), None, asked)
    assert precision_of(model, None) == expected
    assert precision_of(model, "bfloat16").autocast == "bfloat16"
    assert not model.training
    assert processor.image_processor
    assert base_model(model) == str(tiny_model("qwen2_5_vl"))


def test_a_quantised_model_is_quantised_so_again(tiny_model) -> None:
    path = tiny_model("qwen2_5_vl")
    first, _ = load_model(path, None, Precision("bfloat16", quantization=NF4))
    told = precision_of(first, "bfloat16")
    assert (told.dtype, told.autocast) == ("bfloat16", "bfloat16")
    assert json.loads(json.dumps(told.quantization)) == told.quantization
    second, _ = load_model(path, None, told)
    assert precision_of(second, "bfloat16") == told
    weights = [model.model.language_model.layers[0].mlp.up_proj.weight for model in (first, second)]
    assert weights[0].dtype == torch.uint8
    assert torch.equal(*weights)


@pytest.mark.parametrize("record", [{"quant_method": "gptq", "bits": 4}, {"quant_method": "fp8"}])
def test_weights_that_are_saved_quantised_say_so_themselves(tiny_model, record) -> None:
    model, _ = load_model(tiny_model("qwen2_5_vl"), None, Precision())
    model.config.quantization_config = record
    assert precision_of(model, None).quantization is None


@pytest.fixture
def adapter(tiny_model, tmp_path) -> Path:
    from peft import LoraConfig, get_peft_model

    model, _ = load_model(tiny_model("qwen2_5_vl"), None, Precision())
    tuned = get_peft_model(model, LoraConfig(r=4, target_modules=["q_proj"], init_lora_weights=False))
    tuned.save_pretrained(tmp_path / "adapter")
    return tmp_path / "adapter"


def test_an_adapter_is_put_on(tiny_model, adapter) -> None:
    path = tiny_model("qwen2_5_vl")
    model, _ = load_model(path, adapter, Precision())
    assert any("lora_A" in name for name, _ in model.named_parameters())
    assert base_model(model) == str(path)
    assert precision_of(model, None).dtype == "float32"


def copied(path: Path, target: Path) -> Path:
    return Path(shutil.copytree(path, target))


def without(name: str):
    def damage(folder: Path) -> None:
        (folder / name).unlink()

    return damage


def holding(name: str, text: str):
    def damage(folder: Path) -> None:
        (folder / name).write_text(text)

    return damage


MODELS = {
    "no config": (without("config.json"), "no config.json, so no model"),
    "no vision": (holding("config.json", '{"model_type": "qwen2"}'), "config.json has no vision_config"),
    "not JSON": (holding("config.json", "{"), "config.json has no vision_config"),
    "a list": (holding("config.json", "[]"), "config.json has no vision_config"),
    "no weights": (without("model.safetensors"), "cannot be loaded: "),
    "damaged weights": (holding("model.safetensors", "version https://git-lfs"), "cannot be loaded: "),
    "another kind": (holding("config.json", '{"model_type": "none", "vision_config": {"a": 1}}'), "cannot be loaded: "),
    "no tokenizer": (without("tokenizer.json"), "neither tokenizer.json nor vocab.json, so no tokenizer"),
    "an adapter": (
        lambda folder: (folder / "config.json").rename(folder / "adapter_config.json"),
        "no config.json, so no model: it is an adapter, give it as --adapter",
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_folder_that_is_no_model_is_named(tiny_model, tmp_path, name) -> None:
    damage, expected = MODELS[name]
    folder = copied(tiny_model("qwen2_5_vl"), tmp_path / "model")
    damage(folder)
    with pytest.raises(InputError) as caught:
        load_model(folder, None, Precision())
    assert str(caught.value).startswith(f"{folder}: {expected}")


def test_an_adapter_that_does_not_fit_is_named(tiny_model, adapter, tmp_path) -> None:
    with pytest.raises(InputError, match=r"adapter: cannot be loaded: RuntimeError: (.|\n)*size mismatch"):
        load_model(wide(tmp_path), adapter, Precision())
    (adapter / "adapter_config.json").unlink()
    with pytest.raises(InputError) as caught:
        load_model(tmp_path, adapter, Precision())
    assert [fault.split(": ")[1] for fault in caught.value.faults] == [
        "no config.json, so no model",
        "no adapter_config.json, so no adapter",
    ]


def wide(folder: Path) -> Path:
    from ontune.demo.tiny_model import Size, make_tiny_model

    return make_tiny_model(folder / "wide", "qwen2_5_vl", ["some text"], size=Size(hidden=128))
