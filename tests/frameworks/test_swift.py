"""What is registered in ms-swift, on ms-swift's own registries and functions."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import yaml
from transformers import EvalPrediction

from ontune.callbacks.plan import Run
from ontune.dataset_info import Entry
from ontune.errors import RecipeError
from ontune.frameworks.swift import _model_of_argv, _pictures, _run_of
from ontune.frameworks.swift_datasets import register_dataset
from ontune.frameworks.swift_export import keep_settings
from ontune.frameworks.swift_scores import register_metric, register_reward
from ontune.inference.prompts import Pictures
from ontune.inference.settings import Generation, Precision, read_settings, write_settings
from ontune.ontology import write_snapshot
from ontune.sharegpt import Sample, Turn, write_samples
from small import ONTOLOGY, small_task

TASK = small_task()


def answer(*labels: str) -> str:
    return TASK.to_json(TASK.answer_from_labels([*labels]))


NOTHING = answer()
ERROR = '{"Error":"UnsupportedMaterial"}'

# A completion, its gold, and its reward.
REWARDS = [
    (answer("Circle", "Clock"), answer("Circle", "Clock"), 1.0),
    (answer("Clock", "Circle"), answer("Circle", "Clock"), 1.0),
    (answer("Circle"), answer("Circle", "Clock"), 2 / 3),
    (answer("Circle", "Disc"), answer("Circle", "Clock"), 0.5),
    (answer("Disc"), answer("Circle"), 0.0),
    (NOTHING, answer("Circle"), 0.0),
    (answer("Circle"), NOTHING, 0.0),
    (NOTHING, NOTHING, 1.0),
    (ERROR, ERROR, 1.0),
    (NOTHING, ERROR, 0.0),
    ("It is a circle.", answer("Circle"), 0.0),
    ("It is a circle.", NOTHING, 0.0),
    ("", NOTHING, 0.0),
    ('{"Area":["Circle","Blob"],"Scope":[],"Ability":[]}', answer("Circle"), 2 / 3),  # unknown labels count against it
]


@pytest.fixture
def dataset_info(tmp_path: Path) -> Path:
    """A folder with the shipped task over the small ontology, as `small`."""
    info = tmp_path / "dataset_info"
    write_snapshot(ONTOLOGY, info / "ontologies" / "small-1.json")
    shipped = Path(__file__).parents[2] / "dataset_info/tasks/edugraph.yaml"
    record = yaml.safe_load(shipped.read_text(encoding="utf-8")) | {"name": "small", "ontology": "small-1"}
    (info / "tasks").mkdir()
    (info / "tasks" / "small.yaml").write_text(yaml.safe_dump(record, sort_keys=False))
    return info


@pytest.fixture
def registries(monkeypatch) -> SimpleNamespace:
    """ms-swift's own maps, as they were afterwards."""
    from swift.metrics import eval_metrics_map
    from swift.rewards import orms

    monkeypatch.delitem(eval_metrics_map, "ontology", raising=False)
    monkeypatch.delitem(orms, "ontology_f1", raising=False)
    return SimpleNamespace(metrics=eval_metrics_map, rewards=orms)


def test_rewards(registries, dataset_info) -> None:
    register_reward("small", dataset_info)
    reward = registries.rewards["ontology_f1"](args=None)
    completions, solution, expected = zip(*REWARDS, strict=True)
    kept = {"messages": [[]] * len(REWARDS), "images": [[]] * len(REWARDS), "trainer_state": None}
    assert reward([*completions], solution=[*solution], **kept) == pytest.approx([*expected])
    assert reward([], solution=[]) == []


def serialised(texts: list[str]) -> np.ndarray:
    """As ms-swift hands strings through its evaluation: bytes, padded to one length."""
    import torch
    from swift.utils import Serializer

    rows = [Serializer.to_tensor(text) for text in texts]
    return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=0).numpy()


