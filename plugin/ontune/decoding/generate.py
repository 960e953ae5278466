"""The one door to decoding under a mask: by the fastest way that holds on the model, all with the same tokens."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeAlias, get_args

from transformers.integrations.fsdp import is_fsdp_managed_module

from ontune.console import message
from ontune.decoding.jump_forward import NotPlain, jump_forward
from ontune.decoding.label_tree import label_tree
from ontune.decoding.mask import TokenMask
from ontune.decoding.processor import OntologyLogitsProcessor

__all__ = ["METHODS", "Method", "generate", "masked", "refusal"]

Method: TypeAlias = Literal["label_tree", "jump_forward", "token"]
METHODS: tuple[Method, ...] = get_args(Method)  # the fastest first

CUSTOM: Mapping[Method, Callable[..., Any]] = {"label_tree": label_tree, "jump_forward": jump_forward}
MODELS = ("qwen2_vl", "qwen2_5_vl", "qwen3_vl")
TREE_ATTENTION = ("sdpa", "eager")
PLAIN: Mapping[str, object] = {  # what a method of ours takes, besides nothing said; anything else it refuses
    "do_sample": False,
    "num_beams": 1,
    "num_return_sequences": 1,
    "return_dict_in_generate": False,
    "repetition_penalty": 1.0,
    "encoder_repetition_penalty": 1.0,
    "guidance_scale": 1.0,
    **dict.fromkeys(("no_repeat_ngram_size", "encoder_no_repeat_ngram_size", "min_length", "min_new_tokens"), 0),
    **dict.fromkeys(("remove_invalid_values", "renormalize_logits"), False),
    **dict.fromkeys(("suppress_tokens", "begin_suppress_tokens", "bad_words_ids", "sequence_bias")),
    **dict.fromkeys(("forced_bos_token_id", "forced_eos_token_id", "exponential_decay_length_penalty")),
    "watermarking_config": None,
}

_told: set[str] = set()


def generate(
    model: Any,
    inputs: Mapping[str, Any],
    mask: TokenMask,
    config: Any,
    method: Method = "label_tree",
    streamer: Any = None,
    **options: Any,
) -> list[list[int]]:
    """The answer of each row in tokens, cut after its end of turn; the same whatever the method, up to rounding.

    `inputs` are left-padded, `options` further arguments of `model.generate`. Where the model or what is asked for
    does not allow a method, the next slower one takes its place, and a message says so once.
    """
    for one in METHODS[METHODS.index(method) : -1]:
        reason = refusal(model, one)
        if reason is None:
            try:
                custom = {"custom_generate": CUSTOM[one], "mask": mask, "stream": streamer}
                return _answers(model, inputs, mask.end_ids, generation_config=config, **custom, **options)
            except NotPlain as error:
                reason = str(error)
        _tell_once(f"ontune: answers come more slowly than they could: {one} does not work with {reason}")
    masking = OntologyLogitsProcessor(mask, inputs["input_ids"].shape[1])
    options |= {"logits_processor": [masking, *options.get("logits_processor", ())], "streamer": streamer}
    return _answers(model, inputs, mask.end_ids, generation_config=config, **options)


def masked(model: Any, mask: TokenMask, prompt_length: int, config: Mapping[str, Any]) -> dict[str, Any]:
    """What a host's own call of `model.generate` needs besides to stay within the mask, by the fastest method.

    `config` has what the call says of how to generate; the rest is the model's. A streamer, which transformers keeps
    from a method of one's own, must not be in the call.
    """
    asked = model.generation_config.to_dict() | {key: value for key, value in config.items() if value is not None}
    if all(asked.get(key) in (None, value) for key, value in PLAIN.items()):
        for method, function in CUSTOM.items():
            if refusal(model, method) is None:
                return {"custom_generate": function, "mask": mask}
    return {"logits_processor": [OntologyLogitsProcessor(mask, prompt_length)]}


def refusal(model: Any, method: Method) -> str | None:
    """What it is about a model that does not allow a method; None where it does."""
    text = model.config.get_text_config()
    attention = text._attn_implementation
    reasons = {
        f"models of type {model.config.model_type}": model.config.model_type not in MODELS,
        "sliding windows of attention": "sliding_attention" in (getattr(text, "layer_types", None) or ()),
        "prompt learning": getattr(getattr(model, "active_peft_config", None), "is_prompt_learning", False),
        # Ranks take different numbers of passes, and would wait for each other's shares for ever.
        "weights that are spread over ranks": _is_spread(model),
        "weights on several devices": len({parameter.device for parameter in model.parameters()}) > 1,
        f"{attention} attention": method == "label_tree" and attention not in TREE_ATTENTION,
    }
    return None if method == "token" else next((reason for reason, holds in reasons.items() if holds), None)


def _is_spread(model: Any) -> bool:
    """Whether a rank holds but a share of the weights now: under FSDP, and under ZeRO-3 unless they are gathered."""
    states = (getattr(parameter, "ds_status", None) for parameter in model.parameters())
    return is_fsdp_managed_module(model) or any(state is not None and state.name != "AVAILABLE" for state in states)


def _answers(model: Any, inputs: Mapping[str, Any], ends: Sequence[int], **options: Any) -> list[list[int]]:
    rows = model.generate(**inputs, **options)[:, inputs["input_ids"].shape[1] :].tolist()
    return [_cut(row, ends) for row in rows]


def _cut(row: list[int], ends: Sequence[int]) -> list[int]:
    at = next((place for place, token in enumerate(row) if token in ends), len(row) - 1)
    return row[: at + 1]


def _tell_once(text: str) -> None:
    if text not in _told:
        _told.add(text)
        message(text)
