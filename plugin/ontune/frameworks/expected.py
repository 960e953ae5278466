"""What the plugin replaces in LLaMA-Factory must be what it knows: another version is named, not guessed at."""

import inspect
from collections.abc import Sequence
from typing import Any

from ontune.errors import HostVersionError

__all__ = ["expect"]

VERSIONS = "0.9.5"


def expect(place: Any, name: str, parameters: Sequence[str] | None = None) -> Any:
    """The function or class of that name in a module or class, if it takes these parameters."""
    function = getattr(place, name, None)
    found = list(inspect.signature(function).parameters) if function and parameters else None
    if function is None or found != parameters:
        takes = f"takes {found}, not {parameters}" if function else "is not there"
        raise HostVersionError(
            f"this LLaMA-Factory's {place.__name__}.{name} {takes}: ontune works with llamafactory {VERSIONS}; "
            "TORCH_DEVICE_BACKEND_AUTOLOAD=0 runs it without the plugin"
        )
    return function
