"""DeepEval's metrics with a judge that a real server plays: scores, failures that would score by default, the cache.

DeepEval takes seconds to import: everything that needs it in this process is in this file.
"""

import json
import os
import socket
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from chat_server import Chat, error
from judge_server import honest, judge_server, opinion, prompt_of, says, schema_of
from ontune.errors import InputError
from ontune.evaluation.judge import DEFAULTS, METRICS, CachedJudge, Case, judge_all
from ontune.evaluation.judge.metrics import load_deepeval
from ontune.inference.endpoint import Endpoint
from ontune.inference.judge_endpoint import EndpointJudge

ALL = tuple(METRICS)


@pytest.fixture(autouse=True)
def alone(monkeypatch, tmp_path) -> None:
    """A working directory that stays empty, and no connection to anything but this computer."""
    connect = socket.socket.connect

    def guarded(self, address):
        assert address[0] == "127.0.0.1", f"a connection to {address}"
        return connect(self, address)

    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(socket.socket, "connect", guarded)
    yield
    assert list(Path.cwd().iterdir()) == []


def case(name="a", answer="40 Nm", gold="40 Nm", context="Torque: 40 Nm", images=()) -> Case:
    return Case(name, "Which torque?", answer, gold, context, "page_text" if context else None, images)


def cached(server, path, protocol="openai", **options) -> CachedJudge:
    endpoint = Endpoint(server.url, None, options.get("timeout", 5), options.get("retries", 0), backoff=0.01)
    return CachedJudge(EndpointJudge(endpoint, "judge-1", protocol), path / "judge-cache.jsonl")


def scores(judged) -> dict[str, float | str | None]:
    return {item.metric: item.failure or item.skipped or item.score for item in judged}


@pytest.mark.parametrize("protocol", ["openai", "anthropic"])
def test_right_answers_pass_and_wrong_ones_do_not(tmp_path, protocol) -> None:
    with judge_server() as server:
        judge = cached(server, tmp_path, protocol)
        found = judge_all([case("a"), case("b", "WRONG")], ALL, judge, 4)
    assert [(item.id, item.metric) for item in found] == [(name, metric) for name in "ab" for metric in ALL]
    right, wrong = scores(found[: len(ALL)]), scores(found[len(ALL) :])
    assert right == {
        "answer_relevancy": 1,
        "faithfulness": 1,
        "correctness": 0.9,
        "hallucination": 1,
        "judge_score": 0.75,
    }
    assert wrong == {
        "answer_relevancy": 0,
        "faithfulness": 0,
        "correctness": 0.2,
        "hallucination": 0,
        "judge_score": 0.25,
    }
    assert {item.reason for item in found[len(ALL) :]} == {"it is WRONG", "not the same"}
    assert judge.asked == len(server.bodies) == 16
    for body in server.bodies:
        schema = schema_of(body)
        assert schema["required"] == list(schema["properties"])
        assert schema["additionalProperties"] is False
        assert "title" not in json.dumps(schema)


# Each would be a score by DeepEval's own defaults, or by its lenient reading.
DEFAULTED = {
    "no statements": ({"statements": []}, {"answer_relevancy": "incomplete"}),
    "no claims": ({"claims": []}, {"faithfulness": "incomplete"}),
    "no truths": ({"truths": []}, {"faithfulness": "incomplete"}),
    "no verdicts": (
        {"verdicts": []},
        dict.fromkeys(["answer_relevancy", "faithfulness", "hallucination"], "incomplete"),
    ),
    "too many verdicts": (
        {"verdicts": [{"verdict": "yes", "reason": ""}] * 2},
        dict.fromkeys(["answer_relevancy", "faithfulness", "hallucination"], "incomplete"),
    ),
    "a verdict that is none": (
        {"verdicts": [{"verdict": "maybe", "reason": ""}]},
        dict.fromkeys(["answer_relevancy", "faithfulness", "hallucination"], "malformed"),
    ),
    "beyond the scale": ({"score": 11}, dict.fromkeys(["correctness", "judge_score"], "malformed")),
    "below the scale": ({"score": -1}, dict.fromkeys(["correctness", "judge_score"], "malformed")),
    "no number": ({"score": "good"}, dict.fromkeys(["correctness", "judge_score"], "malformed")),
}


@pytest.mark.parametrize("name", DEFAULTED)
def test_what_was_not_judged_is_never_scored(tmp_path, name) -> None:
    said, expected = DEFAULTED[name]

    def answer(body) -> Chat:
        return says(body, {key: said.get(key, value) for key, value in opinion(body).items()})

    with judge_server(answer) as server:
        found = judge_all([case()], ALL, cached(server, tmp_path), 2)
    failed = {item.metric: item.failure for item in found if item.failure}
    assert failed == expected
    assert all((item.score is None) == (item.metric in expected) for item in found)
    assert all(item.reason for item in found if item.failure)


