"""A checkpoint's weights where the host says that it has loaded them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

__all__ = ["restore"]


def restore(trainer: Any, folder: Path) -> bool:
    """Loads a checkpoint's weights if the host has passed them over; whether it had.

    transformers 5.6 saves a whole Qwen2-VL or Qwen2.5-VL under the hub's names, looks for the model's own names when it
    resumes a run or puts the best weights back, finds none, warns, and goes on with the weights that are there.
    Adapters and DeepSpeed's checkpoints have one set of names.
    """
    model = trainer.accelerator.unwrap_model(trainer.model)
    if hasattr(model, "peft_config") or trainer.is_deepspeed_enabled or set(_names(folder)) <= {*model.state_dict()}:
        return False
    saved = type(model).from_pretrained(folder, dtype=next(model.parameters()).dtype)
    model.load_state_dict(saved.state_dict())
    return True


def _names(folder: Path) -> Iterator[str]:
    from safetensors import safe_open

    for path in folder.glob("model*.safetensors"):
        with safe_open(path, "pt") as file:  # pyright: ignore[reportPrivateImportUsage]
            yield from file.keys()
