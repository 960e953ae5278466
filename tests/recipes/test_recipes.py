"""Every recipe of the tree, handed to the parser of the host that claims it."""

import re
from collections.abc import Iterable
from dataclasses import replace
from functools import reduce
from pathlib import Path
from typing import Any

import pytest

from ontune.callbacks.settings import Settings

from .conftest import ROOT, Place, read
from .parsing import adapted_modules, exports, host_of, trains

pytestmark = pytest.mark.e2e

RECIPES = {
    path.relative_to(ROOT / "recipes").as_posix(): path
    for path in sorted((ROOT / "recipes").rglob("*"))
    if path.suffix in {".yaml", ".yml"}
}
SHIPPED = {name: path for name, path in RECIPES.items() if not name.startswith("demo/")}
TRAINING = [name for name, path in SHIPPED.items() if trains(read(path))]
EDUGRAPH = [name for name in TRAINING if "edugraph" in name]
EXPORTS = [name for name, path in SHIPPED.items() if exports(read(path))]
SERVING = [name for name in SHIPPED if name not in {*TRAINING, *EXPORTS}]
NAME = re.compile(r"(?:swift/)?edugraph_(?:(?P<size>3b|qwen3vl_4b|qwen3vl_8b)_)?(?P<stage>stage[12])\w*\.yaml")
SEVEN = {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}

# Upstream's rows: rank, alpha, dropout, learning rate, epochs. A step sees eight samples in all of them.
ROWS = {
    ("7b", "stage1"): ([16, 32, 0.05], 1e-4, 8),
    ("7b", "stage2"): ([64, 128, 0.1], 1e-4, 4),
    ("3b", "stage1"): ([8, 16, 0.05], 2e-4, 6),
    ("3b", "stage2"): ([32, 64, 0.1], 1e-4, 4),
    ("qwen3vl_4b", "stage1"): ([8, 16, 0.05], 2e-4, 2),
    ("qwen3vl_4b", "stage2"): ([64, 128, 0.1], 2e-4, 2),
    ("qwen3vl_8b", "stage1"): ([16, 32, 0.1], 2e-4, 3),
    ("qwen3vl_8b", "stage2"): ([64, 128, 0.1], 2e-4, 3),
}
BOTH = ("quantised", "double", "tuner", "tuning", "frozen", "length", "media", "data", "taken", "checkpointing", "rate",
        "epochs", "samples", "optimizer", "schedule", "bf16", "fp16", "seed", "zero", "strategies", "every", "metric",
        "greater")  # fmt: skip


def test_there_are_recipes_of_both_hosts() -> None:
    assert {host_of(read(path)) for path in SHIPPED.values()} == {"llamafactory", "swift"}


@pytest.mark.parametrize("name", RECIPES)
def test_its_host_parses_it(place: Place, name) -> None:
    recipe, values = read(RECIPES[name]), place.parsed(RECIPES[name])
    assert values["greedy"]
    if host_of(recipe) == "llamafactory":
        assert isinstance(recipe.get("ontune"), dict), "a host without the plugin would not refuse it"
    else:
        assert recipe["external_plugins"].endswith("plugin/ontune_swift.py")
    if trains(recipe):
        assert_it_keeps_what_it_evaluates(values)


def assert_it_keeps_what_it_evaluates(values: dict[str, Any]) -> None:
    """The best checkpoint is among those that were saved, or nothing is chosen at all."""
    if values["strategies"] == ["no", "no"]:
        return
    assert values["strategies"] == ["steps", "steps"]
    assert values["every"][0] == values["every"][1] > 0
    assert values["greater"] is (values["metric"] != "eval_loss")


