"""Vision models: the embeddings that transformers gives, attention as by hand, folders that are no such model."""

import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from clips import drawing
from ontune.errors import InputError
from ontune.inference.vision_folder import fingerprint
from ontune.inference.vision_model import BATCH, attention_between, load_vision_model, net_attention
from vision_folders import FIRST_TOKENS, MAPS, make_vision_model

PICTURES = [drawing(7 * at, shade=40 + 9 * at) for at in range(BATCH + 3)]
NUMBERS = st.floats(-3, 3, width=32)
TOKENS = st.tuples(*[st.integers(1, 5)] * 3).flatmap(lambda shape: arrays(np.float32, shape, elements=NUMBERS))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("vision")

    def made(kind: str) -> Path:
        return root / kind if (root / kind).is_dir() else make_vision_model(root / kind, kind)

    return made


def attention_by_hand(tokens: np.ndarray) -> np.ndarray:
    """Each token of each frame asks, each token of each frame is asked; nothing but loops."""
    frames, length, width = tokens.shape
    flat = [(frame, tokens[frame, at].astype(float)) for frame in range(frames) for at in range(length)]
    between = np.zeros((frames, frames))
    for asking, query in flat:
        logits = [float(query @ key) / math.sqrt(width) for _, key in flat]
        weights = [math.exp(logit - max(logits)) for logit in logits]
        for (asked, _), weight in zip(flat, weights, strict=True):
            between[asking, asked] += weight / sum(weights)
    return between


@settings(max_examples=60)
@given(tokens=TOKENS, longer=st.sampled_from([1, 4]))
def test_attention_is_that_of_the_definition(tokens, longer):
    found = attention_between(torch.from_numpy(tokens * longer)).numpy()
    assert found == pytest.approx(attention_by_hand(tokens * longer), rel=1e-6, abs=0)
    assert found.sum(1) == pytest.approx(tokens.shape[1])


@settings(max_examples=60)
@given(tokens=TOKENS)
def test_the_net_is_what_is_received_but_for_a_constant(tokens):
    between = attention_by_hand(tokens)
    frames, length, _ = tokens.shape
    unit = (between.sum() - between.trace()) / frames
    found = net_attention(torch.from_numpy(between)).numpy()
    assert found * unit + length == pytest.approx(between.sum(0))
    assert (frames == 1) == (unit == 0)


@pytest.mark.parametrize(("length", "most"), [(4, 1.0), (12, 1e-3), (36, 1e-25)])
def test_the_order_is_kept_where_tokens_attend_to_themselves(length, most):
    """Totals of single precision are all alike there: 1, and what is behind its seven digits."""
    tokens = np.random.default_rng(7).normal(size=(6, 3, 16))
    tokens = (tokens * length / np.linalg.norm(tokens, axis=-1, keepdims=True)).astype(np.float32)
    between = attention_by_hand(tokens)
    np.fill_diagonal(between, 0)
    by_hand = between.sum(0) - between.sum(1)
    found = net_attention(attention_between(torch.from_numpy(tokens))).numpy()
    assert between.max() < most
    assert np.argsort(-found).tolist() == np.argsort(-by_hand).tolist()
    assert found == pytest.approx(by_hand / between.sum(1).mean(), rel=1e-6)


@settings(max_examples=30)
@given(tokens=TOKENS, seed=st.integers(0, 99))
def test_attention_does_not_depend_on_the_order(tokens, seed):
    order = np.random.default_rng(seed).permutation(len(tokens))
    found = net_attention(attention_between(torch.from_numpy(tokens)))
    again = net_attention(attention_between(torch.from_numpy(tokens[order])))
    assert again.numpy() == pytest.approx(found[order].numpy(), abs=1e-9)


@pytest.mark.parametrize("kind", FIRST_TOKENS)
def test_tokens_are_the_patches_before_the_last_layer(folder, kind):
    from transformers import AutoImageProcessor, AutoModel

    found = load_vision_model(str(folder(kind))).tokens(PICTURES)
    model = AutoModel.from_pretrained(folder(kind)).eval()
    pixels = AutoImageProcessor.from_pretrained(folder(kind))(images=PICTURES, return_tensors="pt")["pixel_values"]
    with torch.no_grad():
        states = getattr(model, "vision_model", model)(pixels, output_hidden_states=True).hidden_states
    expected = states[2][:, FIRST_TOKENS[kind] :]  # of three layers, embeddings first
    assert len(states) == 4
    assert expected.shape == (len(PICTURES), 16, 32)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    assert found.std(dim=0).mean() > 0.01  # other pictures, other embeddings


