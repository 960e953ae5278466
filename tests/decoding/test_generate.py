"""Every way of decoding gives the tokens of step-by-step masked greedy decoding, on every kind of model."""

import random
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from peft import LoraConfig, PromptTuningConfig, TaskType, get_peft_model
from transformers import AutoModelForImageTextToText, BitsAndBytesConfig, MaxTimeCriteria, StoppingCriteria
from transformers import TextIteratorStreamer as Streamer

from decoding.identity import differences, step_by_step
from decoding.pictured import PICTURE, PROMPTS, VIDEO, encode, greedy, load
from ontune.decoding import generate as door
from ontune.decoding import passes as module
from ontune.decoding.generate import METHODS, generate, masked, refusal
from ontune.decoding.jump_forward import NotPlain, jump_forward
from ontune.decoding.label_tree import label_tree
from ontune.decoding.mask import TokenMask
from ontune.decoding.passes import Passes
from ontune.errors import HostVersionError
from random_answers import NESTED, PLAIN

KINDS = ("qwen2_vl", "qwen2_5_vl", "qwen3_vl")
FAST = ("label_tree", "jump_forward")
TASKS = {"plain": PLAIN, "nested": NESTED}


@cache
def mask_of(folder: Path, task: str = "plain") -> TokenMask:
    return TokenMask(TASKS[task], load(folder)[1].tokenizer)


def prompts(chance: random.Random) -> list[str]:
    words = ["Which?", "Look.", "Name it all, please."]
    count = chance.choice([1, 8])
    return [PICTURE * chance.randrange(3) + " ".join(chance.choices(words, k=4)) for _ in range(count)]


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_tokens_are_those_of_step_by_step_decoding(tiny_model, kind, attention, task) -> None:
    folder = tiny_model(kind)
    model, processor = load(folder, attention=attention)
    mask, config = mask_of(folder, task), greedy(processor)
    chance = random.Random(f"{kind} {attention} {task}")
    for seed in range(2):
        inputs = encode(processor, [*prompts(chance), *PROMPTS[:seed]], seed)
        reference = step_by_step(model, inputs, mask, config)
        for method in FAST:
            assert differences(reference, generate(model, inputs, mask, config, method)) == [], method


@pytest.mark.parametrize("kind", KINDS)
def test_in_16_bits_tokens_differ_only_where_two_choices_are_nearly_equal(tiny_model, kind) -> None:
    folder = tiny_model(kind)
    model, processor = load(folder, "bfloat16")
    mask, config = mask_of(folder), greedy(processor)
    for seed in range(3):
        inputs = encode(processor, seed=seed)
        reference = step_by_step(model, inputs, mask, config)
        for method in FAST:
            assert all(one.ulps <= 2 for one in differences(reference, generate(model, inputs, mask, config, method)))


@pytest.mark.parametrize("kind", KINDS)
def test_videos(tiny_model, kind) -> None:
    folder = tiny_model(kind)
    model, processor = load(folder)
    inputs = encode(processor, [f"{VIDEO}Which?", f"{PICTURE}and {VIDEO}", "Neither."])
    reference = step_by_step(model, inputs, mask_of(folder), greedy(processor))
    for method in FAST:
        assert differences(reference, generate(model, inputs, mask_of(folder), greedy(processor), method)) == []


@pytest.mark.parametrize("limit", [1, 2, 7, 8, 9, 30])
def test_the_rows_are_those_of_generate_with_a_logits_processor(tiny_model, limit) -> None:
    """Prompts, padding and all, however few tokens there is room for."""
    folder = tiny_model("qwen2_vl")
    model, processor = load(folder)
    inputs, mask, config = encode(processor), mask_of(folder), greedy(processor, max_new_tokens=limit)
    expected = step_by_step(model, inputs, mask, config).rows
    for custom in (jump_forward, label_tree):
        found = model.generate(**inputs, generation_config=config, custom_generate=custom, mask=mask)
        length = inputs["input_ids"].shape[1]
        assert torch.equal(found[:, :length], inputs["input_ids"])
        width = max(map(len, expected))
        padded = [row + [processor.tokenizer.pad_token_id] * (width - len(row)) for row in expected]
        assert found[:, length:].tolist() == padded