@pytest.mark.parametrize("name", EDUGRAPH)
def test_it_trains_as_upstream_did(place: Place, name) -> None:
    values, found = place.parsed(SHIPPED[name]), NAME.fullmatch(name)
    assert found, f"{name}: expected {NAME.pattern}"
    rows = ROWS[found["size"] or "7b", found["stage"]]
    assert (values["tuning"], values["rate"], values["epochs"]) == rows
    zero = next((stage for stage in (2, 3) if f"_zero{stage}" in name), None)
    assert (values["zero"], values["samples"]) == (zero, 1 if zero else 8)  # by eight GPUs, or by one
    assert (values["quantised"], values["double"], values["bf16"]) == (["bnb", 4, "nf4"], True, True)
    assert values["targets"] in (["all"], ["all-linear"])
    assert values["frozen"] == [True, True]
    assert values["media"] == "data"
    assert values["template"] == template_of(name)
    if found["stage"] == "stage1":
        assert (values["metric"], values["length"]) == ("eval_loss", 1024)
    else:
        assert (values["metric"], values["length"], values["pixels"]) == ("eval_ontology_f1", 4096, 1003520)


def template_of(name: str) -> str:
    """LLaMA-Factory has one template for Qwen2-VL and Qwen2.5-VL."""
    recipe, hosts = read(SHIPPED[name]), name.startswith("swift/")
    if "qwen3vl" in name:
        return "qwen3_vl" if hosts else "qwen3_vl_nothink"
    first = not hosts or "Qwen2-VL" in recipe["model"] or recipe.get("model_type") == "qwen2_vl"
    return "qwen2_vl" if first else "qwen2_5_vl"


@pytest.mark.parametrize("name", EXPORTS)
def test_it_merges_into_the_unquantised_base(place: Place, name) -> None:
    values = place.parsed(SHIPPED[name])
    assert (values["quantised"], values["merges"]) == (None, True)
    assert Path(values["out"]).name == ("stage1_merged" if name.endswith("stage1_merge.yaml") else "merged")
    assert values["template"] == template_of(name)


@pytest.mark.parametrize("name", SERVING)
def test_it_serves_what_was_merged_as_it_was_trained(place: Place, name) -> None:
    recipe, values = read(SHIPPED[name]), place.parsed(SHIPPED[name])
    trained, merged = (SHIPPED[name.replace("_serve.yaml", end)] for end in (".yaml", "_export.yaml"))
    assert (recipe.get("model") or recipe["model_name_or_path"]) == read(merged)[
        "output_dir" if name.startswith("swift/") else "export_dir"
    ]
    settings = settings_of(recipe)
    assert settings.run_first == launch_of(trained) + launch_of(merged)
    assert (settings.task, values["tokens"]) == ("service_manual", settings_of(read(trained)).max_new_tokens)
    assert values["pixels"] == place.parsed(trained)["pixels"]
    assert (values["template"], values["type"], values["quantised"]) == (template_of(name), "bfloat16", None)
    assert values["backend"] in ("huggingface", "transformers"), "no other is held to the task"
    assert recipe.get("host", "127.0.0.1") == "127.0.0.1"


def settings_of(recipe: dict[str, Any]) -> Settings:
    """What the recipe tells the plugin."""
    if "ontune" in recipe:
        return Settings.from_block(recipe["ontune"])
    return Settings.from_environment({key: str(value) for key, value in recipe["ENV"].items()})


