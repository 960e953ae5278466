"""What the hosts themselves make of a recipe. Everything here runs in a fork that has imported both."""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

__all__ = ["Request", "adapted_modules", "exports", "host_of", "rates", "trainable", "trains", "values_of"]

# What torchrun sets: DeepSpeed does not start without.
LAUNCHER = {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "1", "LOCAL_WORLD_SIZE": "1", "MASTER_ADDR": "127.0.0.1"}


@dataclass(frozen=True)
class Request:
    """A recipe, and what a computer without GPU and without downloads needs beside it: a model, an adapter."""

    path: Path
    recipe: dict[str, Any]
    model: Path
    adapter: Path

    def answer_in(self, folder: Path, question: Callable[["Request"], dict[str, Any]]) -> dict[str, Any]:
        os.chdir(folder)
        if "deepspeed" in self.recipe:
            os.environ |= LAUNCHER | {"MASTER_PORT": "0", "DS_ACCELERATOR": "cpu"}
        return question(self)


def host_of(recipe: dict[str, Any]) -> str:
    """The host that claims the recipe; what none or both claim is no recipe."""
    claims = {"llamafactory": "model_name_or_path" in recipe, "swift": "model" in recipe}
    claimed = [host for host, claim in claims.items() if claim]
    assert len(claimed) == 1, f"claimed by {claimed or 'no host'}: expected model_name_or_path or model"
    return claimed[0]


def trains(recipe: dict[str, Any]) -> bool:
    """Whether it is a training run; neither an export nor a server has a dataset."""
    return "dataset" in recipe


def exports(recipe: dict[str, Any]) -> bool:
    """Whether it merges; what neither trains nor merges serves."""
    return "export_dir" in recipe or "merge_lora" in recipe


def values_of(request: Request) -> dict[str, Any]:
    """The values that matter, as the host has parsed them."""
    return _of_llamafactory(request) if host_of(request.recipe) == "llamafactory" else _of_swift(request)


def adapted_modules(request: Request) -> dict[str, Any]:
    """The modules that get a LoRA, and the classes of the layers under it, once the host has set its model up."""
    load = _load_llamafactory if host_of(request.recipe) == "llamafactory" else _load_swift
    found = {name: module for name, module in load(request).named_modules() if hasattr(module, "lora_A")}
    bases = [module.base_layer for module in found.values()]
    states = [base.weight.quant_state for base in bases if type(base).__name__ == "Linear4bit"]
    return {
        "modules": sorted(found),
        "bases": sorted({type(base).__name__ for base in bases}),
        "quantised": sorted({(state.quant_type, state.nested) for state in states}),
        "compute": sorted({str(base.compute_dtype) for base in bases if hasattr(base, "compute_dtype")}),
    }


def trainable(request: Request) -> dict[str, Any]:
    """The weights that are trained, by name, and their types, once the host has set its model up."""
    load = _load_llamafactory if host_of(request.recipe) == "llamafactory" else _load_swift
    found = {name: weight for name, weight in load(request).named_parameters() if weight.requires_grad}
    return {"names": sorted(found), "types": sorted({str(weight.dtype) for weight in found.values()})}


def rates(request: Request) -> dict[str, Any]:
    """The learning rates of the projector's weights and of all others, as ms-swift's own optimizer has them."""
    from swift.optimizers.mapping import optimizers_map

    run = _prepared_swift(request)
    arguments = run.args.training_args
    trainer = SimpleNamespace(model=run.model, args=arguments)  # all that the optimizer asks of its trainer
    optimizer = optimizers_map[arguments.optimizer](arguments, trainer).create_optimizer()
    names = {id(weight): name for name, weight in run.model.named_parameters()}
    found: dict[str, set[float]] = {"projector": set(), "rest": set()}
    for group in optimizer.param_groups:
        for weight in group["params"]:
            found["projector" if ".visual.merger." in names[id(weight)] else "rest"].add(group["lr"])
    return {part: sorted(values) for part, values in found.items()}


def _parse_llamafactory(request: Request) -> tuple[Any, ...]:
    """Model, data, training (None in an export and a server), tuning and generating arguments."""
    from llamafactory.hparams import get_infer_args, get_train_args

    training = trains(request.recipe)
    added = ["use_cpu=true"] * training + [f"adapter_name_or_path={request.adapter}"] * exports(request.recipe)
    sys.argv = ["llamafactory-cli", str(request.path), f"model_name_or_path={request.model}", *added]
    if training:
        return get_train_args()
    model, data, tuning, generating = get_infer_args()
    return model, data, None, tuning, generating


def _parse_swift(request: Request) -> Any:
    from swift.arguments import DeployArguments, ExportArguments, SftArguments
    from swift.utils import parse_args

    training, merging = trains(request.recipe), exports(request.recipe)
    added = ["--use_cpu", "true"] * training + ["--adapters", str(request.adapter)] * merging
    _read_swift(request, ["--model", str(request.model), *added])
    parsed, unknown = parse_args(SftArguments if training else ExportArguments if merging else DeployArguments)
    assert not unknown, f"keys that ms-swift does not know: {unknown}"
    return parsed


