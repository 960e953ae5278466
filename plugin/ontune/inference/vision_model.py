"""A vision model as it stands, and the attention that frames receive from one another between its embeddings."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ontune.errors import InputError
from ontune.videos.reading import Pixels

__all__ = ["VisionModel", "attention_between", "load_vision_model", "net_attention"]

BATCH = 16  # pictures at a time
# Qwen-VL's picture size follows the frame's: between these numbers of pixels, which is at most 256 tokens of 28 x 28.
GRID_PIXELS = {"shortest_edge": 56 * 56, "longest_edge": 448 * 448}


@dataclass(frozen=True)
class VisionModel:
    """A model of transformers that embeds pictures: CLIP, SigLIP, DINO, ViT, ConvNeXt, ResNet, or Qwen-VL's tower."""

    name: str
    model: Any
    processor: Any

    @torch.inference_mode()
    def tokens(self, pictures: Sequence[Pixels]) -> torch.Tensor:
        """The embeddings of pictures of one size: pictures, tokens, width. Raises InputError for other kinds."""
        found = torch.cat([self._tokens(pictures[at : at + BATCH]) for at in range(0, len(pictures), BATCH)]).float()
        if not found.isfinite().all():
            raise InputError(f"{self.name}: embeddings that are no finite numbers, in {self.model.dtype}")
        return found

    def net_attention(self, pictures: Sequence[Pixels]) -> list[float]:
        """What each of pictures of one size is worth to the others."""
        return net_attention(attention_between(self.tokens(pictures))).tolist()

    def _tokens(self, pictures: Sequence[Pixels]) -> torch.Tensor:
        options: dict[str, Any] = {"size": GRID_PIXELS} if hasattr(self.model, "visual") else {}
        found = self.processor(images=list(pictures), return_tensors="pt", input_data_format="channels_last", **options)
        inputs = {name: value.to(self.model.device) for name, value in found.items()}
        inputs["pixel_values"] = inputs["pixel_values"].to(self.model.dtype)
        if inputs.keys() == {"pixel_values", "image_grid_thw"}:
            return torch.stack(list(self.model.get_image_features(**inputs).pooler_output))
        if inputs.keys() != {"pixel_values"}:
            raise InputError(f"{self.name}: takes {sorted(inputs)}: expected pixel_values, or image_grid_thw beside it")
        tower = getattr(self.model, "vision_model", self.model)
        made = tower(**inputs, output_hidden_states=True)
        if made.last_hidden_state.ndim == 4:  # a map of a convolutional network: channels, height, width
            return made.last_hidden_state.flatten(2).transpose(1, 2)
        return made.hidden_states[-2][:, -_patches(inputs["pixel_values"], tower.config) :]


def _patches(pixels: torch.Tensor, config: Any) -> int:
    """How many tokens are patches: they come last, after the class and register tokens."""
    size = config.patch_size
    height, width = (size, size) if isinstance(size, int) else size
    return (pixels.shape[-2] // height) * (pixels.shape[-1] // width)


def attention_between(tokens: torch.Tensor) -> torch.Tensor:
    """The attention from frame to frame: a row is what one gives, a column what one receives, its own tokens' too.

    `tokens`: frames, tokens of a frame, width. Every token of every frame attends to all of them without learned
    weights, softmax(t tᵀ / √width), and a frame receives what its tokens do. So does `select_frame_in_chunk` of
    Mobile-VideoGPT's mobilevideogpt/model/arch.py, of CLIP's patch tokens before the last layer (arXiv 2503.21782).
    """
    frames, length, width = tokens.shape
    # In double precision: tokens of great length attend to themselves almost alone, and the rest is what decides.
    wide = tokens.double()
    keys = wide.reshape(frames * length, width).T / math.sqrt(width)
    # The tokens of one frame after another: all at once would be a matrix of gigabytes.
    rows = [torch.softmax(queries @ keys, dim=-1).sum(0).reshape(frames, length).sum(1) for queries in wide]
    return torch.stack(rows)


def net_attention(between: torch.Tensor) -> torch.Tensor:
    """What each frame receives from the others less what it gives them, in units of what a frame gives in the mean.

    In the order of what frames receive in all, as the original has them: each gives as much as it has tokens. But the
    totals differ far behind their first digits where tokens attend to themselves, and this does not.
    """
    exchanged = between - between.diag().diag()
    given = exchanged.sum(1)
    return (exchanged.sum(0) - given) / given.mean().clamp_min(torch.finfo(given.dtype).tiny)


def load_vision_model(name: str) -> VisionModel:
    """The model in evaluation mode, in its own precision, on the GPU where there is one.

    Raises InputError for one that cannot be loaded, lacks weights or cannot embed a picture.
    """
    from transformers import AutoImageProcessor, AutoModel

    try:
        model, info = AutoModel.from_pretrained(name, dtype="auto", output_loading_info=True)
        device = "cuda" if torch.cuda.is_available() else "cpu"
        loaded = VisionModel(name, model.eval().to(device), AutoImageProcessor.from_pretrained(name))
        # What no weights were found for is random, and would be so anew in each run; poolers are not used here.
        if missing := sorted(key for key in info["missing_keys"] if "pooler" not in key):
            raise InputError(f"{name}: no weights for {', '.join(missing[:5])}")
        loaded.tokens([np.zeros((64, 64, 3), dtype=np.uint8)])
    except InputError:
        raise
    except Exception as error:  # any of a hundred architectures, each with errors of its own
        said = str(error).partition("\n")[0]
        raise InputError(f"{name}: cannot embed pictures: {type(error).__name__}: {said}") from error
    return loaded
