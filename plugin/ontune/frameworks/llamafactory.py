"""The two places where the plugin enters LLaMA-Factory 0.9.5: its argument parser and its SFT workflow."""

import functools
import inspect
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

from ontune.callbacks.plan import Run, check_start, plan
from ontune.callbacks.settings import Settings
from ontune.errors import HostVersionError, OntuneError
from ontune.frameworks.autoload import install

__all__ = ["hook_parser", "hook_workflow", "run_cli"]

KEY = "ontune"
VERSIONS = "0.9.5"
_settings = Settings()  # of the recipe that was parsed last; run_sft follows in the same process


def run_cli(arguments: Sequence[str]) -> None:
    """`llamafactory-cli ARGUMENTS…` in this process, with the plugin installed explicitly."""
    os.environ.pop("TORCH_DEVICE_BACKEND_AUTOLOAD", None)  # the children of torchrun load it by themselves
    install()
    sys.argv = ["llamafactory-cli", *arguments]
    from llamafactory.cli import main  # noqa: PLC0415 - after the hook

    main()


def hook_parser(module: ModuleType) -> None:
    """Lets `_parse_args`, through which train, export, api and chat all pass, hand our `ontune:` block to us."""
    original = module._parse_args
    _expect(original, ["parser", "args", "allow_extra_keys"])

    @functools.wraps(original)
    def parse_args(parser: Any, args: Any = None, *rest: Any, **options: Any) -> Any:
        args = module.read_args(args)
        with_block = isinstance(args, dict) and KEY in args
        settings = Settings()
        if with_block:
            settings = _refuse_plainly(lambda: Settings.from_block(args[KEY]))
            args = {key: value for key, value in args.items() if key != KEY}
        if isinstance(args, dict) and _is_training(parser):
            _remember(settings)
            _refuse_plainly(lambda: _check(settings, args))
        elif with_block and args.get("adapter_name_or_path"):
            _refuse_plainly(lambda: check_start(settings, str(args["adapter_name_or_path"]), "adapter"))
        return original(parser, args, *rest, **options)

    setattr(module, "_parse_args", parse_args)  # noqa: B010 - a module has no such attribute for a type checker


def hook_workflow(module: ModuleType) -> None:
    """Puts our callback first among those of `run_sft`, before early stopping, and tells it its trainer."""
    original, trainer_class = module.run_sft, module.CustomSeq2SeqTrainer
    names = ["model_args", "data_args", "training_args", "finetuning_args", "generating_args", "callbacks"]
    _expect(original, names)

    @functools.wraps(original)
    def run_sft(
        model_args: Any,
        data_args: Any,
        training_args: Any,
        finetuning_args: Any,
        generating_args: Any,
        callbacks: list[Any] | None = None,
    ) -> Any:
        ours = _callbacks(model_args, data_args, training_args)
        arguments = (model_args, data_args, training_args, finetuning_args, generating_args)
        return original(*arguments, [*ours, *(callbacks or [])])

    @functools.wraps(trainer_class, updated=())
    def trainer(*args: Any, callbacks: list[Any] | None = None, **options: Any) -> Any:
        from ontune.callbacks.ontology_evaluation import OntologyEvaluation

        made = trainer_class(*args, callbacks=callbacks, **options)
        for callback in callbacks or []:
            if isinstance(callback, OntologyEvaluation):
                callback.trainer = made
        return made

    setattr(module, "run_sft", run_sft)  # noqa: B010
    setattr(module, "CustomSeq2SeqTrainer", trainer)  # noqa: B010


def _expect(function: Callable[..., Any], names: Sequence[str]) -> None:
    found = list(inspect.signature(function).parameters)
    if found != list(names):
        raise HostVersionError(
            f"this LLaMA-Factory's {function.__module__}.{function.__qualname__} takes {found}, not {list(names)}: "
            f"ontune works with llamafactory {VERSIONS}; TORCH_DEVICE_BACKEND_AUTOLOAD=0 runs it without the plugin"
        )


def _remember(settings: Settings) -> None:
    global _settings
    _settings = settings


def _is_training(parser: Any) -> bool:
    return any(item.__name__ == "TrainingArguments" for item in parser.dataclass_types)


def _check(settings: Settings, args: dict[str, Any]) -> None:
    """Refuses, before a model is loaded, what could only fail hours later."""
    if args.get("stage", "sft") == "sft":
        plan(settings, _run_of(args))


def _run_of(args: dict[str, Any]) -> Run:
    names = args.get("eval_dataset") or []
    names = names.split(",") if isinstance(names, str) else names
    strategy = args.get("eval_strategy", "no")
    return Run(
        model=str(args.get("model_name_or_path")),
        datasets=tuple(name.strip() for name in names),
        dataset_info=Path(str(args.get("dataset_dir", "data"))),
        evaluates=bool(args.get("do_eval")) or str(strategy) not in {"no", "False"} or bool(args.get("eval_steps")),
        splits_training_set=float(args.get("val_size") or 0) > 0,
        best_metric=args.get("metric_for_best_model"),
    )


def _callbacks(model_args: Any, data_args: Any, training_args: Any) -> list[Any]:
    from ontune.callbacks.ontology_evaluation import OntologyEvaluation
    from ontune.inference.prompts import Pictures
    from ontune.inference.settings import Generation

    run = Run(
        model=model_args.model_name_or_path,
        datasets=tuple(data_args.eval_dataset or ()),
        dataset_info=Path(str(data_args.dataset_dir)),
        evaluates=training_args.do_eval or str(training_args.eval_strategy.value) != "no",
        splits_training_set=data_args.val_size > 0,
        best_metric=training_args.metric_for_best_model,
    )
    sets = _refuse_plainly(lambda: plan(_settings, run))
    if not sets:
        return []
    generation = Generation(
        batch_size=_settings.batch_size,
        max_new_tokens=_settings.max_new_tokens,
        max_prompt_tokens=data_args.cutoff_len,
        pictures=Pictures("llamafactory", model_args.image_max_pixels, model_args.image_min_pixels),
    )
    return [OntologyEvaluation(_settings, sets, generation, Path(data_args.media_dir), progress_log=True)]


def _refuse_plainly(action: Callable[[], Any]) -> Any:
    """The action's result; an error of ours is shown as one message instead of a traceback."""
    try:
        return action()
    except OntuneError:
        sys.excepthook = _show
        raise


def _show(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if isinstance(error, OntuneError):
        sys.stderr.write("".join(f"ontune: {fault}\n" for fault in error.faults))
    else:
        sys.__excepthook__(kind, error, trace)
