"""Each kind is a model that plain transformers loads, feeds with the right number of picture tokens and lets answer."""

import json
from pathlib import Path

import pytest

TEXTS = ["Label this learning material.", '{"Area":["Counting"],"Scope":[],"Ability":[]}'] * 3
DEFAULT_SYSTEM = "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n"
TURNS = "<|im_start|>user\n{media}Label.<|im_end|>\n<|im_start|>assistant\n"


def make(folder: Path, kind, **options):
    from ontune.demo.tiny_model import make_tiny_model

    return make_tiny_model(folder / kind, kind, TEXTS, **options)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("tiny")
    return {kind: make(folder, kind) for kind in ("qwen2_vl", "qwen2_5_vl", "qwen3_vl")}


def load(path: Path):
    from transformers import AutoModelForImageTextToText, AutoProcessor

    return AutoModelForImageTextToText.from_pretrained(path), AutoProcessor.from_pretrained(path)


def ask(processor, picture):
    parts = [{"type": "image", "image": picture}, {"type": "text", "text": "Label."}]
    return processor.apply_chat_template(
        [{"role": "user", "content": parts}],
        tokenize=True,
        add_generation_prompt=True,
        return_dict=True,
        return_tensors="pt",
    )


@pytest.mark.parametrize(
    ("kind", "system", "side", "tokens"),
    [
        ("qwen2_vl", DEFAULT_SYSTEM, (112, 112), 16),
        ("qwen2_5_vl", DEFAULT_SYSTEM, (112, 112), 16),
        ("qwen2_5_vl", DEFAULT_SYSTEM, (112, 56), 8),
        ("qwen2_5_vl", DEFAULT_SYSTEM, (400, 400), 16),
        ("qwen3_vl", "", (112, 112), 16),
        ("qwen3_vl", "", (96, 64), 6),
    ],
)
def test_a_picture_becomes_its_tokens_and_an_answer(models, kind, system, side, tokens):
    from PIL import Image

    model, processor = load(models[kind])
    inputs = ask(processor, Image.new("RGB", side, "white"))
    ids = inputs["input_ids"][0].tolist()
    pad = model.config.image_token_id
    assert ids.count(pad) == tokens
    media = "<|vision_start|>" + "<|image_pad|>" * tokens + "<|vision_end|>"
    assert processor.tokenizer.decode(ids) == system + TURNS.format(media=media)
    answer = model.generate(**inputs, do_sample=False, max_new_tokens=5, min_new_tokens=5)
    assert answer.shape == (1, len(ids) + 5)


def test_pictures_change_what_follows(models):
    import torch
    from PIL import Image

    model, processor = load(models["qwen2_5_vl"])
    black, white = (ask(processor, Image.new("RGB", (112, 112), color)) for color in ("black", "white"))
    assert not torch.allclose(model(**black).logits[:, -1], model(**white).logits[:, -1])


def test_size_vocabulary_and_files(models):
    model, processor = load(models["qwen2_5_vl"])
    assert 200_000 < model.num_parameters() < 500_000
    assert processor.tokenizer("<|image_pad|>")["input_ids"] == [model.config.image_token_id]
    assert len(processor.tokenizer) <= model.get_input_embeddings().num_embeddings
    assert processor.tokenizer.decode(processor.tokenizer("Fünf €: 12")["input_ids"]) == "Fünf €: 12"
    assert (
        processor.tokenizer("12")["input_ids"]
        == processor.tokenizer("1")["input_ids"] + processor.tokenizer("2")["input_ids"]
    )
    assert model.generation_config.do_sample


def test_linear_layers_fit_bitsandbytes_on_a_cpu(models):
    import torch

    for path in models.values():
        layers = [m for m in load(path)[0].modules() if isinstance(m, torch.nn.Linear)]
        assert layers
        assert not [m for m in layers if m.in_features % 64 or m.out_features % 32]


def test_the_same_arguments_give_the_same_bytes(models, tmp_path):
    again = make(tmp_path, "qwen2_5_vl")
    files = {path.name for path in again.iterdir()}
    assert files >= {
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "chat_template.jinja",
        "processor_config.json",
    }
    assert [(again / name).read_bytes() for name in sorted(files)] == [
        (models["qwen2_5_vl"] / name).read_bytes() for name in sorted(files)
    ]
    other = make(tmp_path / "other", "qwen2_5_vl", seed=1)
    assert (other / "model.safetensors").read_bytes() != (again / "model.safetensors").read_bytes()


def test_real_ids(tmp_path):
    path = make(tmp_path, "qwen2_5_vl", qwen_ids=True)
    config = json.loads((path / "config.json").read_text())
    assert [config["image_token_id"], config["video_token_id"], config["vision_start_token_id"]] == [
        151655,
        151656,
        151652,
    ]
    model, processor = load(path)
    assert model.get_input_embeddings().num_embeddings == 151_936
    assert processor.tokenizer("<|im_end|>Label")["input_ids"][0] == 151_645
