"""`ontune convert qved`: what becomes a sample, in which split, with which answer, and what is dropped and why."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from clips import make_clip, number_of, turn
from ontune.dataset_info import load_entries
from ontune.files import sha256_file
from ontune.sharegpt import read_samples
from ontune.task import load_task
from ontune.videos import decode, open_video, picture, write_frame_lists
from ontune_converters.qved_tasks import HEADER

EXERCISES = ("squats", "pushups", "mountain-climbers", "cat-cow pose")


@dataclass
class Place:
    """A working directory with a source of clips, and the converter run in it."""

    root: Path
    run: Callable[..., Any]

    def convert(self, *options: object, status: int = 0) -> dict[str, Any]:
        given = ["--out", str(self.root / "data/qved"), "--dataset-info", str(self.root / "dataset_info"), "--json"]
        answer = self.run("convert", "qved", str(self.root / "source"), *map(str, options), *given)
        assert answer.status == status, answer.err
        return answer.json()

    def samples(self, split: str = "train", name: str = "qved") -> dict[str, Any]:
        found = read_samples(self.root / f"data/{name}/{split}.jsonl")
        return {str(sample.meta["source"]): sample for sample in found}

    def gold(self, split: str = "train") -> dict[str, Any]:
        return {name: json.loads(sample.gold) for name, sample in self.samples(split).items()}

    def file(self, name: str, content: Any) -> Path:
        path = self.root / "source" / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))
        return path

    def clip(self, name: str, number: int = 0, **options: Any) -> Path:
        return make_clip(self.root / "source" / name, 6, size=(64, 48), first=number, **options)


def record(number: int, *labels: str, words: tuple[str, ...] = (), split: str = "train", **more: Any) -> dict[str, Any]:
    path = f"./{number:08}.mp4"
    return {"video_path": path, "labels": labels, "labels_descriptive": words, "split": split, **more}


@pytest.fixture
def place(tmp_path, cli) -> Place:
    return Place(tmp_path, cli)


@pytest.fixture
def full(place) -> Place:
    """Twelve clips of four exercises, three in test; a worker has two clips that follow one another."""
    rows: list[dict[str, Any]] = []
    manifest: dict[str, str] = {}
    for at in range(12):
        exercise = EXERCISES[at % 4]
        split = "test" if at >= 9 else "train"
        rows.append(record(at, f"{exercise} - fault {at % 3}", split=split, worker_id=f"w{at // 2}"))
        folder = exercise.replace(" ", "_")
        manifest[f"dataset/{folder}/{at:08}.mp4"] = folder
        place.clip(f"videos/{folder}/{at:08}.mp4", at)
    place.file("fine_grained_labels_with_worker_ids", rows)
    place.file("manifest", manifest)
    return place


def test_feedback_is_the_labels_in_words_else_the_first_label(place):
    place.file(
        "fine_grained_labels",
        [
            record(1, "squats - rom=3", "squats - slow", words=("squats - not deep", "squats - slow")),
            record(2, "squats - slow", "squats - rom=3"),
            record(3),
        ],
    )
    for at in (1, 2, 3):
        place.clip(f"{at:08}.mp4", at)
    account = place.convert("--val", 0)
    assert place.gold() == {
        "00000001.mp4": {"feedback": "squats - not deep\nsquats - slow"},
        "00000002.mp4": {"feedback": "squats - slow"},
    }
    assert (account["read"], account["written"], account["dropped"]) == (3, 2, {"no_labels": 1})
    sample = place.samples()["00000001.mp4"]
    assert sample.prompt == "<video>Which exercise is this, and what should be corrected?"
    assert sample.system.startswith("You are a concise fitness coach.")
    assert (place.root / "data" / sample.videos[0]).read_bytes() == (place.root / "source/00000001.mp4").read_bytes()


def test_structured_answers_obey_the_task_that_the_clips_make(full):
    full.file(
        "feedbacks_short_clips", [{"video_path": "./00000000.mp4", "feedback": ["Wider!", "Slower."], "split": "train"}]
    )
    full.convert("--task", "feedback_structured", "--val", 0)
    assert full.gold()["00000000.mp4"] == {
        "exercise": "squats",
        "mistakes": ["fault 0"],
        "feedback": "Wider!\nSlower.",
    }
    assert full.gold()["00000001.mp4"]["feedback"] == "pushups - fault 1"
    entry = load_entries(full.root / "dataset_info")["qved_train"]
    task = load_task(entry.task or "", entry.ontology, full.root / "dataset_info")
    assert task.name == "feedback_structured_qved"
    assert list(task.fields[0].options) == sorted(EXERCISES)  # pyright: ignore
    assert task.ontology.labels("Mistake") == ("fault 0", "fault 1", "fault 2")
    assert [task.refusals(answer) for answer in full.gold().values()] == [[]] * 9


def test_new_data_replace_the_task_that_old_ones_made(full):
    full.convert("--task", "feedback_structured", "--val", 0)
    full.file("fine_grained_labels", [record(12, "burpees - no obvious issue")])
    full.clip("videos/burpees/00000012.mp4", 12)
    full.convert("--task", "feedback_structured", "--val", 0)
    path = full.root / "dataset_info/tasks/feedback_structured_qved.yaml"
    assert path.read_text().startswith(HEADER)
    assert "burpees" in path.read_text()
    assert full.gold()["00000012.mp4"]["mistakes"] == []
    made = path.read_bytes()
    full.file("fine_grained_labels", [record(13, "rows - slow")])
    full.clip("videos/rows/00000013.mp4", 13)
    full.convert("--task", "feedback_structured", "--val", 0, "--per-class", 1, "--strict", status=1)
    assert path.read_bytes() == made, "a run that fails leaves the task of the dataset that is there"
    path.write_text("name: mine\n")
    assert "is another task" in str(full.convert("--task", "feedback_structured", status=2))


def test_exercise_by_manifest_label_or_folder_and_never_unknown(place):
    place.file("manifest", {"dataset/squats/00000001.mp4": "squats"})
    place.file(
        "fine_grained_labels",
        [
            record(1, "pushups - slow"),
            record(2, "cat-cow pose - slow"),
            record(3, "slow"),
            record(4, "slow"),
            record(5, "squats - slow", "pushups - slow"),
            record(6, "slow"),
        ],
    )
    for at, folder in enumerate(("x", "x", "high_knees", ".", "x", "Videos"), start=1):
        place.clip(f"{folder}/{at:08}.mp4", at)
    account = place.convert("--val", 0)
    exercises = {name: sample.meta["exercise"] for name, sample in place.samples().items()}
    assert exercises == {"00000001.mp4": "squats", "00000002.mp4": "cat-cow pose", "00000003.mp4": "high knees"}
    assert account["dropped"] == {"no_exercise": 2, "several_exercises": 1}
    assert account["warnings"]["exercise_differs"] == account["warnings"]["exercise_from_folder"] == 1
    assert account["places"]["no_exercise"] == [
        f"0000000{at}.mp4: neither manifest, nor label prefix, nor folder tells its exercise" for at in (4, 6)
    ]


def test_a_folder_s_exercise_is_an_option_too(place):
    place.file("fine_grained_labels", [record(1, "squats - slow"), record(2, "slow")])
    place.clip("x/00000001.mp4", 1)
    place.clip("high_knees/00000002.mp4", 2)
    account = place.convert("--val", 0, "--task", "feedback_structured")
    assert place.gold()["00000002.mp4"] == {"exercise": "high knees", "mistakes": ["slow"], "feedback": "slow"}
    assert "refused_invalid_json" not in account["warnings"]


def test_clips_of_the_same_bytes_stay_on_one_side(full):
    paths = sorted((full.root / "source/videos").rglob("*.mp4"))
    for number, path in enumerate(paths):
        if number % 2:
            path.write_bytes(paths[number - 1].read_bytes())
    account = full.convert("--split", "person", "--val", 0.5, "--test", 0)
    sides: dict[str, set[str]] = {}
    for split in account["splits"]:
        for sample in full.samples(split).values():
            sides.setdefault(str(sample.meta["source_sha256"]), set()).add(split)
    assert set(account["splits"]) == {"train", "val"}
    assert [name for name, found in sides.items() if len(found) > 1] == []


def test_classes_are_limited_by_seed(full):
    def kept(*options: object) -> set[str]:
        full.convert("--val", 0, *options)
        return {name for split in ("train", "test") for name in full.samples(split)}

    assert len(kept("--per-class", 2)) == 8
    assert kept("--per-class", 2) == kept("--per-class", 2, "--seed", 1337)
    assert any(kept("--per-class", 2, "--seed", seed) != kept("--per-class", 2) for seed in range(5))
    assert len(kept("--per-class", 0)) == len(kept()) == 12


def test_official_splits_are_kept_and_val_is_whole_groups_of_train(full):
    account = full.convert("--val", 0.25)
    assert account["splits"] == {"test": 3, "train": 7, "val": 2}
    assert set(full.samples("test")) == {"00000009.mp4", "00000010.mp4", "00000011.mp4"}
    assert len({sample.meta["group"] for sample in full.samples("val").values()}) == 1
    assert account["places"]["group_across_splits"] == ["worker/w4: in test, train: --split person keeps it whole"]


def test_persons_and_augmented_copies_stay_on_one_side(full):
    manifest = json.loads((full.root / "source/manifest.json").read_text())
    for at in (1, 2, 5, 8):
        folder = EXERCISES[at % 4].replace(" ", "_")
        manifest[f"{folder}/{at:08}_aug3.mp4"] = folder
        full.clip(f"videos/{folder}/{at:08}_aug3.mp4", at + 40)
    full.file("manifest", manifest)
    account = full.convert("--split", "person", "--val", 0.2, "--test", 0.2)
    sides: dict[str, set[str]] = {}
    for split in account["splits"]:
        for sample in full.samples(split).values():
            sides.setdefault(str(sample.meta["group"]), set()).add(split)
    assert set(account["splits"]) == {"train", "val", "test"}
    assert account["written"] == 16
    assert [group for group, found in sides.items() if len(found) > 1] == []


def test_questions_are_samples_of_their_own(full):
    asked = {"query": ["What?", "Deep?"], "response": ["Squats.", "No."], "query_type": ["exercise", "form"]}
    full.file("questions", [{"video_path": "./00000000.mp4", "split": "train", "high_level": asked}])
    account = full.convert("--text", "questions", "--val", 0)
    samples = read_samples(full.root / "data/qved/train.jsonl")
    assert [(sample.prompt, sample.gold) for sample in samples] == [
        ("<video>What?", "Squats."),
        ("<video>Deep?", "No."),
    ]
    assert (account["read"], account["written"], account["dropped"]) == (13, 2, {"no_questions": 11})
    assert load_entries(full.root / "dataset_info")["qved_train"].task is None


def shown(path: Path) -> list[int]:
    video = open_video(path)
    return [number_of(picture(video, frame)) for _, frame in decode(video)]


def test_chosen_frames_are_a_short_video(full):
    full.convert("--count", 2, "--val", 0)
    for name, sample in full.samples().items():
        number = int(name[:8])
        assert shown(full.root / "data" / sample.videos[0]) == [number, number + 5]
        assert sample.meta["frames"] == 2


def test_frame_lists_choose_by_content(full):
    paths = sorted((full.root / "source/videos").rglob("*.mp4"))
    lists = {sha256_file(path): [1, 3] for path in paths}
    lists[sha256_file(paths[0])] = [1, 99]
    del lists[sha256_file(paths[1])]
    write_frame_lists(full.root / "frames.json", lists)
    account = full.convert("--frames", full.root / "frames.json", "--val", 0)
    assert account["dropped"] == {"frame_list": 1, "no_frame_list": 1}
    for name, sample in full.samples().items():
        assert shown(full.root / "data" / sample.videos[0]) == [int(name[:8]) + 1, int(name[:8]) + 3]
    assert "expected one way" in str(full.convert("--frames", full.root / "frames.json", "--every", 2, status=2))


def test_clips_that_a_reader_fails_at_are_written_anew(place):
    place.file("fine_grained_labels", [record(at, "squats - slow") for at in range(1, 6)])
    place.clip("00000001.mp4", 1)
    turn(place.clip("00000002.mp4", 2), "half")
    place.clip("00000003.mp4", 3, codec="mpeg4")
    (place.root / "source/00000004.mp4").write_bytes(place.clip("four.mkv", 4).read_bytes())
    (place.root / "source/four.mkv").unlink()
    place.clip("00000005.mp4", 5, times=[0, 50, 100, 500, 550, 600])
    account = place.convert("--val", 0)
    assert account["warnings"]["rewritten"] == 3
    assert account["warnings"]["variable_frame_rate"] == 1
    for name, sample in place.samples().items():
        video = open_video(place.root / "data" / sample.videos[0])
        assert (video.codec, "mp4" in video.container, video.is_turned) == ("h264", True, False)
        if name != "00000002.mp4":
            assert shown(video.path) == [int(name[:8]) + at for at in range(6)]
    assert "variable_frame_rate" not in place.convert("--val", 0, "--count", 3)["warnings"], "frames are chosen"


def test_what_is_missing_broken_or_there_twice_is_dropped_by_reason(full):
    videos = full.root / "source/videos"
    (videos / "squats/00000000.mp4").unlink()
    (videos / "pushups/00000001.mp4").write_bytes(b"")
    full.clip("videos/other/00000002.mp4", 99)
    full.clip("videos/more/00000012.mp4", 98)
    full.clip("videos/less/00000012.mp4", 97)
    full.file("fine_grained_labels", [record(12, "squats - slow")])
    (videos / "squats/00000008.mp4").write_bytes((videos / "squats/00000004.mp4").read_bytes())
    account = full.convert("--val", 0)
    assert account["dropped"] == {"ambiguous": 1, "missing": 1, "truncated": 1}
    assert account["warnings"]["same_content"] == 1
    assert account["read"] == account["written"] + 3 == 13
    assert full.convert("--val", 0, "--strict", status=1)["error"] == [
        fault for reason in ("ambiguous", "missing", "truncated") for fault in _places(account, reason)
    ]


def _places(account: dict[str, Any], reason: str) -> list[str]:
    return [f"{reason}: {place}" for place in account["places"][reason]]


def test_checks_are_reported_and_drop_where_asked(full):
    report = full.root / "clips.csv"
    account = full.convert("--val", 0, "--report", report)
    assert account["warnings"]["low_resolution"] == 12
    lines = report.read_text().splitlines()
    assert lines[0] == "clip,exercise,width,height,brightness,sharpness,active,faults"
    assert len(lines) == 13
    assert lines[1].startswith("00000000.mp4,squats,64,48,")
    assert "failed_check" in str(full.convert("--only-good", status=2))


def test_the_original_form_is_written_too(full):
    full.convert("--val", 0, "--format", "mobile-videogpt")
    records = json.loads((full.root / "data/qved_train.json").read_text())
    assert len(records) == 9
    assert records[0] == {
        "video": full.samples()["00000000.mp4"].videos[0],
        "conversations": [
            {"from": "human", "value": "Which exercise is this, and what should be corrected?"},
            {"from": "gpt", "value": "squats - fault 0"},
        ],
        "split": "train",
    }
    assert len(json.loads((full.root / "data/qved_test.json").read_text())) == 3


def test_a_task_of_ones_own_names_the_exercise_where_it_asks_for_it(full):
    (full.root / "dataset_info/tasks").mkdir(parents=True)
    (full.root / "dataset_info/tasks/mine.yaml").write_text(
        "name: mine\nontology: qved\nuser: Analyze this {exercise} video.\n"
        "fields: [{name: advice, kind: text, max_chars: 9}]\n"
    )
    account = full.convert("--task", "mine", "--val", 0)
    assert full.samples()["00000003.mp4"].prompt == "<video>Analyze this cat-cow pose video."
    assert account["warnings"]["refused_invalid_json"] == 12


def test_the_same_input_gives_the_same_bytes(full):
    def run() -> dict[str, bytes]:
        full.convert("--task", "feedback_structured", "--count", 3, "--split", "person", "--val", 0.2, "--test", 0.2)
        return {str(path): path.read_bytes() for path in (full.root / "data").rglob("*") if path.is_file()}

    assert run() == run()


def test_the_given_labels(shared_data, place):
    """Real clips lie beside no label: three stand for all of a kind."""
    names = [row["video_path"] for row in json.loads((shared_data / "qved/fine_grained_labels.json").read_bytes())][:9]
    clips = sorted((shared_data / "qved/synth_clips").iterdir())
    for at, name in enumerate(names):
        path = place.root / "videos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(clips[at % 3].read_bytes())
    (place.root / "source").symlink_to(shared_data / "qved")
    account = place.convert(
        "--videos", place.root / "videos", "--task", "feedback_structured", "--count", 4, "--val", 0
    )
    assert (account["read"], account["written"], account["dropped"]) == (400, 9, {"missing": 391})
    assert {sample.meta["frames"] for sample in place.samples().values()} == {4}
    assert place.gold()["00000076.mp4"] == {
        "exercise": "pushups",
        "mistakes": ["hips too high"],
        "feedback": "Keep your hips level!\nNice pace.",
    }
