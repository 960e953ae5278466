"""What the engine asks is what the hosts trained on: the same tokens, the same number of patches."""

import json
from dataclasses import asdict
from pathlib import Path

import av
import pytest
from PIL import Image

from ontune.inference.videos import Videos
from ontune.sharegpt import Sample, Turn, read_samples, write_samples

pytestmark = pytest.mark.e2e

CLIPS = [(160, 120, 30, 15), (90, 200, 7, 5), (64, 64, 4, 2)]  # width, height, frames, frames a second
SIZES = [(112, 112), (500, 333), (20, 300), (1000, 100), (37, 41)]  # under, over and far off the limits
MAX_PIXELS = 20000


def add_odd_pictures(world) -> list[Sample]:
    """Validation samples with pictures of odd sizes, without a system prompt, and with two pictures."""
    made = []
    for at, size in enumerate(SIZES):
        name = f"sheets/media/odd-{at}.png"
        Image.effect_noise(size, 60).convert("RGB").save(world.directory / "data" / name)
        made.append(name)
    turns = (Turn("human", "<image>What?"), Turn("gpt", '{"Area":[],"Scope":[]}'))
    samples = [Sample(f"odd-{at}", turns, "Look.", (name,), meta={"group": "g"}) for at, name in enumerate(made)]
    samples.append(Sample("plain", turns, "", (made[0],), meta={"group": "g"}))
    two = (Turn("human", "First <image>, then\n<image>: which?"), turns[1])
    samples.append(Sample("two", two, "Look.", (made[0], made[1]), meta={"group": "g"}))
    clip = (Turn("human", "<video>Which?"), turns[1])
    for at, size in enumerate(CLIPS):
        name = f"sheets/media/clip-{at}.mp4"
        draw_clip(world.directory / "data" / name, *size)
        samples.append(Sample(f"clip-{at}", clip, "Look.", (), (name,), meta={"group": "g"}))
    path = world.directory / "data/sheets/val.jsonl"
    write_samples(path, [*read_samples(path), *samples])
    return sorted(read_samples(path), key=lambda sample: sample.id)


def draw_clip(path: Path, width: int, height: int, frames: int, rate: int) -> None:
    """A video of noise."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate)
        stream.width, stream.height = width, height
        for _ in range(frames):
            frame = av.VideoFrame.from_image(Image.effect_noise((width, height), 60).convert("RGB"))
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def ask(model: Path, task, samples: list[Sample], rule: str, videos: Videos) -> dict[str, list[int]]:
    """The engine's prompt of each sample, by id."""
    from transformers import AutoModelForImageTextToText, AutoProcessor

    from ontune.inference.prompts import Pictures
    from ontune.inference.settings import Generation
    from ontune.inference.transformers_engine import TransformersEngine

    generation = Generation(pictures=Pictures(rule, MAX_PIXELS, 1024), videos=videos)
    loaded = AutoModelForImageTextToText.from_pretrained(model)
    engine = TransformersEngine(loaded, AutoProcessor.from_pretrained(model), task, generation, Path("data"))
    found = {}
    for sample in samples:
        inputs, asked, refused = engine._encode([sample])
        assert asked, refused
        found[sample.id] = inputs["input_ids"][0].tolist()
    return found


@pytest.mark.parametrize("kind", ["qwen2_vl", "qwen2_5_vl", "qwen3_vl"])
def test_llamafactory(world, llamafactory_imported, monkeypatch, tmp_path, kind) -> None:
    samples, model = add_odd_pictures(world), world.model(kind)
    from .conftest import fork

    def action() -> None:
        from llamafactory.data import get_dataset, get_template_and_fix_tokenizer
        from llamafactory.hparams import get_train_args
        from llamafactory.model import load_tokenizer

        template = "qwen3_vl_nothink" if kind == "qwen3_vl" else "qwen2_vl"
        limits = {"image_max_pixels": MAX_PIXELS, "video_fps": 4.0, "video_maxlen": 6, "video_max_pixels": 12544}
        recipe = world.recipe("run", model_name_or_path=str(model), template=template, cutoff_len=2048, **limits)
        import yaml

        record = yaml.safe_load(recipe.read_text())
        model_args, data_args, training_args, _, _ = get_train_args(record)
        module = load_tokenizer(model_args)
        template = get_template_and_fix_tokenizer(module["tokenizer"], data_args)
        dataset = get_dataset(template, model_args, data_args, training_args, stage="sft", **module)["eval_dataset"]
        prompts = [
            [token for token, label in zip(row["input_ids"], row["labels"], strict=True) if label == -100]
            for row in dataset
        ]
        Path("prompts.json").write_text(json.dumps(prompts))

    ran = fork(action, tmp_path / "logs")
    assert ran.status == 0, ran.text
    ours = ask(model, world.task, samples, "llamafactory", Videos("llamafactory", 4.0, 6, 12544, 256))
    theirs = json.loads(Path("prompts.json").read_text())
    by_file = [sample.id for sample in read_samples(world.directory / "data/sheets/val.jsonl")]
    assert {id_: ours[id_] for id_ in by_file} == dict(zip(by_file, theirs, strict=True))


@pytest.mark.parametrize("kind", ["qwen2_vl", "qwen2_5_vl", "qwen3_vl"])
def test_swift(world, swift_imported, tmp_path, kind) -> None:
    samples, model = add_odd_pictures(world), world.model(kind)
    from .conftest import fork

    def action() -> None:
        import os

        os.environ |= {"MAX_PIXELS": str(MAX_PIXELS), "ROOT_IMAGE_DIR": "data", "FPS": "4", "FPS_MAX_FRAMES": "6"}
        os.environ |= {"VIDEO_MAX_PIXELS": "12544", "VIDEO_MIN_PIXELS": "4096"}
        from swift.model import get_model_processor
        from swift.template import get_template

        from ontune.frameworks.swift import _videos, install

        install()
        loaded, processor = get_model_processor(str(model), model_type=kind)
        template = get_template(processor, template_type=kind)
        template.set_mode("train")
        template.model = loaded
        prompts = {}
        for sample in samples:
            media = {"images": list(sample.images), "videos": list(sample.videos)}
            row = {"messages": [{"role": "user", "content": sample.prompt}], **media}
            if sample.system:
                row["messages"].insert(0, {"role": "system", "content": sample.system})
            row["messages"].append({"role": "assistant", "content": sample.gold})
            encoded = template.encode(row)
            labels = zip(encoded["input_ids"], encoded["labels"], strict=True)
            prompts[sample.id] = [token for token, label in labels if label == -100]
        Path("prompts.json").write_text(json.dumps({"prompts": prompts, "videos": asdict(_videos(processor))}))

    ran = fork(action, tmp_path / "logs")
    assert ran.status == 0, ran.text
    theirs = json.loads(Path("prompts.json").read_text())
    assert ask(model, world.task, samples, "qwen_vl_utils", Videos(**theirs["videos"])) == theirs["prompts"]
