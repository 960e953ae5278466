"""`ontune questions` against a real server: what is asked, written, dropped, replaced, resumed, and what it costs."""

import base64
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image

from chat_server import Chat, error
from judge_server import judge_server, prompt_of, says, schema_of
from ontune.evaluation import Prediction, write_predictions
from ontune.sharegpt import read_samples
from page_folders import drafting, is_draft, make_pages, number_of, pair, text_of, two_questions


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """A working directory with six pages of one document."""
    make_pages(tmp_path / "pages")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path


def call(server, *options: str) -> list[str]:
    return ["questions", "pages", "-o", "out.jsonl", "--engine", server.url, "--yes", *options]


def records(name: str = "out.jsonl") -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(name).read_text(encoding="utf-8").splitlines()]


def test_drafted_written_and_converted(folder, cli) -> None:
    with judge_server(drafting()) as server:
        ran = cli(*call(server, "--timestamp", "2026-01-01T00:00:00Z", "--json"))
        again = cli(*call(server, "--json"))
    assert ran.status == 0, ran.err
    record = ran.json()
    assert (record["read"], record["written"], record["dropped"], record["failed"]) == (12, 12, {}, {})
    assert records()[0] == {
        "page_id": "21 - Clutch-0001",
        "image_path": "pages/21 - Clutch-0001.png",
        "section_id": "21",
        "section_name": "21 - Clutch",
        "source_type": "service_manual",
        "content_type": "procedure",
        "generation": {"model": "judge-1", "timestamp": "2026-01-01T00:00:00Z", "prompt_template": "procedure"},
        "qa_pairs": [
            {
                "id": "21 - Clutch-0001-q01",
                "question": "To which torque are the bolts of bracket B01 tightened?",
                "answer": "They get 13 Nm.",
                "question_type": "factual",
            },
            {
                "id": "21 - Clutch-0001-q02",
                "question": "What follows when the bracket B01 is tight?",
                "answer": "A check of the joint.",
                "question_type": "procedural",
            },
        ],
    }
    assert [one["page_id"] for one in records()] == sorted(one["page_id"] for one in records())
    assert again.json()["pages_left"] == {"in_file_already": 6}
    assert len(server.bodies) == 12, "two requests a page, and none for pages that are there"
    assert sorted(path.name for path in folder.iterdir()) == ["out.jsonl", "pages"]
    made = cli("convert", "service_manual", "out.jsonl", "--out", "data/m", "--pages", "pages", "--val", "0", "--json")
    assert made.status == 0, made.err
    assert made.json()["quality"]["faultless"] == 12
    sample = read_samples(Path("data/m/train.jsonl"))[0]
    assert (sample.id, sample.meta["content_type"], sample.meta["section_id"]) == (
        "21 - Clutch-0001-q01",
        "procedure",
        "21",
    )
    assert (sample.meta["generator"], sample.meta["page"]) == ("judge-1", "21 - Clutch-0001")


def test_pages_that_do_not_lie_below_the_file(folder, cli) -> None:
    with judge_server(drafting()) as server:
        ran = cli(*call(server, "-o", "qa/out.jsonl", "--max-pages", "2", "--content-type", "procedure"))
    assert ran.status == 0, ran.err
    assert records("qa/out.jsonl")[0]["image_path"] == "21 - Clutch-0001.png"
    made = cli("convert", "service_manual", "qa", "--out", "data/m", "--pages", "pages", "--val", "0")
    assert "the file of `ontune questions` is named itself" in made.err
    convert = ["convert", "service_manual", "qa/out.jsonl", "--out", "data/m", "--val", "0", "--json"]
    assert cli(*convert, "--pages", "pages").json()["written"] == 4


def test_the_same_answers_are_the_same_bytes_in_any_order(folder, cli) -> None:
    def late(body) -> Chat:
        return Chat(**{**drafting()(body).__dict__, "seconds": 0.05 * (7 - number_of(body))})

    with judge_server(drafting()) as server:
        cli(*call(server, "--concurrency", "1"))
        one = Path("out.jsonl").read_bytes()
        Path("out.jsonl").unlink()
        server.answer = late
        assert cli(*call(server)).status == 0
    assert Path("out.jsonl").read_bytes() == one


