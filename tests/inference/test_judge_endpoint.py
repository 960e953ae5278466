"""Judges behind both protocols on a real server: what is asked, what comes back, and each way of not answering."""

import base64
import io
import json
import time

import pytest
from PIL import Image

from chat_server import Chat, error
from judge_server import honest, judge_server, prompt_of, says, schema_of
from ontune.errors import InputError
from ontune.evaluation.judge import JudgeFailure, load_picture
from ontune.inference.endpoint import Endpoint
from ontune.inference.judge_endpoint import EndpointJudge

SCHEMA = {"type": "object", "properties": {"statements": {"type": "array"}}, "required": ["statements"]}
PROTOCOLS = ["openai", "anthropic"]


@pytest.fixture(autouse=True)
def direct(monkeypatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def judge(server, protocol, **options) -> EndpointJudge:
    endpoint = Endpoint(server.url, "secret", options.pop("timeout", 5), options.pop("retries", 1), backoff=0.01)
    return EndpointJudge(endpoint, "judge-1", protocol, **options)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_schema_and_pictures_are_asked_in_the_words_of_the_protocol(tmp_path, protocol) -> None:
    Image.new("RGB", (3000, 2000), "red").save(tmp_path / "page.jpg")
    picture = load_picture(tmp_path / "page.jpg")
    with judge_server() as server:
        ask = judge(server, protocol, extra={"temperature": None, "top_p": 1})
        assert ask("What is on [picture 1]?", SCHEMA, [picture]) == {"statements": ["fine"]}
        assert ask("Nothing to see", SCHEMA, []) == {"statements": ["fine"]}
    body = server.bodies[0]
    assert schema_of(body) == SCHEMA
    assert "temperature" not in body
    assert (body["model"], body["top_p"]) == ("judge-1", 1)
    name, shown, text = body["messages"][0]["content"]
    assert (name["text"], text["text"]) == ("[picture 1]:", "What is on [picture 1]?")
    if protocol == "openai":
        assert body["response_format"]["json_schema"]["strict"] is True
        data = shown["image_url"]["url"].removeprefix("data:image/jpeg;base64,")
    else:
        assert body["tool_choice"] == {"type": "tool", "name": body["tools"][0]["name"]}
        assert shown["source"]["media_type"] == "image/jpeg"
        data = shown["source"]["data"]
    with Image.open(io.BytesIO(base64.b64decode(data))) as sent:
        assert sent.width * sent.height <= 1024 * 1024
        assert sent.width / sent.height == pytest.approx(1.5, rel=0.01)
    assert prompt_of(server.bodies[1]) == "Nothing to see"


CUT = {"openai": {"choices": [{"message": {"content": '{"statements": ["a'}, "finish_reason": "length"}]}}
CUT["anthropic"] = {"content": [{"type": "text", "text": "a"}], "stop_reason": "max_tokens"}
REFUSAL = {"openai": {"choices": [{"message": {"content": None, "refusal": "I will not"}, "finish_reason": "stop"}]}}
REFUSAL["anthropic"] = {"content": [], "stop_reason": "refusal"}


def form(forms):
    return lambda body: Chat(body=json.dumps(forms["anthropic" if "tools" in body else "openai"]).encode())


WAYS = {
    "no JSON": (lambda body: says(body, "Sure! Here it is"), "malformed", "Sure! Here it is", 1),
    "JSON, but a list": (lambda body: says(body, "[1]"), "malformed", "no JSON object|no tool", 1),
    "cut off": (form(CUT), "malformed", "cut off at max_tokens", 1),
    "refusal": (form(REFUSAL), "refused", "refus", 1),
    "another form": (lambda body: Chat(body=b'{"answer": 42}'), "malformed", "another form", 2),
    "no HTTP body": (lambda body: Chat(body=b"<html>"), "malformed", "another form", 2),
    "too long a prompt": (lambda body: error(400, "prompt is too long"), "refused", "prompt is too long", 1),
    "always broken": (lambda body: error(500, "oops"), "server", "oops", 2),
    "slow": (lambda body: Chat("{}", seconds=1.5), "timeout", "ReadTimeout", 2),
    "connection lost": (lambda body: Chat(reset=True), "server", "Error", 2),
}


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("name", WAYS)
def test_each_way_of_not_answering_has_its_kind(name, protocol) -> None:
    answer, kind, words, requests = WAYS[name]
    with judge_server(answer) as server:
        with pytest.raises(JudgeFailure, match=words) as caught:
            judge(server, protocol, timeout=0.4)("?", SCHEMA, [])
        assert caught.value.kind == kind
        assert len(server.bodies) == requests


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_wrong_key_ends_the_run(protocol) -> None:
    with judge_server(lambda body: error(401, "invalid x-api-key")) as server:
        ask = judge(server, protocol)
        with pytest.raises(InputError, match="invalid x-api-key") as caught:
            ask("?", SCHEMA, [])
        with pytest.raises(InputError):
            ask("?", SCHEMA, [])
        assert len(server.bodies) == 1
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_busy_judge_is_waited_for_as_long_as_it_says(protocol) -> None:
    waits = [error(429, "slow down", **{"Retry-After": "0.3"}), error(529, "overloaded", **{"Retry-After": "0"})]
    with judge_server(lambda body: waits.pop(0) if waits else honest(body)) as server:
        started = time.monotonic()
        assert judge(server, protocol, retries=2)("?", SCHEMA, []) == {"statements": ["fine"]}
        assert 0.3 <= time.monotonic() - started < 3
        assert len(server.bodies) == 3
