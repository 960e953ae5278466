"""Evaluation by generating, inside training: one TrainerCallback for both hosts."""

import json
import random
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from ontune.callbacks.plan import EvaluationSet
from ontune.callbacks.settings import Settings
from ontune.console import message, progress
from ontune.evaluation import compute_metrics
from ontune.evaluation.predictions import Decoding, Prediction, write_predictions
from ontune.inference.settings import Generation, Precision, write_settings
from ontune.inference.transformers_engine import TransformersEngine, batches

__all__ = ["OntologyEvaluation"]

Results = dict[str, dict[Decoding, list[Prediction]]]  # by dataset, then by decoding
FILES: dict[Decoding, str] = {"constrained": "predictions.jsonl", "free": "predictions.free.jsonl"}


@dataclass
class OntologyEvaluation(TrainerCallback):
    """Generates at each evaluation, puts `eval_ontology_*` among its metrics and keeps the predictions.

    The metrics reach the dict that the host chooses the best checkpoint by, its log history and its loggers. Training
    goes on as if nothing had happened: modes, padding and random state are put back.
    """

    settings: Settings
    sets: Sequence[EvaluationSet]
    generation: Generation
    media_root: Path
    trainer: Any = None  # the host's adapter sets it: callbacks are not given it
    progress_log: bool = False  # LLaMA-Factory's trainer_log.jsonl, which its board reads
    _results: Results = field(default_factory=dict[str, dict[Decoding, list[Prediction]]], init=False)
    _evaluated_at: int = field(default=-1, init=False)
    _started: float = field(default=0.0, init=False)
    _trained: bool = field(default=False, init=False)

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self._started = time.time()
        self._trained = False

    def on_evaluate(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        metrics: dict[str, float] | None = None,
        **_: Any,
    ) -> None:
        metrics = {} if metrics is None else metrics
        prefix = next((key.removesuffix("_runtime") for key in metrics if key.endswith("_runtime")), "eval")
        chosen = [item for item in self.sets if prefix == f"eval_{item.name}"] or self.sets
        found = self._predict(chosen)
        self._results = found if self._evaluated_at != state.global_step else self._results | found
        self._evaluated_at = state.global_step
        scores = self._scores(chosen, found, prefix)
        metrics.update(scores)
        self._log(args, state, scores)
        if self._trained:
            self._write(_folder(args))

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        # The folder exists from here on. Only answers of these very weights belong into it.
        if self._results and self._evaluated_at == state.global_step:
            self._write(_folder(args) / f"checkpoint-{state.global_step}")

    def on_train_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self._trained = True
        if self._results:  # of the last evaluation; one that follows training replaces them
            self._write(_folder(args))

    def _predict(self, sets: Sequence[EvaluationSet]) -> Results:
        with _undisturbed(self.trainer) as model:
            return {item.name: self._predict_set(model, item) for item in sets}

    def _predict_set(self, model: Any, item: EvaluationSet) -> dict[Decoding, list[Prediction]]:
        engine = TransformersEngine(
            model=model,
            processor=self.processor,
            task=item.task,
            generation=self.generation,
            media_root=self.media_root,
            name=_base_model(model),
            autocast=self._autocast,
        )
        rank, world = self.trainer.args.process_index, self.trainer.args.world_size
        mine = batches(item.samples, self.generation.batch_size)[rank::world]
        return {decoding: self._predict_with(engine, mine, decoding, item.name) for decoding in self.settings.decodings}

    def _predict_with(
        self, engine: TransformersEngine, mine: list[Any], decoding: Decoding, name: str
    ) -> list[Prediction]:
        shown = progress(mine, f"{name}, {decoding}") if self.trainer.is_world_process_zero() else mine
        found = _gather([prediction for batch in shown for prediction in engine.answer(batch, decoding)])
        for lost in (prediction for prediction in found if "not_encoded" in prediction.errors):
            if self.trainer.is_world_process_zero():
                message(f"ontune: {name}: sample {lost.id} was not asked: {lost.meta.get('not_encoded')}")
        return found

    @property
    def processor(self) -> Any:
        """The host's own processor: LLaMA-Factory's collator holds it, ms-swift's template."""
        holder = getattr(self.trainer, "template", None) or self.trainer.data_collator
        return holder.processor

    @property
    def _autocast(self) -> str | None:
        args = self.trainer.args
        return "bfloat16" if args.bf16 else "float16" if args.fp16 else None

    def _scores(self, sets: Sequence[EvaluationSet], found: Results, prefix: str) -> dict[str, float]:
        """Metrics of each set, and of all sets together where they share a task."""
        scores: dict[str, float] = {}
        for decoding in self.settings.decodings:
            middle = "ontology_free" if decoding == "free" else "ontology"
            named = [(f"{prefix}_{item.name}" if len(sets) > 1 else prefix, item.task, [item.name]) for item in sets]
            if len(sets) > 1 and len({item.task.name for item in sets}) == 1:
                named.append((prefix, sets[0].task, [item.name for item in sets]))
            for head, task, names in named:
                rows = [prediction for name in names for prediction in found[name][decoding]]
                scores |= {f"{head}_{middle}_{key}": value for key, value in compute_metrics(task, rows).items()}
        return scores

    def _log(self, args: TrainingArguments, state: TrainerState, scores: dict[str, float]) -> None:
        # The host logged its own metrics before this event: what is added now is logged once, here.
        self.trainer.log(dict(scores))
        if self.progress_log and self.trainer.is_world_process_zero():
            line = {**self._progress(state), **state.log_history[-1]}
            _folder(args).mkdir(parents=True, exist_ok=True)
            with (_folder(args) / "trainer_log.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")

    def _progress(self, state: TrainerState) -> dict[str, Any]:
        """What LlamaBoard reads from the last line of trainer_log.jsonl."""
        total = max(state.max_steps, 1)
        elapsed = time.time() - self._started if self._started else 0.0
        left = elapsed / state.global_step * (total - state.global_step) if state.global_step else 0.0
        return {
            "current_steps": state.global_step,
            "total_steps": state.max_steps,
            "epoch": state.epoch,
            "percentage": round(state.global_step / total * 100, 2) if state.max_steps else 100,
            "elapsed_time": str(timedelta(seconds=int(elapsed))),
            "remaining_time": str(timedelta(seconds=int(left))),
        }

    def _write(self, directory: Path) -> None:
        if not self.trainer.is_world_process_zero():
            return
        for name, by_decoding in self._results.items():
            folder = directory / name if len(self.sets) > 1 else directory
            for decoding, predictions in by_decoding.items():
                write_predictions(folder / FILES[decoding], predictions)
        model = self.trainer.accelerator.unwrap_model(self.trainer.model)
        write_settings(directory, self.generation, _precision(model, self._autocast), _base_model(model))