@pytest.mark.parametrize("protocol", ["", "anthropic:"])
def test_what_is_asked(folder, cli, protocol, monkeypatch) -> None:
    monkeypatch.setenv("SOME_KEY", "sk-secret")
    options = ["--engine-model", "m", "--engine-key-env", "SOME_KEY", "--content-type", "specification"]
    with judge_server(drafting()) as server:
        ran = cli(*call(server, "--engine", f"{protocol}{server.url}", *options, "--max-pages", "1"))
    assert ran.status == 0, ran.err
    (body,) = server.bodies
    key = "Authorization" if not protocol else "x-api-key"
    assert server.headers[0][key].endswith("sk-secret")
    assert ("response_format" in body, "tools" in body) == (not protocol, bool(protocol))
    item = schema_of(body)["properties"]["questions"]["items"]["properties"]
    assert item["question_type"]["enum"] == ["factual", "component", "parameter", "procedural", "inspection"]
    prompt = prompt_of(body)
    assert "Tables or lists of values" in prompt
    assert text_of(1) in prompt
    assert "21 - Clutch" in prompt
    assert "There were questions about the page already" not in prompt
    assert "sk-secret" not in ran.out + ran.err + "".join(path.read_text() for path in folder.glob("*.jsonl"))


DROPPED = {
    "malformed": [{"question": "Which torque has the bolt?"}, "text", pair("Which \ud800 torque is it?", "To 13 Nm.")],
    "question_type": [pair("Which torque do the bolts have?", "They have 13 Nm.", "poetry")],
    "short_question": [pair("Which torque?", "They have 13 Nm.")],
    "no_question_mark": [pair("Name the torque of the bolts.", "They have 13 Nm.")],
    "short_answer": [pair("Which torque do the bolts have?", "13 Nm")],
    "long_answer": [pair("Which torque do the bolts have?", "bolts " * 100)],
    "self_referential": [
        pair("Which torque is shown in the image?", "They have 13 Nm."),
        pair("Which torque do the bolts have?", "As shown in the table, 13 Nm."),
    ],
    "vague_reference": [pair("Which torque do these bolts have?", "They have 13 Nm.")],
    "circular_answer": [pair("What is the torque of the bolts?", "It is the torque of the bolts.")],
    "number_not_on_page": [pair("Which torque do the bolts have?", "They have 14.5 Nm.")],
    "duplicate": [pair("to which torque are the bolts of bracket  B01 tightened?", "It takes 13 Nm.")],
    "near_duplicate": [pair("To which torque are bolts of the bracket B01 tightened?", "They get 13 Nm.")],
}


@pytest.mark.parametrize("reason", DROPPED)
def test_dropped_and_counted(folder, cli, reason) -> None:
    items = DROPPED[reason]
    with judge_server(drafting(lambda number: [*two_questions(number), *items])) as server:
        ran = cli(*call(server, "--max-pages", "1", "--content-type", "procedure", "--json"))
    assert ran.status == 0, ran.err
    record = ran.json()
    assert (record["read"], record["written"], record["dropped"]) == (2 + len(items), 2, {reason: len(items)})
    assert len(record["examples"][reason]) == len(items)


def test_people_are_told_what_a_drop_means(folder, cli) -> None:
    with judge_server(drafting(lambda _: [pair("Which torque?", "They have 13 Nm.")])) as server:
        ran = cli(*call(server, "--max-pages", "1", "--content-type", "procedure"))
    assert "1 dropped: short_question: a question of fewer than 15 characters\n" in ran.out
    assert "21 - Clutch-0001 number 1: 13 characters: 'Which torque?' → 'They have 13 Nm.'" in ran.out
    assert ran.out.endswith("      1 pages without a question\n      5 pages over max pages\n"), ran.out


def test_one_question_with_one_answer_stands_on_one_page_alone(folder, cli) -> None:
    same = pair("What follows when the joint is tight?", "A check of the joint.")
    with judge_server(drafting(lambda number: [*two_questions(number), same])) as server:
        first = cli(*call(server, "--max-pages", "2", "--json")).json()
        rest = cli(*call(server, "--json")).json()
    assert (first["dropped"], rest["dropped"]) == ({"duplicate": 1}, {"duplicate": 4})


def test_a_page_without_text_layer_may_have_any_number(folder, cli) -> None:
    make_pages(folder / "pages", 1, with_text=False)
    items = [pair("Which torque do the bolts have?", "They have 99.5 Nm.")]
    with judge_server(lambda body: says(body, {"questions": items})) as server:
        ran = cli(*call(server, "--content-type", "diagram", "--json"))
    assert ran.json()["written"] == 1
    assert "<text>" not in prompt_of(server.bodies[0])