@pytest.fixture
def widths(monkeypatch) -> list[int]:
    """The tokens of the longest row in each pass."""
    found: list[int] = []
    feed = Passes.feed

    def counted(self, trees):
        found.append(max(map(len, trees)))
        return feed(self, trees)

    monkeypatch.setattr(Passes, "feed", counted)
    return found


@contextmanager
def leading(model, inputs, targets):
    """Each row prefers its target, whatever it is asked, as long as no row is done."""
    vectors = model.get_output_embeddings().weight * 1e4
    prompts = inputs["attention_mask"].sum(dim=1, keepdim=True)
    longest = max(map(len, targets))
    ids = torch.tensor([[*target, *target[-1:] * (longest - len(target))] for target in targets])

    def push(_, __, arguments, output):
        positions = arguments["position_ids"][0, :, -output.last_hidden_state.shape[1] :]
        places = (positions - prompts + 1).clamp(0, longest - 1)
        output.last_hidden_state += vectors[ids.gather(1, places)]
        return output

    handle = model.base_model.register_forward_hook(push, with_kwargs=True)
    try:
        yield
    finally:
        handle.remove()


@pytest.mark.parametrize(("method", "most"), [("label_tree", 10), ("jump_forward", 31)])
def test_one_pass_a_label(tiny_model, widths, method, most) -> None:
    """And one for the prompt; jump-forward takes one for each choice within a label, and where a list ends."""
    folder = tiny_model("qwen2_5_vl")
    model, processor = load(folder)
    labels = ["Addition", "AdditionMakeTen", "Circle", "Clock", "NumbersSmaller10", "Applying", "Explaining", "Knowing"]
    answer = PLAIN.to_json(PLAIN.answer_from_labels([*labels, "Recall"]))
    target = processor.tokenizer(answer, add_special_tokens=False)["input_ids"] + [processor.tokenizer.eos_token_id]
    inputs = encode(processor, PROMPTS[:1])
    with leading(model, inputs, [target]):
        assert generate(model, inputs, mask_of(folder), greedy(processor), method) == [target]
    assert len(widths) <= most


ADAPTERS = {
    "q_proj": {"target_modules": ["q_proj", "v_proj"]},
    "lm_head": {"target_modules": ["q_proj", "lm_head"]},
    "saved": {"target_modules": ["q_proj"], "modules_to_save": ["lm_head"]},
}


@pytest.mark.parametrize("adapter", ADAPTERS)
@pytest.mark.parametrize("task_type", [None, TaskType.CAUSAL_LM])
def test_adapters(tiny_model, adapter, task_type) -> None:
    folder = tiny_model("qwen2_5_vl")
    base = AutoModelForImageTextToText.from_pretrained(folder, dtype="float32")
    before = step_by_step(base.eval(), encode(load(folder)[1]), mask_of(folder), greedy(load(folder)[1])).rows
    torch.manual_seed(1)
    model = get_peft_model(base, LoraConfig(task_type=task_type, init_lora_weights=False, **ADAPTERS[adapter]))
    for name, values in model.named_parameters():
        if "lora_B" in name or "modules_to_save" in name:
            values.data += torch.randn_like(values) * 0.3
    model.eval()
    _, processor = load(folder)
    inputs, mask, config = encode(processor), mask_of(folder), greedy(processor)
    reference = step_by_step(model, inputs, mask, config)
    assert reference.rows != before, "an adapter that changes nothing would prove nothing"
    for method in FAST:
        assert refusal(model, method) is None
        assert differences(reference, generate(model, inputs, mask, config, method)) == []


def test_bases_in_4_bits(tiny_model) -> None:
    folder = tiny_model("qwen2_5_vl")
    nf4 = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype="float32")
    model = AutoModelForImageTextToText.from_pretrained(folder, dtype="float32", quantization_config=nf4).eval()
    assert type(model.model.language_model.layers[0].mlp.up_proj).__name__ == "Linear4bit"
    _, processor = load(folder)
    inputs, mask, config = encode(processor), mask_of(folder), greedy(processor)
    reference = step_by_step(model, inputs, mask, config)
    for method in FAST:
        assert differences(reference, generate(model, inputs, mask, config, method)) == []


@pytest.fixture
def told(monkeypatch) -> list[str]:
    """What the door says."""
    lines: list[str] = []
    monkeypatch.setattr(door, "_told", set())
    monkeypatch.setattr(door, "message", lines.append)
    return lines


