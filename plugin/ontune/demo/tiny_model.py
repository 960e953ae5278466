"""Tiny Qwen-VL models with random weights: every file that a real one has, small enough for two CPU cores."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import torch
from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers, trainers
from transformers import (
    GenerationConfig,
    PretrainedConfig,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2_5_VLProcessor,
    Qwen2Tokenizer,
    Qwen2VLConfig,
    Qwen2VLForConditionalGeneration,
    Qwen2VLImageProcessor,
    Qwen2VLProcessor,
    Qwen2VLVideoProcessor,  # pyright: ignore[reportAttributeAccessIssue]
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
    Qwen3VLProcessor,
    Qwen3VLVideoProcessor,
)

from ontune.demo.chat_templates import QWEN2_VL, QWEN3_VL
from ontune.files import replace_directory

__all__ = ["Kind", "Size", "make_tiny_model", "make_tokenizer"]

Kind: TypeAlias = Literal["qwen2_vl", "qwen2_5_vl", "qwen3_vl"]

FIRST_SPECIAL = 151_643  # the id of <|endoftext|> in the real models; 151,936 rows of embeddings follow from it
REAL_ROWS = 151_936
SPECIAL = (
    *("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|object_ref_end|>", "<|box_start|>"),
    *("<|box_end|>", "<|quad_start|>", "<|quad_end|>", "<|vision_start|>", "<|vision_end|>", "<|vision_pad|>"),
    *("<|image_pad|>", "<|video_pad|>"),
)


@dataclass(frozen=True)
class Size:
    """The dimensions of a tiny model; the defaults give about 0.4 million weights.

    bitsandbytes on a CPU needs every linear layer's inputs to be a multiple of 64 and its outputs one of 32: keep
    `hidden`, `intermediate`, `vision_hidden` and `vision_intermediate` multiples of 64, and the width of the key and
    value heads together one of 32.
    """

    hidden: int = 64
    intermediate: int = 128
    layers: int = 2
    heads: int = 4
    kv_heads: int = 2
    vision_hidden: int = 64
    vision_intermediate: int = 128
    vision_layers: int = 2
    vision_heads: int = 4
    max_tokens: int = 16  # a picture's tokens at most: 112 x 112 pixels of patch 14, 128 x 128 of patch 16
    initializer_range: float = 0.02
    image_mean: float | None = None  # of the pixels, on the scale of 0 to 1; None: CLIP's, as in the real models
    image_std: float | None = None


def make_tiny_model(
    directory: Path,
    kind: Kind,
    texts: Iterable[str],
    vocab_size: int = 1024,
    seed: int = 0,
    qwen_ids: bool = False,
    size: Size = Size(),
) -> Path:
    """The folder with a model of that kind, written in one step; the same arguments give the same weights.

    The tokenizer is a byte-level BPE of `vocab_size` entries, learned from `texts` with Qwen's way of splitting, and
    Qwen's special tokens after it. `qwen_ids` puts those at their real ids from 151643 on, at the price of an
    embedding of 151,936 rows. The generation config samples, as the real ones do: who wants greedy answers asks for
    them.
    """
    tokenizer = make_tokenizer(texts, vocab_size, qwen_ids)
    rows = REAL_ROWS if qwen_ids else -(-len(tokenizer) // 64) * 64
    config = _config(kind, size, rows, tokenizer)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = MODELS[kind](config)
    model.generation_config = GenerationConfig(**_generation(kind, tokenizer))
    with replace_directory(directory) as fresh:
        model.save_pretrained(fresh)
        _processor(kind, size, tokenizer).save_pretrained(fresh)
    return directory


def make_tokenizer(texts: Iterable[str], vocab_size: int, qwen_ids: bool = False) -> Qwen2Tokenizer:
    """A byte-level BPE of at most `vocab_size` entries learned from the texts, with Qwen's special tokens behind."""
    qwen = Qwen2Tokenizer().backend_tokenizer
    bpe = Tokenizer(models.BPE())
    bpe.normalizer, bpe.pre_tokenizer = qwen.normalizer, qwen.pre_tokenizer
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(vocab_size=vocab_size, initial_alphabet=alphabet, show_progress=False)
    bpe.train_from_iterator(texts, trainer)
    learned = json.loads(bpe.to_str())["model"]
    vocab: dict[str, int] = learned["vocab"]
    if qwen_ids:  # no merge leads to these entries: no text is ever split into them
        vocab |= {f"<|unused_{place}|>": place for place in range(len(vocab), FIRST_SPECIAL)}
    merges: Any = [tuple(merge) for merge in learned["merges"]]
    tokenizer = Qwen2Tokenizer(vocab, merges)
    special: Any = [AddedToken(token, special=True) for token in SPECIAL]
    tokenizer.add_tokens(special, special_tokens=True)
    tokenizer.eos_token = "<|im_end|>"  # noqa: S105 - no password
    tokenizer.model_max_length = 4096
    return tokenizer


