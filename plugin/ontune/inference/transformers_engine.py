"""Answers by transformers: greedy, batched, left-padded; the callback and `ontune predict` share it."""

import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from transformers import GenerationConfig

from ontune.decoding.cache import cached
from ontune.decoding.generate import Method, generate
from ontune.decoding.mask import TokenMask
from ontune.decoding.scorer import Words, openings, score_labels, words
from ontune.errors import DatasetError
from ontune.evaluation import Decoding, Prediction
from ontune.inference.engine import Record, Reply, batches, was_asked
from ontune.inference.prompts import messages
from ontune.inference.settings import Generation
from ontune.sharegpt import Sample
from ontune.task import Task

__all__ = ["TransformersEngine", "batches"]


@dataclass
class TransformersEngine:
    """A loaded Qwen-VL model with its processor. `media_root` is what sample paths are relative to.

    Constrained answers are decoded by `method`, or the next slower one that the model allows, and carry the
    log-probabilities of all labels where `with_scores` is on.
    """

    model: Any
    processor: Any
    task: Task
    generation: Generation
    media_root: Path
    name: str = ""
    autocast: str | None = None
    method: Method = "label_tree"
    with_scores: bool = False

    @cached_property
    def mask(self) -> TokenMask:
        """The constraint of the task for this tokenizer."""
        return cached(self.task, self.processor.tokenizer)

    def answer(self, batch: Sequence[Sample], decoding: Decoding) -> list[Prediction]:
        """One prediction a sample, in the batch's order; one that cannot be asked carries the code `not_encoded`."""
        started = time.perf_counter()
        inputs, asked, refused = self._encode(batch)
        generated = self._generate(inputs, decoding) if asked else []
        seconds = (time.perf_counter() - started) / len(batch)
        done = {sample.id: tokens for sample, tokens in zip(asked, generated, strict=True)}
        found = [
            self._prediction(sample, done.get(sample.id, []), decoding, seconds, refused.get(sample.id))
            for sample in batch
        ]
        return self._scored(inputs, found) if self.with_scores and decoding == "constrained" and asked else found

    def _encode(self, batch: Sequence[Sample]) -> tuple[Any, list[Sample], dict[str, str]]:
        """Model inputs of the samples that can be asked, those samples, and why the others cannot, by id."""
        chats: dict[str, list[dict[str, Any]]] = {}
        refused: dict[str, str] = {}
        for sample in batch:
            try:
                chats[sample.id] = self._with_media(messages(sample, self.media_root))
            except DatasetError as error:
                # Without the root: the same sample is lost for the same reason wherever its data lies.
                refused[sample.id] = str(error).replace(f"{self.media_root}/", "")
        inputs = self._tokenize(list(chats.values())) if chats else {}
        lengths = inputs["attention_mask"].sum(dim=1).tolist() if chats else []
        limit = self.generation.max_prompt_tokens
        too_long = {id_: n for id_, n in zip(chats, lengths, strict=True) if limit is not None and n > limit}
        if too_long:
            refused |= {id_: f"prompt of {n} tokens: at most {limit} fit" for id_, n in too_long.items()}
            chats = {id_: chat for id_, chat in chats.items() if id_ not in too_long}
            inputs = self._tokenize(list(chats.values())) if chats else {}
        return inputs, [sample for sample in batch if sample.id in chats], refused

    def _with_media(self, chat: list[dict[str, Any]]) -> list[dict[str, Any]]:
        patch = self.processor.image_processor.patch_size
        for item in _media(chat, "image"):
            item["image"] = self.generation.pictures.open(Path(item["image"]), patch)
        for item in _media(chat, "video"):
            item["video"] = self.generation.videos.open(Path(item["video"]), patch)
        return chat

    def _tokenize(self, chats: list[list[dict[str, Any]]]) -> Any:
        texts = [self.processor.apply_chat_template(chat, tokenize=False, add_generation_prompt=True) for chat in chats]
        pictures = [item["image"] for chat in chats for item in _media(chat, "image")]
        # qwen_vl_utils has already cut to whole patches; LLaMA-Factory leaves that to the processor
        resize = self.generation.pictures.rule == "llamafactory"
        options: dict[str, Any] = {"images": pictures, "images_kwargs": {"do_resize": resize}} if pictures else {}
        if read := [item["video"] for chat in chats for item in _media(chat, "video")]:
            videos, metadata = zip(*read, strict=True)
            resize = self.generation.videos.rule == "llamafactory"
            sampled = {"video_metadata": list(metadata), "do_sample_frames": False, "do_resize": resize}
            options |= {"videos": list(videos), "videos_kwargs": sampled}
        with _left_padding(self.processor.tokenizer):
            return self.processor(text=texts, padding=True, return_tensors="pt", **options).to(self.model.device)

    def _generate(self, inputs: Any, decoding: Decoding) -> list[list[int]]:
        """The new tokens of each row, cut at its end of turn (kept)."""
        # Ranks hold whole weights and unequal numbers of batches: waiting for each other at each token would hang.
        options: dict[str, Any] = {"synced_gpus": False}
        with self._computing():
            if decoding == "constrained":
                return generate(self.model, inputs, self.mask, self._config(), self.method, **options)
            rows = self.model.generate(**inputs, generation_config=self._config(), **options)
        ends = set(self._ends())
        return [_until(row, ends) for row in rows[:, inputs["input_ids"].shape[1] :].tolist()]

    def _scored(self, inputs: Any, predictions: list[Prediction]) -> list[Prediction]:
        """The predictions with their labels' scores, as far as they were asked; `inputs` are of those alone."""
        asked = [prediction for prediction in predictions if was_asked(prediction)]
        starts = [openings(self.task, self.processor.tokenizer, prediction.answer) for prediction in asked]
        with self._computing():
            rows = score_labels(self.model, inputs, self.mask, self._words, starts)
        scores = {prediction.id: row or None for prediction, row in zip(asked, rows, strict=True)}
        return [replace(prediction, scores=scores.get(prediction.id)) for prediction in predictions]

    @cached_property
    def _words(self) -> dict[str, Words]:
        return words(self.task, self.processor.tokenizer)

    @contextmanager
    def _computing(self) -> Generator[None]:
        autocast = torch.autocast(self.model.device.type, getattr(torch, self.autocast)) if self.autocast else None
        with torch.inference_mode(), autocast or nullcontext():
            yield

    def _config(self) -> GenerationConfig:
        # `generate` takes what is not given here from the model's own generation_config.json: Qwen2.5-VL's has a
        # repetition penalty, with which a label could not be written like the one before it.
        return GenerationConfig(
            max_new_tokens=self.generation.max_new_tokens,
            min_new_tokens=0,
            do_sample=False,
            num_beams=1,
            num_return_sequences=1,
            repetition_penalty=1.0,
            no_repeat_ngram_size=0,
            temperature=1.0,
            top_k=50,
            top_p=1.0,
            use_cache=True,
            eos_token_id=self._ends(),
            pad_token_id=self.processor.tokenizer.pad_token_id,
        )

    def _ends(self) -> list[int]:
        tokenizer = self.processor.tokenizer
        turn = tokenizer.convert_tokens_to_ids("<|im_end|>")
        return sorted({token for token in (turn, tokenizer.eos_token_id) if token is not None})

    def _prediction(
        self, sample: Sample, tokens: list[int], decoding: Decoding, seconds: float, refused: str | None
    ) -> Prediction:
        raw = self.processor.tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return self._record.prediction(sample, decoding, Reply(raw, len(tokens), seconds, refused))

    @cached_property
    def _record(self) -> Record:
        return Record(self.task, self.name)


def _media(chat: list[dict[str, Any]], kind: str) -> Iterator[dict[str, Any]]:
    for message in chat:
        if isinstance(message["content"], list):
            yield from (item for item in message["content"] if item["type"] == kind)


@contextmanager
def _left_padding(tokenizer: Any) -> Generator[None]:
    """Padding on the left: generation continues at a row's end. The host's own side is put back."""
    side, tokenizer.padding_side = tokenizer.padding_side, "left"
    try:
        yield
    finally:
        tokenizer.padding_side = side


def _until(row: list[int], ends: set[int]) -> list[int]:
    at = next((place for place, token in enumerate(row) if token in ends), len(row) - 1)
    return row[: at + 1]