def size_of(body) -> tuple[int, int]:
    (url,) = [part["image_url"]["url"] for part in body["messages"][0]["content"] if part["type"] == "image_url"]
    return Image.open(io.BytesIO(base64.b64decode(url.split(",")[1]))).size


def weak(*rows: str) -> None:
    Path("weak.csv").write_text("kind,value,n,wrong,error_rate,lower_bound,examples\n" + "\n".join(rows) + "\n")


def test_weak_pages_are_drafted_anew_and_take_the_place_of_the_old_ones(folder, cli) -> None:
    weak(
        "page,21 - Clutch-0004,4,4,1.0,0.5,a b",
        "content_type,procedure,9,5,0.5,0.3,a",
        "page,21 - Clutch-0002,4,3,0.75,0.3,a",
        "page,other-0001,4,3,0.75,0.3,a",
    )
    with judge_server(drafting()) as server:
        cli(*call(server))
        before = {record["page_id"]: record for record in records()}
        server.bodies.clear()
        server.answer = drafting(lambda number: two_questions(number, " again"))
        ran = cli(*call(server, "--pages", "weak.csv", "--content-type", "specification", "--json"))
        one = cli(*call(server, "--pages", "weak.csv", "--worst", "1", "--dry-run", "--json")).json()
        of_type = cli(*call(server, "--pages", "weak.csv", "--by", "content_type", "--dry-run", "--json")).json()
    assert ran.status == 0, ran.err
    assert ran.json()["pages_left"] == {"not_in_folder": 1}
    assert sorted(map(number_of, server.bodies)) == [2, 4]
    assert "bolts of bracket B04 tightened?" in prompt_of(server.bodies[0]) + prompt_of(server.bodies[-1])
    after = {record["page_id"]: record for record in records()}
    assert {page for page in after if after[page] != before[page]} == {"21 - Clutch-0002", "21 - Clutch-0004"}
    assert all(" again?" in one["question"] for one in after["21 - Clutch-0004"]["qa_pairs"])
    assert after["21 - Clutch-0004"]["content_type"] == "specification"
    assert len(after) == 6
    assert one["pages"] == 1
    assert of_type["pages"] == 4, "those that are still of this content type"


def test_the_loop_from_questions_to_weak_spots_and_back(folder, cli) -> None:
    with judge_server(drafting()) as server:
        cli(*call(server))
        cli("convert", "service_manual", "out.jsonl", "--out", "data/m", "--pages", "pages", "--val", "0")
        rows = [
            Prediction(
                id=sample.id,
                decoding="constrained",
                gold=json.loads(sample.gold),
                raw="",
                answer={"answer": "They get 1 Nm."} if "Clutch-0003" in sample.id else json.loads(sample.gold),
                meta=sample.meta,
                task="service_manual",
            )
            for sample in read_samples(Path("data/m/train.jsonl"))
        ]
        write_predictions(Path("p.jsonl"), rows)
        found = cli("weak-spots", "p.jsonl", "--task", "service_manual", "-o", "weak.csv")
        assert found.status == 0, found.err
        server.bodies.clear()
        before = records()
        ran = cli(*call(server, "--pages", "weak.csv", "--source-type", "another"))
    assert ran.status == 0, ran.err
    assert [(number_of(body), is_draft(body)) for body in server.bodies] == [(3, True)], "its content type is known"
    assert records() == before, "what is known of a page stays"


def test_old_questions_stay_where_no_new_one_is_kept(folder, cli) -> None:
    weak("page,21 - Clutch-0004,4,4,1.0,0.5,a b")
    with judge_server(drafting()) as server:
        cli(*call(server))
        before = Path("out.jsonl").read_bytes()
        server.answer = drafting(lambda _: [pair("Why?", "No.")])
        ran = cli(*call(server, "--pages", "weak.csv", "--content-type", "text"))
    assert ran.status == 0
    assert "21 - Clutch-0004: no new question was kept: its 2 old ones stay" in ran.err
    assert Path("out.jsonl").read_bytes() == before