def launch_of(path: Path) -> tuple[str, ...]:
    """The command in a recipe's header."""
    found = re.search(r"^# Launch  (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return (found[1],) if found else ()


@pytest.mark.parametrize("name", ["edugraph_stage1.yaml", "edugraph_qwen3vl_8b_stage2.yaml"])
@pytest.mark.parametrize("folder", ["", "swift/"])
def test_the_language_model_alone_is_adapted(place: Place, folder, name) -> None:
    found = place.ask(SHIPPED[folder + name], adapted_modules)
    assert all(".language_model.layers." in module for module in found["modules"])
    assert {module.rpartition(".")[2] for module in found["modules"]} == SEVEN
    assert len(found["modules"]) == 2 * len(SEVEN)
    assert found["bases"] == ["Linear4bit"]
    assert (found["quantised"], found["compute"]) == ([["nf4", True]], ["torch.bfloat16"])


@pytest.mark.parametrize("name", [name for name in TRAINING if not name.startswith("swift/")])
def test_both_hosts_do_the_same(place: Place, name) -> None:
    one, other = (SHIPPED[folder + name] for folder in ("", "swift/"))
    ours, theirs = place.parsed(one), place.parsed(other)
    # A host has defaults of its own for what a recipe leaves out because its data has none of it.
    keys = [*BOTH, *(["pixels"] if "image_max_pixels" in read(one) else [])]
    keys += ["video"] if "video_fps" in read(one) else []
    assert {key: ours[key] for key in keys} == {key: theirs[key] for key in keys}
    block, environment = settings_of(read(one)), settings_of(read(other))
    assert replace(block, run_first=(), instead=None) == replace(environment, run_first=(), instead=None)
    assert in_swift_words(block.run_first) == environment.run_first
    assert in_swift_words([block.instead or ""]) == (environment.instead or "",)


def in_swift_words(commands: Iterable[str]) -> tuple[str, ...]:
    """The commands for LLaMA-Factory as ms-swift has them."""
    words = {"llamafactory-cli train recipes/": "swift sft recipes/swift/", "FORCE_TORCHRUN=1 ": ""}
    words |= {"llamafactory-cli export recipes/": "swift export recipes/swift/"}
    words |= {" deepspeed=": " --deepspeed ", " gradient_accumulation_steps=": " --gradient_accumulation_steps "}
    return tuple(reduce(lambda text, word: text.replace(*word), words.items(), command) for command in commands)


def test_both_hosts_have_the_same_recipes() -> None:
    names = {
        folder: {name for name in SHIPPED if name.startswith("swift/") == bool(folder)} for folder in ("", "swift/")
    }
    assert {f"swift/{name}" for name in names[""]} == names["swift/"]


@pytest.mark.parametrize("name", SHIPPED)
def test_its_header_and_its_hints_hold(name) -> None:
    text, recipe = SHIPPED[name].read_text(encoding="utf-8"), read(SHIPPED[name])
    header = text.partition("\n\n")[0]
    assert all(line.startswith("#") for line in header.splitlines())
    command = {
        "llamafactory": ("llamafactory-cli train", "llamafactory-cli export", "llamafactory-cli api"),
        "swift": ("swift sft", "swift export", "swift deploy"),
    }
    kind = next(at for at, names in enumerate((TRAINING, EXPORTS, SERVING)) if name in names)
    launch = f"{command[host_of(recipe)][kind]} recipes/{name}"
    assert re.search(rf"^# Launch  .*?{re.escape(launch)}", header, re.MULTILINE | re.DOTALL), f"expected {launch}"
    assert "# Needs   " in header
    assert not trains(recipe) or "# From    upstream " in header
    for file in re.findall(r"recipes/[\w/]+\.(?:yaml|json)", text):
        assert (ROOT / file).is_file(), f"{file} is named, and is not there"


@pytest.mark.parametrize("name", SHIPPED)
def test_what_it_starts_from_is_what_another_leaves(name) -> None:
    recipe = read(SHIPPED[name])
    left = {read(path).get(key) for path in SHIPPED.values() for key in ("export_dir", "output_dir")}
    keys = ("model_name_or_path", "adapter_name_or_path", "model", "adapters")
    for start in (recipe[key] for key in keys if key in recipe):
        assert start.startswith("Qwen/") or start.removesuffix("/best") in left


WRONG = {
    "no host's": ("task: edugraph\n", "claimed by no host"),
    "both hosts'": ("model: a\nmodel_name_or_path: a\n", "claimed by"),
    "an unknown key of LLaMA-Factory": (
        "model_name_or_path: a\ntemplate: qwen2_vl\nexport_dir: out\nexport_sise: 5\n",
        "export_sise",
    ),
    "an unknown key of ms-swift": ("model: a\ntemplate: qwen2_5_vl\nmodel_type: qwen2_5_vl\nmerge: true\n", "--merge"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_recipe_does_not_pass(place: Place, tmp_path: Path, name) -> None:
    text, message = WRONG[name]
    path = tmp_path / "wrong.yaml"
    path.write_text(text)
    with pytest.raises(AssertionError, match=message):
        place.parsed(path)
