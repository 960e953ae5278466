"""The demo's steps: each starts from what an earlier one makes, and each recipe says what its step says."""

import shlex
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from ontune.demo.bounds import Bound, Results
from ontune.demo.edugraph.pipeline import examples, steps
from ontune.demo.steps import saves

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "demo/edugraph"
HOSTS = ["llamafactory", "swift"]


def recipe_of(step):
    words = [word for word in step.command if word.endswith(".yaml")]
    return yaml.safe_load((FOLDER / words[0]).resolve().read_text()) if words else None


@pytest.mark.parametrize("host", HOSTS)
def test_every_step_starts_from_what_an_earlier_one_makes(host) -> None:
    made: set[str] = set()
    for step in steps(host, FOLDER):
        recipe = recipe_of(step) or {}
        named = [recipe.get(key) for key in ("model_name_or_path", "adapter_name_or_path", "model", "adapters")]
        words = [*step.command, *(name for name in named if name)]
        places = [word for word in words if word.startswith(("saves/", "data/", "sources/"))]
        for place in places:
            known = made | set(step.outputs)
            assert any(place == path or place.startswith(f"{path}/") for path in known), (step.name, place)
        made |= set(step.outputs)
    assert f"{saves(host)}/merged" in made


@pytest.mark.parametrize("host", HOSTS)
def test_recipes_write_where_their_step_says_and_read_what_is_converted(host) -> None:
    all_steps = steps(host, FOLDER)
    data = {step.outputs[0].removeprefix("data/") for step in all_steps if step.outputs[0].startswith("data/")}
    recipes = {step.name: (recipe_of(step), step.outputs) for step in all_steps if recipe_of(step)}
    assert len(recipes) == 5
    for recipe, outputs in recipes.values():
        assert (recipe.get("output_dir") or recipe["export_dir"],) == outputs
        for key in ("dataset", "eval_dataset", "val_dataset"):
            assert key not in recipe or recipe[key].rpartition("_")[0] in data


def test_data_steps_are_the_same_for_both_hosts() -> None:
    first, second = ([step.name for step in steps(host, FOLDER)] for host in HOSTS)
    common = [name for name in first if name in second]
    assert common == first[: len(common)] == second[: len(common)]
    assert len(common) == 7


def test_commands_are_the_real_ones_as_a_user_would_type_them() -> None:
    lines = {step.name: shlex.join(step.command) for host in HOSTS for step in steps(host, FOLDER)}
    assert lines["llamafactory-edugraph_stage2"] == "llamafactory-cli train ../../recipes/demo/edugraph_stage2.yaml"
    assert lines["llamafactory-edugraph_export"] == "llamafactory-cli export ../../recipes/demo/edugraph_export.yaml"
    assert lines["swift-edugraph_stage2"] == "swift sft ../../recipes/demo/swift/edugraph_stage2.yaml"
    assert lines["swift-edugraph_export"] == "swift export ../../recipes/demo/swift/edugraph_export.yaml"
    assert "--decoding free" in lines["llamafactory-after"]
    elsewhere = {step.name: step.command for step in steps("swift", Path("/somewhere/else"))}["swift-edugraph_stage2"]
    assert elsewhere[-2] == "--external_plugins"
    assert (Path("/somewhere/else") / elsewhere[-1]).resolve() == ROOT / "plugin/ontune_swift.py"


def test_examples_are_one_of_each_kind() -> None:
    assert len({Path(path).name.split("-")[0] for path in examples()}) == len(examples()) == 9


@pytest.mark.parametrize("kept", [True, False])
def test_command_prints_one_object_and_ends_with_1_where_a_bound_is_missed(kept, monkeypatch) -> None:
    from ontune.commands import demo
    from ontune.demo import systems

    results = Results("table", [Bound("exact match", 0.5, "≥", 0.4 if kept else 0.6)], {"rows": []})
    shown = systems.System(lambda *_: [], lambda *_: results)
    monkeypatch.setattr("ontune.demo.runner.run_steps", lambda *_: [])
    monkeypatch.setattr(systems, "SYSTEMS", {"edugraph": shown})
    for options, expected in (([], "table"), (["--json"], '"rows": []')):
        result = CliRunner().invoke(demo.command, options, standalone_mode=True)
        assert result.exit_code == (0 if kept else 1)
        assert expected in result.output
