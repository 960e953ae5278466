"""What the demo's converters read: pictures with marked objects, as exported for a detector, and what one found."""

import json
import random
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from PIL import Image

from ontune.console import progress
from ontune.dataset_info import Entry, register
from ontune.demo.conditions.drawing import SIDE, draw
from ontune.demo.conditions.scenes import CLASSES, SLOTS, Box, Scene, Thing, box_in, make_scenes
from ontune.demo.conditions.tasks import TASK
from ontune.files import replace_directory, write_atomic, write_lines
from ontune.sharegpt import Sample, read_samples, write_samples

__all__ = ["COUNTS", "write_blank", "write_sources"]

COUNTS = {"clear/train": 2250, "clear/valid": 30, "scenes/train": 1000, "scenes/valid": 30, "scenes/test": 100}
PATHS = {"train": "train: ../train/images", "valid": "val: ../valid/images", "test": "test: ../test/images"}
MISSED, DOUBTED, FALSE = 0.05, 0.03, 0.15  # shares: of the objects, of the objects, of the pictures


def write_sources(folder: Path) -> None:
    """Writes `clear` and `scenes`, each a YOLO export with its splits, and `detections.json` for the test's scenes."""
    test = list(make_scenes(COUNTS["scenes/test"], seed=5, held_out=True))
    scenes = {
        "clear/train": make_scenes(COUNTS["clear/train"], seed=1, easy=True),
        "clear/valid": make_scenes(COUNTS["clear/valid"], seed=2, easy=True),
        "scenes/train": make_scenes(COUNTS["scenes/train"], seed=3),
        "scenes/valid": make_scenes(COUNTS["scenes/valid"], seed=4),
        "scenes/test": test,
    }
    with replace_directory(folder) as fresh:
        for name, drawn in scenes.items():
            _write(fresh / name, progress(drawn, name, COUNTS[name]))
        for name in ("clear", "scenes"):
            splits = [path for split, path in PATHS.items() if f"{name}/{split}" in scenes]
            lines = [*splits, "", f"nc: {len(CLASSES)}", f"names: {list(CLASSES)}"]
            write_lines(fresh / name / "data.yaml", lines)
        found = [_detected(_name("test", at), scene, random.Random(at)) for at, scene in enumerate(test)]
        write_atomic(fresh / "detections.json", json.dumps(found, indent=1))


def _name(split: str, at: int) -> str:
    return f"{split}-{at:04}.jpg"


def _write(folder: Path, scenes: Iterable[Scene]) -> None:
    """The pictures in `images`, and in `labels` a line for each object: its class's number, centre, width, height."""
    (folder / "images").mkdir(parents=True)
    numbers = {name: at for at, name in enumerate(CLASSES)}
    for at, scene in enumerate(scenes):
        name = _name(folder.name, at)
        draw(scene).save(folder / "images" / name, quality=92)
        lines = [f"{numbers[thing.name]} {_centred(thing.box)}" for thing in scene.things]
        write_lines((folder / "labels" / name).with_suffix(".txt"), lines)


def _centred(box: Box) -> str:
    left, upper, right, lower = box
    return " ".join(f"{edge:.6f}" for edge in ((left + right) / 2, (upper + lower) / 2, right - left, lower - upper))


def _detected(name: str, scene: Scene, rng: random.Random) -> dict[str, Any]:
    """What a detector that knows the kinds of objects, not their conditions, made of one picture."""
    found = [_found(thing, rng) for thing in scene.things if rng.random() >= MISSED]
    found += list(_made_up(scene, rng))
    return {"image": name, "width": SIDE, "height": SIDE, "detections": found}


def _found(thing: Thing, rng: random.Random) -> dict[str, Any]:
    """A box a little off; of a few objects the detector is too unsure."""
    sure = rng.uniform(0.1, 0.24) if rng.random() < DOUBTED else rng.uniform(0.55, 0.99)
    left, upper, right, lower = thing.box
    off = [rng.uniform(-0.06, 0.06) * size for size in (right - left, lower - upper) * 2]
    return _detection(CLASSES[thing.name].object, sure, [edge + by for edge, by in zip(thing.box, off, strict=True)])


def _made_up(scene: Scene, rng: random.Random) -> Iterator[dict[str, Any]]:
    """Now and then an object where none is."""
    centres = [((left + right) / 2, (upper + lower) / 2) for left, upper, right, lower in (t.box for t in scene.things)]
    boxes = [box_in(bank, column, rng) for bank, column in SLOTS]
    free = [box for box in boxes if not any(box[0] < x < box[2] and box[1] < y < box[3] for x, y in centres)]
    if rng.random() < FALSE:
        name = rng.choice(list(CLASSES))
        yield _detection(CLASSES[name].object, rng.uniform(0.26, 0.5), rng.choice(free))


def _detection(name: str, sure: float, box: Iterable[float]) -> dict[str, Any]:
    pixels = [round(min(max(edge, 0), 1) * SIDE, 1) for edge in box]
    return {"class": name, "confidence": round(sure, 3), "box": pixels}


def write_blank(folder: Path, dataset_info: Path) -> None:
    """Writes and registers the dataset `blank`: the questions of `scenes_test` with a white picture and no frame."""
    with replace_directory(folder / "blank") as fresh:
        Image.new("RGB", (SIDE, SIDE), "white").save(fresh / "white.png")
        samples = [_blank(sample) for sample in read_samples(folder / "scenes/test.jsonl")]
        write_samples(fresh / "test.jsonl", samples)
    register([Entry("blank_test", folder / "blank/test.jsonl", TASK)], dataset_info)


def _blank(sample: Sample) -> Sample:
    return Sample(sample.id, sample.conversations, sample.system, ("blank/white.png",), (), sample.meta)
