"""The options of every command that loads a model."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ontune.console import FOLDER, message
from ontune.inference.loading import load_model, with_dtype
from ontune.inference.settings import Generation, Precision, read_settings
from ontune.task import Task

if TYPE_CHECKING:
    from ontune.inference.transformers_engine import TransformersEngine

__all__ = ["LOADING", "ModelOptions", "model_options"]

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True)
class ModelOptions:
    """The folders of a model, and how to load and ask it: as its run did, where nothing else is said."""

    model: Path
    adapter: Path | None = None
    batch_size: int | None = None
    max_new_tokens: int | None = None
    image_max_pixels: int | None = None
    dtype: str | None = None
    load_in_4bit: bool = False
    score_labels: bool = False
    workers: int = 1
    again: bool = False

    def settings(self) -> tuple[Generation, Precision]:
        """The checkpoint's own settings (`ontune.json`), with the command line's in their place."""
        generation, precision = read_settings(self.adapter, self.model)
        pictures = generation.pictures
        if self.image_max_pixels:
            pictures = replace(pictures, max_pixels=self.image_max_pixels)
        generation = replace(
            generation,
            batch_size=self.batch_size or generation.batch_size,
            max_new_tokens=self.max_new_tokens or generation.max_new_tokens,
            pictures=pictures,
        )
        return generation, with_dtype(precision, self.dtype, self.load_in_4bit)

    def engine(self, task: Task, media_root: Path) -> "TransformersEngine":
        """The model, loaded and ready to be asked about the task."""
        generation, precision = self.settings()
        message(f"loading {self.name}")
        model, processor = load_model(self.model, self.adapter, precision)
        from ontune.inference.transformers_engine import TransformersEngine  # imports torch

        return TransformersEngine(
            model,
            processor,
            task,
            generation,
            media_root,
            self.name,
            precision.autocast,
            with_scores=self.score_labels,
        )

    def identity(self) -> object:
        """What answers must share to belong together: folders, settings, and when the weights were written."""
        folders = [folder for folder in (self.model, self.adapter) if folder]
        weights = [path for folder in folders for path in sorted(folder.glob("*.safetensors"))]
        return (self, self.settings(), [(path.name, path.stat().st_mtime_ns) for path in weights])

    @property
    def name(self) -> str:
        """The model, and its adapter after a plus sign."""
        return f"{self.model}+{self.adapter}" if self.adapter else str(self.model)


LOADING = [
    click.option("--adapter", type=FOLDER, help="Folder of a LoRA adapter, a checkpoint say."),
    click.option("--batch-size", type=click.IntRange(1), help="Samples at a time.  [default: the run's, else 8]"),
    click.option("--max-new-tokens", type=click.IntRange(1), help="[default: the run's, else 256]"),
    click.option("--image-max-pixels", type=click.IntRange(784), help="[default: the run's, else 589824]"),
    click.option("--dtype", type=click.Choice(["float32", "bfloat16", "float16"]), help="[default: the run's]"),
    click.option("--load-in-4bit", is_flag=True, help="NF4 base, double quantised (bitsandbytes)."),
]


def model_options(command: Command) -> Command:
    """Adds the options; the command is given their values under their own names."""
    folder = click.option("--model", type=FOLDER, required=True, help="Folder of the model: base or merged.")
    for option in reversed([folder, *LOADING]):
        command = option(command)
    return command
