"""The steps: ontology and sheets, converters, a tiny base, two stages, export, answers: the main job, embedded."""

import os
from functools import partial
from pathlib import Path
from typing import Literal, TypeAlias

from ontune.demo.ontology import NAME, VERSION, write_ontology, write_task
from ontune.demo.runner import Step
from ontune.demo.sheets import KINDS
from ontune.resources import package_root, swift_plugin

__all__ = ["ANSWERS", "Host", "examples", "model_folder", "steps"]

Host: TypeAlias = Literal["llamafactory", "swift"]

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


def model_folder(host: Host) -> str:
    """Where the exported model is, in the demo's folder."""
    return f"{_saves(host)}/merged"


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
            inputs=_code("ontology"),
        ),
        Step(
            "sheets",
            "worksheets",
            ("sources",),
            action=partial(_draw, folder),
            inputs=_code("drawing", "sheets", "sources"),
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
    saves = _saves(host)
    kind = "qwen3_vl" if host == "swift" else "qwen2_5_vl"
    texts = [f"data/{name}/train.jsonl" for name in ("easy", "knowledge", "sheets")]
    words = ("python", "-m", "ontune.demo.base", kind, f"{saves}/tiny", *texts)
    code = _code("base", "chat_templates", "tiny_model")
    made = Step(f"{host}-model", "a tiny model", (f"{saves}/tiny",), words, inputs=code)
    return [made, *(_recipe(host, folder, name, saves) for name in RECIPES)]


def _recipe(host: Host, folder: Path, name: str, saves: str) -> Step:
    made, what = RECIPES[name]
    path = package_root() / "recipes/demo" / ("swift" if host == "swift" else "") / f"{name}.yaml"
    shown = os.path.relpath(path, folder.resolve())
    trains = name in {"pretrain", "stage1", "stage2"}
    if host == "swift":
        plugin = os.path.relpath(swift_plugin(), folder.resolve())
        # the recipes name it from a folder in a checkout
        elsewhere = () if plugin == "../plugin/ontune_swift.py" else ("--external_plugins", plugin)
        command = ("swift", "sft" if trains else "export", shown, *elsewhere)
    else:
        command = ("llamafactory-cli", "train" if trains else "export", shown)
    return Step(f"{host}-{name}", what, (f"{saves}/{made}",), command, inputs=(path,))


def _answer_steps(host: Host) -> list[Step]:
    saves = _saves(host)
    return [
        *(_predict(saves, host, name) for name in ANSWERS),
        Step(
            f"{host}-classify",
            "answers for single pictures",
            (f"{saves}/classify.json",),
            ("ontune", "classify", *examples(), "--model", f"{saves}/merged", *TASK, "--json"),
            stdout=f"{saves}/classify.json",
        ),
    ]


def _predict(saves: str, host: Host, name: str) -> Step:
    model, data = ANSWERS[name]
    model += "/best" if host == "swift" and model == "base" else ""  # ms-swift saves in checkpoints alone
    file = f"{saves}/{name}.jsonl"
    limits = ("--batch-size", "60", "--max-new-tokens", "64")
    words = ("ontune", "predict", "--model", f"{saves}/{model}", "--data", data, "--decoding", "free", *limits)
    return Step(f"{host}-{name}", f"unconstrained answers, {name}", (file,), (*words, "-o", file))


def _code(*modules: str) -> tuple[Path, ...]:
    """The modules of this package that decide what a step makes."""
    return tuple(Path(__file__).with_name(f"{module}.py") for module in modules)


def _saves(host: Host) -> str:
    return "saves/swift" if host == "swift" else "saves"


def _write(folder: Path) -> None:
    write_ontology(folder / "ontology" / f"{NAME}.ttl")
    write_task(folder / "dataset_info")


def _draw(folder: Path) -> None:
    from ontune.demo.sources import write_sources

    write_sources(folder / "sources")
