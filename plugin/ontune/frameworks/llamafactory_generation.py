"""LLaMA-Factory's own generation (`predict_with_generate`, `do_predict`), padded rightly and within the contract."""

import functools
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

from ontune.callbacks.plan import EvaluationSet
from ontune.callbacks.settings import Settings
from ontune.console import message
from ontune.task import Task

__all__ = ["generate_within"]


def generate_within(trainer: Any, sets: Sequence[EvaluationSet], settings: Settings) -> None:
    """Lets the trainer's own evaluation and prediction answer the sets' task, unless free answers alone are wanted."""
    _pad_on_the_left(trainer)
    task = _task(sets)
    if task and settings.evaluate in ("constrained", "both"):
        _constrain(trainer, task)


def _task(sets: Sequence[EvaluationSet]) -> Task | None:
    """The one task of all sets: the host generates for a batch without saying which set it is of."""
    tasks = {item.task.name: item.task for item in sets}
    if len(tasks) > 1:
        message(f"ontune: predict_with_generate is not constrained: the evaluation datasets have {sorted(tasks)}")
    return next(iter(tasks.values())) if len(tasks) == 1 else None


def _pad_on_the_left(trainer: Any) -> None:
    """The host does so after training alone; before, rows that are shorter than their batch go on after padding."""
    original = trainer.evaluation_loop

    @functools.wraps(original)
    def evaluation_loop(*args: Any, **options: Any) -> Any:
        with _left(trainer.processing_class):
            return original(*args, **options)

    trainer.evaluation_loop = evaluation_loop


@contextmanager
def _left(tokenizer: Any) -> Generator[None]:
    side, tokenizer.padding_side = tokenizer.padding_side, "left"
    try:
        yield
    finally:
        tokenizer.padding_side = side


def _constrain(trainer: Any, task: Task) -> None:
    from ontune.decoding.cache import cached
    from ontune.decoding.generate import masked

    original = trainer.prediction_step
    recipe = dict(trainer._gen_kwargs)  # while it trains, the host forgets them at its first evaluation
    mask = cached(task, trainer.processing_class)

    @functools.wraps(original)
    def prediction_step(
        model: Any, inputs: Any, prediction_loss_only: bool, ignore_keys: Any = None, **options: Any
    ) -> Any:
        options = recipe | trainer._gen_kwargs | options
        options |= masked(trainer.model, mask, inputs["input_ids"].shape[-1], options)
        return original(model, inputs, prediction_loss_only, ignore_keys=ignore_keys, **options)

    trainer.prediction_step = prediction_step