def test_a_weak_page_that_is_not_answered_is_asked_again_alone(folder, cli) -> None:
    """The others have their new questions already: to replace those once more would cost as much again."""
    weak("page,21 - Clutch-0002,4,3,0.75,0.3,a", "page,21 - Clutch-0004,4,4,1.0,0.5,a b")
    new = drafting(lambda number: two_questions(number, " again"))
    with judge_server(lambda body: error(400, "too long") if number_of(body) == 6 else drafting()(body)) as server:
        assert cli(*call(server)).status == 1
        server.bodies.clear()
        server.answer = lambda body: error(400, "too long") if number_of(body) == 4 else new(body)
        assert cli(*call(server, "--pages", "weak.csv")).status == 1
        assert sorted(map(number_of, server.bodies)) == [2, 4], "what was kept of the first round is not taken for it"
        server.answer, half = new, records()
        server.bodies.clear()
        ran = cli(*call(server, "--pages", "weak.csv", "--json"))
        assert [number_of(body) for body in server.bodies] == [4]
        assert (ran.json()["estimate"]["kept"], ran.json()["written"]) == (1, 4)
        assert [one for one in records() if "0004" not in one["page_id"]] == half[:3] + half[4:]
        assert all("again" in one["qa_pairs"][0]["question"] for one in (records()[1], records()[3]))
        cli(*call(server, "--pages", "weak.csv"))
    assert [number_of(body) for body in server.bodies[1:]] == [2, 4], "once all are there, the next round begins"


def test_classes_and_own_templates(folder, cli) -> None:
    own = folder / "dataset_info/prompts/questions"
    own.mkdir(parents=True)
    kind = {"means": "A recipe.", "questions": 3, "types": ["taste"], "ask": "Ask how it tastes."}
    (own / "recipe.yaml").write_text(yaml.safe_dump(kind))
    (own / "text.yaml").write_text(yaml.safe_dump(kind | {"ask": "Ask in rhymes."}))
    Path("pages.csv").write_text(
        "page_id,image_path,section_id,section_name,source_type,content_type,is_index\n"
        "21 - Clutch-0001,x.jpg,99,Food,cookbook,recipe,0\n21 - Clutch-0002,y.jpg,,,,text,0\nelsewhere,z,1,,,,\n"
    )
    with judge_server(drafting()) as server:
        options = ["--classes", "pages.csv", "--max-pages", "3", "--json"]
        ran = cli(*call(server, *options))
    assert ran.status == 0, ran.err
    assert "pages.csv: 1 of its 3 pages are not in pages" in ran.err
    prompts = {(number_of(body), is_draft(body)): prompt_of(body) for body in server.bodies}
    assert set(prompts) == {(1, True), (2, True), (3, False), (3, True)}, "what is known is not asked"
    assert "Ask how it tastes." in prompts[1, True]
    assert "Ask in rhymes." in prompts[2, True]
    assert "* recipe: A recipe." in prompts[3, False]
    sizes = {is_draft(body): size_of(body) for body in server.bodies if number_of(body) == 3}
    assert sizes == {False: (457, 572), True: (640, 800)}, "a small picture tells what is on a page"
    first, second, third = records()
    assert [first[key] for key in ("section_id", "section_name", "source_type")] == ["99", "Food", "cookbook"]
    assert [second[key] for key in ("section_id", "source_type")] == ["21", "service_manual"]
    assert [one["content_type"] for one in (first, second, third)] == ["recipe", "text", "procedure"]
    assert ran.json()["dropped"] == {"question_type": 4}, "poor types of the two pages with own templates"


def test_the_cost_is_said_before_anything_is_asked(folder, cli, monkeypatch) -> None:
    prices = ["--price-in", "3", "--price-out", "15"]
    with judge_server(drafting()) as server:
        dry = cli(*call(server, "--dry-run", "--json", *prices))
        text = cli(*call(server, "--dry-run", *prices))
        unsaid = [word for word in call(server, *prices) if word != "--yes"]
        said: dict[str, Any] = {}
        for answer in ("", "n\n", "y\n"):
            assert server.bodies == []
            assert not Path("out.jsonl").exists()
            monkeypatch.setattr(sys, "stdin", io.StringIO(answer))
            said[answer] = cli(*unsaid)
        assert len(server.bodies) == 12
        Path("out.jsonl").unlink()
        ran = cli(*call(server, "--content-type", "procedure", "--dry-run", "--json"))
    found = dry.json()["estimate"]
    assert (found["pages"], found["requests"], found["kept"]) == (6, 12, 0)
    assert found["tokens_of_pictures"] == 6 * 683 + 6 * 350, "640 x 800 pixels and 512 x 512, 750 a token"
    assert found["tokens_in"] > found["tokens_of_pictures"] + 12 * 200
    assert found["tokens_out"] == 6 * 12 * 70 + 6 * 20, "as if all were of the kind with the most questions"
    assert found["price"] == pytest.approx((3 * found["tokens_in"] + 15 * found["tokens_out"]) / 1e6, abs=1e-4)
    assert text.out.startswith("6 pages, 12 requests, about ")
    assert "at these prices" in text.out
    assert all("6 pages, 12 requests" in one.err for one in said.values())
    assert (said[""].status, said["n\n"].status, said["y\n"].status) == (2, 0, 0)
    assert "nobody to ask whether to start: add --yes" in said[""].err
    assert "12 questions drafted" in said["y\n"].out
    assert ran.json()["estimate"]["requests"] == 6


