"""The steps: clips, converters, a tiny base, a LoRA, export, answers to moving and to frozen clips, a report."""

from functools import partial
from pathlib import Path

from ontune.demo.feedback.clips import TURN
from ontune.demo.feedback.task import NAME, write_task
from ontune.demo.runner import Step
from ontune.demo.steps import Host, code, predict, recipe, saves, tiny_model

__all__ = ["ANSWERS", "REPORT", "TASK", "WATCHED", "steps"]

SOURCES = ("studio", "clips", "blank", "still")
TASK = f"{NAME}_clips"  # the converter's name for it: with what the clips decide filled in
FRAMES = 8  # of each clip, evenly spread
ANSWERS = {
    "before": ("base", "clips_test"),
    "after": ("merged", "clips_test"),
    "blank": ("merged", "blank_test"),
    "still": ("merged", "still_test"),
}
RECIPES = {  # what each step makes in saves/, and what it is
    "pretrain": ("base", "a tiny model of random weights learns to see, on clips from a studio"),
    "lora": ("lora", "from clips to exercise, mistakes and feedback"),
    "export": ("merged", "export the model"),
}
REPORT, WATCHED = "report", "watch.jsonl"
SHORT = ("--batch-size", "60", "--max-new-tokens", "40")


def steps(host: Host, folder: Path) -> list[Step]:
    """All steps for a host, in order; those that make the data are the same for both."""
    trained = [recipe(host, folder, f"feedback_{name}", *found) for name, found in RECIPES.items()]
    answered = [predict(host, name, *asked, *SHORT) for name, asked in ANSWERS.items()]
    return [*_data_steps(folder), _model(host), *trained, *answered, _evaluate(host), _watch(host)]


def _data_steps(folder: Path) -> list[Step]:
    """The task is written before each conversion reads it."""
    drawn = code("feedback/figure", "feedback/clips", "feedback/drawing", "feedback/sources", "feedback/task")
    return [
        Step(
            "clips",
            "a task, and clips of people who exercise",
            ("sources",),
            action=partial(_draw, folder),
            inputs=drawn,
        ),
        *map(_convert, SOURCES),
    ]


def _convert(name: str) -> Step:
    out = f"data/{name}"
    words = ("ontune", "convert", "qved", f"sources/{name}", "--task", NAME, "--per-class", "0", "--val", "0.05")
    command = (*words, "--count", str(FRAMES), "--out", out, "--strict")
    return Step(f"convert-{name}", f"a dataset of {name}: {FRAMES} frames of each clip", (out,), command)


def _model(host: Host) -> Step:
    return tiny_model(host, ("studio", "clips"), "--max-tokens", "4")


def _evaluate(host: Host) -> Step:
    out = f"{saves(host)}/{REPORT}"
    words = ("ontune", "evaluate", f"{saves(host)}/after.jsonl", "--train", "clips_train", "--out", out, "--json")
    return Step(f"{host}-evaluate", "the report", (out, f"{out}.json"), words, stdout=f"{out}.json", judges=True)


def _watch(host: Host) -> Step:
    """Windows as long as an exercise of the workout, and looked at as often as clips are."""
    out = f"{saves(host)}/{WATCHED}"
    words = ("ontune", "watch", "sources/workout.mp4", "--model", f"{saves(host)}/merged", "--task", TASK)
    slides = ("--window", str(TURN), "--stride", str(TURN), "--max-frames", str(FRAMES), "--min-gap", "0")
    return Step(f"{host}-watch", "feedback while a video goes on", (out,), (*words, *slides), stdout=out)


def _draw(folder: Path) -> None:
    from ontune.demo.feedback.sources import write_sources

    write_task(folder / "dataset_info")
    write_sources(folder / "sources")
