"""The steps: ontology and sheets, converters, a tiny base, two stages, export, answers: the main job, embedded."""

from functools import partial
from pathlib import Path

from ontune.demo.edugraph.ontology import NAME, VERSION, write_ontology, write_task
from ontune.demo.edugraph.sheets import KINDS
from ontune.demo.runner import Step
from ontune.demo.steps import Host, code, predict, recipe, saves, tiny_model

__all__ = ["ANSWERS", "examples", "steps"]

SNAPSHOT = f"{NAME}-{VERSION}"
TASK = ("--task", NAME, "--ontology", SNAPSHOT)
ANSWERS = {"before": ("base", "sheets_test"), "after": ("merged", "sheets_test"), "blank": ("merged", "blank_test")}
RECIPES = {  # what each step makes in saves/, and what it is
    "pretrain": ("base", "a tiny model of random weights learns to see, on clean sheets"),
    "stage1": ("stage1", "stage 1: the ontology's knowledge, as text"),
    "stage1_merge": ("stage1_merged", "merge stage 1 into the base"),
    "stage2": ("stage2", "stage 2: from sheets to labels"),
    "export": ("merged", "export the model"),
}


def steps(host: Host, folder: Path) -> list[Step]:
    """All steps for a host, in order; those that make the data are the same for both."""
    return [*_data_steps(folder), *_training_steps(host, folder), *_answer_steps(host)]


def examples() -> list[str]:
    """A held-out picture of each kind, in the demo's folder."""
    return [f"sources/sheets/test/{kind}-{at:04}.jpg" for at, kind in enumerate(KINDS)]


def _data_steps(folder: Path) -> list[Step]:
    build = ("ontology", "build", f"ontology/{NAME}.ttl", "--name", NAME, "--version", VERSION)
    snapshot = f"dataset_info/ontologies/{SNAPSHOT}.json"
    return [
        Step(
            "ontology-source",
            "an ontology and a task",
            ("ontology",),
            action=partial(_write, folder),
            inputs=code("edugraph/ontology"),
        ),
        Step(
            "sheets",
            "worksheets",
            ("sources",),
            action=partial(_draw, folder),
            inputs=code("edugraph/drawing", "edugraph/sheets", "edugraph/sources"),
        ),
        Step("ontology", "the ontology's snapshot", (snapshot,), ("ontune", *build)),
        *(_convert(name) for name in ("easy", "sheets", "blank")),
        _convert("knowledge"),
    ]


def _convert(name: str) -> Step:
    out = f"data/{name}"
    if name == "knowledge":
        command = ("ontune", "convert", "edugraph_knowledge", *TASK, "--out", out)
        return Step("knowledge", "the ontology as questions", (out,), command)
    command = ("ontune", "convert", "edugraph_worksheets", f"sources/{name}", *TASK, "--out", out, "--strict")
    return Step(f"convert-{name}", f"a dataset of {name}", (out,), command)


def _training_steps(host: Host, folder: Path) -> list[Step]:
    made = tiny_model(host, ("easy", "knowledge", "sheets"))
    return [made, *(recipe(host, folder, f"edugraph_{name}", *found) for name, found in RECIPES.items())]


def _answer_steps(host: Host) -> list[Step]:
    out = f"{saves(host)}/classify.json"
    words = ("ontune", "classify", *examples(), "--model", f"{saves(host)}/merged", *TASK, "--json")
    classify = Step(f"{host}-classify", "answers for single pictures", (out,), words, stdout=out)
    short = ("--batch-size", "60", "--max-new-tokens", "64")
    return [*(predict(host, name, *asked, *short) for name, asked in ANSWERS.items()), classify]


def _write(folder: Path) -> None:
    write_ontology(folder / "ontology" / f"{NAME}.ttl")
    write_task(folder / "dataset_info")


def _draw(folder: Path) -> None:
    from ontune.demo.edugraph.sources import write_sources

    write_sources(folder / "sources")
