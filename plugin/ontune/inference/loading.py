"""From folders to a model and its processor, in the precision of the run that made them."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from ontune.errors import InputError
from ontune.inference.settings import Precision

__all__ = ["load_model"]


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
    loaded = AutoModelForImageTextToText.from_pretrained(model, **options)
    if adapter:
        from peft import PeftModel

        loaded = PeftModel.from_pretrained(loaded, str(adapter))
    return loaded.eval(), AutoProcessor.from_pretrained(model)


def with_dtype(precision: Precision, dtype: str | None, load_in_4bit: bool) -> Precision:
    """The precision with what a command line asks for in its place."""
    if dtype:
        precision = replace(precision, dtype=dtype, autocast=None)
    if load_in_4bit and not precision.quantization:
        nf4 = {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4", "bnb_4bit_use_double_quant": True}
        precision = replace(precision, quantization=nf4 | {"bnb_4bit_compute_dtype": dtype or "bfloat16"})
    return precision


def _faults(model: Path, adapter: Path | None) -> list[str]:
    faults: list[str] = []
    if not (model / "config.json").is_file():
        hint = ": it is an adapter, give it as --adapter" if (model / "adapter_config.json").is_file() else ""
        faults.append(f"{model}: no config.json, so no model{hint}")
    elif not json.loads((model / "config.json").read_text()).get("vision_config"):
        faults.append(f"{model}: config.json has no vision_config: expected a Qwen-VL model")
    if adapter and not (adapter / "adapter_config.json").is_file():
        faults.append(f"{adapter}: no adapter_config.json, so no adapter")
    return faults


def _bitsandbytes(quantization: dict[str, Any]) -> dict[str, Any]:
    """What BitsAndBytesConfig takes; private and derived entries of its own record are no arguments."""
    return {key: value for key, value in quantization.items() if not key.startswith("_") and key != "quant_method"}
