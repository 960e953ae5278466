"""`ontune detect-classify`: a detector in front, a model behind, and both compared with what is marked."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from annotated import YAML, convert
from chat_server import Chat, chat_server, question
from onnx_files import detector
from ontune.demo.tiny_model import Size, make_tiny_model
from ontune.evaluation import read_predictions
from ontune.task import load_task

TASK = load_task("conditions")
OPTIONS = TASK.fields[0].options
SCENES = {  # name of a picture: its marked objects as class, colour, left and upper edge of a square of 64 pixels
    "a": [("rock toe damaged", "red", 0, 0), ("slope drain", "lime", 128, 64)],
    "b": [("Toe drain- Blocked", "blue", 64, 0)],
    "c": [
        ("vegetation", "grey", 64, 0),
        (None, "red", 192, 64),
    ],  # one that no detector sees, and one that is no object
}
KINDS = {"red": "rock toe damaged", "lime": "slope drain", "blue": "slope drain blocked"}  # what the server answers


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """A YOLO export of three pictures of 256 by 128 pixels, and a detector of pure colours."""
    for name, objects in SCENES.items():
        image = Image.new("RGB", (256, 128), "white")
        lines: list[str] = []
        for label, color, left, upper in objects:
            ImageDraw.Draw(image).rectangle((left, upper, left + 63, upper + 63), fill=color)
            if label:
                lines.append(f"{OPTIONS.index(label)} {(left + 32) / 256} {(upper + 32) / 128} 0.25 0.5")
        for path, content in ((f"set/valid/images/{name}.png", image), (f"set/valid/labels/{name}.txt", lines)):
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            image.save(tmp_path / path) if content is image else (tmp_path / path).write_text("\n".join(lines))
    (tmp_path / "set/data.yaml").write_text(YAML.replace("train: ../train/images\n", ""))
    detector(tmp_path / "colours.onnx")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    """A tiny model, whose untrained answers differ from picture to picture."""
    texts = [f"{TASK.system} {TASK.user} {TASK.to_json({'condition': option})}" for option in OPTIONS]
    size = Size(initializer_range=0.3)
    return make_tiny_model(tmp_path_factory.mktemp("m") / "tiny", "qwen2_5_vl", texts * 9, vocab_size=900, size=size)


DETECT = ["detect-classify", "set/valid/images", "--detector", "onnx:colours.onnx"]
TRUTH = ["--truth", "set"]
NOWHERE = "http://127.0.0.1:1"  # where nobody answers
BOX = re.compile(r"\((\d+),(\d+)\),")


def by_place(body) -> Chat:
    """The answer for the square that the question's box is around, as a detector's picture has it."""
    left, upper = (int(number) for number in BOX.search(question(body).rsplit("The object is", 1)[1]).groups())
    color = next(
        color
        for objects in SCENES.values()
        for _, color, x, y in objects
        if (round(x / 256 * 1000), round(y / 128 * 1000)) == (left, upper) and color != "grey"
    )
    return Chat(TASK.to_json({"condition": KINDS[color]}))


def files(place: Path) -> dict[str, bytes]:
    return {path.relative_to(place).as_posix(): path.read_bytes() for path in place.rglob("*") if path.is_file()}


def test_both_stages_and_what_they_are_worth(folder, cli) -> None:
    with chat_server(by_place) as server:
        ran = cli(*DETECT, *TRUTH, "--url", server.url, "-o", "out", "--json")
    assert ran.status == 0, ran.err
    report = ran.json()
    assert report == {"out": "out", **json.loads((folder / "out/report.json").read_text())}
    assert (report["pictures"], report["objects"]) == (3, 4)
    assert report["truth"]["counts"] == {
        "objects": 4, "detections": 4, "right": 2, "wrong": 1, "missed": 1, "false": 1,
    }  # fmt: skip
    values = {name: one["value"] for name, one in report["truth"]["metrics"].items()}
    assert (values["detection_precision"], values["detection_recall"]) == (0.75, 0.75)
    assert values["detection_object_accuracy"] == 1, (
        "rock toe, slope drain and Toe drain are the objects of the classes"
    )
    assert (values["end_to_end_recall"], values["classification_accuracy"]) == (0.5, pytest.approx(2 / 3))
    assert report["classes"] == {"rock toe damaged": 2, "slope drain": 1, "slope drain blocked": 1}
    assert report["seconds"]["picture"] == pytest.approx(report["seconds"]["detector"] + report["seconds"]["model"])
    assert sorted(files(folder / "out/objects")) == ["a.png.json", "b.png.json", "c.png.json"]
    assert [path.name for path in folder.iterdir() if "out" in path.name] == ["out"]
    gold = {item.meta["picture"]: item.gold for item in read_predictions(folder / "out/predictions.jsonl")}
    assert gold == {"a.png": {"condition": "slope drain"}, "b.png": {"condition": "Toe drain- Blocked"}, "c.png": {}}


def test_the_record_of_a_picture(folder, cli) -> None:
    with chat_server(by_place) as server:
        cli(*DETECT, *TRUTH, "--url", server.url, "-o", "out", "--json")
        cli(*DETECT, "--url", server.url, "-o", "plain", "--json")
    record = json.loads((folder / "out/objects/a.png.json").read_text())
    first, second = record["objects"]
    assert (record["picture"], record["width"], record["height"], record["missed"]) == ("a.png", 256, 128, [])
    assert first["box"] == [0, 0, 64, 64]
    assert first["detected"] == {"class": "rock toe", "confidence": 1}
    assert (first["class"], first["object"], first["condition"]) == ("rock toe damaged", "rock toe", "damaged")
    assert (first["probability"], first["false"], first["errors"]) == (None, False, [])
    assert first["relations"] == [{"to": 2, "is": ["above", "left"]}]
    assert second["relations"] == [{"to": 1, "is": ["below", "right"]}]
    assert first["truth"] == {"class": "rock toe damaged", "iou": 1, "where": "valid/labels/a.txt:1"}
    last = json.loads((folder / "out/objects/c.png.json").read_text())
    assert (last["objects"][0]["truth"], last["objects"][0]["false"]) == (None, True)
    assert last["missed"] == [{"class": "vegetation", "box": [64, 0, 128, 64], "where": "valid/labels/c.txt:1"}]
    plain = json.loads((folder / "plain/objects/c.png.json").read_text())
    assert (plain["missed"], plain["objects"][0]["truth"], plain["objects"][0]["false"]) == (None, None, False)
    with Image.open(folder / "out/annotated/c.png") as drawn, Image.open(folder / "set/valid/images/c.png") as bare:
        assert drawn.size == (2 * bare.width, 2 * bare.height), "names find no room on a small picture"
        frames = {drawn.convert("RGB").getpixel(place) for place in ((384, 200), (128, 80))}
    assert frames == {(213, 94, 0), (204, 121, 167)}, "the false one and the missed one, each in its colour"


ASKING = {
    "basic": [],
    "all of it": ["--prompt", "context", "--box", "both", "--crop", "--name-others", "--coordinates", "qwen2.5-vl"],
}  # fmt: skip


@pytest.mark.parametrize("name", ASKING)
def test_what_is_asked_is_what_training_asks(folder, cli, name) -> None:
    """With the annotations themselves for a detector, questions and pictures are those of the dataset."""
    made = convert("yolo_conditions", folder / "set", *ASKING[name])
    asked = ["set/valid/images", "--detector", "recorded:set", *TRUTH, *ASKING[name]]
    with chat_server(lambda body: Chat(TASK.to_json({"condition": "vegetation"}))) as server:
        ran = cli("detect-classify", *asked, "--url", server.url, "-o", "out", "--json")
        questions = sorted(server.questions)
        systems = {body["messages"][0]["content"] for body in server.bodies}
    assert questions == sorted(text.replace("<image>", "") for text in made.human("val"))
    assert systems == {TASK.system}
    media = {Path(name).name: content for name, content in made.files().items() if name.startswith("media/")}
    shown = {Path(name).name: content for name, content in files(folder / "out/asked").items()}
    assert shown == media
    assert ran.json()["truth"]["counts"]["missed"] == 0
    gold = [item.gold for item in read_predictions(folder / "out/predictions.jsonl")]
    assert sorted(one["condition"] for one in gold) == sorted(made.gold("val"))


def test_a_model_of_ones_own_and_probabilities(folder, cli, model) -> None:
    given = [*DETECT, *TRUTH, "--model", str(model), "--score-labels", "--image-max-pixels", "12544"]
    first = cli(*given, "-o", "out", "--json")
    assert first.status == 0, first.err
    records = [json.loads(content) for content in files(folder / "out/objects").values()]
    objects = [item for record in records for item in record["objects"]]
    assert len(objects) == 4
    assert all(item["class"] in OPTIONS and 0 < item["probability"] <= 1 for item in objects)
    scores = [item.scores["condition"] for item in read_predictions(folder / "out/predictions.jsonl")]
    assert all(set(one) == set(OPTIONS) for one in scores)
    before = files(folder / "out")
    again = cli(*given, "-o", "out", "--json")
    assert again.status == 0, again.err
    timed = {"report.json", "predictions.jsonl"}
    assert {name: data for name, data in files(folder / "out").items() if name not in timed} == {
        name: data for name, data in before.items() if name not in timed
    }
    text = cli(*DETECT, "--model", str(model), "-o", "text").out
    assert text.startswith("4 objects in 3 pictures, in text\n")
    assert "truth" not in text


def test_a_detector_that_knows_conditions_is_held_to_objects(folder, cli) -> None:
    """`rock toe` for a damaged one is the right object, and `Toe drain` another."""
    boxes = [("rock toe", [0, 0, 64, 64]), ("Toe drain- Damaged", [128, 64, 192, 128])]
    found = [{"class": label, "confidence": 0.9, "box": box} for label, box in boxes]
    (folder / "found.json").write_text(json.dumps([{"image": "a.png", "detections": found}]))
    given = ["set/valid/images/a.png", "--detector", "recorded:found.json", *TRUTH]
    with chat_server(by_place) as server:
        ran = cli("detect-classify", *given, "--url", server.url, "-o", "out", "--json")
    assert ran.json()["truth"]["metrics"]["detection_object_accuracy"]["value"] == 0.5
    assert ran.json()["seconds"]["detector"] is None


def test_pictures_without_objects_need_no_model(folder, cli) -> None:
    Image.new("RGB", (64, 64), "white").save(folder / "white.png")
    white = ["detect-classify", "white.png", *DETECT[2:], "--url", NOWHERE, "-o", "out", "--json"]
    ran = cli(*white)
    assert ran.status == 0, ran.err
    assert (ran.json()["objects"], ran.json()["pictures"], ran.json()["truth"]) == (0, 1, None)
    assert json.loads((folder / "out/objects/white.png.json").read_text())["objects"] == []
    truth = cli(*white, *TRUTH)
    assert truth.json()["truth"]["without_truth"] == ["white.png"]
    assert truth.json()["truth"]["counts"]["objects"] == 0
    assert truth.json()["accounts"]["truth"]["dropped"] == {"not_looked_at": 4}


def test_what_was_refused_is_named(folder, cli) -> None:
    def answer(body) -> Chat:
        return (
            Chat(status=400, body=b'{"error": {"message": "too large"}}')
            if "(0,0)" in question(body)
            else by_place(body)
        )

    with chat_server(answer) as server:
        ran = cli(*DETECT, *TRUTH, "--url", server.url, "-o", "out", "--json")
    assert ran.status == 1
    assert "was not asked: HTTP 400: too large" in ran.err
    first = json.loads((folder / "out/objects/a.png.json").read_text())["objects"][0]
    assert (first["class"], first["answer"], first["errors"]) == (None, None, ["not_encoded"])
    assert ran.json()["truth"]["counts"]["right"] == 1


def test_a_killed_run_goes_on(folder, cli) -> None:
    """What was answered before the kill is not asked again."""
    with chat_server(lambda body: Chat(by_place(body).content, seconds=0.5)) as server:
        command = [*DETECT, *TRUTH, "--url", server.url, "--concurrency", "1", "-o", "out", "--json"]
        child = subprocess.Popen(
            [sys.executable, "-m", "ontune", *command], env={**os.environ, "NO_PROXY": "127.0.0.1"}
        )
        deadline = time.monotonic() + 60
        while len(server.bodies) < 3 and time.monotonic() < deadline:
            time.sleep(0.02)
        child.send_signal(signal.SIGKILL)
        child.wait()
        assert not (folder / "out").exists()
        before = len(server.bodies)
        ran = cli(*command)
        assert ran.status == 0, ran.err
        assert 0 < len(server.bodies) - before < 4
    assert ran.json()["objects"] == 4
    assert [path.name for path in folder.iterdir() if "out" in path.name] == ["out"]


BAD = {
    "another kind": (["--detector", "darknet:x"], ["expected one of onnx:PATH, recorded:PATH, ultralytics:PATH"]),
    "all at once": (
        ["--detector", "ultralytics:no.pt", "--task", "nosuch", "--out", "keep", "--adapter", "keep"],
        ["--adapter is not for", "nosuch.yaml", "earlier results", "no file 'no.pt'", "expected --detector-python"],
    ),
    "what is for the truth": (["--leave-out", "x"], ["are for --truth"]),
    "a Python for nothing": (["--detector-python", "colours.onnx"], ["is for --detector ultralytics, not for onnx"]),
    "a task without a choice": (["--task", "service_manual"], ["has 0 fields of kind choice"]),
    "results in their own source": (["--out", "set/valid/images/out"], ["in or around set/valid/images"]),
    "what would be lost": (["--out", "keep"], ["is no folder of earlier results"]),
    "what lies beside results": (["--out", "mixed"], ["is no folder of earlier results"]),
    "a class of the truth that no option is": (["--truth", "other"], ["class 'boulder' (1 objects"]),
    "pictures of one name": (["set/valid/images/a.png", "keep/a.png"], ["has the name 'a.png' of"]),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input(folder, cli, name) -> None:
    (folder / "keep").mkdir()
    Image.new("RGB", (9, 9)).save(folder / "keep/a.png")
    (folder / "mixed").mkdir()
    for file in ("report.json", "mine.txt"):
        (folder / "mixed" / file).write_text("{}")
    (folder / "other/images").mkdir(parents=True)
    (folder / "other/labels").mkdir()
    (folder / "other/data.yaml").write_text("train: images\nnames: [boulder]\n")
    (folder / "other/labels/a.txt").write_text("0 0.5 0.5 0.5 0.5")
    arguments, expected = BAD[name]
    ran = cli(*DETECT, "--url", NOWHERE, "-o", "out", *arguments, "--json")
    assert ran.status == 2
    faults = ran.json()["error"]
    assert len(faults) == len(expected), faults
    assert all(words in fault for words, fault in zip(expected, faults, strict=True))
    assert (folder / "keep/a.png").is_file()
    assert not (folder / "out").exists()
