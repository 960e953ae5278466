"""Where the plugin enters LLaMA-Factory 0.9.5's training: its argument parser and its SFT workflow."""

import functools
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from ontune.callbacks.plan import EvaluationSet, Run, check_start, plan
from ontune.callbacks.settings import Settings
from ontune.errors import RecipeError
from ontune.frameworks.autoload import install
from ontune.frameworks.expected import expect
from ontune.frameworks.llamafactory_export import remember
from ontune.frameworks.llamafactory_generation import generate_within
from ontune.frameworks.llamafactory_serving import serve
from ontune.frameworks.plain_errors import show_errors_plainly

__all__ = ["hook_parser", "hook_workflow", "run_cli"]

KEY = "ontune"
PARSE_ARGS = ["parser", "args", "allow_extra_keys"]
RUN_SFT = ["model_args", "data_args", "training_args", "finetuning_args", "generating_args", "callbacks"]


@dataclass(frozen=True)
class Recipe:
    """What of a recipe is ours: its block, and what is to be evaluated."""

    settings: Settings
    sets: tuple[EvaluationSet, ...]
    ours: bool  # it has our block or a task; every other recipe is left to itself


_recipe = Recipe(Settings(), (), ours=False)  # that was parsed last: run_sft follows in the same process


def run_cli(arguments: Sequence[str]) -> None:
    """`llamafactory-cli ARGUMENTS…` in this process, with the plugin installed explicitly."""
    os.environ.pop("TORCH_DEVICE_BACKEND_AUTOLOAD", None)  # the children of torchrun load it by themselves
    install()
    sys.argv = ["llamafactory-cli", *arguments]
    from llamafactory.cli import main

    main()


def hook_parser(module: ModuleType) -> None:
    """Lets `_parse_args`, through which train, export, api and chat all pass, hand our `ontune:` block to us."""
    show_errors_plainly()
    original = expect(module, "_parse_args", PARSE_ARGS)
    read_args = expect(module, "read_args", ["args"])

    @functools.wraps(original)
    def parse_args(parser: Any, args: Any = None, *rest: Any, **options: Any) -> Any:
        args = read_args(args)
        settings = None
        if isinstance(args, dict) and KEY in args:
            settings = Settings.from_block(args[KEY])
            _check_start(settings, args)
            args = {key: value for key, value in args.items() if key != KEY}
        parsed = original(parser, args, *rest, **options)
        kinds = [type(item).__name__ for item in parsed]
        if {"DataArguments", "TrainingArguments"} <= {*kinds}:
            _plan(settings, *parsed[1:4])
        elif {"DataArguments", "ModelArguments"} <= {*kinds}:
            model_args, data_args = (parsed[kinds.index(f"{name}Arguments")] for name in ("Model", "Data"))
            remember(model_args)
            if settings:
                serve(settings, str(data_args.dataset_dir), getattr(model_args, "infer_backend", None))
        return parsed

    setattr(module, "_parse_args", parse_args)  # noqa: B010 - a module has no such attribute for a type checker


def hook_workflow(module: ModuleType) -> None:
    """Puts our callback first among those of `run_sft`, before early stopping, and tells it its trainer."""
    original, trainer_class = expect(module, "run_sft", RUN_SFT), expect(module, "CustomSeq2SeqTrainer")

    @functools.wraps(original)
    def run_sft(
        model_args: Any,
        data_args: Any,
        training_args: Any,
        finetuning_args: Any,
        generating_args: Any,
        callbacks: list[Any] | None = None,
    ) -> Any:
        ours = _callbacks(model_args, data_args)
        arguments = (model_args, data_args, training_args, finetuning_args, generating_args)
        return original(*arguments, [*ours, *(callbacks or [])])

    @functools.wraps(trainer_class, updated=())
    def trainer(*args: Any, callbacks: list[Any] | None = None, **options: Any) -> Any:
        from ontune.callbacks.ontology_evaluation import OntologyEvaluation
        from ontune.callbacks.restored import RestoredWeights

        made = trainer_class(*args, callbacks=callbacks, **options)
        for callback in callbacks or []:
            if isinstance(callback, OntologyEvaluation | RestoredWeights):
                callback.trainer = made
        if made.args.predict_with_generate:
            generate_within(made, _recipe.sets, _recipe.settings)
        return made

    setattr(module, "run_sft", run_sft)  # noqa: B010
    setattr(module, "CustomSeq2SeqTrainer", trainer)  # noqa: B010


def _check_start(settings: Settings, args: dict[str, Any]) -> None:
    """Before the host looks at anything: on a computer without a GPU it would end with another error."""
    start = "adapter" if args.get("adapter_name_or_path") else "model"  # what an export starts from
    check_start(settings, str(args.get(f"{start}_name_or_path")), start)


def _plan(block: Settings | None, data_args: Any, training_args: Any, finetuning_args: Any) -> None:
    """Refuses, before a model is loaded, what could only fail hours later."""
    global _recipe
    settings = block or Settings()
    run = Run(
        datasets=tuple(data_args.eval_dataset or ()),
        dataset_info=Path(str(data_args.dataset_dir)),
        evaluates=training_args.do_eval
        or str(training_args.eval_strategy.value) != "no"
        or (training_args.do_predict and training_args.predict_with_generate),
        splits_training_set=data_args.val_size > 0,
        best_metric=training_args.metric_for_best_model,
        separately=data_args.eval_on_each_dataset,
    )
    if _enters(finetuning_args):
        sets = tuple(plan(settings, run))
        _recipe = Recipe(settings, sets, ours=bool(block or sets))
        return
    plan(replace(settings, evaluate=False), run)
    if settings.asks:
        raise RecipeError(
            f"{KEY}: evaluates in LLaMA-Factory's own stage sft alone, and stage is {finetuning_args.stage}: "
            "set evaluate: false"
        )


def _enters(finetuning_args: Any) -> bool:
    """Whether the run goes through `llamafactory.train.sft.workflow`."""
    elsewhere = ("use_hyper_parallel", "use_mca")
    return finetuning_args.stage == "sft" and not any(getattr(finetuning_args, name, False) for name in elsewhere)


def _callbacks(model_args: Any, data_args: Any) -> list[Any]:
    if not _recipe.ours:
        return []
    from ontune.callbacks.ontology_evaluation import OntologyEvaluation
    from ontune.callbacks.restored import RestoredWeights
    from ontune.inference.prompts import Pictures
    from ontune.inference.settings import Generation
    from ontune.inference.videos import Videos

    frames = (model_args.video_fps, model_args.video_maxlen, model_args.video_max_pixels, model_args.video_min_pixels)
    generation = Generation(
        batch_size=_recipe.settings.batch_size,
        max_new_tokens=_recipe.settings.max_new_tokens,
        max_prompt_tokens=data_args.cutoff_len,
        pictures=Pictures("llamafactory", model_args.image_max_pixels, model_args.image_min_pixels),
        videos=Videos("llamafactory", *frames),
    )
    media_root = Path(data_args.media_dir)
    evaluation = OntologyEvaluation(_recipe.settings, _recipe.sets, generation, media_root, progress_log=True)
    return [RestoredWeights(), *[evaluation] * bool(_recipe.sets)]
