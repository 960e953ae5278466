"""QVED's files: labels, feedback, questions, manifest and workers as one record a clip, and all faults at once."""

import json
from pathlib import Path
from typing import Any

import pytest

from ontune.errors import SourceError
from ontune_converters.qved_sources import Question, parse_label, read_source
from ontune_converters.qved_tasks import build_ontology


def files(folder: Path, **contents: Any) -> Path:
    for name, content in contents.items():
        text = content if isinstance(content, str) else json.dumps(content)
        (folder / f"{name}.json").write_text(text, encoding="utf-8")
    return folder


def labels(name: str, *found: str, words: tuple[str, ...] = (), split: str = "train", **more: Any) -> dict[str, Any]:
    return {"video_path": f"./{name}.mp4", "labels": found, "labels_descriptive": words, "split": split, **more}


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("squats - feet too wide", ("squats", "feet too wide")),
        ("mountain-climbers - too slow", ("mountain-climbers", "too slow")),
        ("cat-cow pose - no obvious issue - slow", ("cat-cow pose", "no obvious issue - slow")),
        ("high_knees - speed=2.25 rps", ("high knees", "speed=2.25 rps")),
        ("mountain-climbers", (None, "mountain-climbers")),
        ("squats-too fast", (None, "squats-too fast")),
    ],
)
def test_labels_are_split_at_the_first_separator(label, expected):
    assert parse_label(label) == expected


def test_all_files_say_something_of_a_clip(tmp_path):
    folder = files(
        tmp_path,
        fine_grained_labels=[
            labels("01", "squats - rom=3", words=("squats - not deep",)),
            labels("02", "squats - slow"),
        ],
        fine_grained_labels_with_worker_ids=[labels("01", "squats - rom=3", words=("squats - not deep",), worker_id=7)],
        ground_truth=[labels("01", "squats - rom=3", words=("squats - not deep",))],
        feedbacks_short_clips=[{"video_path": "./01.mp4", "feedback": ["Go lower!", "Go lower!"], "split": "train"}],
        questions=[
            {
                "video_path": "./01.mp4",
                "split": "train",
                "high_level": {"query": ["What?"], "response": ["Squats."], "query_type": ["exercise"]},
                "fine_grain": {"query": ["Deep?"], "response": ["No."], "query_type": []},
            }
        ],
        manifest={"dataset/squats/01.mp4": "squats", "dataset/high_knees/03.mp4": {"exercise": "high_knees"}},
        exercise_motion_overview={"squats": True, "high_plank": False},
    )
    source = read_source(folder)
    clip = source.clips["01.mp4"]
    assert (clip.labels, clip.descriptive, clip.feedback) == (
        ("squats - rom=3",),
        ("squats - not deep",),
        ("Go lower!",),
    )
    assert clip.questions == (Question("What?", "Squats.", "exercise"), Question("Deep?", "No.", "fine_grain"))
    assert (clip.worker, clip.group, clip.listed, clip.path) == ("7", "worker/7", "squats", "dataset/squats/01.mp4")
    assert (source.clips["02.mp4"].texts, source.clips["02.mp4"].group) == (("squats - slow",), "clip/02")
    assert source.clips["03.mp4"].listed == "high knees"
    assert source.moves == {"squats": True, "high plank": False}


def test_augmented_clips_have_what_their_parents_have(tmp_path):
    folder = files(
        tmp_path,
        fine_grained_labels_with_worker_ids=[labels("01", "squats - slow", split="test", worker_id="w")],
        manifest={"squats/01.mp4": "squats", "squats/01_aug3.mp4": "squats", "squats/09_aug1.mp4": "squats"},
    )
    clips = read_source(folder).clips
    copy = clips["01_aug3.mp4"]
    assert (copy.parent, copy.labels, copy.split, copy.group) == ("01.mp4", ("squats - slow",), "test", "worker/w")
    assert (clips["09_aug1.mp4"].labels, clips["09_aug1.mp4"].group) == ((), "clip/09")