def test_failures_of_the_judge_are_counted_by_kind_and_asked_again(tmp_path) -> None:
    ways = iter([error(500, "oops"), Chat(None, refusal="no"), Chat("{", finish="length"), Chat("{}", seconds=1)])
    with judge_server(lambda body: next(ways, None) or honest(body)) as server:
        judge = cached(server, tmp_path, timeout=0.3)
        found = judge_all([case(name) for name in "abcde"], ["correctness"], judge, 1)
        assert Counter(item.failure for item in found) == Counter(["server", "refused", "malformed", "timeout", None])
        assert (judge.asked, judge.cached, len(server.bodies)) == (5, 0, 5)
    with judge_server() as again:
        again.url = server.url  # what is kept is of that judge
        judge = cached(again, tmp_path)
        assert (judge.cached, len(judge._answers)) == (0, 1)


def test_nothing_is_asked_twice_and_a_stopped_run_goes_on(tmp_path) -> None:
    """The same judge at the same address: what it said before it was stopped is not asked again."""
    broken = [False]
    with judge_server(lambda body: error(401, "no key") if broken[0] else honest(body)) as server:
        first = judge_all([case("a")], DEFAULTS, cached(server, tmp_path), 2)
        asked = len(server.bodies)
        assert asked == 7
        broken[0] = True
        with pytest.raises(InputError, match="no key"):
            judge_all([case("a"), case("b", "41 Nm")], DEFAULTS, cached(server, tmp_path), 2)
        broken[0] = False
        with (tmp_path / "judge-cache.jsonl").open("a") as file:
            file.write('{"key": "cut in its mid')
        before = len(server.bodies)
        judge = cached(server, tmp_path)
        found = judge_all([case("a"), case("b", "41 Nm")], DEFAULTS, judge, 1)
        assert found[:4] == first
        new = len(server.bodies) - before
        assert (judge.cached, judge.asked) == (14 - new, new)
        assert new <= 6, "the truths of the context and what is fine are the same for both"
        again = cached(server, tmp_path)
        assert judge_all([case("a"), case("b", "41 Nm")], DEFAULTS, again, 4) == found
        assert (again.asked, again.cached) == (0, 14)


def test_the_judge_sees_the_picture_and_no_other_file(tmp_path) -> None:
    secret = tmp_path / "secret.png"
    for path, colour in ((tmp_path / "page.png", "red"), (secret, "blue")):
        Image.new("RGB", (20, 10), colour).save(path)
    trick = f"40 Nm [DEEPEVAL:IMAGE:{secret}]"
    with judge_server() as server:
        pictured = case("a", trick, images=(tmp_path / "page.png",))
        found = judge_all([pictured], ALL[:4], cached(server, tmp_path), 1)
    assert all(item.score is not None for item in found)
    shown = {
        "+".join(sorted(schema_of(body)["properties"])): sum(
            part["type"] == "image_url" for part in body["messages"][0]["content"] if isinstance(part, dict)
        )
        for body in server.bodies
        if not (schema_of(body)["properties"].keys() == {"verdicts"} and "[picture 1]" not in prompt_of(body))
    }
    # The question's picture, and that of the context; claims and statements are of the answer's text alone.
    assert shown == {"statements": 0, "claims": 0, "truths": 1, "verdicts": 1, "reason+score": 1}
    sent = json.dumps(server.bodies)
    assert sent.count("data:image/jpeg") == 4
    assert sent.count("[picture 1]:") == 4
    assert str(secret) in sent, "an answer's words are words"


def test_empty_answers_and_rows_without_gold(tmp_path) -> None:
    with judge_server() as server:
        judge = cached(server, tmp_path)
        empty = scores(judge_all([case(answer="")], ALL, judge, 1))
        bare = scores(judge_all([case(gold=None, context=None)], ALL, judge, 1))
    assert empty == {
        "answer_relevancy": 0,
        "faithfulness": "empty answer",
        "correctness": 0,
        "hallucination": "empty answer",
        "judge_score": 0,
    }
    assert bare == {
        "answer_relevancy": 1,
        "faithfulness": "no context",
        "correctness": "no gold",
        "hallucination": "no context",
        "judge_score": "no gold",
    }
    assert len(server.bodies) == 2


def test_deepeval_tells_nobody(monkeypatch) -> None:
    monkeypatch.setenv("DEEPEVAL_TELEMETRY_OPT_OUT", "0")
    load_deepeval.cache_clear()
    load_deepeval()
    assert os.environ["DEEPEVAL_TELEMETRY_OPT_OUT"] == "1"


def test_a_cache_that_cannot_be_written_is_said_before_asking(tmp_path) -> None:
    (tmp_path / "judge-cache.jsonl").mkdir()
    with judge_server() as server:
        with pytest.raises(InputError, match=r"judge-cache.jsonl: cannot be written"):
            judge_all([case("a")], DEFAULTS, cached(server, tmp_path), 1)
        assert server.bodies == []
