"""Evaluation by generating, inside training: one TrainerCallback for both hosts."""

import json
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from ontune.callbacks.plan import EvaluationSet, compute_scores
from ontune.callbacks.ranks import gather
from ontune.callbacks.settings import Settings
from ontune.callbacks.undisturbed import undisturbed
from ontune.console import progress
from ontune.errors import InputError
from ontune.evaluation import Decoding, Prediction, write_predictions
from ontune.inference.loading import base_model, precision_of
from ontune.inference.notices import name_lost, name_other_words
from ontune.inference.settings import FILE, Generation, write_settings
from ontune.inference.transformers_engine import TransformersEngine, batches

__all__ = ["OntologyEvaluation"]

Results = dict[Decoding, dict[str, list[Prediction]]]  # by decoding, then by dataset
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
    generating: Callable[[], AbstractContextManager[None]] = nullcontext  # in which the host lets a model generate
    _engines: dict[str, TransformersEngine] = field(default_factory=dict[str, TransformersEngine], init=False)
    _results: Results = field(default_factory=dict[Decoding, dict[str, list[Prediction]]], init=False)
    _evaluated_at: int = field(default=-1, init=False)  # the step of the weights that gave the results
    _started: float = field(default=0.0, init=False)

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Finds what evaluation cannot work with now, not at the first evaluation hours later."""
        self._started = time.time()
        if getattr(self.trainer, "is_fsdp_enabled", False):
            raise InputError("ontune cannot evaluate under FSDP: use DeepSpeed ZeRO-3, or ontune's evaluate: false")
        for item in self.sets:
            engine = self._engine(item)
            if "constrained" in self.settings.decodings:
                engine.mask  # noqa: B018 - built once, refused where the tokenizer does not fit the labels
            if self.trainer.is_world_process_zero():
                name_other_words(item.name, item.task, item.samples)

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
        self._evaluated_at = state.global_step
        scores: dict[str, float] = {}
        with undisturbed(self.trainer) as model, self.generating():
            for decoding in self.settings.decodings:
                found = {item.name: self._predict(model, item, decoding) for item in chosen}
                scores |= compute_scores(chosen, prefix, decoding, found)
                self._results.setdefault(decoding, {}).update(found)
        metrics.update(scores)
        self._log(args, state, scores)
        if not self.trainer.is_in_train:  # after training, or without any
            self._write(_folder(args))

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        # The folder exists from here on. Only answers of these very weights belong into it.
        if self._evaluated_at == state.global_step:
            self._write(_folder(args) / f"checkpoint-{state.global_step}")

    def on_train_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Keeps the predictions of the last evaluation, or those of the best weights where the host put them back."""
        if args.load_best_model_at_end and state.best_model_checkpoint:
            self._copy(Path(state.best_model_checkpoint), _folder(args))
        elif self._results:
            self._write(_folder(args))
        self._results, self._evaluated_at = {}, -1

    def _engine(self, item: EvaluationSet) -> TransformersEngine:
        if item.name not in self._engines:
            # LLaMA-Factory's collator holds the processor, ms-swift's template.
            holder = getattr(self.trainer, "template", None) or self.trainer.data_collator
            if not hasattr(getattr(holder, "processor", None), "image_processor"):
                raise InputError("ontune evaluates Qwen-VL models: this model has no processor for pictures")
            self._engines[item.name] = TransformersEngine(
                model=self.trainer.model,
                processor=holder.processor,
                task=item.task,
                generation=self.generation,
                media_root=self.media_root,
                name=base_model(self.trainer.model),
                autocast=self._autocast,
            )
        return self._engines[item.name]

    def _predict(self, model: Any, item: EvaluationSet, decoding: Decoding) -> list[Prediction]:
        engine = self._engine(item)
        engine.model = model
        rank, world = self.trainer.args.process_index, self.trainer.args.world_size
        mine = batches(item.samples, self.generation.batch_size)[rank::world]
        main = self.trainer.is_world_process_zero()
        shown = progress(mine, f"{item.name}, {decoding}") if main else mine
        found = gather(lambda: [prediction for batch in shown for prediction in engine.answer(batch, decoding)])
        if main and decoding == self.settings.decodings[0]:  # the others lose the same ones
            name_lost(item.name, found)
        return found

    @property
    def _autocast(self) -> str | None:
        """The computation's precision, as accelerate has it: there is no fp16 on a CPU, whatever the arguments say."""
        args = self.trainer.args
        if args.bf16:
            return "bfloat16"
        return "float16" if args.fp16 and args.device.type != "cpu" else None

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
        for decoding, by_name in self._results.items():
            for name, predictions in by_name.items():
                write_predictions(self._file(directory, name, decoding), predictions)
        model = self.trainer.accelerator.unwrap_model(self.trainer.model)
        precision = precision_of(model, self._autocast)
        write_settings(directory, self.generation, precision, base_model(model), self._evaluated_at)

    def _copy(self, source: Path, directory: Path) -> None:
        if not self.trainer.is_world_process_zero():
            return
        files = [self._file(source, item.name, decoding) for item in self.sets for decoding in self.settings.decodings]
        for file in [*files, source / FILE]:
            if file.is_file():  # a run that was resumed may have begun without the plugin
                target = directory / file.relative_to(source)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, target)

    def _file(self, directory: Path, name: str, decoding: Decoding) -> Path:
        return (directory / name if len(self.sets) > 1 else directory) / FILES[decoding]


def _folder(args: TrainingArguments) -> Path:
    return Path(args.output_dir or ".")
