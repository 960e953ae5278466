"""A checkpoint's weights where the host says that it has loaded them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

__all__ = ["RestoredWeights"]


@dataclass
class RestoredWeights(TrainerCallback):
    """Loads the weights that the host has passed over when it resumed a run or put the best ones back.

    transformers 5.6 saves a whole Qwen2-VL or Qwen2.5-VL under the hub's names and looks for the model's own names
    when it loads a checkpoint: it finds none, warns, and goes on with the weights that are there. Adapters and
    DeepSpeed's checkpoints have one set of names.
    """

    trainer: Any = None  # the host's adapter sets it: callbacks are not given it

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        if state.global_step:
            own = Path(args.output_dir or ".") / f"checkpoint-{state.global_step}"
            self._restore(Path(args.resume_from_checkpoint or own))

    def on_train_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        if args.load_best_model_at_end and state.best_model_checkpoint:
            self._restore(Path(state.best_model_checkpoint))

    def _restore(self, folder: Path) -> None:
        model = self.trainer.accelerator.unwrap_model(self.trainer.model)
        whole = not hasattr(model, "peft_config") and not self.trainer.is_deepspeed_enabled
        if whole and not set(_names(folder)) <= {*model.state_dict()}:
            saved = type(model).from_pretrained(folder, dtype=next(model.parameters()).dtype)
            model.load_state_dict(saved.state_dict())


def _names(folder: Path) -> Iterator[str]:
    from safetensors import safe_open

    for path in folder.glob("model*.safetensors"):
        with safe_open(path, "pt") as file:  # pyright: ignore[reportPrivateImportUsage]
            yield from file.keys()
