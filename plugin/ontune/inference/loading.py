"""From folders to a model and its processor, in the precision of the run that made them."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from ontune.errors import InputError
from ontune.inference.settings import Precision

__all__ = ["base_model", "load_model", "precision_of", "with_dtype"]

Loaded = TypeVar("Loaded")
BITSANDBYTES = "bitsandbytes"


def load_model(model: Path, adapter: Path | None, precision: Precision) -> tuple[Any, Any]:
    """The model in evaluation mode, on the GPU where there is one, and its processor.

    Raises InputError naming the folder that is no model or no adapter.
    """
    InputError.check(_faults(model, adapter))
    import torch
    from transformers import AutoModelForImageTextToText, AutoProcessor, BitsAndBytesConfig

    options: dict[str, Any] = {"dtype": precision.dtype or "auto"}
    if precision.attention:
        options["attn_implementation"] = precision.attention
    if precision.quantization:
        options["quantization_config"] = BitsAndBytesConfig(**_bitsandbytes(precision.quantization))
    if torch.cuda.is_available():
        options["device_map"] = {"": 0}
    loaded = _load(model, lambda: AutoModelForImageTextToText.from_pretrained(model, **options))
    if adapter:
        from peft import PeftModel

        loaded = _load(adapter, lambda: PeftModel.from_pretrained(loaded, str(adapter)))
    return loaded.eval(), _load(model, lambda: AutoProcessor.from_pretrained(model))


def precision_of(model: Any, autocast: str | None) -> Precision:
    """How a loaded model holds its weights, for `load_model` to hold them so again."""
    quantization = getattr(model.config, "quantization_config", None)
    record = _plain(quantization if isinstance(quantization, dict) else quantization.to_dict()) if quantization else {}
    return Precision(
        dtype=next(str(item.dtype).removeprefix("torch.") for item in model.parameters() if item.is_floating_point()),
        autocast=autocast,
        attention=getattr(model.config, "_attn_implementation", None),
        # Folders that hold quantised weights say so themselves; bitsandbytes quantises while loading.
        quantization=record if record.get("quant_method") == BITSANDBYTES else None,
    )


def base_model(model: Any) -> str:
    """The folder or name that the model was loaded from, without its adapters."""
    return str(getattr(model.config, "_name_or_path", ""))


def with_dtype(precision: Precision, dtype: str | None, load_in_4bit: bool) -> Precision:
    """The precision with what a command line asks for in its place."""
    if dtype:
        precision = replace(precision, dtype=dtype, autocast=None)
    if load_in_4bit and not (precision.quantization or {}).get("load_in_4bit"):
        nf4 = {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4", "bnb_4bit_use_double_quant": True}
        precision = replace(precision, quantization=nf4 | {"bnb_4bit_compute_dtype": dtype or "bfloat16"})
    return precision


def _faults(model: Path, adapter: Path | None) -> list[str]:
    faults: list[str] = []
    if not (model / "config.json").is_file():
        hint = ": it is an adapter, give it as --adapter" if (model / "adapter_config.json").is_file() else ""
        faults.append(f"{model}: no config.json, so no model{hint}")
    elif not _has_vision(model / "config.json"):
        faults.append(f"{model}: config.json has no vision_config: expected a Qwen-VL model")
    elif not any((model / name).is_file() for name in ("tokenizer.json", "vocab.json")):  # transformers makes one up
        faults.append(f"{model}: neither tokenizer.json nor vocab.json, so no tokenizer")
    if adapter and not (adapter / "adapter_config.json").is_file():
        faults.append(f"{adapter}: no adapter_config.json, so no adapter")
    return faults


def _has_vision(config: Path) -> bool:
    try:
        record = json.loads(config.read_text(encoding="utf-8"))
    except ValueError:
        return False
    return isinstance(record, dict) and bool(record.get("vision_config"))  # pyright: ignore[reportUnknownVariableType]


def _load(folder: Path, load: Callable[[], Loaded]) -> Loaded:
    """What the folder holds; a missing or damaged file of it is the user's to mend."""
    try:
        return load()
    except Exception as error:  # five libraries take part, each with errors of its own
        raise InputError(f"{folder}: cannot be loaded: {type(error).__name__}: {error}") from error


def _plain(record: dict[str, Any]) -> dict[str, Any]:
    """The quantisation's settings as JSON can hold them."""
    return {
        key: value if isinstance(value, str | int | float | bool | list | None) else str(value).removeprefix("torch.")
        for key, value in record.items()
    }


def _bitsandbytes(quantization: dict[str, Any]) -> dict[str, Any]:
    """What BitsAndBytesConfig takes; private and derived entries of its own record are no arguments."""
    return {key: value for key, value in quantization.items() if not key.startswith("_") and key != "quant_method"}