# What the server answers about page 4, and what kind of failure that is.
FAILURES = {
    "no JSON": (lambda body: says(body, "Sure! Here are"), "malformed"),
    "no list": (lambda body: says(body, {"questions": "none"}), "malformed"),
    "another object": (lambda body: says(body, {"answer": 42}), "malformed"),
    "no HTTP body": (lambda body: Chat(body=b"<html>"), "malformed"),
    "refused": (lambda body: error(400, "prompt is too long"), "refused"),
    "broken": (lambda body: error(500, "oops"), "server"),
    "slow": (lambda body: Chat("{}", seconds=2), "timeout"),
    "connection lost": (lambda body: Chat(reset=True), "server"),
}


@pytest.mark.parametrize("name", FAILURES)
@pytest.mark.parametrize("stage", ["draft", "classify"])
def test_a_page_that_is_not_answered_is_told_and_asked_again(folder, cli, name, stage) -> None:
    answer, kind = FAILURES[name]

    def poor(body) -> Chat:
        return answer(body) if number_of(body) == 4 and is_draft(body) == (stage == "draft") else drafting()(body)

    with judge_server(poor) as server:
        options = ["--retries", "0", "--timeout", "0.5" if name == "slow" else "30", "--json"]
        ran = cli(*call(server, *options))
        assert ran.status == 1, ran.err
        assert f"21 - Clutch-0004: not answered: {kind}: " in ran.err
        assert (ran.json()["failed"], ran.json()["written"]) == ({kind: 1}, 10)
        assert len(records()) == 5
        server.answer = drafting()
        server.bodies.clear()
        again = cli(*call(server, "--json"))
    assert (again.status, again.json()["written"]) == (0, 2)
    assert [(number_of(body), is_draft(body)) for body in server.bodies][-1] == (4, True)
    assert {number_of(body) for body in server.bodies} == {4}
    assert len(records()) == 6
    assert not list(folder.glob(".out*"))


def test_a_broken_picture_fails_its_page_alone(folder, cli) -> None:
    (folder / "pages/21 - Clutch-0002.png").write_bytes(b"no picture")
    with judge_server(drafting()) as server:
        ran = cli(*call(server, "--json"))
    assert (ran.status, ran.json()["failed"], ran.json()["written"]) == (1, {"picture": 1}, 10)


def test_a_busy_server_is_waited_for(folder, cli) -> None:
    waits = [error(429, "slow down", **{"Retry-After": "0.2"}), error(529, "overloaded", **{"Retry-After": "0"})]
    with judge_server(lambda body: waits.pop(0) if waits else drafting()(body)) as server:
        ran = cli(*call(server, "--concurrency", "1", "--json"))
    assert (ran.status, ran.json()["written"], len(server.bodies)) == (0, 12, 14)


