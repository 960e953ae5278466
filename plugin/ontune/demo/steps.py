"""The steps that all demos are made of: a tiny model, a host's recipe, answers to a dataset."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias

from ontune.demo.runner import Step
from ontune.resources import package_root, swift_plugin
from ontune.sharegpt import read_samples

__all__ = ["Host", "code", "gold_of", "kind_of", "predict", "read_json", "recipe", "saves", "tiny_model"]

Host: TypeAlias = Literal["llamafactory", "swift"]

HERE = Path(__file__).parent
PLUGIN = "../../plugin/ontune_swift.py"  # as the recipes name it, from a folder two below a checkout


def saves(host: Host) -> str:
    """Where a host's models and answers are, in the demo's folder."""
    return "saves/swift" if host == "swift" else "saves"


def kind_of(host: Host) -> str:
    """The kind of model that a host is shown with: both are seen in the demos."""
    return "qwen3_vl" if host == "swift" else "qwen2_5_vl"


def code(*modules: str) -> tuple[Path, ...]:
    """The modules of this package that decide what a step makes: `tiny_model`, `edugraph/drawing`."""
    return tuple(HERE / f"{module}.py" for module in modules)


def tiny_model(host: Host, datasets: Sequence[str], *options: str) -> Step:
    """Makes `tiny`, a model of random weights for the words of these datasets' training samples."""
    out = f"{saves(host)}/tiny"
    texts = [f"data/{name}/train.jsonl" for name in datasets]
    command = ("python", "-m", "ontune.demo.base", kind_of(host), out, *options, *texts)
    inputs = code("base", "chat_templates", "tiny_model")
    return Step(f"{host}-model", "a tiny model", (out,), command, inputs=inputs)


def recipe(host: Host, folder: Path, name: str, made: str, what: str) -> Step:
    """Runs `recipes/demo/NAME.yaml` (ms-swift: `recipes/demo/swift/NAME.yaml`), which makes `made` in saves/."""
    path = package_root() / "recipes/demo" / ("swift" if host == "swift" else "") / f"{name}.yaml"
    shown = os.path.relpath(path, folder.resolve())
    trains = "learning_rate:" in path.read_text(encoding="utf-8")
    if host == "swift":
        plugin = os.path.relpath(swift_plugin(), folder.resolve())
        elsewhere = () if plugin == PLUGIN else ("--external_plugins", plugin)
        command = ("swift", "sft" if trains else "export", shown, *elsewhere)
    else:
        command = ("llamafactory-cli", "train" if trains else "export", shown)
    return Step(f"{host}-{name}", what, (f"{saves(host)}/{made}",), command, inputs=(path,))


def predict(host: Host, name: str, model: str, data: str, *options: str) -> Step:
    """Answers to a dataset, unconstrained, by a model in saves/ (`base`, `merged`): NAME.jsonl there."""
    file, folder = f"{saves(host)}/{name}.jsonl", f"{saves(host)}/{model}"
    folder += "/best" if host == "swift" and model == "base" else ""  # ms-swift saves in checkpoints alone
    words = ("ontune", "predict", "--model", folder, "--data", data, "--decoding", "free", *options)
    return Step(f"{host}-{name}", f"unconstrained answers, {name}", (file,), (*words, "-o", file))


def gold_of(path: Path) -> list[Any]:
    """The gold answers of a samples file."""
    return [json.loads(sample.gold) for sample in read_samples(path)]


def read_json(path: Path) -> Any:
    """What a command printed with --json."""
    return json.loads(path.read_text(encoding="utf-8"))
