"""The steps: two manuals as PDF, their pages, questions split by page, a tiny base, a LoRA, export, answers, probes."""

from functools import partial
from pathlib import Path

from ontune.demo.manual.sources import PROBES, TASK, write_blank, write_probes, write_sources, write_task
from ontune.demo.runner import Step
from ontune.demo.steps import Host, code, predict, recipe, saves, tiny_model
from ontune.evaluation.probes import read_probes

__all__ = ["ANSWERS", "asked", "steps"]

RECIPES = {  # what each step makes in saves/, and what it is
    "pretrain": ("base", "a tiny model of random weights learns to read, on the pages of another manual"),
    "lora": ("lora", "a LoRA: from this manual's pages and questions to answers"),
    "export": ("merged", "export the model"),
}
ANSWERS = {"before": "base", "after": "merged", "blank": "merged"}  # the model in saves/ of each file of answers
TEST = "data/supplement/test.jsonl"
PIXELS: dict[Host, str] = {"llamafactory": "15680", "swift": "20480"}  # of a page: 20 tokens, as in training
SHORT = ("--batch-size", "60", "--max-new-tokens", "16")


def steps(host: Host, folder: Path) -> list[Step]:
    """All steps for a host, in order; those that make the data are the same for both."""
    return [*_data_steps(folder), *_training_steps(host, folder), *_answer_steps(host)]


def asked() -> tuple[str, str]:
    """The page of the PDF that `ontune ask` is shown, and the question: those of the first probe."""
    first = read_probes(PROBES).probes[0]
    name, _, number = Path(first.images[0]).stem.partition("-")
    return f"sources/{name}.pdf#{int(number)}", first.question


def _data_steps(folder: Path) -> list[Step]:
    drawn = code("manual/drawing", "manual/pdf", "manual/sheets", "manual/sources")
    pages = ("ontune", "convert", "pages", "sources", "--dpi", "72", "--out", "pages")
    return [
        Step(
            "task",
            "a task with few words",
            ("dataset_info/tasks",),
            action=partial(write_task, folder / "dataset_info"),
            inputs=code("manual/sources"),
        ),
        Step(
            "manuals",
            "two manuals, a supplement, and questions about their pages",
            ("sources",),
            action=partial(write_sources, folder / "sources"),
            inputs=drawn,
        ),
        Step("pages", "their pages as pictures", ("pages",), pages),
        _convert("ant", "--val", "0.05"),
        _convert("bumblebee", "--val", "0.05"),
        _convert("supplement", "--keep-splits"),
        Step("blank", "white pages", ("blank",), action=partial(write_blank, folder / TEST, folder / "blank")),
        Step(
            "probes",
            "probes for held-out pages",
            ("probes.yaml",),
            action=partial(write_probes, folder / "probes.yaml"),
            inputs=(PROBES,),
        ),
    ]


def _convert(name: str, *shares: str) -> Step:
    source, out = f"sources/questions/{name}", f"data/{name}"
    options = ("--pages", "pages", "--task", TASK, "--smallest", "200", "--out", out, "--strict")
    command = ("ontune", "convert", "service_manual", source, *shares, *options)
    return Step(f"convert-{name}", f"questions about the {name}, split by page", (out,), command)


def _training_steps(host: Host, folder: Path) -> list[Step]:
    made = tiny_model(host, ("ant", "bumblebee"), "--max-tokens", "20")
    return [made, *(recipe(host, folder, f"manual_{name}", *found) for name, found in RECIPES.items())]


def _answer_steps(host: Host) -> list[Step]:
    place = saves(host)
    probed, report, told = f"{place}/probes.json", f"{place}/report", f"{place}/ask.json"
    one = ("--model", f"{place}/merged", "--task", TASK)
    page, question = asked()
    ask = ("ontune", "ask", page, "--question", question, *one, "--dpi", "72", "--json")
    probe = ("ontune", "probe", "probes.yaml", *one, *SHORT, "-o", probed)
    evaluate = ("ontune", "evaluate", f"{place}/after.jsonl", "--train", "bumblebee_train", "--probes", probed)
    return [
        *(_predict(host, name) for name in ANSWERS),
        Step(f"{host}-probe", "probes", (probed,), probe, judges=True),
        Step(f"{host}-report", "metrics, goals and a page", (report,), (*evaluate, "-o", report), judges=True),
        Step(f"{host}-ask", "one question about a page of the PDF", (told,), ask, stdout=told),
    ]


def _predict(host: Host, name: str) -> Step:
    if name == "before":  # a run that did not evaluate has left no settings to ask its model by
        options = ("--image-max-pixels", PIXELS[host])
    else:
        options = ("--media-root", "blank") if name == "blank" else ()
    return predict(host, name, ANSWERS[name], "supplement_test", *SHORT, *options)