def test_other_attention_falls_back_to_jump_forward_and_says_so_once(tiny_model, told, monkeypatch) -> None:
    folder = tiny_model("qwen2_5_vl")
    model, processor = load(folder)
    inputs, mask, config = encode(processor), mask_of(folder), greedy(processor)
    expected = generate(model, inputs, mask, config)
    monkeypatch.setattr(door, "TREE_ATTENTION", ("eager",))
    used = []
    monkeypatch.setitem(
        door.CUSTOM,
        "jump_forward",
        lambda *given, mask, stream=None, **options: (
            used.append(1) or (jump_forward(*given, mask=mask, stream=stream, **options))
        ),
    )
    assert [generate(model, inputs, mask, config) for _ in range(2)] == [expected] * 2
    assert used == [1, 1]
    assert told == ["ontune: answers come more slowly than they could: label_tree does not work with sdpa attention"]


SLOW = {
    "sampling": {"do_sample": True, "top_k": 1},
    "beams": {"num_beams": 2},
    "logits processors (such as a repetition penalty)": {"repetition_penalty": 1.0001},
}


@pytest.mark.parametrize("wish", SLOW)
def test_what_is_no_plain_greedy_decoding_goes_token_by_token(tiny_model, told, wish) -> None:
    folder = tiny_model("qwen2_5_vl")
    model, processor = load(folder)
    inputs, mask = encode(processor, PROMPTS[:1]), mask_of(folder)
    found = generate(model, inputs, mask, greedy(processor, **SLOW[wish]))
    assert all(wish in line for line in told)
    assert len(told) == 2
    assert mask.is_done(mask.state(found[0]))
    with pytest.raises(NotPlain, match=wish[:7]):
        model.generate(
            **inputs, generation_config=greedy(processor, **SLOW[wish]), custom_generate=label_tree, mask=mask
        )


def test_a_hosts_own_call_gets_the_fastest_method_for_plain_greedy_decoding_alone(tiny_model) -> None:
    folder = tiny_model("qwen2_5_vl")
    model, processor = load(folder)
    mask, inputs = mask_of(folder), encode(processor, PROMPTS)
    length = inputs["input_ids"].shape[1]
    config = greedy(processor)
    own = masked(model, mask, length, config.to_dict())
    assert own == {"custom_generate": label_tree, "mask": mask}
    reference = generate(model, inputs, mask, config, "token")
    rows = model.generate(**inputs, generation_config=config, **own)[:, length:].tolist()
    assert [row[: len(expected)] for row, expected in zip(rows, reference, strict=True)] == reference
    for wish in ({"do_sample": True}, {"num_beams": 2}, {"repetition_penalty": 1.05}, {"num_return_sequences": 3}, {}):
        # nothing said: the model's own generation config counts, and it samples with a penalty
        assert masked(model, mask, length, config.to_dict() | wish if wish else {}).keys() == {"logits_processor"}
    assert masked(model, mask, length, config.to_dict() | {"min_length": 0, "no_repeat_ngram_size": 0}) == own
    assert masked(model, mask, length, config.to_dict() | {"min_length": length + 9}).keys() == {"logits_processor"}


NOT_PLAIN = {
    "no_repeat_ngram_size": 2,
    "min_new_tokens": 3,
    "suppress_tokens": [5],
    "begin_suppress_tokens": [5],
    "bad_words_ids": [[5]],
    "return_dict_in_generate": True,
    "renormalize_logits": True,
}


@pytest.mark.parametrize("wish", NOT_PLAIN)
def test_a_hosts_call_gets_no_method_that_would_refuse_it(tiny_model, wish) -> None:
    model, processor = load(tiny_model("qwen2_5_vl"))
    inputs, mask = encode(processor, PROMPTS[:1]), mask_of(tiny_model("qwen2_5_vl"))
    config = greedy(processor, **{wish: NOT_PLAIN[wish]})
    with pytest.raises(NotPlain):
        model.generate(**inputs, generation_config=config, custom_generate=label_tree, mask=mask)
    assert masked(model, mask, inputs["input_ids"].shape[1], config.to_dict()).keys() == {"logits_processor"}