def _config(kind: Kind, size: Size, rows: int, tokenizer: Qwen2Tokenizer) -> PretrainedConfig:
    head = size.hidden // size.heads
    ids = {
        f"{name}_token_id": tokenizer.convert_tokens_to_ids(f"<|{token}|>")
        for name, token in {
            "image": "image_pad",
            "video": "video_pad",
            "vision_start": "vision_start",
            "vision_end": "vision_end",
        }.items()
    }
    text: dict[str, Any] = {
        "vocab_size": rows,
        "hidden_size": size.hidden,
        "intermediate_size": size.intermediate,
        "num_hidden_layers": size.layers,
        "num_attention_heads": size.heads,
        "num_key_value_heads": size.kv_heads,
        "max_position_embeddings": 4096,
        "initializer_range": size.initializer_range,
        "bos_token_id": None,
        "eos_token_id": tokenizer.convert_tokens_to_ids("<|im_end|>"),
        "pad_token_id": tokenizer.convert_tokens_to_ids("<|endoftext|>"),
        "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": _sections(head // 2)},
    }
    if kind == "qwen3_vl":
        text |= {"head_dim": head}
        text["rope_parameters"] |= {"mrope_interleaved": True, "mrope_section": _sections(head // 2)[::-1]}
    vision = VISION[kind](size) | {"initializer_range": size.initializer_range}
    return CONFIGS[kind](text_config=text, vision_config=vision, tie_word_embeddings=True, **ids)


def _sections(half: int) -> list[int]:
    """How half a head's width is shared out over time, height and width: about evenly, the first least."""
    first = half // 4 if half % 3 else half // 3
    return [first, (half - first) // 2, half - first - (half - first) // 2]


def _vision_qwen2(size: Size) -> dict[str, Any]:
    return {
        "depth": size.vision_layers,
        "embed_dim": size.vision_hidden,
        "hidden_size": size.hidden,
        "num_heads": size.vision_heads,
        "mlp_ratio": size.vision_intermediate // size.vision_hidden,
    }


def _vision_qwen2_5(size: Size) -> dict[str, Any]:
    return {
        "depth": size.vision_layers,
        "hidden_size": size.vision_hidden,
        "out_hidden_size": size.hidden,
        "num_heads": size.vision_heads,
        "intermediate_size": size.vision_intermediate,
        "window_size": 112,
        "fullatt_block_indexes": [size.vision_layers - 1],
    }


def _vision_qwen3(size: Size) -> dict[str, Any]:
    return {
        "depth": size.vision_layers,
        "hidden_size": size.vision_hidden,
        "out_hidden_size": size.hidden,
        "num_heads": size.vision_heads,
        "intermediate_size": size.vision_intermediate,
        "num_position_embeddings": 144,
        "deepstack_visual_indexes": [0],
    }


def _generation(kind: Kind, tokenizer: Qwen2Tokenizer) -> dict[str, Any]:
    ids = {
        "pad_token_id": tokenizer.convert_tokens_to_ids("<|endoftext|>"),
        "eos_token_id": tokenizer.convert_tokens_to_ids(["<|im_end|>", "<|endoftext|>"]),
    }
    if kind == "qwen3_vl":
        return ids | {"do_sample": True, "temperature": 0.7, "top_p": 0.8, "top_k": 20}
    return ids | {"do_sample": True, "temperature": 1e-6, "repetition_penalty": 1.05}


def _processor(kind: Kind, size: Size, tokenizer: Qwen2Tokenizer) -> Any:
    patch = 16 if kind == "qwen3_vl" else 14
    area = (2 * patch) ** 2  # the pixels behind one token
    scaling = {"image_mean": size.image_mean, "image_std": size.image_std}
    options: dict[str, Any] = {name: [value] * 3 for name, value in scaling.items() if value is not None}
    image = Qwen2VLImageProcessor(
        patch_size=patch, size={"shortest_edge": 4 * area, "longest_edge": size.max_tokens * area}, **options
    )
    video_class = Qwen3VLVideoProcessor if kind == "qwen3_vl" else Qwen2VLVideoProcessor
    frames = 4 if kind == "qwen3_vl" else 1  # Qwen3-VL bounds the pixels of all frames, the others those of one
    video = video_class(
        patch_size=patch,
        size={"shortest_edge": 4 * area, "longest_edge": frames * size.max_tokens * area},
        max_frames=8,
        **options,
    )
    template = QWEN3_VL if kind == "qwen3_vl" else QWEN2_VL
    return PROCESSORS[kind](image, tokenizer, video, chat_template=template)


CONFIGS: dict[str, Any] = {"qwen2_vl": Qwen2VLConfig, "qwen2_5_vl": Qwen2_5_VLConfig, "qwen3_vl": Qwen3VLConfig}
MODELS: dict[str, Any] = {
    "qwen2_vl": Qwen2VLForConditionalGeneration,
    "qwen2_5_vl": Qwen2_5_VLForConditionalGeneration,
    "qwen3_vl": Qwen3VLForConditionalGeneration,
}
PROCESSORS: dict[str, Any] = {
    "qwen2_vl": Qwen2VLProcessor,
    "qwen2_5_vl": Qwen2_5_VLProcessor,
    "qwen3_vl": Qwen3VLProcessor,
}
VISION = {"qwen2_vl": _vision_qwen2, "qwen2_5_vl": _vision_qwen2_5, "qwen3_vl": _vision_qwen3}
