"""How answers are generated, and the file beside a checkpoint that says how its own were."""

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from ontune.errors import InputError
from ontune.files import write_atomic
from ontune.inference.prompts import Pictures
from ontune.inference.videos import Videos

__all__ = ["FILE", "Generation", "Precision", "hand_on_settings", "read_settings", "write_settings"]

FILE = "ontune.json"


@dataclass(frozen=True)
class Generation:
    """Greedy generation: what decides an answer beside the model. Lengths are in tokens."""

    batch_size: int = 8
    max_new_tokens: int = 256
    max_prompt_tokens: int | None = None
    pictures: Pictures = field(default_factory=Pictures)
    videos: Videos = field(default_factory=Videos)


@dataclass(frozen=True)
class Precision:
    """How weights are held and computed with; the same precision gives the same answers."""

    dtype: str | None = None  # of the weights: "bfloat16", "float32"; None: as saved
    autocast: str | None = None  # of the computation, where the run used mixed precision
    attention: str | None = None  # "sdpa", "flash_attention_2", "eager"; None: the library's choice
    quantization: dict[str, Any] | None = None  # bitsandbytes' configuration


def write_settings(directory: Path, generation: Generation, precision: Precision, base_model: str, step: int) -> None:
    """Writes `ontune.json` beside predictions, for `ontune predict` to answer as the run did at that step."""
    record = {"base_model": base_model, "generation": asdict(generation), "precision": asdict(precision), "step": step}
    write_atomic(directory / FILE, json.dumps(record, indent=2, sort_keys=True))


def hand_on_settings(merged: Path, *runs: Path) -> None:
    """Gives a merged model the settings of the first of these folders that holds any: it is asked as its run asked.

    Its weights are as they were saved, whatever the run held its base in.
    """
    path = next((folder / FILE for folder in runs if (folder / FILE).is_file()), None)
    if path:
        _parse(path)  # raises InputError for what is none
        record = json.loads(path.read_text(encoding="utf-8")) | {"precision": asdict(Precision())}
        write_atomic(merged / FILE, json.dumps(record, indent=2, sort_keys=True))


def read_settings(*directories: Path | None) -> tuple[Generation, Precision]:
    """The settings of the first folder that holds any, else the defaults."""
    for directory in directories:
        if directory and (path := directory / FILE).is_file():
            return _parse(path)
    return Generation(), Precision()


def _parse(path: Path) -> tuple[Generation, Precision]:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        generation = dict(record["generation"])
        pictures, videos = Pictures(**generation.pop("pictures")), Videos(**generation.pop("videos", {}))
        return replace(Generation(**generation), pictures=pictures, videos=videos), Precision(**record["precision"])
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: not the settings of a run: {error!r}") from None
