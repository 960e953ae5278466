"""Generating in the middle of a training that must not notice."""

import random
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

__all__ = ["undisturbed"]


@contextmanager
def undisturbed(trainer: Any) -> Generator[Any]:
    """The unwrapped model in evaluation mode; modes and random state are put back afterwards, errors or not."""
    model = trainer.accelerator.unwrap_model(trainer.model)
    modes = [(module, module.training) for module in model.modules()]
    states = random.getstate(), np.random.get_state()
    devices = [model.device] if model.device.type == "cuda" else []
    try:
        with torch.random.fork_rng(devices), _gathered(trainer):
            model.eval()
            yield model
    finally:
        for module, training in modes:
            module.training = training
        random.setstate(states[0])
        np.random.set_state(states[1])


@contextmanager
def _gathered(trainer: Any) -> Generator[None]:
    """Under ZeRO-3, whole weights on each rank: ranks may then take different numbers of steps without waiting."""
    from transformers.integrations.deepspeed import is_deepspeed_zero3_enabled

    engine = trainer.model_wrapped
    if not is_deepspeed_zero3_enabled() or not hasattr(engine, "optimizer"):
        yield
        return
    import deepspeed
    from trl.models.utils import add_hooks, remove_hooks

    with deepspeed.zero.GatheredParameters(list(engine.parameters())):
        remove_hooks(engine)
        try:
            yield
        finally:
            add_hooks(engine)
