"""The steps: an export for a detector, analysis, converters, a tiny base, a LoRA, export, answers, both stages."""

from functools import partial
from pathlib import Path

from ontune.demo.conditions.tasks import RELATIONS, TASK, write_tasks
from ontune.demo.runner import Step
from ontune.demo.steps import Host, code, predict, recipe, saves, tiny_model

__all__ = ["ANSWERS", "steps"]

ASKED = ("--task", TASK, "--box", "drawn")  # in training and behind the detector alike
ANSWERS = {  # the model in saves/ and the dataset of each file of answers
    "before": ("base", "scenes_test"),
    "after": ("merged", "scenes_test"),
    "blank": ("merged", "blank_test"),
    "relations": ("merged", "relations_test"),
}
SHORT = ("--batch-size", "60", "--max-new-tokens", "32")
RECIPES = {  # what each step makes in saves/, and what it is
    "pretrain": ("base", "a tiny model of random weights learns to see, on clear pictures of one object each"),
    "lora": ("lora", "a LoRA: from the framed object of several to its condition, and where framed objects lie"),
    "export": ("merged", "export the model"),
}


def steps(host: Host, folder: Path) -> list[Step]:
    """All steps for a host, in order; those that make the data are the same for both."""
    return [*_data_steps(folder), *_training_steps(host, folder), *_answer_steps(host)]


def _data_steps(folder: Path) -> list[Step]:
    drawn = code("conditions/drawing", "conditions/scenes", "conditions/sources")
    analyze = ("ontune", "analyze", "sources/scenes", "--task", TASK, "--out", "analysis", "--strict")
    relations = ("--task", RELATIONS, "--classes", TASK, "--relation", "left", "--relation", "below", "--pairs", "2")
    return [
        Step(
            "tasks",
            "two tasks",
            ("dataset_info/tasks",),
            action=partial(write_tasks, folder / "dataset_info"),
            inputs=code("conditions/tasks"),
        ),
        Step("scenes", "embankments, marked and detected", ("sources",), action=partial(_draw, folder), inputs=drawn),
        Step("analysis", "what the annotations hold", ("analysis",), analyze),
        _convert("clear", "yolo_conditions", *ASKED, "--strict"),
        _convert("scenes", "yolo_conditions", *ASKED, "--strict"),
        _convert("relations", "yolo_relations", *relations),  # not strict: unclear and surplus questions are dropped
        Step("blank", "the test without its pictures", ("data/blank",), action=partial(_blank, folder), inputs=drawn),
    ]


def _convert(name: str, converter: str, *options: str) -> Step:
    source = "sources/clear" if name == "clear" else "sources/scenes"
    command = ("ontune", "convert", converter, source, *options, "--out", f"data/{name}")
    return Step(f"convert-{name}", f"a dataset of {name}", (f"data/{name}",), command)


def _training_steps(host: Host, folder: Path) -> list[Step]:
    made = tiny_model(host, ("clear", "scenes", "relations"))
    return [made, *(recipe(host, folder, f"conditions_{name}", *found) for name, found in RECIPES.items())]


def _answer_steps(host: Host) -> list[Step]:
    place = saves(host)
    report, detected = f"{place}/report", f"{place}/detected"
    evaluate = ("ontune", "evaluate", f"{place}/after.jsonl", "--train", "scenes_train", "-o", report)
    detector = ("--detector", "recorded:sources/detections.json", "--truth", "sources/scenes")
    both = ("ontune", "detect-classify", "sources/scenes/test/images", *detector, *ASKED)
    return [
        *(predict(host, name, *asked, *SHORT) for name, asked in ANSWERS.items()),
        Step(f"{host}-report", "metrics, goals and a page", (report,), evaluate, judges=True),
        Step(
            f"{host}-detected",
            "both stages: recorded detections, then their conditions",
            (detected,),
            (*both, "--model", f"{place}/merged", *SHORT, "-o", detected),
        ),
    ]


def _draw(folder: Path) -> None:
    from ontune.demo.conditions.sources import write_sources

    write_sources(folder / "sources")


def _blank(folder: Path) -> None:
    from ontune.demo.conditions.sources import write_blank

    write_blank(folder / "data", folder / "dataset_info")
