"""A hook on the import of a few modules of LLaMA-Factory. Standard library only: see `autoload`."""

import importlib
import importlib.machinery
from collections.abc import Sequence
from types import ModuleType

__all__ = ["TARGETS", "Finder"]

# Each is imported after torch; but in torchrun's children, which never export, `llamafactory.train.tuner` imports it.
TARGETS = {
    "llamafactory.train.tuner": ("llamafactory_export", "hook_tuner"),
    "llamafactory.hparams.parser": ("llamafactory", "hook_parser"),
    "llamafactory.train.sft.workflow": ("llamafactory", "hook_workflow"),
    "llamafactory.api.protocol": ("llamafactory_serving", "hook_protocol"),
    "llamafactory.api.chat": ("llamafactory_serving", "hook_chat"),
    "llamafactory.chat.hf_engine": ("llamafactory_serving", "hook_engine"),
}


class Finder:
    """A `sys.meta_path` finder that adds our hook to these modules, right after they have run."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name not in TARGETS:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is None or spec.loader is None:
            return None
        loader = spec.loader
        execute = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            execute(module)
            ours, hook = TARGETS[name]
            getattr(importlib.import_module(f"ontune.frameworks.{ours}"), hook)(module)

        loader.exec_module = exec_module
        return spec
