"""What the plugin registers in ms-swift 4.1: the datasets of dataset_info.json, the evaluation, token ids, a reward.

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
from ontune.dataset_info import Entry, load_entries
from ontune.errors import HostVersionError, OntuneError
from ontune.resources import DATASET_INFO

__all__ = ["install"]

NAME = "ontune"
VERSIONS = "4.1.3"


@functools.cache
def install() -> None:
    """Registers everything, once a process. Ends the process with one message where a recipe cannot run."""
    settings, dataset_info = _environment()
    _end_plainly(lambda: check_start(settings, _model_of_argv()))
    for entry in load_entries(dataset_info).values():
        _register_dataset(entry)
    _take_token_ids_from_the_tokenizer()
    _attach(settings, dataset_info)
    _renew_links()
    _join_the_ranks_of_a_cpu()


def _environment() -> tuple[Settings, Path]:
    settings = _end_plainly(lambda: Settings.from_environment(os.environ))
    return settings, Path(os.environ.get("ONTUNE_DATASET_INFO", DATASET_INFO))


def _model_of_argv() -> str:
    """The model as the command line has it: a missing folder would be looked for on a hub before arguments exist."""
    words = [part for word in sys.argv for part in (word.split("=", 1) if word.startswith("--model=") else [word])]
    models = [value for word, value in itertools.pairwise(words) if word == "--model"] or ["."]
    return models[-1]  # what follows a recipe's file on the command line comes last, and counts


def _register_dataset(entry: Entry) -> None:
    from swift.dataset import AutoPreprocessor, DatasetMeta, register_dataset

    meta = DatasetMeta(
        dataset_name=entry.name, dataset_path=str(entry.path.resolve()), preprocess_func=AutoPreprocessor()
    )
    register_dataset(meta, exist_ok=True)


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

    if not hasattr(SwiftSft, "_prepare_model_tokenizer"):
        raise HostVersionError(f"this ms-swift has no SwiftSft._prepare_model_tokenizer: ontune works with {VERSIONS}")
    original = SwiftSft._prepare_model_tokenizer

    @functools.wraps(original)
    def prepare(self: Any, **options: Any) -> None:
        sets = _end_plainly(lambda: plan(settings, _run_of(self.args, dataset_info)))
        if sets:
            callbacks: dict[str, Any] = callbacks_map  # ms-swift types it by its own callbacks
            callbacks[NAME] = functools.partial(_callback, settings, sets, self.args)
            training_args = self.args.training_args
            training_args.callbacks = [NAME, *(name for name in training_args.callbacks if name != NAME)]
        original(self, **options)

    SwiftSft._prepare_model_tokenizer = prepare


def _run_of(args: Any, dataset_info: Path) -> Run:
    return Run(
        model=args.model,
        datasets=tuple(name.split("#")[0] for name in args.val_dataset),
        dataset_info=dataset_info,
        evaluates=str(getattr(args.eval_strategy, "value", args.eval_strategy)) != "no",
        splits_training_set=args.split_dataset_ratio > 0,
        best_metric=args.metric_for_best_model,
    )


def _callback(settings: Settings, sets: list[EvaluationSet], args: Any, training_args: Any, trainer: Any) -> Any:
    from ontune.callbacks.ontology_evaluation import OntologyEvaluation
    from ontune.inference.prompts import Pictures
    from ontune.inference.settings import Generation

    limits = {"max_pixels": "MAX_PIXELS", "min_pixels": "MIN_PIXELS"}
    pixels = {key: int(os.environ[name]) for key, name in limits.items() if name in os.environ}
    generation = Generation(
        batch_size=settings.batch_size,
        max_new_tokens=settings.max_new_tokens,
        max_prompt_tokens=args.max_length,
        pictures=Pictures("qwen_vl_utils", **pixels),
    )
    media_root = Path(os.environ.get("ROOT_IMAGE_DIR", "."))
    return OntologyEvaluation(settings, sets, generation, media_root, trainer)


def _renew_links() -> None:
    """A second run into the same folder may set its links `best` and `last`; ms-swift fails where they are there."""
    from swift.pipelines.train.sft import SwiftSft

    original = SwiftSft._handle_trainer_state

    @functools.wraps(original)
    def handle(self: Any, trainer: Any, is_write_rank: bool) -> None:
        links = [Path(self.args.output_dir) / name for name in ("best", "last")]
        for link in links if self.args.create_checkpoint_symlink and is_write_rank else []:
            if link.is_symlink():
                link.unlink()
        original(self, trainer, is_write_rank)

    SwiftSft._handle_trainer_state = handle


def _join_the_ranks_of_a_cpu() -> None:
    """ZeRO-3 on processors alone: DeepSpeed splits the weights before ms-swift has introduced the ranks."""
    import torch

    started_by_deepspeed = "--deepspeed" in sys.argv and int(os.environ.get("WORLD_SIZE", "1")) > 1
    if started_by_deepspeed and not torch.cuda.is_available():
        import deepspeed

        deepspeed.init_distributed(dist_backend="gloo")


def _end_plainly(action: Any) -> Any:
    """The action's result; an error of ours ends the process with one message instead of a traceback."""
    try:
        return action()
    except OntuneError as error:
        sys.exit("\n".join(f"ontune: {fault}" for fault in error.faults))
