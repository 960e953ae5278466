"""The `ontune:` block of a recipe, or ONTUNE_* in ms-swift's `ENV:`, read with all faults named at once."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, TypeAlias

import yaml

from ontune.errors import RecipeError

__all__ = ["Evaluate", "Settings"]

Evaluate: TypeAlias = Literal["constrained", "free", "both", False]
PREFIX = "ONTUNE_"


@dataclass(frozen=True)
class Settings:
    """What the plugin does in a run.

    `run_first` and `instead` are commands: what makes the model folder that the recipe starts from, and what to run
    without it; they are shown when that folder is not there.
    """

    task: str | None = None
    evaluate: Evaluate = "both"
    max_samples: int | None = None
    batch_size: int = 8
    max_new_tokens: int = 256
    run_first: tuple[str, ...] = ()
    instead: str | None = None
    given: frozenset[str] = field(default=frozenset(), compare=False)

    @property
    def decodings(self) -> tuple[Literal["constrained", "free"], ...]:
        """The decodings to evaluate with; constrained first."""
        if self.evaluate == "both":
            return ("constrained", "free")
        return (self.evaluate,) if self.evaluate else ()

    @classmethod
    def from_block(cls, block: Any, where: str = "ontune:") -> "Settings":
        """The settings of a recipe's block. Raises RecipeError with all faults at once."""
        allowed = {item.name for item in fields(cls)} - {"given"}
        if not isinstance(block, Mapping):
            raise RecipeError(f"{where} is {block!r}: expected a mapping with the keys {sorted(allowed)}")
        record: dict[str, Any] = {str(key): value for key, value in block.items()}
        faults = [f"key {key!r}: expected one of {sorted(allowed)}" for key in sorted(record.keys() - allowed)]
        faults += _faults(record)
        RecipeError.check([f"{where} {fault}" for fault in faults])
        if isinstance(record.get("run_first"), list):
            record["run_first"] = tuple(record["run_first"])
        return cls(**record, given=frozenset(record))

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """The settings of ONTUNE_* variables; a list is written as in YAML."""
        names = {item.name for item in fields(cls)} - {"given"}
        block = {
            key.removeprefix(PREFIX).lower(): yaml.safe_load(value)
            for key, value in environment.items()
            if key.startswith(PREFIX) and key.removeprefix(PREFIX).lower() in names
        }
        return cls.from_block(block, "ONTUNE_*:")


def _faults(record: Mapping[str, Any]) -> list[str]:
    faults: list[str] = []
    evaluate = record.get("evaluate", "both")
    if evaluate is not False and evaluate not in {"constrained", "free", "both"}:  # an unquoted `off` is False in YAML
        faults.append(f"evaluate is {evaluate!r}: expected constrained, free, both or false")
    for key in ("max_samples", "batch_size", "max_new_tokens"):
        value = record.get(key, 1)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            faults.append(f"{key} is {value!r}: expected a whole number above 0")
    if not isinstance(record.get("task"), str | None):
        faults.append(f"task is {record['task']!r}: expected a task's name")
    return faults
