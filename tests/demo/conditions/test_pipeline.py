"""The demo of conditions: what is asked, its table and what stands beside it."""

import json
import re
import shlex
from pathlib import Path

import pytest

from ontune.demo.conditions.pipeline import steps
from ontune.demo.conditions.results import UNFRAMED, results, unframed
from ontune.demo.conditions.tasks import write_tasks
from ontune.evaluation import Prediction, write_predictions
from ontune.files import write_atomic
from ontune.sharegpt import Sample, Turn, write_samples

FOLDER = Path(__file__).resolve().parents[3] / "demo/conditions"
HOSTS = ["llamafactory", "swift"]
METRICS = ("detection_recall", "classification_accuracy", "end_to_end_precision", "end_to_end_recall", "end_to_end_f1")
REPORT = {
    "truth": {
        "pictures": 7,
        "counts": {"right": 3, "missed": 1},
        "metrics": {name: {"value": at / 10} for at, name in enumerate(METRICS)},
    }
}


def test_objects_are_shown_alike_in_training_and_behind_the_detector() -> None:
    for host in HOSTS:
        lines = {step.name: shlex.join(step.command) for step in steps(host, FOLDER)}
        for name in ("convert-clear", "convert-scenes", f"{host}-detected"):
            assert "--task embankment --box drawn" in lines[name]
        assert "--decoding free" in lines[f"{host}-after"]


def test_without_the_frame_one_object_of_each_picture_can_be_right() -> None:
    gold = [("a", "rock toe"), ("a", "toe drain"), ("a", "vegetation"), ("b", "rock toe"), ("b", "vegetation")]
    rows = [
        Prediction(f"{at}", "free", {"condition": name}, "", None, ("invalid_json",), meta={"picture": picture})
        for at, (picture, name) in enumerate(gold)
    ]
    row = unframed(rows)
    assert (row.name, row.exact_match) == (UNFRAMED, pytest.approx(2 / 5))


@pytest.fixture
def finished(tmp_path):
    """A folder of the demo as it is at the end, with two scenes of three objects."""
    write_tasks(tmp_path / "dataset_info")
    names = ("rock toe", "toe drain", "vegetation")
    gold = [(f"{scene}-{at}", scene, {"condition": name}) for scene in "ab" for at, name in enumerate(names)]
    samples = [
        Sample(name, (Turn("human", "Which?"), Turn("gpt", json.dumps(answer))), meta={"group": scene})
        for name, scene, answer in gold
    ]
    write_samples(tmp_path / "data/scenes/train.jsonl", samples)
    given = {"before": 1, "after": 6, "blank": 2}  # so many are right
    for file, right in given.items():
        rows = [
            Prediction(
                name,
                "free",
                answer,
                "",
                answer if at < right else {"condition": "slope drain"},
                meta={"picture": scene},
            )
            for at, (name, scene, answer) in enumerate(gold)
        ]
        write_predictions(tmp_path / f"saves/{file}.jsonl", rows)
    yes = {"answer": "yes"}
    rows = [
        Prediction(f"{at}", "free", yes, "", yes if at else {"answer": "no"}, meta={"relation": "left"})
        for at in range(4)
    ]
    write_predictions(tmp_path / "saves/relations.jsonl", rows)
    write_atomic(tmp_path / "saves/detected/report.json", json.dumps(REPORT))
    return tmp_path


def test_results_are_the_table_with_its_bounds_the_relations_and_both_stages(finished) -> None:
    found = results("llamafactory", finished)
    assert {row["name"]: round(row["exact_match"], 3) for row in found.record["rows"]} == {
        "most frequent answer": 0.333,
        "before training": 0.167,
        "after training": 1.0,
        "after, blank pictures": 0.333,
        "best without the frame": 0.333,
    }
    assert {bound.what: bound.kept for bound in found.bounds} == {
        "held-out samples": False,
        "exact match, most frequent answer": True,
        "exact match, after training": True,
        "exact match, after, blank pictures": True,
        "exact match, best without the frame": True,
    }
    assert (found.kept, found.record["detect_classify"]) == (False, REPORT)
    assert "where framed objects lie: 0.750 of 4 questions" in found.text
    assert "7 held-out scenes: right 3, missed 1" in found.text
    assert re.search(r"end_to_end_f1 +0\.400", found.text)
