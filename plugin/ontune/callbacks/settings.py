"""The `ontune:` block of a recipe, or ONTUNE_* in ms-swift's `ENV:`, read with all faults named at once."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, TypeAlias, cast

import yaml

from ontune.errors import RecipeError

__all__ = ["Evaluate", "Settings"]

Evaluate: TypeAlias = Literal["constrained", "free", "both", False]
PREFIX = "ONTUNE_"
COUNTS = ("max_samples", "batch_size", "max_new_tokens")
TEXTS = ("task", "instead")


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

    @property
    def asks(self) -> bool:
        """Whether anything about an evaluation was said: one that cannot be made is then a fault."""
        return bool(self.evaluate and self.given & {"task", "evaluate", *COUNTS})

    @classmethod
    def from_block(cls, block: Any, where: str = "ontune:") -> "Settings":
        """The settings of a recipe's block; null is a key's default. Raises RecipeError with all faults at once."""
        if not isinstance(block, Mapping):
            raise RecipeError(f"{where} is {block!r}: expected a mapping with the keys {KEYS}")
        items = cast("Mapping[object, Any]", block).items()
        record = {str(key): value for key, value in items if value is not None}
        faults = [f"key {key!r}: expected one of {KEYS}" for key in sorted({str(key) for key, _ in items} - {*KEYS})]
        RecipeError.check([f"{where} {fault}" for fault in [*faults, *_faults(record)]])
        if "run_first" in record:
            record["run_first"] = _commands(record["run_first"])
        return cls(**record, given=frozenset(record))

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """The settings of ONTUNE_* variables, values as in YAML. Other programs' variables are left alone."""
        names = {f"{PREFIX}{key.upper()}": key for key in KEYS}
        block: dict[str, Any] = {}
        faults: list[str] = []
        for name in sorted(name for name in environment if name.startswith(PREFIX)):
            value = environment[name]
            if key := names.get(name):
                block[key] = value if key in TEXTS else _from_yaml(value)
            elif near := difflib.get_close_matches(name, names, 1, cutoff=0.85):
                faults.append(f"{name} is no setting: did you mean {near[0]}?")
        RecipeError.check(faults)
        return cls.from_block(block, f"{PREFIX}*:")


KEYS = sorted(item.name for item in fields(Settings) if item.name != "given")


def _from_yaml(value: str) -> Any:
    """The value as YAML has it, or the text itself: a command may hold what YAML would stumble over."""
    try:
        return yaml.safe_load(value)
    except yaml.YAMLError:
        return value


def _faults(record: Mapping[str, Any]) -> list[str]:
    faults: list[str] = []
    evaluate = record.get("evaluate", "both")
    # An unquoted `off` is False in YAML. 0 equals False, and is none of them.
    if evaluate is not False and evaluate not in ("constrained", "free", "both"):
        faults.append(f"evaluate is {evaluate!r}: expected constrained, free, both or false")
    for key in COUNTS:
        value = record.get(key, 1)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            faults.append(f"{key} is {value!r}: expected a whole number above 0")
    for key in TEXTS:
        if not isinstance(value := record.get(key, ""), str):
            faults.append(f"{key} is {value!r}: expected a text")
    if not all(isinstance(command, str) for command in _commands(record.get("run_first", ()))):
        faults.append(f"run_first is {record['run_first']!r}: expected a list of commands")
    return faults


def _commands(value: Any) -> tuple[Any, ...]:
    """A list of commands, or a single one."""
    return tuple(cast("list[Any]", value)) if isinstance(value, list | tuple) else (value,)
