"""How the plugin gets into LLaMA-Factory: PyTorch calls `install` on `import torch`, in torchrun's children too.

This runs in every program that imports torch, and must never break that import: nothing stands here that could fail,
and what is imported is imported inside. What is installed does nothing until LLaMA-Factory is imported.
"""

import sys

__all__ = ["install"]


def install() -> None:
    """Installs the finder, once. Never raises: an exception here would make `import torch` fail everywhere."""
    try:
        from ontune.frameworks.finder import Finder

        if Finder not in sys.meta_path:
            sys.meta_path.insert(0, Finder)
    except Exception:  # noqa: S110 - see above; a host without the plugin then refuses the `ontune:` key
        pass