def test_columns_of_questions_keep_what_is_said_twice(tmp_path):
    asked = {"query": ["Deep?", "Slow?"], "response": ["Yes.", "Yes."], "query_type": ["form", "form"]}
    folder = files(tmp_path, questions=[{"video_path": "1.mp4", "high_level": asked}])
    [clip] = read_source(folder).clips.values()
    assert clip.questions == (Question("Deep?", "Yes.", "form"), Question("Slow?", "Yes.", "form"))


def test_words_stay_beside_their_labels(tmp_path):
    said = labels("01", "squats - a", "squats - b", "squats - c", words=("squats - X", "squats - X", "squats - Y"))
    [clip] = read_source(files(tmp_path, fine_grained_labels=[said])).clips.values()
    found = build_ontology("q", ["squats"], [clip]).by_name
    assert {name: found[name].definition for name in "abc"} == {"a": "X", "b": "X", "c": "Y"}
    assert clip.texts == ("squats - X", "squats - Y")


GOOD = labels("01", "squats - slow")


@pytest.mark.parametrize(
    ("contents", "said"),
    [
        ({"manifest": {"a/01.mp4": "a"}}, ["no labels in it"]),
        ({"fine_grained_labels": "{"}, ["not JSON"]),
        ({"fine_grained_labels": {"01": GOOD}}, ["expected a list of records"]),
        ({"fine_grained_labels": [GOOD, 3]}, ["fine_grained_labels.json[2]: 3: expected an object"]),
        ({"fine_grained_labels": [{"labels": []}]}, ["[1]: video_path None"]),
        ({"fine_grained_labels": [GOOD | {"split": "eval"}]}, ["split 'eval': expected one of"]),
        ({"fine_grained_labels": [GOOD | {"labels": [1]}]}, ["labels [1]: expected a list of texts"]),
        ({"fine_grained_labels": [GOOD, labels("01", "squats - fast")]}, ["01.mp4: labels ('squats - fast',), but"]),
        (
            {"fine_grained_labels": [GOOD], "ground_truth": [labels("01", "squats - x")]},
            ["ground_truth.json[1]: 01.mp4"],
        ),
        ({"feedbacks_short_clips": [{"video_path": "1.mp4", "feedbacks": ["x"]}]}, ["expected 'feedback'"]),
        ({"fine_grained_labels": [GOOD], "manifest": ["a"]}, ["expected an object of path and exercise"]),
        ({"fine_grained_labels": [GOOD], "manifest": {"a/01.mp4": {"x": 1}}}, ["expected an exercise"]),
        ({"fine_grained_labels": [GOOD], "exercise_motion_overview": {"squats": "yes"}}, ["expected true or false"]),
        (
            {"questions": [{"video_path": "1.mp4", "high_level": {"query": ["a", "b"], "response": ["c"]}}]},
            ["2 queries, 1 responses"],
        ),
        (
            {"fine_grained_labels": [GOOD, labels("01_aug2", "squats - slow", split="test")]},
            ["01_aug2.mp4: split test, but 01.mp4, whose copy it is, is in train"],
        ),
        (
            {"fine_grained_labels": [3, GOOD | {"split": "eval"}], "manifest": []},
            ["expected an object", "split 'eval'", "manifest.json: list"],
        ),
    ],
)
def test_faults(tmp_path, contents, said):
    with pytest.raises(SourceError) as caught:
        read_source(files(tmp_path, **contents))
    faults = caught.value.faults
    assert [part for part, fault in zip(said, faults, strict=True) if part in fault] == said


def test_the_given_sample(shared_data):
    source = read_source(shared_data / "qved")
    assert len(source.clips) == 400
    assert len({clip.listed for clip in source.clips.values()} - {None}) == 8
    assert sum(clip.listed is not None for clip in source.clips.values()) == 267
    assert all(clip.texts and clip.feedback and clip.questions for clip in source.clips.values())