def test_metrics_of_free_answers(registries, dataset_info) -> None:
    register_metric("small", dataset_info)
    metric = registries.metrics["ontology"](None, None)
    answers, gold, _ = zip(*REWARDS, strict=True)
    found = metric.compute_metrics(EvalPrediction(serialised([*answers]), serialised([*gold])))
    assert all(name.startswith("ontology_free_") for name in found)
    assert found["ontology_free_exact_match"] == pytest.approx(4 / len(REWARDS))
    assert found["ontology_free_invalid_rate"] == pytest.approx(3 / len(REWARDS))
    assert found["ontology_free_unknown_label_rate"] == pytest.approx(1 / len(REWARDS))
    assert 0 < found["ontology_free_f1"] < 1
    assert "ontology_free_area_f1" in found


def test_without_a_task_there_is_nothing_to_score_by(registries, dataset_info) -> None:
    register_metric(None, dataset_info)
    register_reward(None, dataset_info)
    with pytest.raises(RecipeError, match="ONTUNE_TASK is not set"):
        registries.metrics["ontology"](None, None)
    with pytest.raises(RecipeError, match="ONTUNE_TASK is not set"):
        registries.rewards["ontology_f1"]()


def sample(name: str) -> Sample:
    turns = (Turn("human", "<image>Which?"), Turn("gpt", answer("Circle")))
    return Sample(name, turns, "Look.", (f"{name}.png",), meta={"group": name, "solution": "7"})


@pytest.fixture
def datasets() -> Iterator[dict[Any, Any]]:
    """ms-swift's own datasets, which are those again afterwards."""
    from swift.dataset.register import DATASET_MAPPING

    before = dict(DATASET_MAPPING)
    yield DATASET_MAPPING
    for key in DATASET_MAPPING.keys() - before.keys():
        del DATASET_MAPPING[key]


@pytest.mark.parametrize(("name", "ratio", "expected"), [("#1", 1, 1), ("#9", 1, 2), ("", 1, 2), ("#9", 0, 9)])
def test_an_evaluation_set_gives_as_many_samples_as_it_has(tmp_path, datasets, name, ratio, expected) -> None:
    from swift.dataset import load_dataset

    path = tmp_path / "data/set/val.jsonl"
    write_samples(path, [sample("a"), sample("b")])
    register_dataset(Entry("set_val", path))
    found = load_dataset(f"set_val{name}", split_dataset_ratio=ratio, load_from_cache_file=False)
    assert len(found[ratio]) == expected


@pytest.mark.parametrize("rewarded", [False, True])
def test_datasets_are_found_by_their_names(tmp_path, monkeypatch, datasets, rewarded) -> None:
    from swift.dataset import load_dataset

    path = tmp_path / "data/set/train.jsonl"
    write_samples(path, [sample("a"), sample("b")])
    monkeypatch.setattr(sys, "argv", ["swift", *["--reward_funcs"] * rewarded])
    before = len(datasets)
    register_dataset(Entry("set_train", path))
    register_dataset(Entry("gone", tmp_path / "gone.jsonl"))
    assert len(datasets) == before + 1
    # GRPO keeps all columns for its rewards.
    found = load_dataset("set_train", load_from_cache_file=False, remove_unused_columns=not rewarded)[0]
    assert [row["messages"][-1]["content"] for row in found] == [answer("Circle")] * 2
    assert [row["messages"][0]["content"] for row in found] == ["Look."] * 2
    solutions = [row.get("solution") for row in found]
    assert solutions == [answer("Circle") if rewarded else None] * 2


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], "."),
        (["--model", "a"], "a"),
        (["--model=a"], "a"),
        (["--model", "a", "--x", "1", "--model", "b"], "b"),
        (["--model=a", "--model_type", "c"], "a"),
        (["--model_type", "c", "--model"], "."),
    ],
)
def test_the_model_of_the_command_line(monkeypatch, words, expected) -> None:
    monkeypatch.setattr(sys, "argv", ["swift", *words])
    assert _model_of_argv() == expected


