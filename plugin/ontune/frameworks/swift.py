"""What the plugin registers in ms-swift 4.1: datasets, evaluation, metric, reward, constraint, the tokenizer's ids.

`plugin/ontune_swift.py` calls `install` when ms-swift imports it, before datasets, template and model are resolved.
"""

import functools
import itertools
import os
import sys
from pathlib import Path
from typing import Any

from ontune.callbacks.plan import EvaluationSet, Run, check_start, plan
from ontune.callbacks.settings import Settings
from ontune.dataset_info import load_entries
from ontune.errors import HostVersionError
from ontune.frameworks.plain_errors import show_errors_plainly
from ontune.frameworks.swift_datasets import register_dataset
from ontune.frameworks.swift_export import keep_settings
from ontune.frameworks.swift_generation import constrain_inference
from ontune.frameworks.swift_links import renew_links
from ontune.frameworks.swift_scores import METRIC, register_metric, register_reward
from ontune.resources import DATASET_INFO

__all__ = ["install"]

NAME, WEIGHTS = "ontune", "ontune_weights"
VERSIONS = "4.1.3"


@functools.cache
def install() -> None:
    """Registers everything, once a process. Raises an error with one message where a recipe cannot run."""
    show_errors_plainly()
    settings = Settings.from_environment(os.environ)
    dataset_info = Path(os.environ.get("ONTUNE_DATASET_INFO", DATASET_INFO))
    check_start(settings, _model_of_argv())
    try:
        for entry in load_entries(dataset_info).values():
            register_dataset(entry)
        _take_token_ids_from_the_tokenizer()
        _attach(settings, dataset_info)
        renew_links()
        if "swift.pipelines.infer.infer" in sys.modules:  # it is what runs; training does not need it
            constrain_inference(settings, dataset_info)
        if "swift.pipelines.export.export" in sys.modules:
            keep_settings()
        register_metric(settings.task, dataset_info)
        register_reward(settings.task, dataset_info)
    except (ImportError, AttributeError) as error:
        raise HostVersionError(
            f"this ms-swift is another one: {error}; ontune works with ms-swift {VERSIONS}"
        ) from error
    _join_the_ranks_of_a_cpu()


def _model_of_argv() -> str:
    """The model as the command line has it: a missing folder would be looked for on a hub before arguments exist."""
    words = [part for word in sys.argv for part in (word.split("=", 1) if word.startswith("--model=") else [word])]
    # What follows a recipe's file on the command line comes last, and counts.
    return next((value for word, value in reversed([*itertools.pairwise(words)]) if word == "--model"), ".")


def _take_token_ids_from_the_tokenizer() -> None:
    """ms-swift hard-codes Qwen's ids of the picture and video tokens; with others it silently feeds one token each."""
    from swift.template import Template

    original = Template.init_processor

    @functools.wraps(original)
    def init_processor(self: Any, processor: Any) -> None:
        original(self, processor)
        for name, token in (("image_token_id", "<|image_pad|>"), ("video_token_id", "<|video_pad|>")):
            if processor is not None and hasattr(self, name) and token in self.tokenizer.get_vocab():
                setattr(self, name, self.tokenizer.convert_tokens_to_ids(token))

    Template.init_processor = init_processor


def _attach(settings: Settings, dataset_info: Path) -> None:
    """Checks a run before its model is loaded, and puts the callback first among those that the recipe names."""
    from swift.callbacks import callbacks_map
    from swift.pipelines.train.sft import SwiftSft

    from ontune.callbacks.restored import RestoredWeights

    original = SwiftSft._prepare_model_tokenizer

    @functools.wraps(original)
    def prepare(self: Any, **options: Any) -> None:
        # With our metric ms-swift generates by itself: twice would be too much.
        own = getattr(self.args, "eval_metric", None) == METRIC
        sets = [] if own else plan(settings, _run_of(self.args, dataset_info))
        callbacks: dict[str, Any] = callbacks_map  # ms-swift types it by its own callbacks
        callbacks[WEIGHTS] = lambda _, trainer: RestoredWeights(trainer)
        callbacks[NAME] = functools.partial(_callback, settings, sets, self.args)
        ours, training_args = [WEIGHTS, *[NAME] * bool(sets)], self.args.training_args
        training_args.callbacks = [*ours, *(name for name in training_args.callbacks if name not in ours)]
        original(self, **options)

    SwiftSft._prepare_model_tokenizer = prepare


def _run_of(args: Any, dataset_info: Path) -> Run:
    return Run(
        datasets=tuple(name.split("#")[0] for name in args.val_dataset),
        dataset_info=dataset_info,
        evaluates=str(getattr(args.eval_strategy, "value", args.eval_strategy)) != "no",
        splits_training_set=args.split_dataset_ratio > 0,
        best_metric=args.metric_for_best_model,
    )


def _callback(settings: Settings, sets: list[EvaluationSet], args: Any, training_args: Any, trainer: Any) -> Any:
    from ontune.callbacks.ontology_evaluation import OntologyEvaluation
    from ontune.inference.settings import Generation

    generation = Generation(
        batch_size=settings.batch_size,
        max_new_tokens=settings.max_new_tokens,
        max_prompt_tokens=args.max_length,
        pictures=_pictures(trainer.template.processor, args.max_pixels),
        videos=_videos(trainer.template.processor),
    )
    media_root = Path(os.environ.get("ROOT_IMAGE_DIR", "."))
    # Its own forward hooks, made for training, would take the key-value cache away.
    generating = trainer.template.generate_context
    return OntologyEvaluation(settings, sets, generation, media_root, trainer, generating=generating)


def _pictures(processor: Any, max_pixels: int | None) -> Any:
    """The limits that ms-swift has set in qwen_vl_utils, by whichever of its variables (MAX_PIXELS and others)."""
    from qwen_vl_utils import vision_process

    from ontune.inference.prompts import Pictures

    token = (2 * processor.image_processor.patch_size) ** 2  # the pixels behind one
    most, least = vision_process.IMAGE_MAX_TOKEN_NUM * token, vision_process.IMAGE_MIN_TOKEN_NUM * token
    return Pictures("qwen_vl_utils", min(most, max_pixels or most), least)


def _videos(processor: Any) -> Any:
    """The same of videos (FPS, VIDEO_MAX_PIXELS and others)."""
    from qwen_vl_utils import vision_process

    from ontune.inference.videos import Videos

    token = (2 * processor.image_processor.patch_size) ** 2
    least = vision_process.VIDEO_MIN_TOKEN_NUM * token
    most = max(vision_process.VIDEO_MAX_TOKEN_NUM * token, int(1.05 * least))  # as `fetch_video` has it
    return Videos("qwen_vl_utils", vision_process.FPS, vision_process.FPS_MAX_FRAMES, most, least)


def _join_the_ranks_of_a_cpu() -> None:
    """ZeRO-3 on processors alone: DeepSpeed splits the weights before ms-swift has introduced the ranks."""
    import torch

    started_by_deepspeed = "--deepspeed" in sys.argv and int(os.environ.get("WORLD_SIZE", "1")) > 1
    if started_by_deepspeed and not torch.cuda.is_available():
        import deepspeed

        deepspeed.init_distributed(dist_backend="gloo")
