"""Prompts with pictures and videos for tiny models, and the config of plain greedy decoding."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoModelForImageTextToText, AutoProcessor, GenerationConfig

PICTURE = "<|vision_start|><|image_pad|><|vision_end|>"
VIDEO = "<|vision_start|><|video_pad|><|vision_end|>"
PROMPTS = (
    f"{PICTURE}Which?",
    "Which of them is it, and why?",
    f"{PICTURE}Look{PICTURE}again.",
    f"{PICTURE}" + "So. " * 8,
)
SIZES = ((112, 112), (60, 200), (140, 84))


@cache
def load(folder: Path, dtype: str = "float32", attention: str = "sdpa") -> tuple[Any, Any]:
    """The model and its processor, loaded once; tests leave both as they are."""
    model = AutoModelForImageTextToText.from_pretrained(folder, dtype=dtype, attn_implementation=attention).eval()
    return model, AutoProcessor.from_pretrained(folder)


def encode(processor: Any, prompts: Sequence[str] = PROMPTS, seed: int = 0) -> Any:
    """Left-padded inputs; each picture and video is noise of its own."""
    noise = np.random.default_rng(seed)
    pictures = [
        noise.integers(0, 256, (*SIZES[at % len(SIZES)], 3), dtype=np.uint8)
        for at in range(sum(prompt.count(PICTURE) for prompt in prompts))
    ]
    videos = [
        noise.integers(0, 256, (4, 3, 56, 56), dtype=np.uint8)
        for _ in range(sum(prompt.count(VIDEO) for prompt in prompts))
    ]
    options = {"images": pictures} if pictures else {}
    if videos:
        metadata = [{"fps": 2.0, "total_num_frames": 4, "frames_indices": [0, 1, 2, 3]}] * len(videos)
        sampled = {"video_metadata": metadata, "do_sample_frames": False}
        options |= {"videos": [torch.from_numpy(video) for video in videos], "videos_kwargs": sampled}
    text = [f"<|im_start|>user\n{prompt}<|im_end|>\n<|im_start|>assistant\n" for prompt in prompts]
    processor.tokenizer.padding_side = "left"
    return processor(text=text, padding=True, return_tensors="pt", **options)


def greedy(processor: Any, **options: Any) -> GenerationConfig:
    """Plain greedy decoding, whatever the model's own config says."""
    ends = {"eos_token_id": processor.tokenizer.eos_token_id, "pad_token_id": processor.tokenizer.pad_token_id}
    plain = {"max_new_tokens": 160, "do_sample": False, "repetition_penalty": 1.0, "use_cache": True}
    return GenerationConfig(**ends | plain | options)
