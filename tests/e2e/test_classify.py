"""`ontune classify`, resuming, and the open book, on a tiny model."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from ontune.evaluation import equal, read_predictions

pytestmark = pytest.mark.e2e


def test_answers_come_in_the_order_of_the_files(world, ontune) -> None:
    media = world.directory / "data/sheets/media"
    files = [str(media / f"val-{at}.png") for at in (7, 2, 5, 0)]
    clear = Image.open(files[0]).convert("RGBA")
    clear.putdata([(0, 0, 0, 0) if pixel == (255, 255, 255, 255) else pixel for pixel in clear.getdata()])
    clear.save(media / "clear.png")
    options = ["--model", str(world.model("qwen2_5_vl")), "--task", "sheets", "--batch-size", "2"]
    ran = ontune("classify", *files, str(media / "clear.png"), *options, "--json")
    assert ran.status == 0, ran.text
    answers = json.loads(ran.out)["answers"]
    assert [answer["image"] for answer in answers] == [*files, str(media / "clear.png")]
    assert all(world.task.refusals(answer["answer"]) == [] for answer in answers)
    assert answers[4]["raw"] == answers[0]["raw"], "transparent is white"
    ran = ontune("classify", *files, *options)
    assert ran.out.splitlines() == [answer["raw"] for answer in answers[:4]]


BAD = {
    "two bad pictures": (["empty.png", "text.png", "--model", "MODEL"], ["empty.png", "text.png"]),
    "no model": (["good.png", "--model", "."], ["no config.json"]),
    "an adapter as model": (["good.png", "--model", "adapter"], ["give it as --adapter"]),
    "no adapter": (["good.png", "--model", "MODEL", "--adapter", "."], ["no adapter_config.json"]),
    "no such file": (["missing.png", "--model", "MODEL"], ["missing.png"]),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_named(world, ontune, name) -> None:
    arguments, expected = BAD[name]
    (world.directory / "empty.png").touch()
    (world.directory / "text.png").write_text("no picture")
    (world.directory / "adapter").mkdir()
    (world.directory / "adapter/adapter_config.json").write_text("{}")
    Image.new("RGB", (56, 56)).save(world.directory / "good.png")
    arguments = [str(world.model("qwen2_5_vl")) if word == "MODEL" else word for word in arguments]
    ran = ontune("classify", *arguments, "--task", "sheets", "--json")
    assert ran.status == 2
    assert len(json.loads(ran.out)["error"]) >= len(expected)
    assert all(word in ran.err for word in expected)


def test_a_stopped_run_resumes_without_loss_or_repetition(world, ontune) -> None:
    model = str(world.model("qwen2_5_vl"))
    shared = ["predict", "--model", model, "--data", "sheets_train", "--batch-size", "1", "--max-new-tokens", "200"]
    whole, out = world.directory / "whole.jsonl", world.directory / "out.jsonl"
    assert ontune(*shared, "--decoding", "free", "-o", str(whole)).status == 0
    command = [Path(sys.executable).parent / "ontune", *shared, "--decoding", "free", "-o", out]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None and not _lines(world.directory):
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    done = _lines(world.directory)
    assert 0 < done < 24, "the run was not stopped in its middle"
    ran = ontune(*shared, "--decoding", "free", "-o", str(out), "--json")
    assert ran.status == 0, ran.text
    assert equal(read_predictions(out), read_predictions(whole))
    assert not list(world.directory.glob(".out.jsonl*"))


def _lines(directory: Path) -> int:
    return sum(part.read_text().count("\n") for part in directory.glob(".out.jsonl.*.part"))


def test_an_open_book_asks_twice(world, ontune) -> None:
    out = world.directory / "out.jsonl"
    options = ["--model", str(world.model("qwen2_5_vl")), "--data", "sheets_val", "--prompt", "raft"]
    ran = ontune("predict", *options, "-o", str(out), "--json")
    assert ran.status == 0, ran.text
    assert json.loads(ran.out)["written"] == 10
    assert all(world.task.refusals(item.answer) == [] for item in read_predictions(out))
