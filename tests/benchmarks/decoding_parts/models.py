"""Qwen2.5-VL models of real and of tiny size with random weights, inputs with a picture, answers of one's choice."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from transformers import GenerationConfig, Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

from ontune.decoding.passes import Passes

VISION_START, VISION_END, IMAGE_PAD = 151_652, 151_653, 151_655
PATCH_VALUES = 3 * 2 * 14 * 14  # colours, frames, height, width
# Of the published configurations: hidden, intermediate, layers, heads, key-value heads, vocabulary, tied, vision.
VISION = {"depth": 32, "hidden_size": 1280, "num_heads": 16, "intermediate_size": 3420, "window_size": 112}
TINY_VISION = {"depth": 2, "hidden_size": 64, "num_heads": 4, "intermediate_size": 128, "window_size": 112}
SIZES: dict[str, tuple[int, int, int, int, int, int, bool, dict[str, Any]]] = {
    "tiny": (128, 256, 4, 4, 2, 151_936, True, TINY_VISION | {"fullatt_block_indexes": [1]}),
    "3b": (2048, 11_008, 36, 16, 2, 151_936, True, VISION | {"fullatt_block_indexes": [7, 15, 23, 31]}),
    "7b": (3584, 18_944, 28, 28, 4, 152_064, False, VISION | {"fullatt_block_indexes": [7, 15, 23, 31]}),
}
PICTURE_TOKENS = 64  # 224 x 224 pixels


def make_model(size: str, device: str = "cpu", dtype: torch.dtype = torch.float32, seed: int = 0) -> Any:
    """A model of that size, initialised at random where it will run."""
    hidden, intermediate, layers, heads, kv_heads, rows, tied, vision = SIZES[size]
    half = hidden // heads // 2
    text = {
        "hidden_size": hidden,
        "intermediate_size": intermediate,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "vocab_size": rows,
        "max_position_embeddings": 32_768,
        "tie_word_embeddings": tied,
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": 1e6,
            "mrope_section": [half // 4, half * 3 // 8, half * 3 // 8],
        },
    }
    ids: dict[str, Any] = {
        "image_token_id": IMAGE_PAD,
        "video_token_id": IMAGE_PAD + 1,
        "vision_start_token_id": VISION_START,
        "vision_end_token_id": VISION_END,
    }
    vision = vision | {"out_hidden_size": hidden}
    config = Qwen2_5_VLConfig(text_config=text, vision_config=vision, tie_word_embeddings=tied, **ids)
    torch.manual_seed(seed)
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with torch.device(device):
            return Qwen2_5_VLForConditionalGeneration(config).eval()
    finally:
        torch.set_default_dtype(before)


def make_inputs(model: Any, tokenizer: Any, rows: int = 1, seed: int = 0) -> dict[str, torch.Tensor]:
    """Left-padded prompts of a picture and some words; each row has a picture and a length of its own."""
    made = torch.Generator().manual_seed(seed)
    questions = ["Label this learning material." + " Please." * (row % 4) for row in range(rows)]
    picture = [VISION_START, *[IMAGE_PAD] * PICTURE_TOKENS, VISION_END]
    start, end = tokenizer.convert_tokens_to_ids(["<|im_start|>", "<|im_end|>"])
    ids = [
        [start, *tokenizer(f"user\n{text}")["input_ids"], *picture, end, start, *tokenizer("assistant\n")["input_ids"]]
        for text in questions
    ]
    width = max(map(len, ids))
    padded = torch.tensor([[tokenizer.pad_token_id] * (width - len(row)) + row for row in ids])
    real = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in ids])
    side = 2 * int(PICTURE_TOKENS**0.5)
    inputs = {
        "input_ids": padded,
        "attention_mask": real,
        "mm_token_type_ids": (padded == IMAGE_PAD).int(),
        "pixel_values": torch.randn(rows * side * side, PATCH_VALUES, generator=made).to(model.dtype),
        "image_grid_thw": torch.tensor([[1, side, side]] * rows),
    }
    return {name: value.to(model.device) for name, value in inputs.items()}


def greedy(tokenizer: Any, room: int = 400) -> GenerationConfig:
    """Plain greedy decoding."""
    ends = {"eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
    return GenerationConfig(max_new_tokens=room, do_sample=False, **ends)


class Oracle:
    """Makes a model write given answers, whatever it is asked and however it is decoded; each pass costs what it costs.

    To the hidden state at each place of a row, the head's row of the answer's token there is added many times over.
    """

    STRENGTH = 1e4

    def __init__(self, model: Any, targets: Sequence[Sequence[int]], last: torch.Tensor) -> None:
        width = max(map(len, targets))
        filled = [[*target, *[target[-1]] * (width - len(target))] for target in targets]
        table = torch.tensor(filled, device=model.device)
        self._push = model.get_output_embeddings().weight.detach()[table] * self.STRENGTH
        self._last = last
        self.rows = list(range(len(targets)))
        self.passes = 0

    def __call__(self, _: Any, __: Any, arguments: Any, output: Any) -> Any:
        self.passes += 1
        hidden = output.last_hidden_state
        positions = arguments["position_ids"][0][:, -hidden.shape[1] :]
        places = (positions - self._last[self.rows][:, None]).clamp(0, self._push.shape[1] - 1)
        rows = torch.tensor(self.rows, device=hidden.device)[:, None]
        output.last_hidden_state = hidden + self._push[rows, places]
        return output


@contextmanager
def oracle(model: Any, inputs: Any, targets: Sequence[Sequence[int]]) -> Generator[Oracle]:
    """The block in which the model writes these answers, one a row."""
    push = Oracle(model, targets, _last_positions(model, inputs))
    handle = model.base_model.register_forward_hook(push, with_kwargs=True)
    keep = Passes.keep

    def kept(self: Passes, paths: Any) -> None:  # rows that are done drop out of the batch
        push.rows = [push.rows[place] for place in paths]
        keep(self, paths)

    Passes.keep = kept
    try:
        yield push
    finally:
        Passes.keep = keep
        handle.remove()


def _last_positions(model: Any, inputs: Any) -> torch.Tensor:
    """The position of each prompt's last token."""
    found: list[torch.Tensor] = []

    def look(_: Any, __: Any, arguments: Any, ___: Any) -> None:
        found.append(arguments["position_ids"][0][:, -1].clone())

    handle = model.base_model.register_forward_hook(look, with_kwargs=True)
    try:
        model.generate(**inputs, max_new_tokens=1, do_sample=False, pad_token_id=0)
    finally:
        handle.remove()
    return found[0]