ARGS = {
    "val_dataset": ["a#20", "b"],
    "eval_strategy": "steps",
    "split_dataset_ratio": 0.0,
    "metric_for_best_model": "x",
}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, Run(("a", "b"), Path(), True, False, "x")),
        ({"eval_strategy": "no", "val_dataset": []}, Run((), Path(), False, False, "x")),
        ({"eval_strategy": SimpleNamespace(value="no")}, Run(("a", "b"), Path(), False, False, "x")),
        ({"val_dataset": [], "split_dataset_ratio": 0.1}, Run((), Path(), True, True, "x")),
    ],
)
def test_what_decides_the_plan(changes, expected) -> None:
    assert _run_of(SimpleNamespace(**ARGS | changes), Path()) == expected


PIXELS = [
    ({}, 14, None, 16384 * 784, 4 * 784),
    ({"MAX_PIXELS": "1003520"}, 14, None, 1003520, 4 * 784),
    ({"MAX_PIXELS": "20000"}, 14, None, 19600, 4 * 784),  # whole tokens
    ({"MAX_PIXELS": "20000"}, 16, None, 19456, 4 * 1024),
    ({"IMAGE_MAX_TOKEN_NUM": "30", "MAX_PIXELS": "20000"}, 16, None, 30 * 1024, 4 * 1024),
    ({"MAX_PIXELS": "20000"}, 14, 9000, 9000, 4 * 784),
    ({"MIN_PIXELS": "8000"}, 14, None, 16384 * 784, 7840),
]


@pytest.mark.parametrize(("environment", "patch", "max_pixels", "most", "least"), PIXELS)
def test_pictures_are_as_large_as_ms_swift_has_set(monkeypatch, environment, patch, max_pixels, most, least) -> None:
    from qwen_vl_utils import vision_process
    from swift.model.models.qwen import compat_qwen_vl_utils, patch_qwen_vl_utils

    for name in ("MAX_PIXELS", "MIN_PIXELS", "IMAGE_MAX_TOKEN_NUM", "IMAGE_MIN_TOKEN_NUM"):
        monkeypatch.setenv(name, environment.get(name, ""))
        if name not in environment:
            monkeypatch.delenv(name)
    before = dict(vars(vision_process))
    vars(vision_process).pop("_patch", None)
    try:
        compat_qwen_vl_utils(patch)
        patch_qwen_vl_utils(vision_process)
        found = _pictures(SimpleNamespace(image_processor=SimpleNamespace(patch_size=patch)), max_pixels)
    finally:
        vars(vision_process).clear()
        vars(vision_process).update(before)
    assert found == Pictures("qwen_vl_utils", most, least)


EXPORTED = {  # what an export starts from, what it leaves, and the batch size that its settings have
    "an adapter": (["run1"], "base", "config.json", 1),
    "several: the last one": (["run1", "run2"], "base", "config.json", 2),
    "a whole model": ([], "run2", "config.json", 2),
    "without settings": (["plain"], "base", "config.json", None),
    "no model": ([], "run1", "dataset.arrow", None),
}


@pytest.mark.parametrize("name", EXPORTED)
def test_an_export_hands_the_settings_of_its_run_on(tmp_path, monkeypatch, name) -> None:
    from swift.pipelines.export.export import SwiftExport

    adapters, model, leaves, expected = EXPORTED[name]
    monkeypatch.chdir(tmp_path)
    for number in (1, 2):
        write_settings(Path(f"run{number}"), Generation(number), Precision("bfloat16"), "base", 4)

    def run(self: Any) -> None:
        self.args.adapters, self.args.model_dir = [], "merged"  # as merging does
        Path("merged").mkdir()
        Path("merged", leaves).touch()

    monkeypatch.setattr(SwiftExport, "run", run)
    keep_settings()
    exporting = SimpleNamespace(args=SimpleNamespace(adapters=adapters, model_dir=model, output_dir="merged"))
    SwiftExport.run(exporting)
    assert Path("merged/ontune.json").is_file() is (expected is not None)
    if expected:
        assert read_settings(Path("merged")) == (Generation(expected), Precision())
