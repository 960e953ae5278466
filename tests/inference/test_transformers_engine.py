"""The engine on tiny models: the same answer whatever the batch, and nothing of the model's own generation config."""

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor

from ontune.decoding import generate
from ontune.evaluation import Prediction, equal
from ontune.inference.prompts import Pictures
from ontune.inference.settings import Generation
from ontune.inference.transformers_engine import TransformersEngine, batches
from ontune.sharegpt import Sample, Turn
from ontune.task import task_sha256
from small import small_task

TASK = small_task()
KINDS = ("qwen2_5_vl", "qwen3_vl")
GOLD = TASK.to_json(TASK.answer_from_labels(["Circle", "Clock"]))


@pytest.fixture(scope="session")
def data(tmp_path_factory) -> Path:
    """Pictures of several sizes, a broken one, and a video."""
    folder = tmp_path_factory.mktemp("data")
    for at, size in enumerate([(112, 112), (60, 200), (300, 90), (56, 56)]):
        values = np.random.default_rng(at).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
        Image.fromarray(values).save(folder / f"{at}.png")
    (folder / "broken.png").write_bytes(b"no picture")
    (folder / "broken.mp4").write_bytes(b"no video")
    write_video(folder / "clock.mp4")
    return folder


def write_video(path: Path) -> None:
    """Three seconds in which a bar goes round."""
    import av

    with av.open(str(path), "w") as file:
        stream = file.add_stream("mpeg4", rate=8)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for at in range(24):
            frame = np.full((64, 64, 3), 255, dtype=np.uint8)
            frame[:, at * 2 : at * 2 + 16] = 0
            file.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        file.mux(stream.encode())


Made = Callable[..., TransformersEngine]


@pytest.fixture(scope="session")
def engines(tiny_model, data) -> Made:
    """An engine of a kind; the model is loaded once."""
    loaded: dict[str, tuple] = {}

    def engine(kind: str = "qwen2_5_vl", **generation) -> TransformersEngine:
        if kind not in loaded:
            path = tiny_model(kind)
            model = AutoModelForImageTextToText.from_pretrained(path, dtype="float32").eval()
            loaded[kind] = model, AutoProcessor.from_pretrained(path)
        options = {"max_new_tokens": 24, "pictures": Pictures("llamafactory", 12544, 1024)} | generation
        return TransformersEngine(*loaded[kind], TASK, Generation(**options), data, "tiny")

    return engine


def sample(name: str, prompt: str = "<image>Which?", images: Sequence[str] = ("0.png",), **options) -> Sample:
    turns = (Turn("human", prompt), Turn("gpt", options.pop("gold", GOLD)))
    options = {"system": "Look.", "meta": {"group": name}} | options
    return Sample(name, turns, images=tuple(images), **options)


SAMPLES = [
    sample("a"),
    sample("b", "<image>Which? Look well, and say what there is to see.", ["1.png"]),
    sample("c", "First <image>, then\n<image>: which?", ["2.png", "3.png"], system=""),
    sample("d", "Which?", []),
    sample("e", "<image>", ["3.png"]),
    sample("f", "<image> Which one?", ["2.png"]),
    sample("g", "<image>" + "Look. " * 9, ["0.png"]),
]


def ask(engine: TransformersEngine, samples: Sequence[Sample], size: int, decoding="free") -> list[Prediction]:
    return [*chain.from_iterable(engine.answer(batch, decoding) for batch in batches(samples, size))]