def test_a_server_that_goes_down_ends_with_one_error_and_goes_on(folder, cli) -> None:
    up = [False]

    def answer(body) -> Chat:
        return drafting()(body) if up[0] or len(server.bodies) <= 9 else error(503, "down")

    with judge_server(answer) as server:
        command = call(server, "--retries", "0", "--concurrency", "1", "--json")
        ran = cli(*command)
        assert ran.status == 2
        assert "HTTP 503: down" in ran.json()["error"][0]
        assert not Path("out.jsonl").exists()
        left = cli(*command, "--dry-run").json()["estimate"]
        assert (left["kept"], left["requests"]) == (9, 3)
        up[0] = True
        server.bodies.clear()
        assert cli(*command).json()["written"] == 12
        assert len(server.bodies) == 3


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGINT])
def test_killed_in_the_middle_it_loses_nothing_and_repeats_nothing(folder, sign) -> None:
    make_pages(folder / "pages", 20)
    slow = threading.Event()

    def answer(body) -> Chat:
        if is_draft(body) and sum(map(is_draft, server.bodies)) > 8:
            slow.wait(30)
        return drafting()(body)

    with judge_server(answer) as server:
        command = [sys.executable, "-m", "ontune", *call(server, "--concurrency", "2", "--json")]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
            deadline = time.monotonic() + 60
            while (len(kept(folder)) < 28 or len(server.bodies) < 30) and time.monotonic() < deadline:
                time.sleep(0.01)
            process.send_signal(sign)
            status = process.wait(10)
        assert status == (-signal.SIGKILL if sign == signal.SIGKILL else 130)
        there = kept(folder)
        assert len(there) == 28, "the run was not stopped in its middle"
        slow.set()
        ran = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ)
    counts = Counter((number_of(body), is_draft(body)) for body in server.bodies)
    assert len(counts) == 40
    assert len(server.bodies) == 40 + 2, "but the two that were under way, each request is sent once"
    assert json.loads(ran.stdout)["estimate"]["kept"] == 28
    assert [len(record["qa_pairs"]) for record in records()] == [2] * 20
    assert not list(folder.glob(".out*"))


def kept(folder: Path) -> list[str]:
    return [line for path in folder.glob(".out*.part") for line in path.read_text().splitlines()]


FAULTS = {
    "no model of many": (["--engine", "anthropic:http://127.0.0.1:9"], "--engine-model is missing: which model of"),
    "no key": (["--engine", "anthropic", "--engine-model", "m"], "the environment has no ANTHROPIC_API_KEY"),
    "no such key": (["--engine-key-env", "NOT_THERE"], "--engine-key-env: the environment has no NOT_THERE"),
    "no address": (["--engine", "nonsense"], "--engine is 'nonsense': expected anthropic, openai, http://…"),
    "another file": (["-o", "out.json"], "-o out.json: expected a file .jsonl"),
    "one price": (["--price-in", "3"], "--price-in and --price-out: give both"),
    "no such type": (["--content-type", "poem"], "no content type 'poem': there are ['diagram', "),
    "no JSON": (["--engine-extra", "{"], "--engine-extra is '{': not JSON"),
    "by without pages": (["--by", "page"], "--by is for --pages, which is not given"),
    "no weak page here": (["--pages", "other.csv"], "none of its pages, such as ['other-0001'], is in pages"),
    "no weak page": (["--pages", "sections.csv"], "no weak spot of the kinds ['page']: there are ['section_id']"),
    "no weak spots": (["--pages", "pages/pages.jsonl"], "expected kind and value, as `ontune weak-spots` writes them"),
    "no classes": (["--classes", "other.csv"], "expected page_id and some of"),
    "two classes": (["--classes", "twice.csv"], "twice.csv:3: page 'a' has a line already"),
    "no pages": (["--classes", "nosuch.csv"], "File 'nosuch.csv' does not exist"),
    "another out": (["-o", "bad.jsonl"], "bad.jsonl:1: no page with its questions"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_faults(folder, cli, name, monkeypatch) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    Path("other.csv").write_text("kind,value\npage,other-0001\n")
    Path("sections.csv").write_text("kind,value\nsection_id,21\n")
    Path("twice.csv").write_text("page_id,section_id\na,1\na,2\n")
    Path("bad.jsonl").write_text('{"page": 1}\n')
    options, expected = FAULTS[name]
    with judge_server(drafting()) as server:
        ran = cli(*call(server, *options, "--json"))
        assert server.bodies == []
    assert ran.status == 2
    assert expected in "\n".join(ran.json()["error"])
    assert all(len(fault) < 400 for fault in ran.json()["error"]), "a wrong file is not shown whole"


def test_a_refused_schema_says_which_option_to_change(folder, cli) -> None:
    with judge_server(lambda body: error(400, "response_format is not supported")) as server:
        ran = cli(*call(server, "--json"))
    assert ran.status == 2
    assert "another --engine-extra is needed" in ran.json()["error"][0]


def test_an_endpoint_is_asked_without_torch(folder) -> None:
    without = "import sys\nfor name in ('torch', 'transformers'): sys.modules[name] = None\n"
    code = without + "from ontune.cli import main\nmain()"
    with judge_server(drafting()) as server:
        ran = subprocess.run([sys.executable, "-c", code, *call(server)], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("12 questions drafted about 6 pages, 12 written to out.jsonl\n")
