"""Every error that ontune raises on purpose.

OntuneError
├── InputError          wrong use or bad input: exit status 2
│   ├── OntologyError   an ontology source or snapshot
│   ├── TaskError       a task file
│   ├── SourceError     a converter's source
│   ├── DatasetError    a dataset or its entry in dataset_info.json
│   ├── RecipeError     a recipe or its `ontune:` block
│   └── MissingExtra    an optional package is not installed
├── HostVersionError    a host whose hooked functions have other signatures
└── CheckFailed         the check that was asked for did not pass: exit status 1
"""

from collections.abc import Sequence

__all__ = [
    "CheckFailed",
    "DatasetError",
    "HostVersionError",
    "InputError",
    "MissingExtra",
    "OntologyError",
    "OntuneError",
    "RecipeError",
    "SourceError",
    "TaskError",
]


class OntuneError(Exception):
    """One message that names the place, the value and what was expected; several faults are shown a line each."""

    def __init__(self, faults: str | Sequence[str]) -> None:
        self.faults = (faults,) if isinstance(faults, str) else tuple(faults)
        super().__init__("\n".join(self.faults))


class InputError(OntuneError):
    """Wrong use or bad input."""

    @classmethod
    def check(cls, faults: Sequence[str]) -> None:
        """Raises all faults at once, if there are any."""
        if faults:
            raise cls(faults)


class OntologyError(InputError):
    """An ontology source or snapshot that cannot be used."""


class TaskError(InputError):
    """A task file that cannot be used."""


class SourceError(InputError):
    """A converter's source that cannot be read."""


class DatasetError(InputError):
    """A dataset, or its entry in dataset_info.json, that cannot be used."""


class RecipeError(InputError):
    """A recipe, or its `ontune:` block, that cannot be run."""


class MissingExtra(InputError):
    """An optional package that is not installed."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"{package} is not installed: pip install 'ontune[{extra}]'")


class HostVersionError(OntuneError):
    """A version of a host that the plugin does not know how to enter."""


class CheckFailed(OntuneError):
    """The check that was asked for did not pass."""
