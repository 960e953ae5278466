"""`ontune watch`: real clips, tiny models and servers; lines, times, faults, who may answer."""

import base64
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from chat_server import Chat, chat_server, error
from clips import make_clip, make_sound, number_of, turn
from ontune.ontology import Concept, Ontology
from ontune.ontology.snapshot import write_snapshot
from ontune.task import load_task
from ontune.videos import decode, open_video, picture

TASK = """
name: coach
ontology: faults
system: You are a coach.
user: What should be corrected?
fields:
  - {name: exercise, kind: choice, options: [squats, "push-ups"]}
  - {name: mistakes, kind: labels, dimension: Mistake, min: 0}
  - {name: feedback, kind: text, max_chars: 24}
metrics: [label_sets, choice, feedback]
"""
FAULTS = Ontology("faults", "1", ("Mistake",), tuple(Concept(name, "Mistake") for name in ("HipsHigh", "KneesIn")))
WATCH = ["--task", "coach"]
SAID = ["start", "end", "at", "answer", "raw", "errors", "seconds"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    write_snapshot(FAULTS, tmp_path / "dataset_info/ontologies/faults.json")
    (tmp_path / "dataset_info/tasks").mkdir()
    (tmp_path / "dataset_info/tasks/coach.yaml").write_text(TASK)
    (tmp_path / "dataset_info/tasks/each.yaml").write_text(
        TASK.replace("should", "in {exercise}").replace("coach", "each")
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path


def changing(path: Path, seconds: int, rate: int = 6) -> Path:
    """A clip whose every second looks different."""
    grounds = np.random.default_rng(7).integers(30, 220, (seconds, 12, 16, 3), dtype=np.uint8)
    frames = [np.kron(grounds[at // rate], np.ones((6, 6, 1), dtype=np.uint8)) for at in range(seconds * rate)]
    return make_clip(path, frames, rate)


def lines(ran) -> list[dict]:
    found = [json.loads(line) for line in ran.out.splitlines()]
    assert all(list(record) == SAID for record in found)
    return found


def windows_of(ran) -> list[tuple[float, float]]:
    return [(record["start"], record["end"]) for record in lines(ran)]


@pytest.mark.parametrize("kind", ["qwen2_5_vl", "qwen3_vl"])
def test_a_tiny_model_gives_lines_that_obey_the_task(folder, cli, tiny_model, kind) -> None:
    clip = changing(folder / "clip.mp4", 9)
    options = [str(clip), *WATCH, "--model", str(tiny_model(kind)), "--base", "--max-new-tokens", "64"]
    ran = cli("watch", *options, "--repeat", "0")
    assert ran.status == 0, ran.err
    found, task = lines(ran), load_task("coach")
    assert windows_of(ran) == [(0, 4), (4, 8)], "the next ones end within three seconds"
    assert "4 windows in 9 s, 2 with feedback, 2 too soon after feedback" in ran.err
    for record in found:
        assert record["at"] == record["end"]
        assert record["errors"] == []
        assert json.loads(record["raw"]) == record["answer"]
        assert task.refusals(record["answer"]) == []
        assert record["seconds"] > 0
    again = cli("watch", *options, "--repeat", "0", "--json").json()
    assert [record["raw"] for record in again["feedback"]] == [record["raw"] for record in found]
    assert again["windows"] == {"said": 2, "gap": 2, "same": 0, "refused": 0, "dropped": 0}
    assert (again["seconds"], again["damaged_frames"], again["task"]) == (9, 0, "coach")
    free = cli("watch", *options, "--decoding", "free", "--min-gap", "0", "--repeat", "0")
    assert windows_of(free) == [(0, 4), (2, 6), (4, 8), (6, 9)]
    assert len({record["raw"] for record in lines(free)}) > 1, "what happens decides what is said"


def sent(body: dict, folder: Path) -> tuple[list[int], list[float], float]:
    """The numbers of the frames that a server got, their times, and the video's length."""
    parts = body["messages"][-1]["content"]
    assert [part["type"] for part in parts] == ["video_url", "text"]
    (folder / "sent.mp4").write_bytes(base64.b64decode(parts[0]["video_url"]["url"].split(",")[1]))
    video = open_video(folder / "sent.mp4")
    numbers = [number_of(picture(video, frame)) for _, frame in decode(video)]
    return numbers, [video.seconds(at) for at in range(len(numbers))], video.duration


GOOD = '{"exercise":"squats","mistakes":[],"feedback":"good"}'


def test_the_model_sees_each_window_at_its_times(folder, cli) -> None:
    clip = make_clip(folder / "clip.mp4", 120)  # ten seconds, twelve frames each
    with chat_server(lambda _: Chat(GOOD)) as server:
        ran = cli("watch", str(clip), *WATCH, "--url", server.url, "--min-gap", "0", "--repeat", "0")
        more = cli("watch", str(clip), *WATCH, "--url", server.url, "--max-frames", "6", "--window", "10")
        one = cli("watch", str(clip), *WATCH, "--url", server.url, "--fps", "1", "--question", "Well?")
    assert (ran.status, more.status, one.status) == (0, 0, 0), ran.err + more.err + one.err
    assert windows_of(ran) == [(0, 4), (2, 6), (4, 8), (6, 10)]
    assert lines(ran)[0]["answer"] == {"exercise": "squats", "mistakes": [], "feedback": "good"}
    numbers, times, duration = sent(server.bodies[1], folder)
    assert numbers == list(range(24, 72, 3)), "sixteen of the window's forty-eight"
    assert (times, duration) == (pytest.approx([at / 4 for at in range(16)]), pytest.approx(4))
    assert sent(server.bodies[4], folder)[0] == [0, 20, 40, 60, 80, 100]
    assert sent(server.bodies[5], folder)[0] == [0, 12, 24, 36]
    assert server.questions[0] == "What should be corrected?"
    assert server.questions[5] == "Well?"
    assert "response_format" in server.bodies[0]


def test_a_variable_rate_and_a_turned_camera(folder, cli) -> None:
    ticks = [0, 60, 120, 2500, 2560, 4100]  # the picture stands still for four seconds
    clip = turn(make_clip(folder / "clip.mp4", 6, times=ticks, options={"bf": "0"}), "left")
    with chat_server(lambda _: Chat(GOOD)) as server:
        ran = cli("watch", str(clip), *WATCH, "--url", server.url, "--min-gap", "0", "--repeat", "0", "--window", "2")
    assert [start for start, _ in windows_of(ran)] == [0, 2, 4, 6]
    seen = []
    for body in server.bodies:
        sent(body, folder)
        video = open_video(folder / "sent.mp4")
        assert (video.width, video.height) == (96, 128)
        seen.append([number_of(np.rot90(picture(video, frame), -1)) for _, frame in decode(video)])
    assert seen == [[0, 1, 2, 2], [2, 2], [2, 3, 4, 4], [4, 5]]


def test_what_was_said_is_said_again_when_it_changes(folder, cli) -> None:
    clip = make_clip(folder / "clip.mp4", 144)
    words = iter(["up", "up", "down", "down", "down"] * 2)
    with chat_server(lambda _: Chat(GOOD.replace("good", next(words)))) as server:
        ran = cli("watch", str(clip), *WATCH, "--url", server.url, "--window", "2")
        again = cli("watch", str(clip), *WATCH, "--url", server.url, "--window", "2", "--repeat", "3")
    assert [record["at"] for record in lines(ran)] == [2, 8]
    assert "6 windows in 12 s, 2 with feedback, 2 too soon after feedback, 2 nothing new" in ran.err
    assert [record["at"] for record in lines(again)] == [2, 6, 10]


def test_a_window_that_a_server_refuses_is_counted(folder, cli) -> None:
    clip = make_clip(folder / "clip.mp4", 120)
    with chat_server(lambda _: Chat(GOOD) if len(server.bodies) > 1 else error(400, "too long")) as server:
        ran = cli("watch", str(clip), *WATCH, "--url", server.url)
    assert ran.status == 1
    assert windows_of(ran) == [(2, 6)]
    assert "0-4 s was not asked: HTTP 400: too long" in ran.err
    assert "1 not asked" in ran.err


def test_in_real_time_a_slow_model_gets_the_newest_window(folder, cli) -> None:
    clip = make_clip(folder / "clip.mp4", 36)
    with chat_server(lambda _: Chat(GOOD, seconds=0.8)) as server:
        options = ["--window", "0.5", "--stride", "0.25", "--min-gap", "0", "--repeat", "0", "--realtime"]
        started = time.monotonic()
        ran = cli("watch", str(clip), *WATCH, "--url", server.url, *options)
        took = time.monotonic() - started
        record = cli("watch", str(clip), *WATCH, "--url", server.url, *options, "--json").json()
    assert ran.status == 0, ran.err
    assert took > 2.5, "the video goes on at its own pace"
    found = lines(ran)
    assert all(later["end"] > earlier["end"] for earlier, later in pairwise(found))
    assert all(record["at"] > record["end"] for record in found[:-1]), "said when the answer is there"
    assert found[-1]["end"] == 3
    assert "dropped, since answers take longer than the video" in ran.err
    fates = record["windows"]
    assert fates["dropped"] > 3
    assert sum(fates.values()) == 11
    assert fates["said"] == len(record["feedback"])


def test_a_growing_camera_file_is_followed(folder, cli) -> None:
    content = make_clip(folder / "whole.ts", 72).read_bytes()
    grows = folder / "camera.ts"
    grows.touch()

    def write() -> None:
        for at in range(0, len(content), 188 * 20):
            time.sleep(0.03)
            with grows.open("ab") as file:
                file.write(content[at : at + 188 * 20])

    writer = threading.Thread(target=write)
    with chat_server(lambda _: Chat(GOOD)) as server:
        options = ["--url", server.url, "--window", "2", "--repeat", "0", "--min-gap", "0"]
        writer.start()
        followed = cli("watch", str(grows), *WATCH, *options, "--follow", "1")
        writer.join()
        whole = cli("watch", str(folder / "whole.ts"), *WATCH, *options)
        live = cli("watch", str(grows), *WATCH, *options, "--follow", "0.2", "--realtime", "--json").json()
    assert windows_of(followed) == windows_of(whole) == [(0, 2), (2, 4), (4, 6)]
    assert server.bodies[:3] == server.bodies[3:6], "the same frames"
    assert sum(live["windows"].values()) == 3


def truncated(path: Path) -> Path:
    content = make_clip(path, 120, container={"movflags": "+faststart"}).read_bytes()
    path.write_bytes(content[: len(content) * 3 // 4])
    return path


def test_a_file_that_ends_too_early_is_named_after_what_was_seen(folder, cli) -> None:
    with chat_server(lambda _: Chat(GOOD)) as server:
        ran = cli("watch", str(truncated(folder / "clip.mp4")), *WATCH, "--url", server.url)
        as_json = cli("watch", "clip.mp4", *WATCH, "--url", server.url, "--json")
    assert ran.status == as_json.status == 2
    assert windows_of(ran) == [(0, 4)]
    assert "error: truncated: clip.mp4: " in ran.err
    assert "of 120 frames" in ran.err
    assert "of 120 frames" in as_json.json()["error"][0]


SERVER = ["--url", "http://127.0.0.1:9", "--model", "m"]
BAD = {
    "missing": (["none.mp4"], ["File 'none.mp4' does not exist"]),
    "sound": (["sound.m4a"], ["audio_only: sound.m4a: sound without a video stream"]),
    "words": (["words.mp4"], ["unreadable: words.mp4"]),
    "no index": (["cut.mp4"], ["truncated: cut.mp4: MP4 without its index (moov): the end is missing"]),
    "no task": (["clip.mp4", "--task", "none"], ["none"]),
    "all at once": (
        ["clip.mp4", "--stride", "5", "--question", "<video>", "--base"],
        ["--question is '<video>'", "--base is not for --engine server", "--stride is 5: expected at most --window, 4"],
    ),
    "exercise": (["clip.mp4", "--task", "each"], ["say what stands for {exercise} with --question"]),
    "not a number": (["clip.mp4", "--window", "nan"], ["nan: expected a number of seconds"]),
    "endless": (["clip.mp4", "--min-gap", "inf"], ["'--min-gap'"]),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(folder, cli, name) -> None:
    make_clip(folder / "clip.mp4", 12)
    make_sound(folder / "sound.m4a")
    (folder / "words.mp4").write_bytes(b"no video" * 99)
    content = make_clip(folder / "cut.mp4", 24).read_bytes()
    (folder / "cut.mp4").write_bytes(content[: len(content) // 2])
    arguments, expected = BAD[name]
    ran = cli("watch", *WATCH, *SERVER, *arguments, "--json")
    assert ran.status == 2
    faults = ran.json()["error"]
    assert len(faults) == len(expected), faults
    assert all(words in fault for words, fault in zip(expected, faults, strict=True))


WHO = {
    "missing adapter": (["--adapter", "saves/none"], "'--adapter': Directory 'saves/none' does not exist"),
    "no adapter in it": (["--adapter", "empty"], "empty: no adapter_config.json, so no adapter"),
    "base": ([], "neither a checkpoint nor an adapter merged by LLaMA-Factory or ms-swift"),
    "both": (
        ["--base", "--adapter", "empty"],
        "--base is for a model without an adapter: --adapter empty is given too",
    ),
}


@pytest.mark.parametrize("name", WHO)
@pytest.mark.parametrize("engine", ["transformers", "vllm"])
def test_no_base_model_answers_by_chance(folder, cli, tiny_model, name, engine) -> None:
    make_clip(folder / "clip.mp4", 12)
    (folder / "empty").mkdir()
    options, expected = WHO[name]
    ran = cli("watch", "clip.mp4", *WATCH, "--model", str(tiny_model("qwen2_5_vl")), "--engine", engine, *options)
    assert ran.status == 2
    assert ran.out == ""
    if name != "no adapter in it" or engine == "transformers":
        assert expected in ran.err


@pytest.mark.parametrize("command", ["predict qved_val --out p.jsonl", "classify a.mp4", "ask a.mp4 --question Well?"])
def test_a_missing_adapter_is_an_error_of_every_command(folder, cli, tiny_model, command) -> None:
    (folder / "a.mp4").touch()
    ran = cli(*command.split(), "--model", str(tiny_model("qwen2_5_vl")), "--adapter", "saves/none")
    assert ran.status == 2
    assert "'--adapter': Directory 'saves/none' does not exist" in ran.err


@pytest.mark.parametrize("trace", ["ontune.json", "Modelfile", "args.json", "trainer_state.json"])
def test_a_trained_model_answers_unasked(folder, cli, tiny_model, trace) -> None:
    shutil.copytree(tiny_model("qwen2_5_vl"), folder / "merged")
    settings = {
        "generation": {"max_new_tokens": 60, "pictures": {}, "videos": {"rule": "llamafactory", "max_frames": 2}},
        "precision": {},
    }
    (folder / "merged" / trace).write_text(json.dumps(settings))
    make_clip(folder / "clip.mp4", 12)
    ran = cli("watch", "clip.mp4", *WATCH, "--model", "merged")
    assert ran.status == 0, ran.err
    assert windows_of(ran) == [(0, 1)]


def test_an_adapter_answers_in_its_own_words(folder, cli, tiny_model) -> None:
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForImageTextToText

    model = AutoModelForImageTextToText.from_pretrained(tiny_model("qwen2_5_vl"))
    tuned = get_peft_model(model, LoraConfig(r=8, target_modules=["q_proj", "v_proj"], init_lora_weights=False))
    tuned.save_pretrained(folder / "adapter")
    make_clip(folder / "clip.mp4", 12)
    options = ["clip.mp4", *WATCH, "--model", str(tiny_model("qwen2_5_vl")), "--decoding", "free"]
    ran, base = (cli("watch", *options, *more) for more in (["--adapter", "adapter"], ["--base"]))
    assert (ran.status, base.status) == (0, 0), ran.err
    assert lines(ran)[0]["raw"] != lines(base)[0]["raw"]


PIPED = "from ontune.cli import main; main()"


def test_lines_come_at_once_and_a_closed_pipe_ends_quietly(folder) -> None:
    make_clip(folder / "clip.mp4", 240)
    with chat_server(lambda _: Chat(GOOD, seconds=0.5)) as server:
        command = [sys.executable, "-c", PIPED, "watch", "clip.mp4", *WATCH, "--url", server.url, "--repeat", "0"]
        watch = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ)
        first = watch.stdout.readline()
        asked = len(server.bodies)
        watch.stdout.close()
        errors = watch.stderr.read()
        watch.stderr.close()
        watch.wait(60)
    assert json.loads(first)["end"] == 4
    assert asked <= 2, "the line came when it was said, not at the end"
    assert len(server.bodies) <= 3
    assert "Traceback" not in errors
    assert "rror" not in errors


@pytest.mark.parametrize("more", [[], ["--realtime"]], ids=["", "realtime"])
def test_an_interrupt_ends_following_and_tells_what_was_seen(folder, more) -> None:
    make_clip(folder / "camera.ts", 120)
    with chat_server(lambda _: Chat(GOOD)) as server:
        options = [*WATCH, "--url", server.url, "--follow", "600", *more]
        command = [sys.executable, "-c", PIPED, "watch", "camera.ts", *options]
        watch = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        first = watch.stdout.readline()
        time.sleep(0.5)
        watch.send_signal(signal.SIGINT)
        _, errors = watch.communicate(timeout=60)
    assert json.loads(first)["end"] >= 4
    assert watch.returncode == 130, errors
    assert "with feedback" in errors
    assert "interrupted" in errors
    assert "Traceback" not in errors
