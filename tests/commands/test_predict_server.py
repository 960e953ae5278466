"""`ontune predict --engine server` as a program: options, what is said, and a run that is killed in its middle."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from chat_server import Chat, chat_server, error, question
from ontune.dataset_info import Entry, register
from ontune.evaluation import equal, read_predictions
from ontune.ontology import write_snapshot
from ontune.sharegpt import Sample, Turn, write_samples
from small import ONTOLOGY, small_task

TASK = small_task()
GOLD = TASK.to_json(TASK.answer_from_labels(["Circle"]))


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """A working directory with the dataset `set_val` of forty samples without pictures."""
    write_snapshot(ONTOLOGY, tmp_path / "dataset_info/ontologies/small-1.json")
    path = tmp_path / "data/set/val.jsonl"
    turns = {f"{at:02}": (Turn("human", f"What is {at:02}?"), Turn("gpt", GOLD)) for at in range(40)}
    write_samples(path, [Sample(name, both, TASK.system, meta={"group": name}) for name, both in turns.items()])
    register([Entry("set_val", path, "edugraph", "small-1")], tmp_path / "dataset_info")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path


def echo(body) -> Chat:
    """An answer of its own for each question, so that answers cannot be confused."""
    return Chat(f"answer to {question(body)}")


PREDICT = ["predict", "--data", "set_val", "--prompt", "sample"]


def test_answers_and_what_is_said(folder, cli) -> None:
    with chat_server(lambda body: Chat(GOLD, seconds=0.01)) as server:
        ran = cli(*PREDICT, "--url", server.url.removesuffix("/v1"), "-o", "out.jsonl", "--json")
    assert ran.status == 0, ran.err
    record = ran.json()
    assert (record["written"], record["metrics"]["exact_match"]) == (40, 1)
    speed = record["speed"]
    assert speed["answered"] == 40
    assert speed["tokens_per_second"] == pytest.approx(5 * speed["samples_per_second"])
    assert speed["samples_per_second"] == pytest.approx(40 / speed["wall_seconds"])
    assert 0.01 <= speed["latency_p50"] <= speed["latency_p95"] < 5
    assert {item.model for item in read_predictions(Path("out.jsonl"))} == {"tiny"}, "the only one that is served"
    assert {body["response_format"]["type"] for body in server.bodies} == {"json_schema"}
    assert "break the contract" not in ran.err
    assert [path.name for path in folder.iterdir() if "out" in path.name] == ["out.jsonl"]


def test_text_for_people_and_a_schema_that_is_ignored(folder, cli) -> None:
    with chat_server(lambda body: Chat("Kreis", finish="length") if "07" in question(body) else Chat(GOLD)) as server:
        ran = cli(*PREDICT, "--url", server.url, "-o", "out.jsonl")
        free = cli(*PREDICT, "--url", server.url, "--decoding", "free", "-o", "free.jsonl")
    assert "1 of 40 constrained answers break the contract (invalid_json 1; 1 cut): the schema is ignored" in ran.err
    assert ran.out.startswith("40 predictions in out.jsonl\n")
    assert "40 answered now, " in ran.out
    assert "samples/s" in ran.out
    assert "latency p50" in ran.out
    assert "break the contract" not in free.err


def test_what_a_server_refuses_is_written_with_the_reason(folder, cli) -> None:
    with chat_server(lambda body: error(400, "too long") if "07" in question(body) else Chat(GOLD)) as server:
        ran = cli(*PREDICT, "--url", server.url, "-o", "out.jsonl", "--json")
    assert ran.status == 0
    assert "ontune: set_val: sample 07 was not asked: HTTP 400: too long" in ran.err
    (lost,) = [item for item in read_predictions(Path("out.jsonl")) if item.errors]
    assert (lost.id, lost.errors, lost.meta["not_encoded"]) == ("07", ("not_encoded",), "HTTP 400: too long")


# What the server does, the options, the one error.
FAULTS = {
    "all refused": (error(400, "no"), [], "no sample was answered, the first one: HTTP 400: no"),
    "no key": (error(401, "Invalid API key."), [], "HTTP 401: Invalid API key."),
    "two models": (Chat(GOLD), ["two"], "has 2 models, ['one', 'two']: name one with --model"),
    "no such variable": (Chat(GOLD), ["--api-key-env", "NOT_THERE"], "the environment has no NOT_THERE"),
    "an adapter": (Chat(GOLD), ["--adapter", "."], "--adapter is not for --engine server"),
    "a precision": (Chat(GOLD), ["--dtype", "float32", "--load-in-4bit"], "--dtype is not for --engine server"),
    "no JSON": (Chat(GOLD), ["--extra", "{"], "--extra is '{': not JSON"),
    "no object": (Chat(GOLD), ["--extra", "[1]"], "--extra is '[1]': expected a JSON object"),
    "a folder's engine": (Chat(GOLD), ["--engine", "transformers", "--model", "."], "--url is not for --engine transf"),
    "no folder": (Chat(GOLD), ["--engine", "transformers", "--model", "nosuch"], "--model: no folder nosuch"),
    "no such prompt": (Chat(GOLD), ["--prompt", "nosuch"], "no prompts file nosuch.yaml in dataset_info/prompts"),
    "vllm is not here": (Chat(GOLD), ["--engine", "vllm", "--model", "m"], "--url is not for --engine vllm"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_faults(folder, cli, name) -> None:
    reply, options, expected = FAULTS[name]
    models = ("one", "two") if options == ["two"] else ("tiny",)
    with chat_server(lambda _: reply, models) as server:
        ran = cli(*PREDICT, "--url", server.url, *(options if options != ["two"] else []), "-o", "out.jsonl", "--json")
    assert ran.status == 2
    assert expected in "\n".join(ran.json()["error"])
    assert not (folder / "out.jsonl").exists()


URLS = {
    "localhost:8000": "--url is 'localhost:8000': expected http://… or https://…",
    "ftp://host/v1": "expected http",
    "http://user:secret@host/v1": "--url holds a password: give a key as --api-key-env",
}


@pytest.mark.parametrize("url", URLS)
def test_addresses(folder, cli, url) -> None:
    ran = cli(*PREDICT, "--url", url, "-o", "out.jsonl", "--json")
    assert (ran.status, URLS[url] in "\n".join(ran.json()["error"])) == (2, True)
    assert "secret" not in ran.err + ran.out


def test_vllm_that_is_missing_says_what_to_do(folder, cli) -> None:
    ran = cli(*PREDICT, "--engine", "vllm", "--model", "m", "-o", "out.jsonl")
    assert ran.status == 2
    assert "pip install vllm ontune" in ran.err
    assert "vllm serve MODEL" in ran.err


def test_the_key_reaches_the_server_alone(folder, cli, monkeypatch) -> None:
    monkeypatch.setenv("SOME_KEY", "sk-secret")
    options = ["--api-key-env", "SOME_KEY", "--retries", "0", "-o", "out.jsonl"]
    with chat_server(lambda body: error(500, "x") if "20" in question(body) else Chat(GOLD)) as server:
        ran = cli(*PREDICT, "--url", server.url, *options)
    assert ran.status == 0
    assert {headers["Authorization"] for headers in server.headers} == {"Bearer sk-secret"}
    written = "".join(path.read_text() for path in folder.rglob("*") if path.is_file())
    assert "sk-secret" not in ran.out + ran.err + written


def test_asked_like_a_run(folder, cli) -> None:
    pictures = {"rule": "llamafactory", "max_pixels": 9000, "min_pixels": 1024}
    generation = {"batch_size": 4, "max_new_tokens": 33, "max_prompt_tokens": None, "pictures": pictures}
    record = {"generation": generation, "precision": {}, "base_model": "", "step": 1}
    (folder / "run").mkdir()
    (folder / "run/ontune.json").write_text(json.dumps(record))
    (folder / "run/preprocessor_config.json").write_text('{"patch_size": 16}')
    with chat_server(lambda _: Chat(GOLD)) as server:
        ran = cli(*PREDICT, "--url", server.url, "--like", "run", "--max-samples", "1", "-o", "out.jsonl")
        more = ["--max-new-tokens", "7", "--extra", '{"max_tokens": null, "max_completion_tokens": 7}']
        cli(*PREDICT, "--url", server.url, "--like", "run", "--max-samples", "1", *more, "-o", "more.jsonl")
    assert ran.status == 0, ran.err
    assert server.bodies[0]["max_tokens"] == 33
    assert ("max_tokens" in server.bodies[1], server.bodies[1]["max_completion_tokens"]) == (False, 7)


def test_prompt_variants(folder, cli) -> None:
    (folder / "dataset_info/prompts").mkdir()
    (folder / "dataset_info/prompts/short.md").write_text("Name the labels.\n")
    with chat_server(lambda _: Chat(GOLD)) as server:
        for prompt in ("short", "vocabulary", "task"):
            ran = cli(
                *PREDICT[:3], "--prompt", prompt, "--url", server.url, "--max-samples", "1", "-o", f"{prompt}.jsonl"
            )
            assert ran.status == 0, ran.err
            assert "in other words" not in ran.err
            assert read_predictions(Path(f"{prompt}.jsonl"))[0].meta["prompt"] == prompt
    short, listed, task = [[message["content"] for message in body["messages"]] for body in server.bodies]
    assert short == [TASK.system, "Name the labels."]
    assert listed[1] == "What is 00?"
    assert "Area: Addition, AdditionMakeTen, Arithmetic" in listed[0]
    assert listed[0].startswith(TASK.system)
    assert task == [TASK.system, TASK.user]


COMMAND = [str(Path(sys.executable).parent / "ontune"), *PREDICT, "--decoding", "free", "--concurrency", "3"]


def done(folder: Path) -> set[str]:
    """The ids whose answers a stopped run has kept."""
    lines = [line for part in folder.glob(".out.jsonl.*.part") for line in part.read_bytes().split(b"\n")[:-1]]
    return {json.loads(line)["id"] for line in lines}


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_run_goes_on_without_loss_or_repetition(folder, sign) -> None:
    slow = threading.Event()

    def answer(body) -> Chat:
        if len(server.bodies) > 15 and not slow.is_set():
            slow.wait(20)  # under way while the run is killed
        return echo(body)

    with chat_server(answer) as server:
        command = [*COMMAND, "--url", server.url, "-o", "out.jsonl", "--json"]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
            deadline = time.monotonic() + 60
            while (len(done(folder)) < 15 or len(server.bodies) < 18) and time.monotonic() < deadline:
                time.sleep(0.01)
            started = time.monotonic()
            process.send_signal(sign)
            status = process.wait(10)
        assert time.monotonic() - started < 5, "an interrupted run waits for no server"
        assert status == (-signal.SIGKILL if sign == signal.SIGKILL else 130)
        kept = done(folder)
        assert len(kept) == 15, "the run was not stopped in its middle"
        slow.set()
        ran = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ)
    counts = Counter(text.removeprefix("What is ").removesuffix("?") for text in server.questions)
    assert set(counts) == {f"{at:02}" for at in range(40)}, "a sample was lost"
    assert {name for name, count in counts.items() if count > 1} <= set(server_ids(server)[15:18]), "asked twice"
    assert not kept & {name for name, count in counts.items() if count > 1}, (
        "an answer that was kept was asked for again"
    )
    assert len(server.bodies) == 40 + 3, "but the three that were under way, each sample is asked once"
    found = read_predictions(folder / "out.jsonl")
    assert {item.id: item.raw for item in found} == {f"{at:02}": f"answer to What is {at:02}?" for at in range(40)}
    assert json.loads(ran.stdout)["speed"]["answered"] == 25
    assert not list(folder.glob(".out.jsonl.*"))


def server_ids(server) -> list[str]:
    return [text.removeprefix("What is ").removesuffix("?") for text in server.questions]


def test_a_server_that_goes_down_ends_with_one_error_and_goes_on(folder, cli) -> None:
    up = [False]

    def answer(body) -> Chat:
        return echo(body) if up[0] or len(server.bodies) <= 10 else error(503, "down")

    with chat_server(answer) as server:
        command = [*PREDICT, "--url", server.url, "--retries", "0", "--concurrency", "2", "-o", "out.jsonl", "--json"]
        ran = cli(*command)
        assert ran.status == 2
        (fault,) = ran.json()["error"]
        assert fault.startswith(f"{server.url}: HTTP 503: down (1 times): what was answered is kept")
        kept, asked = done(folder), len(server.bodies)
        assert len(kept) == 10
        up[0] = True
        assert cli(*command).json()["speed"]["answered"] == 30
        assert len(server.bodies) == asked + 30


WITHOUT_TORCH = """
import sys
for name in ("torch", "transformers", "qwen_vl_utils"): sys.modules[name] = None
from ontune.cli import main
main()
"""


def test_a_server_is_asked_without_torch(folder) -> None:
    with chat_server(lambda _: Chat(GOLD)) as server:
        command = [sys.executable, "-c", WITHOUT_TORCH, *PREDICT, "--url", server.url, "-o", "out.jsonl", "--json"]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["metrics"]["exact_match"] == 1


def test_the_same_command_gives_the_same_file(folder, cli) -> None:
    with chat_server(echo) as server:
        for out, concurrency in (("one.jsonl", "1"), ("two.jsonl", "9")):
            ran = cli(*PREDICT, "--url", server.url, "--concurrency", concurrency, "-o", out)
            assert ran.status == 0
    assert equal(read_predictions(folder / "one.jsonl"), read_predictions(folder / "two.jsonl"))