def _folder(args: TrainingArguments) -> Path:
    return Path(args.output_dir or ".")


def _base_model(model: Any) -> str:
    return str(getattr(model.config, "_name_or_path", ""))


def _precision(model: Any, autocast: str | None) -> Precision:
    quantization = getattr(model.config, "quantization_config", None)
    frozen = [parameter.dtype for parameter in model.parameters() if parameter.is_floating_point()]
    return Precision(
        dtype=str(frozen[0]).removeprefix("torch."),
        autocast=autocast,
        attention=getattr(model.config, "_attn_implementation", None),
        quantization=_plain(quantization.to_dict()) if quantization is not None else None,
    )


def _plain(record: dict[str, Any]) -> dict[str, Any]:
    """The quantisation's settings as JSON can hold them."""
    return {
        key: value if isinstance(value, str | int | float | bool | list | None) else str(value).removeprefix("torch.")
        for key, value in record.items()
    }


def _gather(mine: list[Prediction]) -> list[Prediction]:
    """The predictions of all ranks, sorted by id; every rank gets the same list and so the same metrics."""
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return sorted(mine, key=lambda prediction: prediction.id)
    shares: list[Any] = [None] * torch.distributed.get_world_size()
    torch.distributed.all_gather_object(shares, mine)
    return sorted((prediction for share in shares for prediction in share), key=lambda prediction: prediction.id)


@contextmanager
def _undisturbed(trainer: Any) -> Generator[Any]:
    """The unwrapped model in evaluation mode; modes and random state are put back afterwards."""
    model = trainer.accelerator.unwrap_model(trainer.model)
    modes = [(module, module.training) for module in model.modules()]
    states = random.getstate(), np.random.get_state()
    devices = [model.device] if model.device.type == "cuda" else []
    try:
        with torch.random.fork_rng(devices), _gathered(trainer):
            model.eval()
            yield model
    finally:
        for module, training in modes:
            module.training = training
        random.setstate(states[0])
        np.random.set_state(states[1])


@contextmanager
def _gathered(trainer: Any) -> Generator[None]:
    """Under ZeRO-3, whole weights on each rank: ranks may then take different numbers of steps without waiting."""
    from transformers.integrations.deepspeed import is_deepspeed_zero3_enabled

    engine = trainer.model_wrapped
    if not is_deepspeed_zero3_enabled() or not hasattr(engine, "optimizer"):
        with nullcontext():
            yield
        return
    import deepspeed
    from trl.models.utils import add_hooks, remove_hooks

    with deepspeed.zero.GatheredParameters(list(engine.parameters())):
        remove_hooks(engine)
        try:
            yield
        finally:
            add_hooks(engine)