def test_rows_are_padded_with_an_end_where_nothing_else_is_there(tiny_model, monkeypatch) -> None:
    folder = tiny_model("qwen2_vl")
    model, processor = load(folder)
    monkeypatch.setattr(model.generation_config, "pad_token_id", None)
    inputs, mask, config = encode(processor), mask_of(folder, "nested"), greedy(processor)
    config.pad_token_id = None
    rows = step_by_step(model, inputs, mask, greedy(processor)).rows
    found = model.generate(**inputs, generation_config=config, custom_generate=label_tree, mask=mask)
    width = max(map(len, rows))
    assert len({*map(len, rows)}) > 1
    padded = [row + [mask.end_ids[0]] * (width - len(row)) for row in rows]
    assert found[:, inputs["input_ids"].shape[1] :].tolist() == padded


def test_models_that_allow_neither(tiny_model, monkeypatch) -> None:
    folder = tiny_model("qwen2_5_vl")
    base = AutoModelForImageTextToText.from_pretrained(folder, dtype="float32")
    assert [refusal(base, method) for method in METHODS] == [None] * 3
    for change, reason in (
        (lambda: monkeypatch.setattr(base.config, "model_type", "llava"), "models of type llava"),
        (lambda: monkeypatch.setattr(base.config.text_config, "layer_types", ["sliding_attention"]), "sliding windows"),
        (lambda: setattr(next(base.parameters()), "ds_status", SimpleNamespace(name="NOT_AVAILABLE")), "over ranks"),
    ):
        with monkeypatch.context() as inner:
            change()
            assert all(reason in str(refusal(base, method)) for method in FAST)
            assert refusal(base, "token") is None
            inner.undo()
            monkeypatch.undo()
        next(base.parameters()).__dict__.pop("ds_status", None)
    base.register_parameter("far", torch.nn.Parameter(torch.empty(0, device="meta")))
    assert [refusal(base, method) for method in METHODS] == ["weights on several devices"] * 2 + [None]
    del base.far
    prompted = get_peft_model(
        base,
        PromptTuningConfig(
            task_type=TaskType.CAUSAL_LM, num_virtual_tokens=2, token_dim=64, num_layers=2, num_attention_heads=4
        ),
    )
    assert refusal(prompted, "jump_forward") == "prompt learning"


def test_other_versions_of_transformers_are_refused(tiny_model, monkeypatch) -> None:
    folder = tiny_model("qwen2_5_vl")
    model, processor = load(folder)
    monkeypatch.setattr(module.transformers, "__version__", "5.9.0")
    with pytest.raises(HostVersionError, match=r"transformers 5\.9\.0: .* with 5\.6\.0: install that"):
        generate(model, encode(processor), mask_of(folder), greedy(processor))
    assert generate(model, encode(processor), mask_of(folder), greedy(processor), "token")


@pytest.mark.parametrize("method", METHODS)
def test_tokens_are_streamed_as_they_are_decided(tiny_model, method) -> None:
    folder = tiny_model("qwen3_vl")
    model, processor = load(folder)
    streamer = Streamer(processor.tokenizer, skip_prompt=True, skip_special_tokens=True)
    inputs = encode(processor, PROMPTS[:1])
    (row,) = generate(model, inputs, mask_of(folder), greedy(processor), method, streamer=streamer)
    assert "".join(streamer) == processor.tokenizer.decode(row, skip_special_tokens=True)


class Enough(StoppingCriteria):
    """Ends a row that holds so many tokens."""

    def __init__(self, length: int) -> None:
        self.length = length

    def __call__(self, input_ids, scores, **_):
        return torch.full((len(input_ids),), input_ids.shape[1] >= self.length)


def test_the_callers_stopping_criteria_are_asked_once_a_pass(tiny_model) -> None:
    folder = tiny_model("qwen2_vl")
    model, processor = load(folder)
    inputs, mask, config = encode(processor, PROMPTS[:1]), mask_of(folder), greedy(processor)
    answer = PLAIN.to_json(PLAIN.answer_from_labels(["Addition", "Circle", "Clock", "Recall"]))
    target = processor.tokenizer(answer, add_special_tokens=False)["input_ids"]
    length = inputs["input_ids"].shape[1]
    for criterion, least in ((Enough(length + 5), 5), (MaxTimeCriteria(0.0), 1)):
        with leading(model, inputs, [target]):
            (cut,) = generate(model, inputs, mask, config, "jump_forward", stopping_criteria=[criterion])
        assert least <= len(cut) < len(target)
        assert target[: len(cut)] == cut
