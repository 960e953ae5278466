"""The demo's steps: each starts from what an earlier one makes, and each recipe says what its step says."""

import shlex
from pathlib import Path

import pytest
import yaml

from ontune.demo.manual.pipeline import asked, steps
from ontune.demo.manual.results import by_content, goals
from ontune.demo.steps import saves

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "demo/manual"
HOSTS = ["llamafactory", "swift"]


def recipe_of(step):
    words = [word for word in step.command if word.endswith(".yaml") and "recipes" in word]
    return yaml.safe_load((FOLDER / words[0]).resolve().read_text()) if words else None


@pytest.mark.parametrize("host", HOSTS)
def test_every_step_starts_from_what_an_earlier_one_makes(host) -> None:
    made: set[str] = set()
    for step in steps(host, FOLDER):
        recipe = recipe_of(step) or {}
        starts = [recipe.get(key) for key in ("model_name_or_path", "adapter_name_or_path", "model", "adapters")]
        for place in [word.partition("#")[0] for word in (*step.command, *(name for name in starts if name))]:
            known = made | set(step.outputs)
            if place in {"pages", "blank", "probes.yaml"} or place.startswith(("saves/", "data/", "sources/")):
                assert any(place == path or place.startswith(f"{path}/") for path in known), (step.name, place)
        made |= set(step.outputs)
    assert f"{saves(host)}/merged" in made


@pytest.mark.parametrize("host", HOSTS)
def test_recipes_write_where_their_step_says_and_read_what_is_converted(host) -> None:
    all_steps = steps(host, FOLDER)
    data = {step.outputs[0].removeprefix("data/") for step in all_steps if step.outputs[0].startswith("data/")}
    recipes = [(recipe, step.outputs) for step in all_steps if (recipe := recipe_of(step))]
    assert len(recipes) == 3
    for recipe, outputs in recipes:
        assert (recipe.get("output_dir") or recipe["export_dir"],) == outputs
        for key in ("dataset", "eval_dataset", "val_dataset"):
            assert key not in recipe or recipe[key].rpartition("_")[0] in data
            assert not recipe.get(key, "").startswith("supplement")


def test_data_steps_are_the_same_for_both_hosts() -> None:
    first, second = ([step.name for step in steps(host, FOLDER)] for host in HOSTS)
    common = [name for name in first if name in second]
    assert common == first[: len(common)] == second[: len(common)]
    assert len(common) == 8


def test_answers_that_are_scored_are_free_and_about_held_out_pages() -> None:
    for host in HOSTS:
        lines = {step.name: shlex.join(step.command) for step in steps(host, FOLDER)}
        for name in ("before", "after", "blank"):
            assert "--data supplement_test --decoding free" in lines[f"{host}-{name}"]
            assert ("--media-root blank" in lines[f"{host}-{name}"]) == (name == "blank")
        assert f"ontune ask '{asked()[0]}' --question " in lines[f"{host}-ask"]
        (recipe,) = [str(recipe_of(step)) for step in steps(host, FOLDER) if step.name.endswith("_pretrain")]
        assert lines[f"{host}-before"].partition("--image-max-pixels ")[2].split()[0] in recipe
    assert asked()[0].startswith("sources/supplement.pdf#")


def test_what_is_shown_below_the_table() -> None:
    slices = [
        {"by": "content_type", "value": "diagram", "n": 80, "metrics": {"exact_match": {"value": 0.975}}},
        {"by": "section_id", "value": "x", "n": 2, "metrics": {"exact_match": {"value": 1.0}}},
    ]
    assert by_content(slices) == ["  diagram                     0.975 of 80"]
    judged = [{"verdict": "UNDECIDED", "goal": "probe_pass_rate>=0.85", "value": 23 / 24}]
    assert goals(judged) == ["  UNDECIDED probe_pass_rate>=0.85: 0.958"]
