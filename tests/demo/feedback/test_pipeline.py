"""The demo of exercise videos: what its steps are about, and its table."""

import json
from pathlib import Path

import pytest
import yaml

from ontune.demo.feedback import results
from ontune.demo.feedback.pipeline import ANSWERS, TASK, steps
from ontune.evaluation import Prediction, write_predictions
from ontune.ontology import Concept, Ontology, write_snapshot
from ontune.sharegpt import Sample, Turn, write_samples

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "demo/feedback"


def recipe_of(step):
    words = [word for word in step.command if word.endswith(".yaml")]
    return yaml.safe_load((FOLDER / words[0]).resolve().read_text()) if words else None


def test_answers_are_about_what_is_converted() -> None:
    made = {output for step in steps("llamafactory", FOLDER) for output in step.outputs}
    assert {f"data/{name.rpartition('_')[0]}" for _, name in ANSWERS.values()} <= made


def test_both_hosts_see_as_many_frames_as_are_chosen() -> None:
    chosen = {word for step in steps("swift", FOLDER) if "--count" in step.command for word in step.command[-5:]}
    assert "8" in chosen
    for step in steps("llamafactory", FOLDER):
        if "learning_rate" in (recipe := recipe_of(step) or {}):
            assert recipe["video_maxlen"] == 8
    for step in steps("swift", FOLDER):
        if "learning_rate" in (recipe := recipe_of(step) or {}):
            assert recipe["ENV"]["FPS_MAX_FRAMES"] == 8


def answer(exercise: str, *mistakes: str) -> dict[str, object]:
    return {"exercise": exercise, "mistakes": list(mistakes), "feedback": "So."}


def write_answers(path: Path, given: list[dict[str, object] | None], gold: list[dict[str, object]]) -> None:
    rows = [
        Prediction(f"{at:03}", "free", right, json.dumps(found), found, () if found else ("invalid_json",))
        for at, (right, found) in enumerate(zip(gold, given, strict=True))
    ]
    write_predictions(path, rows)


@pytest.mark.parametrize(("moving", "still", "missed"), [(1.0, 0.4, 0), (0.79, 0.4, 1), (1.0, 0.5, 1)])
def test_table_has_the_single_frame_s_row_and_bound(tmp_path, moving, still, missed) -> None:
    """Of 200 clips so many are right; a frozen picture must not be right as often as half of the time."""
    ontology = Ontology("clips", "1", ("Exercise", "Mistake"), (Concept("a", "Exercise"), Concept("fast", "Mistake")))
    write_snapshot(ontology, tmp_path / "dataset_info/ontologies/clips-1.json")
    fields = [
        {"name": "exercise", "kind": "choice", "options": ["a", "b", "c", "d"]},
        {"name": "mistakes", "kind": "labels", "dimension": "Mistake", "min": 0},
        {"name": "feedback", "kind": "text", "max_chars": 100},
    ]
    task = {"name": TASK, "ontology": "clips-1", "system": "S.", "user": "U?", "fields": fields, "metrics": ["choice"]}
    (tmp_path / "dataset_info/tasks").mkdir()
    (tmp_path / f"dataset_info/tasks/{TASK}.yaml").write_text(yaml.safe_dump(task))
    gold = [answer("abcd"[at % 4], *["fast"] * (at % 8 // 4)) for at in range(200)]
    turns = [(Turn("human", "U?"), Turn("gpt", json.dumps(item, separators=(",", ":")))) for item in gold]
    samples = [Sample(f"{at:03}", turn, "S.", meta={"group": f"{at}"}) for at, turn in enumerate(turns)]
    write_samples(tmp_path / "data/clips/train.jsonl", samples)
    for name, share in (("before", 0.1), ("after", moving), ("blank", 0.1), ("still", still)):
        right = round(share * 200)
        write_answers(tmp_path / f"saves/{name}.jsonl", [*gold[:right], *[None] * (200 - right)], gold)
    piece = {"start": 0.0, "end": 6.0, "raw": '{"exercise":"a"}'}
    (tmp_path / "saves/watch.jsonl").write_text(json.dumps(piece) + "\n")
    found = results("llamafactory", tmp_path)
    assert "   0 to  6 s  {" in found.text
    assert {row["name"]: row["exact_match"] for row in found.record["rows"]} == {
        "most frequent answer": 0.125,
        "before training": 0.1,
        "after training": round(moving * 200) / 200,
        "after, blank pictures": 0.1,
        "after, single frame": still,
    }
    assert [bound.limit for bound in found.bounds] == [200, 0.35, 0.8, 0.35, 0.5]
    assert sum(not bound.kept for bound in found.bounds) == missed
