"""A hook on the import of two modules of LLaMA-Factory. Standard library only: see `autoload`."""

import importlib.machinery
from collections.abc import Sequence
from types import ModuleType

__all__ = ["TARGETS", "Finder"]

# Both are imported after torch. `llamafactory.train.tuner` is not: in torchrun's children it is what imports torch.
TARGETS = {"llamafactory.hparams.parser": "hook_parser", "llamafactory.train.sft.workflow": "hook_workflow"}


class Finder:
    """A `sys.meta_path` finder that adds our hook to the two modules, right after they have run."""

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
            from ontune.frameworks import llamafactory

            getattr(llamafactory, TARGETS[name])(module)

        loader.exec_module = exec_module
        return spec
