"""What the demo's converter reads: clips with labels and feedback in QVED's files."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from PIL import Image

from ontune.console import progress
from ontune.demo.feedback.clips import FRAMES, RATE, TURN, Clip, advice, make_clips, make_people, make_workout, studio
from ontune.demo.feedback.drawing import blank, draw, encode, frames
from ontune.files import replace_directory, write_atomic

__all__ = ["COUNTS", "write_source", "write_sources"]

COUNTS = {"studio": 800, "clips": 2400, "test": 240}  # clips; those of the test are of people seen nowhere else
PEOPLE = {"studio": 20, "clips": 48, "test": 12}
WORDS = {"too fast": "User moves too fast", "half range": "User stops half way"}
ISSUES = "no obvious issue"
Painter: TypeAlias = Callable[[Clip, float], Image.Image]


def write_sources(folder: Path) -> None:
    """Writes `studio` (plain people), `clips` (all splits), and the test's clips as `blank` and as `still` pictures."""
    test = _cast("test", seed=5)
    sources: Mapping[str, tuple[Sequence[Clip], Sequence[Clip], Painter]] = {
        "studio": ([studio(clip) for clip in _cast("studio", seed=1)], (), draw),
        "clips": (_cast("clips", seed=3), test, draw),
        "blank": ((), test, blank),
        "still": ((), test, _still),
    }
    with replace_directory(folder) as fresh:
        for name, (train, held_out, painter) in sources.items():
            splits = ["train"] * len(train) + ["test"] * len(held_out)
            write_source(fresh / name, [*train, *held_out], splits, painter)
        encode(_workout(), fresh / "workout.mp4")


def _cast(name: str, seed: int) -> list[Clip]:
    people = make_people(PEOPLE[name], seed, held_out=name == "test")
    return list(make_clips(people, COUNTS[name], seed + 1))


def _workout() -> Iterator[Image.Image]:
    """A video of one of the test's people, who does one exercise after the other."""
    person = make_people(PEOPLE["test"], seed=5, held_out=True)[0]
    for clip in make_workout(person, seed=7):
        yield from (draw(clip, at / FRAMES) for at in range(TURN * RATE))


def _still(clip: Clip, at: float) -> Image.Image:
    """The clip's middle frame, all the time."""
    return draw(clip, 0.5)


def write_source(folder: Path, clips: Sequence[Clip], splits: Sequence[str], painter: Painter) -> None:
    """The clips in a folder for each exercise, and QVED's files that tell of them."""
    manifest: dict[str, str] = {}
    labels: list[dict[str, Any]] = []
    feedback: list[dict[str, Any]] = []
    for at, (clip, split) in enumerate(progress(zip(clips, splits, strict=True), folder.name, len(clips))):
        place = clip.exercise.replace(" ", "_")
        file = f"{at:08}.mp4"
        (folder / "videos" / place).mkdir(parents=True, exist_ok=True)
        encode(frames(clip, painter), folder / "videos" / place / file)
        manifest[f"videos/{place}/{file}"] = place
        record = {"video_path": f"./{file}", "split": split}
        labels.append(record | _labels(clip) | {"worker_id": clip.person.name})
        feedback.append(record | {"feedback": [advice(clip)]})
    files = {"manifest": manifest, "fine_grained_labels_with_worker_ids": labels, "feedbacks_short_clips": feedback}
    for name, content in files.items():
        write_atomic(folder / f"{name}.json", json.dumps(content, indent=1))


def _labels(clip: Clip) -> dict[str, list[str]]:
    """Short and in words, as QVED has both."""
    short = clip.mistakes or (ISSUES,)
    return {
        "labels": [f"{clip.exercise} - {name}" for name in short],
        "labels_descriptive": [f"{clip.exercise} - {WORDS.get(name, name)}" for name in short],
    }
