"""`ontune classify`: one line a file, in the order of the files."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ontune.inference.prompts import Pictures
from ontune.inference.settings import FILE, Generation, Precision, write_settings
from ontune.ontology import write_snapshot
from small import ONTOLOGY, small_task

TASK = small_task()


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    write_snapshot(ONTOLOGY, tmp_path / "dataset_info/ontologies/small-1.json")
    for name in ("b", "a", "c"):
        values = np.random.default_rng(ord(name)).integers(0, 256, (90, 60, 3), dtype=np.uint8)
        Image.fromarray(values).save(tmp_path / f"{name}.png")
    Image.fromarray(np.ones((40, 40), dtype=np.float32)).save(tmp_path / "float.tiff")
    (tmp_path / "broken.png").write_bytes(b"no picture")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def options(tiny_model) -> list[str]:
    return ["--model", str(tiny_model("qwen2_5_vl")), "--ontology", "small-1"]


def test_one_line_a_file(folder, cli, tiny_model) -> None:
    ran = cli("classify", "c.png", "a.png", *options(tiny_model))
    assert ran.status == 0, ran.err
    lines = ran.out.splitlines()
    assert len(lines) == 2
    assert all(TASK.refusals(json.loads(line)) == [] for line in lines)
    answers = cli("classify", "c.png", "a.png", *options(tiny_model), "--json").json()["answers"]
    assert [(row["raw"], row["answer"]) for row in answers] == [(line, json.loads(line)) for line in lines]


def test_the_order_is_that_of_the_files(folder, cli, tiny_model) -> None:
    files = ["c.png", "a.png", "b.png", "a.png", str(folder / "c.png")]
    free = ["--decoding", "free", "--max-new-tokens", "8", "--batch-size", "2", "--json"]
    ran = cli("classify", *files, *options(tiny_model), *free).json()
    assert list(ran) == ["answers"]
    assert [row["image"] for row in ran["answers"]] == files
    raw = [row["raw"] for row in ran["answers"]]
    assert raw[0] == raw[4]
    assert raw[1] == raw[3]
    assert len(set(raw)) == 3, "answers all the same would show no order"


def test_free_answers_stay_on_their_line(folder, cli, tiny_model) -> None:
    free = ["--decoding", "free", "--max-new-tokens", "200"]
    rows = cli("classify", "a.png", "b.png", "c.png", *options(tiny_model), *free, "--json").json()["answers"]
    assert any(len(row["raw"].splitlines()) > 1 for row in rows), "answers without a line's end would prove nothing"
    ran = cli("classify", "a.png", "b.png", "c.png", *options(tiny_model), *free)
    assert len(ran.out.splitlines()) == 3


BAD = {
    "all at once": (
        ["broken.png", "a.png", "float.tiff"],
        ["broken.png: not a readable", "float.tiff: not a readable"],
    ),
    "no file": (["nosuch.png"], ["Invalid value for 'FILE…': File 'nosuch.png' does not exist."]),
    "a folder": (["."], ["Invalid value for 'FILE…': File '.' is a directory."]),
    "nothing": ([], ["Missing argument 'FILE…'."]),
    "no such task": (["a.png", "--task", "nosuch"], ["no tasks file nosuch.yaml"]),
    "no such decoding": (["a.png", "--decoding", "greedy"], ["Invalid value for '--decoding'"]),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(folder, cli, tiny_model, name) -> None:
    arguments, expected = BAD[name]
    ran = cli("classify", *arguments, *options(tiny_model), "--json")
    assert ran.status == 2
    faults = ran.json()["error"]
    assert len(faults) == len(expected)
    assert all(words in fault for words, fault in zip(expected, faults, strict=True))


def test_a_question_that_does_not_fit_is_named(folder, cli, tiny_model) -> None:
    model = tiny_model("qwen2_5_vl")
    write_settings(model, Generation(2, 9, 10, Pictures("llamafactory", 12544, 1024)), Precision(), "base", 1)
    try:
        ran = cli("classify", "a.png", "b.png", *options(tiny_model), "--json")
    finally:
        (model / FILE).unlink()
    assert ran.status == 1
    assert [(row["answer"], row["raw"]) for row in ran.json()["answers"]] == [(None, "")] * 2
    assert ran.err.count("was not asked: prompt of") == 2
