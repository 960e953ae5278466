"""What a run will evaluate: decided, and refused with all faults at once, before a model is loaded."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ontune.callbacks.plan import EvaluationSet, Run, check_start, compute_scores, plan, spread
from ontune.callbacks.settings import Settings
from ontune.dataset_info import Entry, register
from ontune.errors import RecipeError
from ontune.evaluation import Prediction
from ontune.ontology import write_snapshot
from ontune.sharegpt import Sample, Turn, write_samples
from small import ONTOLOGY, small_task

LABELS = {"name": "labels", "kind": "labels", "dimension": "Scope"}


def sample(name: str) -> Sample:
    return Sample(name, (Turn("human", "Which?"), Turn("gpt", '{"labels":[]}')), meta={"group": name})


@pytest.fixture
def dataset_info(tmp_path: Path) -> Path:
    """Datasets `one` and `two` of a task, `plain` without any, `gone` without a file, `odd` with no such metrics."""
    info = tmp_path / "dataset_info"
    write_snapshot(ONTOLOGY, info / "ontologies" / "small-1.json")
    (info / "tasks").mkdir()
    for name, metrics in (("scopes", ["label_sets"]), ("other", ["label_sets"]), ("odd", ["guesses"])):
        record = {"name": name, "ontology": "small-1", "fields": [LABELS], "metrics": metrics}
        (info / "tasks" / f"{name}.yaml").write_text(yaml.safe_dump(record))
    tasks = {"one": "scopes", "two": "scopes", "third": "other", "plain": None, "gone": "scopes", "odd": "odd"}
    entries = [Entry(name, tmp_path / f"data/{name}/val.jsonl", task) for name, task in tasks.items()]
    register(entries, info)
    for entry in entries:
        if entry.name != "gone":
            write_samples(entry.path, [sample(f"{at}") for at in range(10)])
    return info


RUN = Run(("one",), Path(), evaluates=True, splits_training_set=False, best_metric=None)
NO_SET = "evaluate is on, but the recipe names no evaluation dataset"
SPLIT = "val_size (or split_dataset_ratio) cuts an evaluation set that no file holds"
NO_TASK = "has no task: neither its entry in"
F1, FREE = "eval_ontology_f1", "eval_ontology_free_f1"

PLANS = {
    "by the entry's task": ({}, {}, ["one"]),
    "two of one task": ({}, {"datasets": ("one", "two")}, ["one", "two"]),
    "the block's task": ({"task": "other"}, {"datasets": ("plain",)}, ["plain"]),
    "by file": ({}, {"datasets": ("DATA/one/val.jsonl",)}, ["DATA/one/val.jsonl"]),
    "nothing asked": ({}, {"datasets": ("plain",)}, []),
    "nothing asked, a split": ({}, {"datasets": (), "splits_training_set": True}, []),
    "off": ({"evaluate": False}, {}, []),
    "off, a split": ({"evaluate": False, "task": "other"}, {"datasets": (), "splits_training_set": True}, []),
    "the host does not evaluate": ({"evaluate": "both"}, {"evaluates": False}, []),
    "its metric": ({}, {"best_metric": F1}, ["one"]),
    "its metric without the prefix": ({}, {"best_metric": "ontology_scope_macro_f1"}, ["one"]),
    "a host's metric": ({"evaluate": False}, {"best_metric": "eval_loss"}, []),
    "of one of two": ({}, {"datasets": ("one", "two"), "best_metric": "eval_two_ontology_f1"}, ["one", "two"]),
    "of both": ({}, {"datasets": ("one", "two"), "best_metric": F1}, ["one", "two"]),
    "each alone": ({}, {"best_metric": "eval_one_ontology_f1", "separately": True}, ["one"]),
    # Faults
    "no set": ({"evaluate": "both"}, {"datasets": ()}, [f"!{NO_SET}"]),
    "no set, asked by a number": ({"max_samples": 3}, {"datasets": ()}, [f"!{NO_SET}"]),
    "a split": ({"task": "scopes"}, {"datasets": (), "splits_training_set": True}, [f"!{SPLIT}"]),
    "no task": ({"evaluate": "free"}, {"datasets": ("plain",)}, [f"!'plain' {NO_TASK}"]),
    "no task beside one": ({}, {"datasets": ("one", "plain")}, [f"!'plain' {NO_TASK}"]),
    "off, yet chosen by": ({"evaluate": False}, {"best_metric": F1}, [f"!{F1} cannot be computed: evaluate is false"]),
    "chosen by, no task": ({}, {"datasets": ("plain",), "best_metric": F1}, ["!no evaluation dataset has a task"]),
    "chosen by, no evaluation": ({}, {"evaluates": False, "best_metric": F1}, ["!the run does not evaluate"]),
    "constrained of free": ({"evaluate": "free"}, {"best_metric": F1}, [f"!{F1} is not computed by this run; nearest"]),
    "free of constrained": ({"evaluate": "constrained"}, {"best_metric": FREE}, [f"!{FREE} is not computed"]),
    "misspelled": ({}, {"best_metric": "eval_ontology_f2"}, ["!nearest: ['eval_ontology_f1'"]),
    "pooled of separate ones": ({}, {"best_metric": F1, "separately": True}, [f"!{F1} is not computed"]),
    "pooled of two tasks": ({}, {"datasets": ("one", "third"), "best_metric": F1}, [f"!{F1} is not computed"]),
    "metrics that there are not": ({}, {"datasets": ("odd",)}, ["!metrics has 'guesses'"]),
    "all at once": (
        {"evaluate": "both"},
        {"datasets": ("gone", "plain", "odd"), "splits_training_set": True},
        [f"!{SPLIT}", f"!'plain' {NO_TASK}", "!dataset 'gone': no file", "!metrics has 'guesses'"],
    ),
}


@pytest.mark.parametrize("name", PLANS)
def test_plan(dataset_info, name) -> None:
    block, changes, expected = PLANS[name]
    data = str(dataset_info.parent / "data")
    datasets = tuple(item.replace("DATA", data) for item in changes.get("datasets", RUN.datasets))
    run = replace(RUN, **changes | {"datasets": datasets, "dataset_info": dataset_info})
    settings = Settings.from_block(block)
    if expected and expected[0].startswith("!"):
        with pytest.raises(RecipeError) as caught:
            plan(settings, run)
        assert len(caught.value.faults) == len(expected), caught.value
        for fault, words in zip(caught.value.faults, expected, strict=True):
            assert words[1:] in fault
    else:
        assert [item.name for item in plan(settings, run)] == [item.replace("DATA", data) for item in expected]


def test_the_set_holds_the_chosen_samples_and_the_entrys_ontology(dataset_info) -> None:
    found = plan(Settings.from_block({"max_samples": 4}), replace(RUN, dataset_info=dataset_info))[0]
    assert (found.name, found.task.name, found.task.ontology.name) == ("one", "scopes", "small")
    assert [item.id for item in found.samples] == ["0", "2", "5", "7"]


@pytest.mark.parametrize(
    ("start", "block", "lines"),
    [
        (("there",), {"run_first": ["a"]}, None),
        (("gone",), {}, None),
        (("gone",), {"run_first": ["a", "b"]}, ["model gone is not there yet. Run first:", "  a", "  b"]),
        (
            ("gone", "adapter"),
            {"run_first": ["a"], "instead": "c"},
            ["adapter gone is not there yet. Run first:", "  a", "or, without it:", "  c"],
        ),
    ],
)
def test_a_folder_that_has_yet_to_be_made(tmp_path, monkeypatch, start, block, lines) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there").mkdir()
    settings = Settings.from_block(block)
    if lines is None:
        check_start(settings, *start)
        return
    with pytest.raises(RecipeError) as caught:
        check_start(settings, *start)
    assert str(caught.value).splitlines() == lines


@given(st.integers(0, 40), st.integers(1, 50), st.randoms())
def test_spread_is_even_and_the_same_whatever_the_order(size, count, rng) -> None:
    samples = [sample(f"{at:03}") for at in range(size)]
    shuffled = rng.sample(samples, size)
    found = spread(shuffled, count)
    assert found == spread(samples, count)
    assert len(found) == min(size, count)
    places = [int(item.id) for item in found]
    gaps = {after - before for before, after in pairwise(places)}
    assert not gaps or min(gaps) >= 1
    assert not gaps or max(gaps) - min(gaps) <= 1
    assert spread(shuffled, None) == samples


def predicted(name: str, gold: list[str], labels: list[str]) -> Prediction:
    task = small_task()
    gold_answer, answer = task.answer_from_labels(gold), task.answer_from_labels(labels)
    return Prediction(name, "free", gold_answer, task.to_json(answer), answer)


RIGHT, WRONG = predicted("a", ["Circle"], ["Circle"]), predicted("b", ["Circle"], ["Disc"])


@pytest.mark.parametrize(
    ("names", "prefix", "decoding", "expected"),
    [
        (["one"], "eval", "constrained", {"eval_ontology_f1": 1.0}),
        (["one"], "eval_one", "free", {"eval_one_ontology_free_f1": 1.0}),
        (
            ["one", "two"],
            "eval",
            "free",
            {"eval_one_ontology_free_f1": 1.0, "eval_two_ontology_free_f1": 0.0, "eval_ontology_free_f1": 0.5},
        ),
        (["one", "other"], "eval", "free", {"eval_one_ontology_free_f1": 1.0, "eval_other_ontology_free_f1": 0.0}),
    ],
)
def test_scores_of_each_set_and_of_all_that_share_a_task(names, prefix, decoding, expected) -> None:
    found = {"one": [RIGHT], "two": [WRONG], "other": [WRONG]}
    tasks = {"one": small_task(), "two": small_task(), "other": replace(small_task(), name="other")}
    sets = [EvaluationSet(name, tasks[name], ()) for name in names]
    scores = compute_scores(sets, prefix, decoding, found)
    assert {name: value for name, value in scores.items() if name.endswith(("ontology_f1", "free_f1"))} == expected
