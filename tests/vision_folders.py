"""Tiny vision models with random weights, in folders as the hub has them."""

from pathlib import Path
from typing import Any

SHAPE = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "image_size": 32,
    "patch_size": 8,
    "initializer_range": 0.2,  # untrained, but each picture gets another embedding
}
TEXT = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 4, "vocab_size": 50}
PARTS = {"vision_config": SHAPE, "text_config": TEXT}
SMALL = {"patch_size": 8, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 3, "num_attention_heads": 4}
KINDS: dict[str, tuple[str, dict[str, Any]]] = {  # the names of transformers begin so; what the configuration says
    "clip": ("CLIP", PARTS | {"projection_dim": 16}),
    "clip_vision": ("CLIPVision", SHAPE),
    "siglip": ("Siglip", PARTS),
    "vit": ("ViT", SHAPE),
    "dinov2": ("Dinov2", SHAPE),
    "dinov2_registers": ("Dinov2WithRegisters", SHAPE),
    "dinov3": ("DINOv3ViT", SHAPE | {"num_register_tokens": 4}),
    "convnext": ("ConvNext", {"hidden_sizes": [8, 16, 24, 32], "depths": [1] * 4}),
    "resnet": ("ResNet", {"embedding_size": 8, "hidden_sizes": [8, 16], "depths": [1, 1]}),
    # Pictures of any size, as lists of patches with a mask; and a model of words.
    "siglip2": ("Siglip2", {"vision_config": SMALL | {"num_patches": 16}, "text_config": TEXT}),
    "bert": ("Bert", TEXT),
}
# How many tokens stand before the patches, of which there are 16.
FIRST_TOKENS = {"clip": 1, "clip_vision": 1, "siglip": 0, "vit": 1, "dinov2": 1, "dinov2_registers": 5, "dinov3": 5}
MAPS = ("convnext", "resnet")


def make_vision_model(folder: Path, kind: str, seed: int = 0) -> Path:
    """A model of the kind and its image processor; the same seed gives the same weights."""
    import torch
    import transformers

    name, options = KINDS[kind]
    config = getattr(transformers, f"{name}Config")(**options)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        getattr(transformers, f"{name}Model")(config).save_pretrained(folder)
    _processor(transformers, kind).save_pretrained(folder)
    return folder


def _processor(transformers: Any, kind: str) -> Any:
    square = {"height": 32, "width": 32}
    if kind in MAPS:
        return transformers.ConvNextImageProcessor(size={"shortest_edge": 64})
    if kind == "siglip2":
        return transformers.Siglip2ImageProcessor(patch_size=8, max_num_patches=16)
    if kind.startswith("clip"):
        return transformers.CLIPImageProcessor(size={"shortest_edge": 32}, crop_size=square)
    return transformers.ViTImageProcessor(size=square)