@pytest.mark.parametrize("rule", ["llamafactory", "qwen_vl_utils"])
@pytest.mark.parametrize("decoding", ["constrained", "free"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_size_of_batches_changes_no_answer(engines, kind, decoding, rule) -> None:
    """In 32 bits; in fewer, sums of another order may turn a tie."""
    length = 200 if decoding == "constrained" else 24
    engine = engines(kind, pictures=Pictures(rule, 12544, 1024), max_new_tokens=length)
    alone = ask(engine, SAMPLES, 1, decoding)
    assert len({item.raw for item in alone}) > 1, "answers all the same would prove little"
    for size in (2, 3, 7):
        assert equal(ask(engine, SAMPLES, size, decoding), alone)
    assert equal(ask(engine, random.Random(1).sample(SAMPLES, 7), 3, decoding), alone)
    if decoding == "constrained":
        assert all(TASK.refusals(item.answer) == [] and not item.errors for item in alone)


def test_a_prediction_holds_what_the_sample_and_the_task_say(engines) -> None:
    text = replace(SAMPLES[0], conversations=(SAMPLES[0].conversations[0], Turn("gpt", "It is round.")))
    for given_, gold in ((SAMPLES[0], TASK.answer_from_labels(["Circle", "Clock"])), (text, "It is round.")):
        (found,) = engines(max_new_tokens=200).answer([given_], "constrained")
        assert (found.id, found.decoding, found.gold, found.images) == ("a", "constrained", gold, ("0.png",))
        assert (found.task, found.task_sha256, found.model) == ("edugraph", task_sha256(TASK), "tiny")
        assert (found.meta, found.scores) == ({"group": "a"}, None)
        assert found.seconds > 0
        assert TASK.to_json(found.answer or {}) == found.raw


@pytest.mark.parametrize("kind", KINDS)
def test_all_ways_of_decoding_give_the_same_predictions(engines, kind) -> None:
    engine = engines(kind, max_new_tokens=200)
    expected = ask(replace(engine, method="token"), SAMPLES, 3, "constrained")
    for method in ("jump_forward", "label_tree"):
        assert equal(ask(replace(engine, method=method), SAMPLES, 3, "constrained"), expected)
    free = ask(engine, SAMPLES[:3], 3)
    assert equal(ask(replace(engine, method="token"), SAMPLES[:3], 3), free)


def test_scores_are_those_of_a_sample_alone(engines) -> None:
    """The first label of an answer is the likeliest of its field; only what was asked has scores."""
    engine = replace(engines(max_new_tokens=200), with_scores=True)
    found = engine.answer([*SAMPLES[:4], LOST["e"]], "constrained")
    assert found[-1].scores is None
    for item, one in zip(found, SAMPLES[:4], strict=False):
        (alone,) = engine.answer([one], "constrained")
        assert set(item.scores) == {"Area", "Scope", "Ability"}
        for name, values in item.scores.items():
            assert list(values) == list(TASK.ontology.labels(name))
            assert values == pytest.approx(alone.scores[name], abs=1e-4)
    assert all(item.scores is None for item in engine.answer(SAMPLES[:2], "free"))


LOST = {
    "a": sample("a", images=["broken.png"]),
    "b": sample("b", "<image>" + "Look. " * 200),
    "c": sample("c"),
    "d": sample("d", images=["missing.png"]),
    "e": sample("e", "<video>Which?", [], videos=("broken.mp4",)),
}
REASONS = {
    "a": "broken.png: not a readable picture: UnidentifiedImageError",
    "b": "tokens: at most 150 fit",
    "d": "missing.png: not a readable picture: FileNotFoundError",
    "e": "broken.mp4: not a readable video: ",
}


@pytest.mark.parametrize("decoding", ["constrained", "free"])
def test_what_cannot_be_asked_is_named_and_the_rest_is_answered(engines, decoding) -> None:
    engine = engines(max_prompt_tokens=150)
    found = engine.answer([*LOST.values()], decoding)
    assert [item.id for item in found] == [*LOST]
    assert equal(found[2:3], engine.answer([LOST["c"]], decoding))
    assert found[2].raw
    for item in [*found[:2], *found[3:]]:
        assert (item.errors, item.raw, item.answer, item.tokens) == (("not_encoded",), "", None, 0)
        assert REASONS[item.id] in item.meta["not_encoded"]
        assert item.meta["group"] == item.id


def test_a_batch_without_anything_to_ask(engines) -> None:
    lost = [LOST["a"], LOST["d"]]
    assert [item.errors for item in engines().answer(lost, "free")] == [("not_encoded",)] * 2
    too_long = engines(max_prompt_tokens=3).answer([LOST["c"]], "free")
    assert [item.errors for item in too_long] == [("not_encoded",)]


def test_the_reason_is_the_same_wherever_the_data_lies(engines, data, monkeypatch) -> None:
    absolute = engines().answer([*LOST.values()], "free")
    monkeypatch.chdir(data.parent)
    assert equal(replace(engines(), media_root=Path(data.name)).answer([*LOST.values()], "free"), absolute)


def test_the_models_own_generation_config_decides_nothing(engines) -> None:
    engine, constrained = engines(), engines(max_new_tokens=200)
    before = ask(engine, SAMPLES, 7), ask(constrained, SAMPLES, 7, "constrained")
    model = engine.model
    kept = model.generation_config
    inputs = engine._encode(SAMPLES[:1])[0]
    greedy = model.generate(**inputs, do_sample=False, repetition_penalty=1.0, max_new_tokens=24)
    try:
        for change in (
            {"repetition_penalty": 9.0},
            {"no_repeat_ngram_size": 1},
            {"min_new_tokens": 150},
            {"do_sample": True, "temperature": 50.0, "top_k": 0},
            {"num_beams": 3, "num_return_sequences": 2},
            {"max_new_tokens": 3, "use_cache": False},
        ):
            model.generation_config = type(kept)(**kept.to_dict() | change)
            assert equal(ask(engine, SAMPLES, 7), before[0]), change
            assert equal(ask(constrained, SAMPLES, 7, "constrained"), before[1]), change
        model.generation_config = type(kept)(**kept.to_dict() | {"repetition_penalty": 9.0})
        other = model.generate(**inputs, do_sample=False, max_new_tokens=24)
        assert not torch.equal(other, greedy), "a penalty that changes nothing would prove nothing"
    finally:
        model.generation_config = kept


def test_what_was_written_is_not_read_again(engines) -> None:
    """A host switches the cache off for training with gradient checkpointing."""
    engine, widths = engines(), []
    handle = engine.model.get_input_embeddings().register_forward_hook(lambda *given: widths.append(given[2].shape[1]))
    kept = engine.model.generation_config.use_cache
    try:
        engine.model.generation_config.use_cache = False
        engine.answer(SAMPLES[:2], "free")
    finally:
        engine.model.generation_config.use_cache = kept
        handle.remove()
    assert widths[0] > 1
    assert set(widths[1:]) == {1}


@pytest.mark.parametrize("side", ["left", "right"])
def test_the_tokenizers_padding_is_put_back(engines, side) -> None:
    engine = engines()
    tokenizer = engine.processor.tokenizer
    kept, tokenizer.padding_side = tokenizer.padding_side, side
    try:
        expected = ask(engine, SAMPLES, 7)
        assert tokenizer.padding_side == side
        with pytest.raises(AttributeError):
            replace(engine, model=None).answer(SAMPLES, "free")
        assert tokenizer.padding_side == side
    finally:
        tokenizer.padding_side = kept
    assert equal(ask(engine, SAMPLES, 1), expected)


def test_answers_end_with_the_turn(engines) -> None:
    engine = engines(max_new_tokens=200)
    for item in ask(engine, SAMPLES, 7, "constrained"):
        tokens = engine.processor.tokenizer(item.raw)["input_ids"]
        assert "<|" not in item.raw
        assert item.raw.endswith("}")
        assert item.tokens == len(tokens) + 1, "the end of the turn is one token, and no padding counts"
    short = ask(engines(max_new_tokens=3), SAMPLES, 7)
    assert {item.tokens for item in short} == {3}


@pytest.mark.parametrize("kind", KINDS)
def test_videos(engines, kind) -> None:
    engine = engines(kind)
    mixed = [
        sample("a", "<video>Which?", [], videos=("clock.mp4",)),
        sample("b"),
        sample("c", "<image>and<video>and<image>", ["1.png", "0.png"], videos=("clock.mp4",)),
    ]
    ids = engine._encode(mixed)[0]["input_ids"]
    counts = [(ids == getattr(engine.model.config, f"{name}_token_id")).sum(dim=1) for name in ("image", "video")]
    assert counts[0].bool().tolist() == [False, True, True]
    assert counts[1].bool().tolist() == [True, False, True]
    for decoding in ("constrained", "free"):
        found = ask(engine, mixed, 3, decoding)
        assert equal(found, ask(engine, mixed, 1, decoding))
        assert [item.videos for item in found] == [("clock.mp4",), (), ("clock.mp4",)]
        assert not any("not_encoded" in item.errors for item in found)
        assert all(item.raw for item in found)


def test_mixed_precision_ends_with_the_answer(engines) -> None:
    engine = replace(engines(), autocast="bfloat16")
    kinds = set()
    handle = engine.model.lm_head.register_forward_hook(lambda _, __, output: kinds.add(output.dtype))
    try:
        engine.answer(SAMPLES[:1], "free")
        assert kinds == {torch.bfloat16}
        assert not torch.is_autocast_enabled("cpu")
        engines().answer(SAMPLES[:1], "free")
    finally:
        handle.remove()
    assert kinds == {torch.bfloat16, torch.float32}


@given(st.lists(st.integers(0, 99), unique=True, max_size=20), st.integers(1, 8))
def test_batches_are_the_sorted_samples_cut(numbers, size) -> None:
    samples = [sample(f"{at:02}", "?", []) for at in numbers]
    found = batches(samples, size)
    assert [item.id for item in chain.from_iterable(found)] == sorted(item.id for item in samples)
    assert all(len(batch) == size for batch in found[:-1])
    assert all(0 < len(batch) <= size for batch in found[-1:])


@pytest.mark.parametrize("kind", KINDS)
def test_constrained_answers_take_the_fastest_method(engines, kind, monkeypatch) -> None:
    """Whatever stands in the model's own generation config: here sampling, and for one kind a penalty."""
    told: list[str] = []
    monkeypatch.setattr(generate, "_told", set())
    monkeypatch.setattr(generate, "message", told.append)
    engines(kind).answer(SAMPLES[:2], "constrained")
    assert told == []
