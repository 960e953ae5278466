"""A judge that is loaded here: a Qwen-VL model whose every token the JSON schema allows."""

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from threading import Lock
from typing import Any

import torch
from PIL import Image
from transformers import GenerationConfig

from ontune.decoding.any_schema import SchemaLogitsProcessor, compile_schema
from ontune.evaluation.judge import JudgeFailure, Picture

__all__ = ["LocalJudge"]


@dataclass
class LocalJudge:
    """A loaded model with its processor; asked greedily, one question at a time."""

    model: Any
    processor: Any
    name: str
    max_new_tokens: int = 1024
    lock: Any = field(default_factory=Lock, repr=False)

    @property
    def identity(self) -> str:
        return json.dumps(["local", self.name, self.max_new_tokens])

    def __call__(self, prompt: str, schema: Mapping[str, Any], images: Sequence[Picture]) -> dict[str, Any]:
        """The object of the schema. Raises JudgeFailure where the answer does not end in time."""
        with self.lock, torch.inference_mode():
            inputs = self._inputs(prompt, [Image.open(io.BytesIO(image.content)).convert("RGB") for image in images])
            length = inputs["input_ids"].shape[1]
            rows = self.model.generate(
                **inputs,
                generation_config=self._config(),
                logits_processor=[self._constraint(json.dumps(schema), length)],
            )
            text = self.processor.tokenizer.decode(rows[0, length:], skip_special_tokens=True)
        try:
            return json.loads(text)
        except ValueError:
            raise JudgeFailure("malformed", f"cut off at {self.max_new_tokens} tokens: {text[-200:]!r}") from None

    def _inputs(self, prompt: str, pictures: list[Image.Image]) -> Any:
        content: list[dict[str, Any]] = []
        for number, picture in enumerate(pictures, start=1):
            content += [{"type": "text", "text": f"[picture {number}]:"}, {"type": "image", "image": picture}]
        content.append({"type": "text", "text": prompt})
        chat = [{"role": "user", "content": content}]
        text = self.processor.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
        media: dict[str, Any] = {"images": pictures} if pictures else {}
        return self.processor(text=[text], return_tensors="pt", **media).to(self.model.device)

    def _constraint(self, schema: str, prompt_length: int) -> SchemaLogitsProcessor:
        ends = self._ends()
        return SchemaLogitsProcessor(_compiled(schema, self.processor.tokenizer, tuple(ends)), ends, prompt_length)

    def _config(self) -> GenerationConfig:
        # What is not given here comes from the model's own generation_config.json: sampling, a repetition penalty.
        return GenerationConfig(
            max_new_tokens=self.max_new_tokens,
            do_sample=False,
            num_beams=1,
            repetition_penalty=1.0,
            temperature=1.0,
            top_k=50,
            top_p=1.0,
            eos_token_id=self._ends(),
            pad_token_id=self.processor.tokenizer.pad_token_id,
        )

    def _ends(self) -> list[int]:
        tokenizer = self.processor.tokenizer
        turn = tokenizer.convert_tokens_to_ids("<|im_end|>")
        return sorted({token for token in (turn, tokenizer.eos_token_id) if token is not None})


@lru_cache(maxsize=32)
def _compiled(schema: str, tokenizer: Any, ends: tuple[int, ...]) -> Any:
    """DeepEval has a handful of schemas, each asked for every row."""
    return compile_schema(schema, tokenizer, ends)