@pytest.mark.parametrize("kind", MAPS)
def test_tokens_of_a_convolutional_network_are_the_places_of_its_map(folder, kind):
    from transformers import AutoImageProcessor, AutoModel

    found = load_vision_model(str(folder(kind))).tokens(PICTURES[:2])
    pixels = AutoImageProcessor.from_pretrained(folder(kind))(images=PICTURES[:2], return_tensors="pt")["pixel_values"]
    with torch.no_grad():
        expected = AutoModel.from_pretrained(folder(kind)).eval()(pixels).last_hidden_state
    assert found.shape == (2, expected.shape[2] * expected.shape[3], expected.shape[1])
    torch.testing.assert_close(found[1, 1], expected[1, :, 0, 1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", ["qwen2_vl", "qwen2_5_vl", "qwen3_vl"])
def test_tokens_of_qwen_are_those_that_its_language_model_reads(tiny_model, kind):
    model = load_vision_model(str(tiny_model(kind)))
    found = model.tokens([np.full((480, 640, 3), shade, dtype=np.uint8) for shade in (20, 200)])
    frames, length, width = found.shape
    assert (frames, width) == (2, model.model.config.text_config.hidden_size)
    assert 100 < length <= 256


def test_a_model_keeps_its_own_precision(folder, tmp_path):
    from transformers import AutoModel

    shutil.copytree(folder("clip"), tmp_path / "half")
    AutoModel.from_pretrained(folder("clip"), dtype=torch.bfloat16).save_pretrained(tmp_path / "half")
    half = load_vision_model(str(tmp_path / "half"))
    assert half.model.dtype == torch.bfloat16
    whole = load_vision_model(str(folder("clip"))).tokens(PICTURES[:3])
    torch.testing.assert_close(half.tokens(PICTURES[:3]), whole, rtol=0.2, atol=0.2)


def without(source: Path, target: Path, *keys: str) -> Path:
    """A copy of a model that lacks the weights whose names hold one of the words."""
    from safetensors.torch import load_file, save_file

    shutil.copytree(source, target)
    weights = load_file(target / "model.safetensors")
    kept = {name: value for name, value in weights.items() if not any(key in name for key in keys)}
    assert len(kept) < len(weights)
    save_file(kept, target / "model.safetensors", metadata={"format": "pt"})
    return target


def damaged(source: Path, target: Path) -> Path:
    shutil.copytree(source, target)
    (target / "model.safetensors").write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    return target


def endless(source: Path, target: Path) -> Path:
    from transformers import AutoModel

    shutil.copytree(source, target)
    model = AutoModel.from_pretrained(source)
    model.embeddings.cls_token.data.fill_(float("inf"))
    model.save_pretrained(target)
    return target


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (
            lambda folder, root: without(folder("vit"), root / "x", "layer.1."),
            "no weights for encoder.layer.1.attention",
        ),
        (lambda folder, root: damaged(folder("vit"), root / "x"), "cannot embed pictures: SafetensorError"),
        (lambda folder, root: endless(folder("vit"), root / "x"), "no finite numbers, in torch.float32"),
        (lambda folder, root: folder("bert"), "cannot embed pictures: ValueError: You must specify"),
        (lambda folder, root: folder("siglip2"), "expected pixel_values, or image_grid_thw beside it"),
    ],
)
def test_models_that_cannot_be_used_are_named(folder, tmp_path, make, said):
    path = make(folder, tmp_path)
    with pytest.raises(InputError) as caught:
        load_vision_model(str(path))
    assert str(caught.value).startswith(f"{path}: ")
    assert said in str(caught.value)


def test_a_missing_pooler_is_no_fault(folder, tmp_path):
    path = without(folder("vit"), tmp_path / "x", "pooler")
    expected = load_vision_model(str(folder("vit"))).tokens(PICTURES[:2])
    torch.testing.assert_close(load_vision_model(str(path)).tokens(PICTURES[:2]), expected)


def test_a_fingerprint_is_that_of_the_content(folder, tmp_path):
    first = fingerprint(str(folder("clip_vision")))
    shutil.copytree(folder("clip_vision"), tmp_path / "copy")
    (tmp_path / "copy/README.md").write_text("words")
    assert fingerprint(str(tmp_path / "copy")) == first
    settings_file = tmp_path / "copy/preprocessor_config.json"
    record = json.loads(settings_file.read_text())
    settings_file.write_text(json.dumps(record | {"image_mean": [0.5, 0.5, 0.5]}))
    assert fingerprint(str(tmp_path / "copy")) != first
    assert fingerprint(str(make_vision_model(tmp_path / "other", "clip_vision", seed=1))) != first


def test_a_model_of_the_hub_is_known_by_its_commit(folder, tmp_path, monkeypatch):
    from huggingface_hub import constants

    commit = "0123456789abcdef0123456789abcdef01234567"
    place = tmp_path / "models--someone--tiny"
    shutil.copytree(folder("clip_vision"), place / "snapshots" / commit)
    (place / "refs").mkdir()
    (place / "refs/main").write_text(commit)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    assert fingerprint("someone/tiny") == f"someone/tiny@{commit}"
    expected = load_vision_model(str(folder("clip_vision"))).tokens(PICTURES[:2])
    torch.testing.assert_close(load_vision_model("someone/tiny").tokens(PICTURES[:2]), expected)


def test_folders_that_are_no_model_are_told_with_all_that_is_missing(tmp_path):
    with pytest.raises(InputError) as caught:
        fingerprint(str(tmp_path))
    assert [fault.removeprefix(f"{tmp_path}: ").split(",")[0].split(":")[0] for fault in caught.value.faults] == [
        "no config.json",
        "no weights",
        "no preprocessor_config.json",
    ]
    with pytest.raises(InputError, match="--model no/such: neither a folder nor a model on the hub"):
        fingerprint("no/such")
