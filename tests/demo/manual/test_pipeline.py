"""The demo of service manuals: what is held out, and what stands below its table."""

import shlex
from pathlib import Path

import pytest
import yaml

from ontune.demo.manual.pipeline import asked, steps
from ontune.demo.manual.results import by_content, goals

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "demo/manual"
HOSTS = ["llamafactory", "swift"]


def recipe_of(step):
    words = [word for word in step.command if word.endswith(".yaml") and "recipes" in word]
    return yaml.safe_load((FOLDER / words[0]).resolve().read_text()) if words else None


@pytest.mark.parametrize("host", HOSTS)
def test_no_recipe_reads_the_supplement(host) -> None:
    recipes = [recipe for step in steps(host, FOLDER) if (recipe := recipe_of(step))]
    for recipe in recipes:
        for key in ("dataset", "eval_dataset", "val_dataset"):
            assert not recipe.get(key, "").startswith("supplement")


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
