"""`ontune predict`: whose task, which samples, where media are, what is said, and what a stopped run may leave."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ontune.dataset_info import Entry, register
from ontune.evaluation import equal, read_predictions
from ontune.ontology import write_snapshot
from ontune.sharegpt import Sample, Turn, write_samples
from small import ONTOLOGY, small_task

TASK = small_task()
GOLD = TASK.to_json(TASK.answer_from_labels(["Circle"]))
SHORT = ["--max-new-tokens", "8", "--decoding", "free"]


def sample(name: str, prompt: str = f"<image>{TASK.user}", gold: str = GOLD) -> Sample:
    turns = (Turn("human", prompt), Turn("gpt", gold))
    return Sample(name, turns, TASK.system, (f"set/media/{name}.png",), meta={"group": name})


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """A working directory with two datasets of the small ontology: `set_val` with a task, `plain` without."""
    write_snapshot(ONTOLOGY, tmp_path / "dataset_info/ontologies/small-1.json")
    path = tmp_path / "data/set/val.jsonl"
    samples = [sample(name) for name in "abcde"]
    for item in samples:
        values = np.random.default_rng(ord(item.id)).integers(0, 256, (56, 56, 3), dtype=np.uint8)
        picture = tmp_path / "data" / item.images[0]
        picture.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(values).save(picture)
    write_samples(path, samples)
    plain = tmp_path / "data/set/plain.jsonl"
    write_samples(plain, samples[:2])
    entries = [Entry("set_val", path, "edugraph", "small-1"), Entry("plain", plain)]
    register([*entries, Entry("gone", tmp_path / "gone.jsonl", "edugraph")], tmp_path / "dataset_info")
    monkeypatch.chdir(tmp_path)
    return tmp_path


TASKED = ["--task", "edugraph", "--ontology", "small-1"]
GOOD = {
    "by name": (".", ["--data", "set_val"], "abcde"),
    "by file": (".", ["--data", "data/set/val.jsonl"], "abcde"),
    "a file that no entry names": (".", ["--data", "data/set/other.jsonl", *TASKED], "ab"),
    "beside the file": ("data/set", ["--data", "other.jsonl", *TASKED, "--dataset-info", "../../dataset_info"], "ab"),
    "a few": (".", ["--data", "set_val", "--max-samples", "2"], "ac"),
    "more than there are": (".", ["--data", "set_val", "--max-samples", "9", "--batch-size", "2"], "abcde"),
    "a task for a dataset without one": (".", ["--data", "plain", *TASKED], "ab"),
    "other media": (".", ["--data", "set_val", "--media-root", "data"], "abcde"),
    "another precision": (".", ["--data", "plain", *TASKED, "--dtype", "bfloat16", "--load-in-4bit"], "ab"),
}


@pytest.mark.parametrize("name", GOOD)
def test_answers(folder, cli, tiny_model, monkeypatch, name) -> None:
    place, options, expected = GOOD[name]
    (folder / "data/set/other.jsonl").write_bytes((folder / "data/set/plain.jsonl").read_bytes())
    monkeypatch.chdir(folder / place)
    model = str(tiny_model("qwen2_5_vl"))
    ran = cli("predict", "--model", model, *options, *SHORT, "-o", "out/answers.jsonl", "--json")
    assert ran.status == 0, ran.err
    found = read_predictions(Path("out/answers.jsonl"))
    assert [item.id for item in found] == [*expected]
    assert not any("not_encoded" in item.errors for item in found)
    record = ran.json()
    assert (record["written"], record["decoding"]) == (len(expected), "free")
    assert "f1" in record["metrics"]
    assert [path.name for path in Path("out").iterdir()] == ["answers.jsonl"]
    assert "not asked" not in ran.err
    assert "in other words" not in ran.err


def test_text_for_people(folder, cli, tiny_model) -> None:
    ran = cli("predict", "--model", str(tiny_model("qwen2_5_vl")), "--data", "plain", *TASKED, "-o", "out.jsonl")
    assert ran.out.startswith("2 predictions in out.jsonl\n  exact_match ")
    found = read_predictions(folder / "out.jsonl")
    assert {item.decoding for item in found} == {"constrained"}
    assert not any(item.errors for item in found)


def test_scores_of_all_labels(folder, cli, tiny_model) -> None:
    model = str(tiny_model("qwen2_5_vl"))
    ran = cli("predict", "--model", model, "--data", "plain", *TASKED, "--score-labels", "-o", "out.jsonl", "--json")
    assert ran.status == 0, ran.err
    for item in read_predictions(folder / "out.jsonl"):
        assert {name: sorted(values) for name, values in (item.scores or {}).items()} == {
            name: sorted(ONTOLOGY.labels(name)) for name in ONTOLOGY.dimensions
        }


BAD = {
    "scores of free answers": (
        ["--data", "set_val", "--decoding", "free", "--score-labels"],
        "--score-labels is for constrained answers, not for --decoding free",
    ),
    "no such dataset": (["--data", "nosuch"], "dataset 'nosuch': no file nosuch, and dataset_info/dataset_info.json"),
    "no file": (["--data", "gone"], "dataset 'gone': no file"),
    "no task": (["--data", "plain"], "dataset 'plain' has no task: name one with --task"),
    "no such task": (["--data", "plain", "--task", "nosuch"], "no tasks file nosuch.yaml"),
    "no such ontology": (["--data", "set_val", "--ontology", "small-2"], "no ontologies file small-2.json"),
    "no samples": (["--data", "dataset_info/dataset_info.json", *TASKED], "dataset_info.json:1: not a sample"),
    "no batch": (["--data", "set_val", "--batch-size", "0"], "Invalid value for '--batch-size'"),
    "no out": (["--data", "set_val"], "Missing option '-o'"),
    "no model": (["--data", "set_val", "--model", "data"], "data: no config.json, so no model"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(folder, cli, tiny_model, name) -> None:
    options, expected = BAD[name]
    out = [] if name == "no out" else ["-o", "out.jsonl"]
    ran = cli("predict", "--model", str(tiny_model("qwen2_5_vl")), *options, *out, "--json")
    assert ran.status == 2
    assert expected in "\n".join(ran.json()["error"])
    assert not (folder / "out.jsonl").exists()


def test_what_was_not_asked_and_what_asks_otherwise_is_named(folder, cli, tiny_model) -> None:
    (folder / "data/set/media/b.png").unlink()
    write_samples(folder / "data/set/val.jsonl", [sample("a"), sample("b"), sample("c", "<image>What?")])
    ran = cli(
        "predict", "--model", str(tiny_model("qwen2_5_vl")), "--data", "set_val", *SHORT, "-o", "o.jsonl", "--json"
    )
    assert ran.status == 0
    assert ran.json()["metrics"]["not_encoded_rate"] == pytest.approx(1 / 3)
    assert "ontune: set_val: 1 of 3 samples ask in other words than task edugraph" in ran.err
    assert "ontune: set_val: sample b was not asked: set/media/b.png: not a readable picture: FileNotFound" in ran.err


def test_a_run_in_which_nothing_could_be_asked_is_an_error(folder, cli, tiny_model) -> None:
    for path in (folder / "data/set/media").iterdir():
        path.unlink()
    ran = cli("predict", "--model", str(tiny_model("qwen2_5_vl")), "--data", "set_val", *SHORT, "-o", "o.jsonl")
    assert ran.status == 2
    assert "no sample was answered, the first one: set/media/a.png: not a readable picture" in ran.err
    assert not (folder / "o.jsonl").exists()


def part_of(folder: Path, cli, *options: str) -> str:
    """A run that could not write its answers, all of which it had: the name of what it left."""
    out = folder / "out.jsonl"
    out.mkdir()
    ran = cli("predict", *options, "-o", "out.jsonl")
    assert ran.status == 2, ran.err
    out.rmdir()
    (part,) = folder.glob(".out.jsonl.*.part")
    return part.name


CHANGES = {
    "nothing": ([], True),
    "other precision": (["--dtype", "bfloat16"], False),
    "other length": (["--max-new-tokens", "9"], False),
    "other decoding": (["--decoding", "constrained"], False),
    "other samples": (["--max-samples", "3"], False),
    "other media": (["--media-root", "other"], False),
    "other weights": (["touch"], False),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_part_counts_for_the_same_question_alone(folder, cli, tiny_model, name) -> None:
    change, taken = CHANGES[name]
    (folder / "other").symlink_to(folder / "data")
    model = tiny_model("qwen2_5_vl")
    options = ["--model", str(model), "--data", "set_val", *SHORT]
    part = part_of(folder, cli, *options)
    marked = [json.loads(line) | {"raw": "kept"} for line in (folder / part).read_text().splitlines()]
    (folder / part).write_text("".join(json.dumps(row) + "\n" for row in marked))
    if change == ["touch"]:
        os.utime(model / "model.safetensors")
        change = []
    ran = cli("predict", *options, *change, "-o", "out.jsonl", "--json")
    assert ran.status == 0, ran.err
    found = read_predictions(folder / "out.jsonl")
    assert all((item.raw == "kept") == taken for item in found)
    assert not list(folder.glob(".out.jsonl.*")), "what is done with is removed"


def test_the_same_command_gives_the_same_file(folder, cli, tiny_model) -> None:
    options = ["--model", str(tiny_model("qwen2_5_vl")), "--data", "set_val", *SHORT]
    for out in ("one.jsonl", "two.jsonl"):
        cli("predict", *options, "-o", out)
    assert equal(read_predictions(folder / "one.jsonl"), read_predictions(folder / "two.jsonl"))
