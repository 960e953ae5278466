"""The steps of every demo: each starts from what an earlier one makes, and each recipe says what its step says."""

from pathlib import Path

import pytest
import yaml

from ontune.demo.steps import Host, saves
from ontune.demo.systems import SYSTEMS

ROOT = Path(__file__).resolve().parents[2]
HOSTS: tuple[Host, ...] = ("llamafactory", "swift")
RECIPES = {"edugraph": 5, "manual": 3, "conditions": 3, "feedback": 3}
COMMON = {"edugraph": 7, "manual": 8, "conditions": 7, "feedback": 5}  # steps that are the same for both hosts
MADE = ("saves/", "data/", "sources/")
MADE_BY_MANUAL = {"pages", "blank", "probes.yaml"}


def folder(system: str) -> Path:
    return ROOT / "demo" / system


def recipe_of(step, system):
    words = [word for word in step.command if word.endswith(".yaml") and "recipes" in word]
    return yaml.safe_load((folder(system) / words[0]).resolve().read_text()) if words else None


def named(recipe, *keys):
    """The names that a recipe gives under these keys, one or several each."""
    values = [recipe.get(key, []) for key in keys]
    return [name for value in values for name in (value.split(",") if isinstance(value, str) else value)]


def is_made(word: str, system: str) -> bool:
    return word.startswith(MADE) or (system == "manual" and word in MADE_BY_MANUAL)


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("system", SYSTEMS)
def test_every_step_starts_from_what_an_earlier_one_makes(system, host) -> None:
    made: set[str] = set()
    for step in SYSTEMS[system].steps(host, folder(system)):
        recipe = recipe_of(step, system) or {}
        starts = named(recipe, "model_name_or_path", "adapter_name_or_path", "model", "adapters")
        words = [word.removeprefix("recorded:").partition("#")[0] for word in (*step.command, *starts)]
        for place in [word for word in words if is_made(word, system)]:
            known = made | set(step.outputs)
            assert any(place == path or place.startswith(f"{path}/") for path in known), (step.name, place)
        made |= set(step.outputs)
    assert f"{saves(host)}/{SYSTEMS[system].model}" in made


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("system", SYSTEMS)
def test_recipes_write_where_their_step_says_and_read_what_is_converted(system, host) -> None:
    steps = SYSTEMS[system].steps(host, folder(system))
    data = {step.outputs[0].removeprefix("data/") for step in steps if step.outputs[0].startswith("data/")}
    recipes = [(recipe, step.outputs) for step in steps if (recipe := recipe_of(step, system))]
    assert len(recipes) == RECIPES[system]
    for recipe, outputs in recipes:
        assert (recipe.get("output_dir") or recipe["export_dir"],) == outputs
        assert {name.rpartition("_")[0] for name in named(recipe, "dataset", "eval_dataset", "val_dataset")} <= data


@pytest.mark.parametrize("system", SYSTEMS)
def test_data_steps_are_the_same_for_both_hosts(system) -> None:
    first, second = ([step.name for step in SYSTEMS[system].steps(host, folder(system))] for host in HOSTS)
    common = [name for name in first if name in second]
    assert common == first[: len(common)] == second[: len(common)]
    assert len(common) == COMMON[system]
