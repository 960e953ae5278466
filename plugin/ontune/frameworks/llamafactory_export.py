"""What LLaMA-Factory's export would leave behind: how the run asked, so that a merged model is asked the same way."""

import functools
from pathlib import Path
from types import ModuleType
from typing import Any

from ontune.frameworks.expected import expect
from ontune.inference.settings import hand_on_settings

__all__ = ["hook_tuner", "remember"]

_model_args: Any = None  # that were parsed last: `export_model` parses its own


def remember(model_args: Any) -> None:
    """Keeps what an export starts from, and where it ends."""
    global _model_args
    _model_args = model_args


def hook_tuner(module: ModuleType) -> None:
    """Lets `export_model` hand the settings of the run on to the folder that it has written."""
    original = expect(module, "export_model", ["args"])

    @functools.wraps(original)
    def export_model(args: dict[str, Any] | None = None) -> None:
        original(args)
        starts = (*reversed(_model_args.adapter_name_or_path or ()), _model_args.model_name_or_path)
        hand_on_settings(Path(_model_args.export_dir), *map(Path, starts))

    setattr(module, "export_model", export_model)  # noqa: B010 - a module has no such attribute for a type checker