def _read_swift(request: Request, added: list[str]) -> None:
    """The command line, with the recipe read by ms-swift itself."""
    from swift.cli.main import parse_yaml_args

    words = [str(request.path)]
    parse_yaml_args(words)
    sys.argv = ["swift", *words, *added]


def _of_llamafactory(request: Request) -> dict[str, Any]:
    model, data, training, tuning, generating = _parse_llamafactory(request)
    values = {"greedy": not generating.do_sample, "template": data.template, "quantised": model.quantization_bit}
    if training is None:
        merged = {"out": model.export_dir, "merges": True} if exports(request.recipe) else {}
        served = {"tokens": generating.max_new_tokens, "type": str(model.infer_dtype), "backend": model.infer_backend}
        return values | merged | served | {"pixels": model.image_max_pixels}
    quantised = [model.quantization_method, model.quantization_bit, model.quantization_type]
    return values | {
        "quantised": quantised if model.quantization_bit else None,
        "double": bool(model.quantization_bit and model.double_quantization),
        "tuner": tuning.finetuning_type,
        "tuning": _lora(tuning, tuning.finetuning_type),
        "targets": tuning.lora_target,
        "frozen": [tuning.freeze_vision_tower, tuning.freeze_multi_modal_projector],
        "length": data.cutoff_len,
        "pixels": model.image_max_pixels,
        "video": [model.video_fps, model.video_maxlen, model.video_max_pixels],
        "checkpointing": not model.disable_gradient_checkpointing,
        "media": data.media_dir,
        "data": [data.dataset, data.eval_dataset],
        "taken": data.max_samples,
        **_of_trainer(training),
    }


def _of_swift(request: Request) -> dict[str, Any]:
    args = _parse_swift(request)
    values = {"greedy": args.temperature == 0, "template": args.template, "quantised": args.quant_method}
    if exports(request.recipe):
        return values | {"out": args.output_dir, "merges": args.merge_lora}
    if not trains(request.recipe):
        served = {"tokens": args.max_new_tokens, "type": str(args.torch_dtype).removeprefix("torch.")}
        return values | served | {"backend": args.infer_backend, "pixels": int(os.environ["MAX_PIXELS"])}
    return values | {
        "quantised": [args.quant_method, args.quant_bits, args.bnb_4bit_quant_type] if args.quant_method else None,
        "double": bool(args.quant_method and args.bnb_4bit_use_double_quant),
        "tuner": args.tuner_type,
        "tuning": _lora(args, args.tuner_type),
        "targets": args.target_modules,
        "frozen": [args.freeze_vit, args.freeze_aligner],
        "length": args.max_length,
        "pixels": int(os.environ.get("MAX_PIXELS", 0)),
        "video": [int(os.environ.get(name, 0)) for name in ("FPS", "FPS_MAX_FRAMES", "VIDEO_MAX_PIXELS")],
        "checkpointing": args.gradient_checkpointing,
        "media": os.environ["ROOT_IMAGE_DIR"],
        "data": [[name.partition("#")[0] for name in names] for names in (args.dataset, args.val_dataset)],
        "taken": next((int(name.partition("#")[2]) for name in args.dataset if "#" in name), None),
        **_of_trainer(args.training_args),
    }


def _lora(args: Any, tuner: str) -> list[float] | None:
    return [args.lora_rank, args.lora_alpha, args.lora_dropout] if tuner == "lora" else None


def _of_trainer(args: Any) -> dict[str, Any]:
    """What both hosts hand on to the same trainer."""
    return {
        "rate": args.learning_rate,
        "epochs": args.num_train_epochs,
        "samples": args.per_device_train_batch_size * args.gradient_accumulation_steps,
        "optimizer": [args.weight_decay, args.adam_beta1, args.adam_beta2, args.max_grad_norm],
        "schedule": [args.lr_scheduler_type.value, args.warmup_steps],
        "bf16": args.bf16,
        "fp16": args.fp16,
        "seed": args.seed,
        "zero": args.hf_deepspeed_config.config["zero_optimization"]["stage"] if args.deepspeed else None,
        "strategies": [args.eval_strategy.value, args.save_strategy.value],
        "every": [args.eval_steps, args.save_steps],
        "metric": args.metric_for_best_model,
        "greater": args.greater_is_better,
    }


def _load_llamafactory(request: Request) -> Any:
    from llamafactory.model import load_model, load_tokenizer

    model, _, _, tuning, _ = _parse_llamafactory(request)
    return load_model(load_tokenizer(model)["tokenizer"], model, tuning, is_trainable=True)


def _load_swift(request: Request) -> Any:
    return _prepared_swift(request).model


def _prepared_swift(request: Request) -> Any:
    from swift.pipelines.train.sft import SwiftSft

    _read_swift(request, ["--model", str(request.model), "--use_cpu", "true"])
    run = SwiftSft()
    run.model = run.prepare_model(run.args, run.model, template=run.template)
    return run
